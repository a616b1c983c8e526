//! Computes the weights of ConicGrad from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing. N. Hassanpour, M. Janjua, K. Zhang, S. Lavasani, X. Zhang, C. Zhou,
//! C. Gao, *ConicGrad*, 2025; solved exactly.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::check;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// ConicGrad (Hassanpour et al., 2025): the direction within an angle of the mean that helps the worst-off task most.
///
/// The maximum over `cos(d, g_0) >= c`, `|d| = |g_0|`, of the smallest `d . g_k`, with the mean gradient `g_0`. Solved
/// exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConicGrad {
    /// The smallest cosine between `d` and the mean gradient, in (0, 1). Default 0.5.
    pub c: f64,
}

impl Default for ConicGrad {
    fn default() -> Self {
        Self { c: 0.5 }
    }
}

impl BuiltIn for ConicGrad {
    const NAME: &'static str = "conic-grad";
}

impl LossWeighting for ConicGrad {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        let fits = self.c > 0.0 && self.c < 1.0;
        check("c", self.c, fits, "above 0 and below 1")?;
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        from_gram::weigh(step, |problem| {
            gram::conic_grad::weights(&problem.gram, self.c)
        })
    }
}
