//! Computes the weights of CAGrad from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing. B. Liu, X. Liu, X. Jin, P. Stone, Q. Liu, *Conflict-Averse Gradient
//! Descent for Multi-task Learning*, NeurIPS 2021, Algorithm 1.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::check;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// CAGrad (Liu et al., 2021): the direction near the mean gradient that helps the worst-off task most.
///
/// The maximum over `|d - g_0| <= c |g_0|` of the smallest `d . g_k`, with the mean gradient `g_0`.
///
/// ```text
/// d = g_0 + c |g_0| g_w / |g_w|,   w minimises g_w . g_0 + c |g_0| |g_w| on the simplex,   g_w = sum_k w_k g_k
/// ```
///
/// Published codes rescale by `1 + c^2` or K, this strategy does not. With `c` of 1 or more `d` may ignore the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaGrad {
    /// The largest distance of `d` from the mean gradient, in lengths of the mean gradient, at least 0; 0 is the mean.
    /// Default 0.4.
    pub c: f64,
}

impl Default for CaGrad {
    fn default() -> Self {
        Self { c: 0.4 }
    }
}

impl BuiltIn for CaGrad {
    const NAME: &'static str = "cagrad";
}

impl LossWeighting for CaGrad {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        let fits = self.c >= 0.0 && self.c.is_finite();
        check("c", self.c, fits, "a finite number that is not negative")?;
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        from_gram::weigh(step, |problem| gram::cagrad::weights(&problem.gram, self.c))
    }
}
