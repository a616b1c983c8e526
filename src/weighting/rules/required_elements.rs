//! Applies an inner strategy to tasks one of which must have a given number of elements.
//!
//! Needs: a task with exactly `elements` elements, and the needs of the inner strategy. Remembers: the memory of the
//! inner strategy.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::Manual;
use crate::error::{Error, Result};
use crate::loss::TaskLosses;
use crate::task::TaskSet;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, StateValue, Step, StrategyConfig, Weighed,
};

/// The objective of an inner strategy, over tasks one of which must have `elements` elements per sample.
///
/// For models whose head may have several forms, only one of which is right under this strategy.
///
/// # Example
///
/// ```
/// use burn::tensor::Device;
/// use equipoise::weighting::{BuiltIn, RequiredElements};
/// use equipoise::{Task, TaskSet};
///
/// let rule = RequiredElements::new("start", 1);
/// let tasks = TaskSet::new([Task::classification("kind", 3), Task::regression("start", 105)])?;
/// let refused = rule.init(&tasks, &Device::flex()).unwrap_err();
/// assert!(refused.to_string().contains("needs `start` to have 1 element"));
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredElements {
    /// The name of the task. No default.
    pub task: String,
    /// The number of output elements per sample that the task must have, at least 1. No default.
    pub elements: usize,
    /// The inner strategy, which weighs the losses. Default [`Manual`].
    #[serde(default = "manual")]
    pub weighting: StrategyConfig,
}

fn manual() -> StrategyConfig {
    StrategyConfig::new(Manual::default())
}

impl RequiredElements {
    /// Creates a strategy that requires `elements` elements of `task`, with [`Manual`] as the inner strategy.
    pub fn new(task: impl Into<String>, elements: usize) -> Self {
        Self {
            task: task.into(),
            elements,
            weighting: manual(),
        }
    }

    /// Sets the inner strategy.
    pub fn with_weighting(mut self, weighting: impl Into<StrategyConfig>) -> Self {
        self.weighting = weighting.into();
        self
    }

    /// Checks that the task exists and has the required elements. `strategy` is the name of the strategy in the error.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`] with the tasks found and the requirement of the strategy.
    pub fn check(&self, tasks: &TaskSet, strategy: &str) -> Result<()> {
        let (needed, head) = match self.elements {
            1 => ("1 element".to_owned(), "a scalar head"),
            more => (format!("{more} elements"), "a head of that size"),
        };
        let expected = match tasks.get(&self.task).map(|task| task.elements()) {
            Some(found) if found == self.elements => return Ok(()),
            Some(found) => format!(
                "the {strategy} strategy needs `{}` to have {needed} and it has {found}: give the model {head}, or \
                 choose another strategy",
                self.task
            ),
            None => format!("the {strategy} strategy needs one called `{}`", self.task),
        };
        Err(Error::Tasks {
            found: tasks.listing(),
            expected,
        })
    }
}

impl BuiltIn for RequiredElements {
    const NAME: &'static str = "required-elements";
}

/// The slot of the inner strategy.
const INNER: &str = "weighting";

impl LossWeighting for RequiredElements {
    fn needs(&self) -> Needs {
        self.weighting.rule().needs()
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        self.check(tasks, Self::NAME)?;
        let inner = self.weighting.rule().memory(tasks, device)?;
        Ok(Memory::new(device).with_inner(INNER, inner))
    }

    fn intended(&self, tasks: &TaskSet) -> Option<Vec<f64>> {
        self.weighting.rule().intended(tasks)
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        self.weighting.rule().weigh(step, memory.inner(INNER))
    }

    fn after(&self, before: &TaskLosses, after: &TaskLosses, memory: &Memory) {
        let inner = memory.inner(INNER);
        self.weighting.rule().after(before, after, inner);
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        self.weighting.rule().state(memory.inner(INNER))
    }
}
