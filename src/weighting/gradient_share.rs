//! Weights that give every task the share of the shared gradient that somebody meant it to have.
//!
//! Needs: the intended shares `s_k`, and from time to time the norm of each task's raw gradient at the representation
//! ([`LossWeighting::observe`]; the training loop measures it with every audit). Remembers: a running mean of each norm and
//! how many measurements went into it.
//!
//! Strategies that look at loss values equalise values. What the trunk receives are gradients, and equal losses can have
//! gradients that differ a hundredfold. Dividing by the measured norm is what GradNorm (Z. Chen et al., ICML 2018) steers
//! towards by descent on the weights; here the weights are set, so there is no rate to tune and nothing to oscillate.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::constants::{floats, on};
use super::objective::check_count;
use super::{LossWeighting, Normaliser, Objective, StateValue, TaskValues};
use crate::error::Result;
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// Configuration of [`GradientShare`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientShareConfig {
    /// The intended shares, finite and not negative; they are divided by their sum. The same for all tasks by default.
    pub weights: TaskValues,
    /// How much of the old mean norm stays at each measurement after the warm-up, in [0, 1).
    pub momentum: f64,
    /// Measurements with the plain cumulative mean before the exponential one, at least 1.
    pub warmup: usize,
}

impl Default for GradientShareConfig {
    fn default() -> Self {
        Self {
            weights: TaskValues::default(),
            momentum: 0.9,
            warmup: 10,
        }
    }
}

impl GradientShareConfig {
    /// Sets the intended shares.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Builds the strategy for `tasks`, with its state on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) naming the field that has a value it cannot have.
    pub fn init(&self, tasks: &TaskSet, device: &Device) -> Result<GradientShare> {
        let weights = self.weights.weights(tasks)?;
        let sum: f64 = weights.iter().sum();
        let shares: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
        Ok(GradientShare {
            shares: floats(&shares, device),
            norms: Normaliser::new(tasks.len(), self.momentum, self.warmup, device)?,
        })
    }
}

/// `sum_k s_k L_k / sg(g_k)` with the intended share `s_k` and the running mean `g_k` of the norm of task k's raw gradient
/// at the representation.
///
/// The weighted gradient of task k then has norm `s_k` on average, and so share `s_k`. Until the first measurement, and for
/// a task without any gradient, `g_k` is 1.
#[derive(Module, Debug)]
pub struct GradientShare {
    /// The intended shares, `[K]`, with sum 1; a constant.
    #[module(skip)]
    shares: Tensor<1>,
    norms: Normaliser,
}

impl LossWeighting for GradientShare {
    fn weigh(&self, losses: &TaskLosses) -> Objective {
        check_count(losses, &self.shares);
        let active = losses.active();
        let scales = on(&self.norms.scales(), &losses.values().inner());
        let weights = scales.clone() * on(&self.shares, &scales) * active.float();
        Objective::linear(losses, weights)
    }

    fn state(&self) -> Vec<StateValue> {
        self.norms.state_as("mean_gradient_norm")
    }

    fn intended(&self) -> Option<Tensor<1>> {
        Some(self.shares.clone())
    }

    fn observes(&self) -> bool {
        true
    }

    fn observe(&self, norms: Tensor<1>) {
        self.norms.take(norms);
    }
}
