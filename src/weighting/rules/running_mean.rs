//! Running-mean normalisation: each loss divided by the mean of its own past.
//!
//! Needs: fixed weights `w_k`. Remembers: the running mean `m_k` of each task's raw loss and how many losses went into
//! it. This is the baseline the crate was written against: it equalises loss *values*, while what a task receives at the
//! shared representation is a *gradient*.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::normaliser::Normaliser;
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, TaskValues, Weighed};

/// `sum_k w_k L_k / sg(m_k)`: fixed weights over losses divided by their running means.
///
/// ```text
/// m_k = mean of the losses so far               in the first `warmup` steps of task k
/// m_k = momentum m_k + (1 - momentum) L_k       after them
/// ```
///
/// The mean takes in this step's loss before it divides. Where `m_k <= 1e-8`, and so where losses are negative on average, the
/// raw loss is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunningMean {
    /// Fixed weights `w_k`, finite and not negative; 1/K each by default.
    pub weights: TaskValues,
    /// How much of the old mean stays at each step after the warm-up, in [0, 1).
    pub momentum: f64,
    /// Steps with the plain cumulative mean before the exponential one, at least 1.
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

    /// Sets the steps of the warm-up.
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
