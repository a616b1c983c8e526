//! Weighs the losses, raw or over their running means, by fixed weights.
//!
//! Needs: chosen weights. Remembers: the running means, if it normalises.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::RunningMean;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::normaliser::Normaliser;
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, TaskValues, Weighed};

/// Fixed weights, over losses divided by their running means or over raw losses.
///
/// `sum_k w_k L_k / sg(m_k)` with the running mean `m_k` of [`RunningMean`], or `sum_k w_k L_k` on raw losses. Tuned by
/// a search, these weights are the baseline that every other strategy has to beat.
///
/// # Example
///
/// ```
/// use burn::tensor::Device;
/// use equipoise::weighting::{BuiltIn, Manual};
/// use equipoise::{Task, TaskSet};
///
/// let tasks = TaskSet::new([Task::classification("kind", 3), Task::regression("start", 1)])?;
/// let weights = Manual::default().with_weights([("kind", 0.2), ("start", 0.8)]).with_normalise(false);
/// let strategy = weights.init(&tasks, &Device::flex())?;
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manual {
    /// The fixed weights `w_k`, from 0 to 1e30, not all 0. Default 1/K each.
    pub weights: TaskValues,
    /// Whether each loss is divided by its running mean before weighing. Default `true`.
    pub normalise: bool,
    /// The part of the old mean that stays at each step after the warm-up, in [0, 1). Default 0.95.
    pub momentum: f64,
    /// The number of steps with the plain cumulative mean before the exponential mean, at least 1. Default 10.
    pub warmup: usize,
}

impl Default for Manual {
    fn default() -> Self {
        let RunningMean {
            weights,
            momentum,
            warmup,
        } = RunningMean::default();
        Self {
            weights,
            normalise: true,
            momentum,
            warmup,
        }
    }
}

impl Manual {
    /// Sets the fixed weights.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Sets whether each loss is divided by its running mean before weighing.
    pub fn with_normalise(mut self, normalise: bool) -> Self {
        self.normalise = normalise;
        self
    }

    fn normaliser(&self) -> Normaliser {
        Normaliser::new(self.momentum, self.warmup)
    }
}

impl BuiltIn for Manual {
    const NAME: &'static str = "manual";
}

impl LossWeighting for Manual {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let weights = self.weights.weights(tasks)?;
        // The settings of the normaliser are checked even if it is not used.
        let with_means = self.normaliser().memory(&weights, device)?;
        if self.normalise {
            return Ok(with_means);
        }
        Ok(Memory::new(device).with_constant("weights", &weights))
    }

    fn intended(&self, tasks: &TaskSet) -> Option<Vec<f64>> {
        self.weights.weights(tasks).ok()
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        if self.normalise {
            return self.normaliser().weigh(step.losses, memory);
        }
        let present = step.losses.active().float();
        let weights = memory.constant("weights", &present);
        Weighed::linear(step.losses, present * weights)
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        if self.normalise {
            return Normaliser::state(memory);
        }
        Vec::new()
    }
}
