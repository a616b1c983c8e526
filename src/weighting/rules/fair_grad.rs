//! Computes the weights of FairGrad from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing. H. Ban, K. Ji, *Fair Resource Allocation in Multi-Task Learning*, ICML
//! 2024, equation 4.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::check_positive;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// FairGrad (Ban and Ji, 2024): the direction that maximises an alpha-fair utility of the tasks' progress.
///
/// The weights are the positive solution of `G w = w^(-1/alpha)`. There is no solution if a convex combination of the
/// gradients vanishes, or a task has no gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FairGrad {
    /// The fairness `alpha`, above 0: 1 is [`NashMtl`](super::NashMtl), a larger value favours the tasks that progress
    /// least. Default 1.
    pub alpha: f64,
}

impl Default for FairGrad {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl BuiltIn for FairGrad {
    const NAME: &'static str = "fair-grad";
}

impl LossWeighting for FairGrad {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        check_positive("alpha", self.alpha)?;
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        from_gram::weigh(step, |problem| {
            gram::fair_grad::weights(&problem.gram, self.alpha)
        })
    }
}
