//! Computes the weights of Nash-MTL from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing; every step is solved from scratch. A. Navon, A. Shamsian, I. Achituve,
//! H. Maron, K. Kawaguchi, G. Chechik, E. Fetaya, *Multi-Task Learning as a Bargaining Game*, ICML 2022, equation 5.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::check_positive;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// Nash-MTL (Navon et al., 2022): the combination of the gradients that solves a bargaining game.
///
/// The weights are the positive solution of `G a = 1 / a`, found by a damped Newton method.
///
/// The combined gradient has length `sqrt(K)`, whatever the lengths of the gradients of the tasks. There is no solution
/// if a convex combination of the gradients vanishes, or a task has no gradient; such a step is flagged and moves only
/// the heads. Published code silently returns weights of 1 there, and for some ordinary matrices too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NashMtl {
    /// The largest length of the combined gradient, above 0; a longer gradient is scaled down to it. Default `None`, no
    /// scaling. The official code uses 1.
    pub max_norm: Option<f64>,
}

impl BuiltIn for NashMtl {
    const NAME: &'static str = "nash-mtl";
}

impl LossWeighting for NashMtl {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        check_positive("max_norm", self.max_norm.unwrap_or(1.0))?;
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        from_gram::weigh(step, |problem| {
            let mut answer = gram::nash::weights(&problem.gram)?;
            let length = problem.gram.quadratic(&answer.weights).max(0.0).sqrt();
            if let Some(largest) = self.max_norm.filter(|largest| length > *largest) {
                let factor = largest / length;
                answer.weights.iter_mut().for_each(|w| *w *= factor);
            }
            Ok(answer)
        })
    }
}
