//! Computes the weights of ConFIG from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing. Q. Liu, M. Chu, N. Thuerey, *ConFIG: Towards Conflict-free Training of
//! Physics Informed Neural Networks*, 2024, equation 2.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// ConFIG (Liu et al., 2024): the direction with equal angles to the gradients of all tasks.
///
/// The unit direction u with `u . g_k / |g_k|` equal for all k, times the sum of the projections `g_k . u`.
///
/// Linearly dependent gradients get the least-squares solution, which may not have equal angles. Opposite gradients
/// have no such direction, and the step is flagged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConFig {}

impl BuiltIn for ConFig {
    const NAME: &'static str = "con-fig";
}

impl LossWeighting for ConFig {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        from_gram::weigh(step, |problem| gram::con_fig::weights(&problem.gram))
    }
}
