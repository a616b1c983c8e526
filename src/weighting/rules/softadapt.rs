//! Computes the weights of SoftAdapt from the change of each loss.
//!
//! Needs: the losses. Remembers: the last loss of each task. A. Heydari, C. Thompson, A. Mehmood, *SoftAdapt:
//! Techniques for Adaptive Loss Weighting of Neural Networks with Multi-Part Loss Functions*, 2019.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::softmax;
use crate::error::{Error, Result};
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// The number that keeps a division by zero finite, as in the published code.
const EPSILON: f64 = 1e-8;

/// The formula of the weights, given the last change `s` of each loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoftAdaptVariant {
    /// `softmax(beta s)`. The default.
    #[default]
    Original,
    /// `softmax(beta s / sum s)`. A negative sum reverses the order of the tasks.
    Normalized,
    /// `softmax(beta s)` times the mean of the last two losses, divided by the sum of these products.
    LossWeighted,
}

/// SoftAdapt (Heydari et al., 2019): weights from the change of each loss between two steps.
///
/// `sum_k w_k L_k` with `w = softmax(beta s)`, `s_k` the change of the loss since the step before.
///
/// The weights sum to 1, but in the first step each is 1, as published, so the objective falls K-fold at the second
/// step. A task that was not present before has `s = 0`. Losses of single batches are noisy; a large `beta` follows the
/// noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoftAdapt {
    /// The factor `beta` of the changes, finite; a negative value prefers losses that fall. Default 0.1.
    pub beta: f64,
    /// The formula of the weights. Default [`SoftAdaptVariant::Original`].
    pub variant: SoftAdaptVariant,
}

impl Default for SoftAdapt {
    fn default() -> Self {
        Self {
            beta: 0.1,
            variant: SoftAdaptVariant::default(),
        }
    }
}

impl BuiltIn for SoftAdapt {
    const NAME: &'static str = "softadapt";
}

impl LossWeighting for SoftAdapt {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        if !self.beta.is_finite() {
            return Err(Error::setting("beta", self.beta, "a finite number"));
        }
        let zeros = vec![0.0; tasks.len()];
        Ok(Memory::new(device)
            .with_buffer("last", &zeros)
            .with_buffer("seen", &zeros))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let active = step.losses.active();
        let values = step.losses.masked(&active).inner();
        let counts = active.clone().float();
        let [last, seen] = ["last", "seen"].map(|name| memory.buffer_on(name, &values));
        let new = seen.clone().equal_elem(0.0);
        let last = last.mask_where(new, values.clone());

        let slope = (values.clone() - last.clone()) * counts.clone();
        let slope = match self.variant {
            SoftAdaptVariant::Normalized => {
                let sum = slope.clone().sum();
                let zero = sum.clone().abs().lower_equal_scalar(1e-30);
                slope / sum.mask_fill(zero, 1.0)
            }
            _ => slope,
        };
        let weights = softmax(slope * self.beta, &active);
        let weights = match self.variant {
            SoftAdaptVariant::LossWeighted => {
                let weighted = weights * (values.clone() + last.clone()) * 0.5;
                let sum = weighted.clone().sum();
                weighted / (sum + EPSILON)
            }
            _ => weights,
        };
        // All weights are 1 as long as no active task has been seen before.
        let none = (seen.clone() * counts.clone()).max().equal_elem(0.0);
        let weights = weights.mask_where(none.expand(counts.shape()), counts.clone());

        memory.remember("last", last.mask_where(active, values));
        memory.remember("seen", seen.max_pair(counts));
        Weighed::linear(step.losses, weights)
    }
}
