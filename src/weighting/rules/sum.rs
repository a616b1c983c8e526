//! The sum of the losses: what a network without any strategy is trained with.
//!
//! Needs: the losses. Remembers: nothing.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// `sum_k L_k`. It fails when the losses or their gradients have very different sizes: the largest trains the trunk.
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
