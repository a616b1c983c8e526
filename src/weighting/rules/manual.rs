//! Fixed weights, over raw or over running-mean-normalised losses.
//!
//! Needs: weights somebody chose. Remembers: the running means, if it normalises. Tuned by a search, this is the
//! baseline every other strategy has to beat.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::RunningMean;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::normaliser::Normaliser;
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, TaskValues, Weighed};

/// `sum_k w_k L_k / sg(m_k)` with the running mean `m_k` of [`RunningMean`], or `sum_k w_k L_k` on raw losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manual {
    /// The weights `w_k`, finite and not negative; 1/K each by default.
    pub weights: TaskValues,
    /// Divide each loss by its running mean before weighing. Default: yes.
    pub normalise: bool,
    /// How much of the old mean stays at each step after the warm-up, in [0, 1).
    pub momentum: f64,
    /// Steps with the plain cumulative mean before the exponential one, at least 1.
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
    /// Sets the weights.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Sets whether each loss is divided by its running mean first.
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
        // Settings of a normaliser that is not used are checked all the same.
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
