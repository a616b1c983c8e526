//! Weighs each loss over the running mean of its past.
//!
//! Needs: fixed weights `w_k`. Remembers: the running mean `m_k` of each task's raw loss and the number of losses in
//! it.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::normaliser::Normaliser;
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, TaskValues, Weighed};

/// Running-mean normalisation: fixed weights over losses divided by their running means, `sum_k w_k L_k / sg(m_k)`.
///
/// ```text
/// m_k = mean of the losses so far               in the first `warmup` steps of task k
/// m_k = momentum m_k + (1 - momentum) L_k       after them
/// ```
///
/// The mean includes the loss of this step. Where `m_k <= 1e-8`, and so where losses are negative on average, the raw
/// loss is used.
///
/// This is the baseline that the crate was written against: it equalises loss *values*, while a task acts on the shared
/// representation through its *gradient*.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunningMean {
    /// The fixed weights `w_k`, from 0 to 1e30, not all 0. Default 1/K each.
    pub weights: TaskValues,
    /// The part of the old mean that stays at each step after the warm-up, in [0, 1). Default 0.95.
    pub momentum: f64,
    /// The number of steps with the plain cumulative mean before the exponential mean, at least 1. Default 10.
    pub warmup: usize,
}

impl Default for RunningMean {
    fn default() -> Self {
        Self {
            weights: TaskValues::default(),
            momentum: 0.95,
            warmup: 10,
        }
    }
}

impl RunningMean {
    /// Sets the fixed weights.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Sets the momentum after the warm-up.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets the number of steps of the warm-up.
    pub fn with_warmup(mut self, warmup: usize) -> Self {
        self.warmup = warmup;
        self
    }

    fn normaliser(&self) -> Normaliser {
        Normaliser::new(self.momentum, self.warmup)
    }
}

impl BuiltIn for RunningMean {
    const NAME: &'static str = "running-mean";
}

impl LossWeighting for RunningMean {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        self.normaliser()
            .memory(&self.weights.weights(tasks)?, device)
    }

    fn intended(&self, tasks: &TaskSet) -> Option<Vec<f64>> {
        self.weights.weights(tasks).ok()
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        self.normaliser().weigh(step.losses, memory)
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        Normaliser::state(memory)
    }
}
