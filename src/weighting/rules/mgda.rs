//! Computes the weights of MGDA from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing. J.-A. Désidéri, *Multiple-gradient descent algorithm*, 2012; O. Sener,
//! V. Koltun, *Multi-Task Learning as Multi-Objective Optimization*, NeurIPS 2018.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// The divisor of each gradient before the search for the shortest combination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GradientScaling {
    /// No divisor: the smallest gradient gets most of the weight. The default.
    #[default]
    None,
    /// The norm of the gradient.
    L2,
    /// The loss of the task, which must be above 0.
    Loss,
}

/// MGDA (Désidéri, 2012): the shortest convex combination of the gradients.
///
/// The weights `w` on the simplex minimise `w' G~ w`, with `G~_ij = G_ij / (c_i c_j)`.
///
/// The weights sum to 1 and apply to the raw gradients under every scaling, as in the code of Sener and Koltun. Solved
/// exactly: at K = 2 the end points are reached, and no step of Frank-Wolfe remains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mgda {
    /// The divisors `c` of the gradients. Default [`GradientScaling::None`].
    pub scaling: GradientScaling,
}

impl BuiltIn for Mgda {
    const NAME: &'static str = "mgda";
}

impl LossWeighting for Mgda {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        let norms = |gram: &gram::GramMatrix| -> Vec<f64> {
            // A zero row stays zero under any divisor.
            let norm = |task| {
                if gram.norm(task) > 0.0 {
                    gram.norm(task)
                } else {
                    1.0
                }
            };
            (0..gram.len()).map(norm).collect()
        };
        from_gram::weigh(step, |problem| match self.scaling {
            GradientScaling::None => gram::mgda::min_norm(&problem.gram),
            GradientScaling::L2 => gram::mgda::normalised(&problem.gram, &norms(&problem.gram)),
            GradientScaling::Loss => gram::mgda::normalised(&problem.gram, &problem.losses),
        })
    }
}
