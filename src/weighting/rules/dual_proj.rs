//! Computes the weights of DualProj from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing. D. Lopez-Paz, M. Ranzato, *Gradient Episodic Memory for Continual
//! Learning*, NeurIPS 2017, equation 11, over the tasks of one step.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// DualProj: the projection of the mean gradient on the directions that harm no task, `{d : d . g_k >= 0 for all k}`.
///
/// ```text
/// w = argmin_v v'G v   subject to v >= 1/K
/// ```
///
/// Solved exactly. Without conflict the projection is the mean gradient.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DualProj {}

impl BuiltIn for DualProj {
    const NAME: &'static str = "dual-proj";
}

impl LossWeighting for DualProj {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        from_gram::weigh(step, |problem| gram::dual_proj::weights(&problem.gram))
    }
}
