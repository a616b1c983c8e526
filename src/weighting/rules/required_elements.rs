//! Weighs tasks one of which must have a certain number of elements.
//!
//! Needs: a task with exactly `elements` elements, and what the strategy inside needs. Remembers: what the strategy inside
//! remembers. For models whose head may take several forms, where only one form is right under this strategy.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::Manual;
use crate::error::{Error, Result};
use crate::loss::TaskLosses;
use crate::task::TaskSet;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, StateValue, Step, StrategyConfig, Weighed,
};

/// The objective of the strategy inside, over tasks one of which has `elements` elements per sample.
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
    /// The task.
    pub task: String,
    /// The output elements per sample that the task must have, at least 1.
    pub elements: usize,
    /// The strategy that weighs the losses; [`Manual`] by default.
    #[serde(default = "manual")]
    pub weighting: StrategyConfig,
}

fn manual() -> StrategyConfig {
    StrategyConfig::new(Manual::default())
}

impl RequiredElements {
    /// Requires `elements` elements of `task`, under fixed weights.
    pub fn new(task: impl Into<String>, elements: usize) -> Self {
        Self {
            task: task.into(),
            elements,
            weighting: manual(),
        }
    }

    /// Sets the strategy that weighs the losses.
    pub fn with_weighting(mut self, weighting: impl Into<StrategyConfig>) -> Self {
        self.weighting = weighting.into();
        self
    }

    /// Checks that the task is there and has the elements. `strategy` is the name that an error tells the user.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`] with the tasks there are and what the strategy needs.
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

/// The slot of the strategy inside.
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
