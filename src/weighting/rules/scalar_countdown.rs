//! The scalar countdown: any weights over a model that predicts one number instead of a sequence.
//!
//! Needs: a task with exactly one element, by default the one called `countdown`. Remembers: what the strategy inside
//! it remembers. The remedy is in the model, not in the weights; this strategy makes sure that the model has it.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::Manual;
use crate::error::{Error, Result};
use crate::loss::TaskLosses;
use crate::task::TaskSet;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, StateValue, Step, StrategyConfig, Weighed,
};

/// The objective of the strategy inside, over tasks one of which must be a scalar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScalarCountdown {
    /// The task that must be a scalar.
    pub task: String,
    /// The strategy that weighs the losses; [`Manual`] by default.
    pub weighting: StrategyConfig,
}

impl Default for ScalarCountdown {
    fn default() -> Self {
        Self {
            task: "countdown".into(),
            weighting: StrategyConfig::new(Manual::default()),
        }
    }
}

impl ScalarCountdown {
    /// Sets the strategy that weighs the losses.
    pub fn with_weighting(mut self, weighting: impl Into<StrategyConfig>) -> Self {
        self.weighting = weighting.into();
        self
    }

    fn check(&self, tasks: &TaskSet) -> Result<()> {
        let expected = match tasks.get(&self.task).map(|task| task.elements()) {
            Some(1) => return Ok(()),
            Some(elements) => format!(
                "the scalar-countdown strategy needs `{}` to have 1 element and it has {elements}: \
                 give the model a scalar head, or choose another strategy",
                self.task
            ),
            None => format!(
                "the scalar-countdown strategy needs one called `{}`",
                self.task
            ),
        };
        Err(Error::Tasks {
            found: tasks.listing(),
            expected,
        })
    }
}

impl BuiltIn for ScalarCountdown {
    const NAME: &'static str = "scalar-countdown";
}

/// The slot of the strategy inside.
const INNER: &str = "weighting";

impl LossWeighting for ScalarCountdown {
    fn needs(&self) -> Needs {
        self.weighting.rule().needs()
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        self.check(tasks)?;
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
