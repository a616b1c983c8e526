//! Computes the sum of the losses.
//!
//! Needs: the losses. Remembers: nothing.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// The sum of the losses, `sum_k L_k`: the objective of a network without any strategy.
///
/// The sum fails when the losses or their gradients have very different sizes: the largest trains the trunk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sum {}

impl BuiltIn for Sum {
    const NAME: &'static str = "sum";
}

impl LossWeighting for Sum {
    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        Weighed::linear(step.losses, step.losses.active().float())
    }
}
