//! Weights that give every task the share of the shared gradient that somebody meant it to have.
//!
//! Needs: the intended shares `s_k`, and from time to time the norm of each task's raw gradient at the representation,
//! which an audit measures. Remembers: a running mean of each norm and how many measurements went into it.
//!
//! Strategies that look at loss values equalise values. What the trunk receives are gradients, and equal losses can have
//! gradients that differ a hundredfold. Dividing by the measured norm is what GradNorm (Z. Chen et al., ICML 2018) steers
//! towards by descent on the weights; here the weights are set, so there is no rate to tune and nothing to oscillate.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::normaliser::Normaliser;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, StateValue, Step, TaskValues, Weighed,
};

/// `sum_k s_k L_k / sg(g_k)` with the intended share `s_k` and the running mean `g_k` of the norm of task k's raw gradient
/// at the representation.
///
/// The weighted gradient of task k then has norm `s_k` on average, and so share `s_k`. Until the first measurement, and for
/// a task without any gradient, `g_k` is 1. A task that is absent from a batch is not measured in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientShare {
    /// The intended shares, finite and not negative; they are divided by their sum. The same for all tasks by default.
    pub weights: TaskValues,
    /// How much of the old mean norm stays at each measurement after the warm-up, in [0, 1).
    pub momentum: f64,
    /// Measurements with the plain cumulative mean before the exponential one, at least 1.
    pub warmup: usize,
}

impl Default for GradientShare {
    fn default() -> Self {
        Self {
            weights: TaskValues::default(),
            momentum: 0.9,
            warmup: 10,
        }
    }
}

impl GradientShare {
    /// Sets the intended shares.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    fn shares(&self, tasks: &TaskSet) -> Result<Vec<f64>> {
        let weights = self.weights.weights(tasks)?;
        let sum: f64 = weights.iter().sum();
        Ok(weights.iter().map(|weight| weight / sum).collect())
    }
}

impl BuiltIn for GradientShare {
    const NAME: &'static str = "gradient-share";
}

impl LossWeighting for GradientShare {
    fn needs(&self) -> Needs {
        Needs::GramWhenAudited
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let memory = Memory::new(device).with_constant("shares", &self.shares(tasks)?);
        Normaliser::new(self.momentum, self.warmup).slots(memory, tasks.len())
    }

    fn intended(&self, tasks: &TaskSet) -> Option<Vec<f64>> {
        self.shares(tasks).ok()
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let active = step.losses.active();
        let norms = Normaliser::new(self.momentum, self.warmup);
        if let Some(gram) = step.gram {
            norms.take(gram.norms(), &active, memory);
        }
        let scales = Normaliser::scales(memory, &step.losses.values());
        let weights = scales.clone() * memory.constant("shares", &scales) * active.float();
        Weighed::linear(step.losses, weights)
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        let means = Normaliser::means(memory);
        vec![StateValue::per_task("mean_gradient_norm", means)]
    }
}
