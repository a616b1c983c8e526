//! Computes the weights of DWA, dynamic weight average.
//!
//! Needs: positive mean losses, and the epoch. Remembers: the mean loss of each task in the last two epochs and the sum
//! of the losses in the running epoch. S. Liu, E. Johns, A. Davison, *End-to-End Multi-Task Learning with Attention*,
//! CVPR 2019.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::support::{check_positive, count, softmax};
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// Dynamic weight average (Liu et al., 2019): the largest weight for the task whose loss fell least in the last epoch.
///
/// `sum_k w_k L_k` with `w = K softmax(r / T)`, `r_k` the mean loss of the last epoch over the mean loss of the
/// previous epoch.
///
/// All weights are 1 in the first two epochs, and `r_k` is 1 for a task without a mean of both epochs or with a mean
/// that is not positive. The weights sum to K.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dwa {
    /// The temperature `T` of the softmax, above 0. Default 2.
    pub temperature: f64,
}

impl Default for Dwa {
    fn default() -> Self {
        Self { temperature: 2.0 }
    }
}

impl BuiltIn for Dwa {
    const NAME: &'static str = "dwa";
}

impl Dwa {
    /// Closes the running epoch: its sum becomes the mean of the last epoch. A task without a label in it keeps its
    /// means.
    fn close(memory: &Memory, like: &Tensor<1>) {
        let [sum, steps, last, before] =
            ["sum", "steps", "last", "before"].map(|name| memory.buffer_on(name, like));
        let seen = steps.clone().greater_scalar(0.0);
        let mean = sum / steps.clone().clamp_min(1.0);
        memory.remember("before", before.mask_where(seen.clone(), last.clone()));
        memory.remember("last", last.mask_where(seen, mean));
        memory.remember("sum", steps.zeros_like());
        memory.remember("steps", steps.zeros_like());
    }
}

impl LossWeighting for Dwa {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        check_positive("temperature", self.temperature)?;
        let zeros = vec![0.0; tasks.len()];
        Ok(Memory::new(device)
            .with_buffer("sum", &zeros)
            .with_buffer("steps", &zeros)
            .with_buffer("last", &zeros)
            .with_buffer("before", &zeros)
            .with_integers("epoch", &[0]))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let active = step.losses.active();
        let values = step.losses.masked(&active).inner();
        let counts = active.clone().float();
        let epoch = i32::try_from(step.epoch).unwrap_or(i32::MAX);
        if memory.integers("epoch")[0] != epoch {
            Self::close(memory, &values);
            memory.set_integers("epoch", &[epoch]);
        }
        let [sum, steps, last, before] =
            ["sum", "steps", "last", "before"].map(|name| memory.buffer_on(name, &values));
        memory.remember("sum", sum + values);
        memory.remember("steps", steps + counts);
        let known = before
            .clone()
            .greater_scalar(0.0)
            .bool_and(last.clone().greater_scalar(0.0));
        let ratio = (last / before).mask_fill(known.bool_not(), 1.0);
        let weights = softmax(ratio / self.temperature, &active) * count(&active);
        Weighed::linear(step.losses, weights)
    }
}
