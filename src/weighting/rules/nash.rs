//! Nash-MTL: the combination of the gradients as the solution of a bargaining game.
//!
//! Needs: the Gram matrix. Remembers: nothing; every step is solved anew. A. Navon, A. Shamsian, I. Achituve, H. Maron,
//! K. Kawaguchi, G. Chechik, E. Fetaya, *Multi-Task Learning as a Bargaining Game*, ICML 2022, equation 5.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::check_positive;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// The positive solution of `G a = 1 / a`, found by a damped Newton method.
///
/// The combined gradient has length `sqrt(K)`, whatever the lengths of the tasks' own. There is no solution where a convex combination of
/// the gradients vanishes, or a task has no gradient; such a step is flagged and moves the heads alone. Published code answers ones in
/// silence there, and on some ordinary matrices too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NashMtl {
    /// The length that the combined gradient is scaled down to where it is longer, positive; not scaled by default. The official
    /// code uses 1.
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
