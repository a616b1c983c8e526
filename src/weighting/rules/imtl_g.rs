//! IMTL-G: the combined gradient has the same projection on every task's direction.
//!
//! Needs: the Gram matrix. Remembers: nothing. L. Liu et al., *Towards Impartial Multi-task Learning*, ICLR 2021, equation 6.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// The combination with weights of sum 1 whose projections on all unit gradients are equal.
///
/// Weights may be negative. There is no such combination, or not one alone, when the gradients are linearly dependent; the step is
/// then flagged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImtlG {}

impl BuiltIn for ImtlG {
    const NAME: &'static str = "imtl-g";
}

impl LossWeighting for ImtlG {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        from_gram::weigh(step, |problem| gram::imtl_g::weights(&problem.gram))
    }
}
