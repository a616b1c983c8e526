//! Computes weights from the intended gradient shares and the measured gradient norms.
//!
//! Needs: the intended shares `s_k`, and from time to time the norm of each task's raw gradient at the representation,
//! which an audit measures. Remembers: a running mean of each norm and the number of its measurements. Compare
//! GradNorm, Z. Chen et al., ICML 2018.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::normaliser::Normaliser;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, StateValue, Step, TaskValues, Weighed,
};

/// Weights that give every task its intended share of the shared gradient.
///
/// `sum_k s_k L_k / sg(g_k)` with the intended share `s_k` and the running mean `g_k` of the norm of task k's raw
/// gradient at the representation.
///
/// The weighted gradient of task k then has norm `s_k` on average, and so share `s_k`. Until the first measurement, and
/// for a task without any gradient, `g_k` is 1. A task that is absent from a batch is not measured in it.
///
/// Strategies from loss values equalise values, but the trunk receives gradients, and equal losses can have gradients
/// that differ a hundredfold. GradNorm (Chen et al., 2018) reaches the division by the measured norm through descent on
/// the weights; here the weights are set, so there is no rate to tune and nothing to oscillate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientShare {
    /// The intended shares `s_k`, from 0 to 1e30, not all 0; divided by their sum. Default 1/K each.
    pub weights: TaskValues,
    /// The part of the old mean norm that stays at each measurement after the warm-up, in [0, 1). Default 0.9.
    pub momentum: f64,
    /// The number of measurements with the plain cumulative mean before the exponential mean, at least 1. Default 10.
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
