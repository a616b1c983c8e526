//! Weighs losses over their running means by the square root of each task's number of outputs.
//!
//! Needs: fixed weights `w_k` and the elements `n_k` of each task. Remembers: the running means.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::RunningMean;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::normaliser::Normaliser;
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, TaskValues, Weighed};

/// Running-mean normalisation times the square root of each task's number of outputs.
///
/// `sum_k w_k sqrt(n_k) L_k / sg(m_k)` with the elements `n_k` of task k and the running mean `m_k` of [`RunningMean`].
///
/// The idea: a mean over n outputs passes only 1/n to each output. Whether a shared network receives this gradient is a
/// question for a measurement, not for the formula.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientScale {
    /// The fixed weights `w_k`, from 0 to 1e30, not all 0. Default 1/K each.
    pub weights: TaskValues,
    /// The part of the old mean that stays at each step after the warm-up, in [0, 1). Default 0.95.
    pub momentum: f64,
    /// The number of steps with the plain cumulative mean before the exponential mean, at least 1. Default 10.
    pub warmup: usize,
}

impl Default for GradientScale {
    fn default() -> Self {
        let RunningMean {
            weights,
            momentum,
            warmup,
        } = RunningMean::default();
        Self {
            weights,
            momentum,
            warmup,
        }
    }
}

impl GradientScale {
    /// Sets the fixed weights.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Returns `w_k sqrt(n_k)` of each task.
    fn scaled(&self, tasks: &TaskSet) -> Result<Vec<f64>> {
        self.weights.scaled_by_elements(tasks)
    }

    fn normaliser(&self) -> Normaliser {
        Normaliser::new(self.momentum, self.warmup)
    }
}

impl BuiltIn for GradientScale {
    const NAME: &'static str = "gradient-scale";
}

impl LossWeighting for GradientScale {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        self.normaliser().memory(&self.scaled(tasks)?, device)
    }

    fn intended(&self, tasks: &TaskSet) -> Option<Vec<f64>> {
        self.scaled(tasks).ok()
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        self.normaliser().weigh(step.losses, memory)
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        Normaliser::state(memory)
    }
}
