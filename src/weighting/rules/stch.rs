//! Computes the smooth Tchebycheff scalarisation of the losses.
//!
//! Needs: the losses; positive losses in the form with a nadir. Remembers: in the form with a nadir, the sum of the
//! losses in the last warm-up epoch. X. Lin, X. Zhang, Z. Yang, F. Liu, Z. Wang, Q. Zhang, *Smooth Tchebycheff
//! Scalarization for Multi-Objective Optimization*, ICML 2024.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::support::{Positive, check_positive, count, softmax};
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, TaskValues, Weighed};

/// Smooth Tchebycheff scalarisation (Lin et al., 2024): a smooth maximum of the weighted losses.
///
/// `mu log sum_k exp(p_k (L_k - z_k) / mu)` with preferences `p_k` (1/K each) and ideal values `z_k` (0).
///
/// With `warmup_epochs` N above 0 the strategy has the form of the authors' multi-task code: up to epoch N the sum of
/// the logarithms, after it `K mu log sum_k exp(log(L_k / nadir_k) / mu)`, with the mean loss of a task in epoch N as
/// its nadir. This form uses neither preferences nor ideal values. In this form a loss of zero or below is refused:
/// [`Error::NotPositiveLoss`](crate::Error::NotPositiveLoss) names the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stch {
    /// The smoothness `mu`, above 0: near 0 only the largest term counts. Default 1.
    pub smoothness: f64,
    /// The preferences `p_k`, from 0 to 1e30, not all 0. Default 1/K each.
    pub weights: TaskValues,
    /// The ideal values `z_k`, finite. Default 0 each.
    pub ideal: TaskValues,
    /// The number of epochs before the nadir is known. Default 0, the form without a nadir.
    pub warmup_epochs: usize,
}

impl Default for Stch {
    fn default() -> Self {
        Self {
            smoothness: 1.0,
            weights: TaskValues::default(),
            ideal: TaskValues::default(),
            warmup_epochs: 0,
        }
    }
}

impl BuiltIn for Stch {
    const NAME: &'static str = "stch";
}

impl Stch {
    /// Returns `mu log sum exp(terms / mu)` over the active tasks, and its derivatives by the terms.
    fn smooth_maximum(
        &self,
        terms: &Tensor<1>,
        active: &Tensor<1, burn::tensor::Bool>,
    ) -> (Tensor<1>, Tensor<1>) {
        let shares = softmax(terms.clone() / self.smoothness, active);
        let largest = terms
            .clone()
            .mask_fill(active.clone().bool_not(), -1e30)
            .max();
        let powers = ((terms.clone() - largest.clone()) / self.smoothness).exp();
        let sum = powers.mask_fill(active.clone().bool_not(), 0.0).sum();
        let value = largest + sum.clamp_min(f64::from(f32::MIN_POSITIVE)).log() * self.smoothness;
        // Without an active task there is no largest term.
        let none = active.clone().any().bool_not();
        (value.mask_fill(none, 0.0), shares)
    }

    fn plain(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let active = step.losses.active();
        let values = step.losses.masked(&active).inner();
        let p = memory.constant("weights", &values);
        let terms = (values.clone() - memory.constant("ideal", &values)) * p.clone();
        let (total, shares) = self.smooth_maximum(&terms, &active);
        Weighed::function(step.losses, total, shares * p)
    }

    fn with_nadir(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let seen = Positive::of(step.losses);
        let logarithms = seen.values.clone().log();
        let inverse = seen.values.clone().recip();
        if step.epoch <= self.warmup_epochs {
            if step.epoch == self.warmup_epochs {
                let [sum, steps] = ["sum", "steps"].map(|name| memory.buffer_on(name, &inverse));
                memory.remember("sum", sum + seen.values.clone() * seen.counts());
                memory.remember("steps", steps + seen.counts());
            }
            let total = (logarithms * seen.counts()).sum();
            let weights = inverse * seen.counts();
            return seen.mark_refused(Weighed::function(step.losses, total, weights));
        }
        let [sum, steps] = ["sum", "steps"].map(|name| memory.buffer_on(name, &inverse));
        // A task without a label in the last warm-up epoch has no nadir: its raw losses are used.
        let unknown = steps.clone().equal_elem(0.0);
        let nadir = (sum / steps.clamp_min(1.0)).mask_fill(unknown, 1.0);
        let tasks = count(&seen.active);
        let terms = logarithms - nadir.log();
        let (value, shares) = self.smooth_maximum(&terms, &seen.active);
        let weights = shares * inverse * tasks.clone();
        seen.mark_refused(Weighed::function(step.losses, value * tasks, weights))
    }
}

impl LossWeighting for Stch {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        check_positive("smoothness", self.smoothness)?;
        let ideal =
            self.ideal
                .resolve_checked("ideal", tasks, 0.0, "a finite number", f64::is_finite)?;
        let memory = Memory::new(device)
            .with_constant("weights", &self.weights.weights(tasks)?)
            .with_constant("ideal", &ideal);
        if self.warmup_epochs == 0 {
            return Ok(memory);
        }
        let zeros = vec![0.0; tasks.len()];
        Ok(memory
            .with_buffer("sum", &zeros)
            .with_buffer("steps", &zeros))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        if self.warmup_epochs == 0 {
            self.plain(step, memory)
        } else {
            self.with_nadir(step, memory)
        }
    }
}
