//! The rule UPGrad; `gram::upgrad` computes the weights from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing. P. Quinton, V. Rey, *Jacobian Descent for Multi-Objective Optimization*,
//! 2024, equations 3 and 4.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// UPGrad (Quinton and Rey, 2024): the mean of the projections of all gradients on the directions that harm no task.
///
/// The mean over tasks i of the projection of `g_i` on `{d : d . g_k >= 0 for all k}`.
///
/// ```text
/// w = 1/K sum_i argmin_v v'G v   subject to v >= e_i
/// ```
///
/// Solved exactly, without the regularisation of published code. The combined gradient conflicts with no task and has
/// the length of a mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpGrad {}

impl BuiltIn for UpGrad {
    const NAME: &'static str = "upgrad";
}

impl LossWeighting for UpGrad {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        from_gram::weigh(step, |problem| gram::upgrad::weights(&problem.gram))
    }
}
