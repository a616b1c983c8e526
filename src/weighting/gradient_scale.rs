//! Running-mean normalisation times the square root of each task's number of outputs.
//!
//! Needs: fixed weights `w_k` and the elements `n_k` of each task. Remembers: the running means. The idea behind it is
//! that a mean over n outputs passes only 1/n to each of them; whether that is what a shared network receives is a
//! question for a measurement, not for the formula.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::constants::{floats, on};
use super::{LossWeighting, Normaliser, Objective, RunningMeanConfig, StateValue, TaskValues};
use crate::error::Result;
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// Configuration of [`GradientScale`]; the fields are those of [`RunningMeanConfig`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientScaleConfig {
    /// Fixed weights `w_k`, finite and not negative; 1/K each by default.
    pub weights: TaskValues,
    /// How much of the old mean stays at each step after the warm-up, in [0, 1).
    pub momentum: f64,
    /// Steps with the plain cumulative mean before the exponential one, at least 1.
    pub warmup: usize,
}

impl Default for GradientScaleConfig {
    fn default() -> Self {
        let RunningMeanConfig {
            weights,
            momentum,
            warmup,
        } = RunningMeanConfig::default();
        Self {
            weights,
            momentum,
            warmup,
        }
    }
}

impl GradientScaleConfig {
    /// Sets the fixed weights.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Builds the strategy for `tasks`, with its state on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) naming the field that has a value it cannot have.
    pub fn init(&self, tasks: &TaskSet, device: &Device) -> Result<GradientScale> {
        let weights = self.weights.weights(tasks)?;
        let scaled: Vec<f64> = weights
            .iter()
            .zip(tasks.iter())
            .map(|(weight, task)| weight * (task.elements() as f64).sqrt())
            .collect();
        Ok(GradientScale {
            weights: floats(&scaled, device),
            normaliser: Normaliser::new(tasks.len(), self.momentum, self.warmup, device)?,
        })
    }
}

/// `sum_k w_k sqrt(n_k) L_k / sg(m_k)` with the elements `n_k` of task k and the running mean `m_k` of
/// [`RunningMean`](super::RunningMean).
#[derive(Module, Debug)]
pub struct GradientScale {
    /// `w_k sqrt(n_k)`, `[K]`; a constant.
    #[module(skip)]
    weights: Tensor<1>,
    normaliser: Normaliser,
}

impl LossWeighting for GradientScale {
    fn weigh(&self, losses: &TaskLosses) -> Objective {
        let scales = self.normaliser.update(losses);
        Objective::linear(losses, scales.clone() * on(&self.weights, &scales))
    }

    fn state(&self) -> Vec<StateValue> {
        self.normaliser.state()
    }
    fn intended(&self) -> Option<Tensor<1>> {
        Some(self.weights.clone())
    }
}
