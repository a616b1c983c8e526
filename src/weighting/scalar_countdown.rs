//! The scalar countdown: manual or learned weights over a model that predicts one number instead of a sequence.
//!
//! Needs: a task with exactly one element, by default the one called `countdown`. Remembers: what the strategy inside
//! it remembers. The remedy is in the model, not in the weights; this strategy makes sure that the model has it.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{
    LossWeighting, Manual, ManualConfig, Objective, StateValue, Uncertainty, UncertaintyConfig,
};
use crate::error::{Error, Result};
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// Configuration of [`ScalarCountdown`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScalarCountdownConfig {
    /// The task that must be a scalar.
    pub task: String,
    /// The strategy that weighs the losses.
    pub weighting: ScalarCountdownInner,
}

/// The strategies a [`ScalarCountdown`] can weigh with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "kebab-case")]
pub enum ScalarCountdownInner {
    /// [`Manual`].
    Manual(ManualConfig),
    /// [`Uncertainty`].
    Uncertainty(UncertaintyConfig),
}

impl Default for ScalarCountdownConfig {
    fn default() -> Self {
        Self {
            task: "countdown".into(),
            weighting: ScalarCountdownInner::Manual(ManualConfig::default()),
        }
    }
}

impl ScalarCountdownConfig {
    /// Sets the strategy that weighs the losses.
    pub fn with_weighting(mut self, weighting: ScalarCountdownInner) -> Self {
        self.weighting = weighting;
        self
    }

    /// Builds the strategy for `tasks`, with its state on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`] if the task is missing or has more than one element; [`Error::Setting`] naming a field that has a
    /// value it cannot have.
    pub fn init(&self, tasks: &TaskSet, device: &Device) -> Result<ScalarCountdown> {
        self.check(tasks)?;
        Ok(match &self.weighting {
            ScalarCountdownInner::Manual(config) => {
                ScalarCountdown::Manual(config.init(tasks, device)?)
            }
            ScalarCountdownInner::Uncertainty(config) => {
                ScalarCountdown::Uncertainty(config.init(tasks, device)?)
            }
        })
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

/// The objective of the strategy inside, over tasks whose countdown is one number.
#[derive(Module, Debug)]
pub enum ScalarCountdown {
    /// Fixed weights.
    Manual(Manual),
    /// Learned weights.
    Uncertainty(Uncertainty),
}

impl LossWeighting for ScalarCountdown {
    fn weigh(&self, losses: &TaskLosses) -> Objective {
        match self {
            Self::Manual(strategy) => strategy.weigh(losses),
            Self::Uncertainty(strategy) => strategy.weigh(losses),
        }
    }

    fn state(&self) -> Vec<StateValue> {
        match self {
            Self::Manual(strategy) => strategy.state(),
            Self::Uncertainty(strategy) => strategy.state(),
        }
    }

    fn intended(&self) -> Option<Tensor<1>> {
        match self {
            Self::Manual(strategy) => strategy.intended(),
            Self::Uncertainty(strategy) => strategy.intended(),
        }
    }
}
