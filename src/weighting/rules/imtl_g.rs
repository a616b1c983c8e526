//! Computes the weights of IMTL-G from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing. L. Liu et al., *Towards Impartial Multi-task Learning*, ICLR 2021,
//! equation 6.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// IMTL-G (Liu et al., 2021): the combination with weights of sum 1 and equal projections on all unit gradients.
///
/// Weights may be negative. If the gradients are linearly dependent, there is no such combination or more than one, and
/// the step is flagged.
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
