//! Computes uncertainty weights under a regulariser that keeps the objective positive.
//!
//! Needs: the losses. Remembers: a learned c for each task. L. Liebel, M. Körner, *Auxiliary Tasks in Multi-task
//! Learning*, 2018.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::{check_positive, learned};
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, Weighed};

/// The smallest `c^2` in a weight: a loss near 0 drives c to 0, where the weight would have no bound.
const SMALLEST: f64 = 1e-6;

/// Uncertainty weighting with a regulariser that keeps the objective positive (Liebel and Körner, 2018).
///
/// `sum_k L_k / (2 c_k^2) + log(1 + c_k^2)` with learned `c_k`.
///
/// The effective weight is `1 / (2 c_k^2)`. As in [`Uncertainty`](super::Uncertainty), a task whose loss is zero or
/// below keeps its weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RevisedUncertainty {
    /// The initial value of every `c_k`, above 0. Default 1.
    pub start: f64,
}

impl Default for RevisedUncertainty {
    fn default() -> Self {
        Self { start: 1.0 }
    }
}

impl BuiltIn for RevisedUncertainty {
    const NAME: &'static str = "revised-uncertainty";
}

const C: &str = "c";

impl LossWeighting for RevisedUncertainty {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        check_positive("start", self.start)?;
        let start = vec![self.start; tasks.len()];
        Ok(Memory::new(device).with_learned(C, tasks, &start))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let losses = step.losses;
        let c = memory.learned(C, losses);
        let positive = losses.values().inner().greater_scalar(0.0);
        let squares = c.clone().detach().mask_where(positive, c).square();
        let weights = squares.clone().clamp_min(SMALLEST).recip() * 0.5;
        learned(losses, &losses.active(), weights, (squares + 1.0).log())
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        let sigma = memory.learned_values(C).abs();
        vec![StateValue::per_task("sigma", sigma)]
    }
}
