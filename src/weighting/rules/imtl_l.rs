//! Computes the weights of IMTL-L from learned scales.
//!
//! Needs: positive losses. Remembers: a learned s for each task. L. Liu et al., *Towards Impartial Multi-task
//! Learning*, ICLR 2021.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::learned;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, Weighed};

/// The largest absolute value of `s` that has an effect.
const LARGEST: f64 = 40.0;

pub(super) const SCALE: &str = "log_scale";

/// IMTL-L (Liu et al., 2021): learned scales that bring every scaled loss to 1.
///
/// `sum_k e^(s_k) L_k - s_k` with learned `s_k` that start at 0. The effective weight is `e^(s_k)`.
///
/// At the optimum of s alone, `e^(s_k) L_k = 1`. A loss of zero or below has no optimum: in such a step the task keeps
/// its weight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImtlL {}

impl BuiltIn for ImtlL {
    const NAME: &'static str = "imtl-l";
}

impl LossWeighting for ImtlL {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let start = vec![0.0; tasks.len()];
        Ok(Memory::new(device).with_learned(SCALE, tasks, &start))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let losses = step.losses;
        let s = memory.learned(SCALE, losses).clamp(-LARGEST, LARGEST);
        let positive = losses.values().inner().greater_scalar(0.0);
        let s = s.clone().detach().mask_where(positive, s);
        learned(losses, &losses.active(), s.clone().exp(), s.neg())
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        let scale = memory.learned_values(SCALE).exp();
        vec![StateValue::per_task("loss_scale", scale)]
    }
}
