//! Defines tasks: the quantities that one network predicts, with their names, kinds and sizes.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::printable::is_hidden;

/// The longest name of a task, in characters.
const LONGEST: usize = 200;

/// The likelihood behind a task's loss. Some strategies weigh the kinds differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// One of several classes; cross entropy.
    Classification,
    /// Real numbers; squared error, Huber.
    Regression,
    /// Independent yes or no answers; binary cross entropy.
    Binary,
}

/// A task: a quantity that the network predicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    name: String,
    kind: TaskKind,
    elements: usize,
}

impl Task {
    /// Creates a task.
    ///
    /// `elements` is the number of output elements per sample that the loss averages over: the classes of a
    /// classification, 1 for a scalar, the steps of a sequence, steps times classes for a class at every step.
    pub fn new(name: impl Into<String>, kind: TaskKind, elements: usize) -> Self {
        Self {
            name: name.into(),
            kind,
            elements,
        }
    }

    /// Creates a [classification](TaskKind::Classification) task with `classes` classes.
    pub fn classification(name: impl Into<String>, classes: usize) -> Self {
        Self::new(name, TaskKind::Classification, classes)
    }

    /// Creates a [regression](TaskKind::Regression) task with `elements` outputs per sample.
    pub fn regression(name: impl Into<String>, elements: usize) -> Self {
        Self::new(name, TaskKind::Regression, elements)
    }

    /// Creates a [binary](TaskKind::Binary) task with `elements` answers per sample.
    pub fn binary(name: impl Into<String>, elements: usize) -> Self {
        Self::new(name, TaskKind::Binary, elements)
    }

    /// Returns the name, unique in its [`TaskSet`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the likelihood kind.
    pub fn kind(&self) -> TaskKind {
        self.kind
    }

    /// Returns the number of output elements per sample that the loss averages over.
    pub fn elements(&self) -> usize {
        self.elements
    }
}

/// The tasks of one network, in a fixed order: the order of every `[K]` tensor in this crate.
///
/// Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Task>", into = "Vec<Task>")]
pub struct TaskSet {
    tasks: Arc<[Task]>,
}

impl TaskSet {
    /// Creates a set of tasks in the given order.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`] if there is no task; if a name is empty, occurs twice, is `all`, contains a `/`, a control character
    /// or a mark that reorders text, or has more than 200 characters; or if a task has no elements.
    ///
    /// # Example
    ///
    /// ```
    /// use equipoise::{Task, TaskSet};
    ///
    /// let tasks = TaskSet::new([Task::classification("kind", 3), Task::regression("size", 1)])?;
    /// assert_eq!(tasks.len(), 2);
    /// assert_eq!(tasks.position("size"), Some(1));
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn new(tasks: impl IntoIterator<Item = Task>) -> Result<Self> {
        let tasks: Vec<Task> = tasks.into_iter().collect();
        let found = join(tasks.iter().map(Task::name));
        let refuse = |expected: String| Err(Error::Tasks { found, expected });
        if tasks.is_empty() {
            return refuse("at least one is needed".into());
        }
        let mut seen = HashSet::new();
        for task in &tasks {
            if task.name.trim().is_empty() {
                return refuse("every task needs a name".into());
            }
            if task.name == "all" || task.name.contains('/') {
                return refuse(format!(
                    "`{}` cannot be a name: `all` stands for every task in a history, and `/` ends a task's name in \
                     a metric's",
                    task.name
                ));
            }
            if task.name.contains(is_hidden) {
                return refuse(format!(
                    "`{}` has a control character, or a mark that reorders text, which would act on terminals",
                    task.name
                ));
            }
            let length = task.name.chars().count();
            if length > LONGEST {
                return refuse(format!(
                    "a name has {length} characters, and {LONGEST} are the most"
                ));
            }
            if !seen.insert(task.name.as_str()) {
                return refuse(format!("`{}` occurs twice", task.name));
            }
            if task.elements == 0 {
                return refuse(format!("`{}` has no elements", task.name));
            }
        }
        Ok(Self {
            tasks: tasks.into(),
        })
    }

    /// Returns the number of tasks, K.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Returns `false`: a set holds at least one task.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Returns the tasks in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Task> {
        self.tasks.iter()
    }

    /// Returns the position of the task called `name`.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.name == name)
    }

    /// Returns the task called `name`.
    pub fn get(&self, name: &str) -> Option<&Task> {
        self.position(name).map(|index| &self.tasks[index])
    }

    /// Returns the names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tasks.iter().map(Task::name)
    }

    /// Returns the names in order, separated by commas: `type, pointers, binary`.
    pub fn listing(&self) -> String {
        join(self.names())
    }
}

impl TryFrom<Vec<Task>> for TaskSet {
    type Error = Error;

    fn try_from(tasks: Vec<Task>) -> Result<Self> {
        Self::new(tasks)
    }
}

impl From<TaskSet> for Vec<Task> {
    fn from(set: TaskSet) -> Self {
        set.tasks.to_vec()
    }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
