//! Running-mean normalisation times the square root of each task's number of outputs.
//!
//! Needs: fixed weights `w_k` and the elements `n_k` of each task. Remembers: the running means. The idea behind it is
//! that a mean over n outputs passes only 1/n to each of them; whether that is what a shared network receives is a
//! question for a measurement, not for the formula.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::RunningMean;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::normaliser::Normaliser;
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, TaskValues, Weighed};

/// `sum_k w_k sqrt(n_k) L_k / sg(m_k)` with the elements `n_k` of task k and the running mean `m_k` of [`RunningMean`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientScale {
    /// Fixed weights `w_k`, finite and not negative; 1/K each by default.
    pub weights: TaskValues,
    /// How much of the old mean stays at each step after the warm-up, in [0, 1).
    pub momentum: f64,
    /// Steps with the plain cumulative mean before the exponential one, at least 1.
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

    /// `w_k sqrt(n_k)`.
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
