//! MGDA: the shortest convex combination of the tasks' gradients.
//!
//! Needs: the Gram matrix. Remembers: nothing. J.-A. Désidéri, *Multiple-gradient descent algorithm*, 2012; O. Sener, V. Koltun,
//! *Multi-Task Learning as Multi-Objective Optimization*, NeurIPS 2018.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// What every gradient is divided by before the shortest combination is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GradientScaling {
    /// Nothing: the smallest gradient gets most of the weight.
    #[default]
    None,
    /// Its norm.
    L2,
    /// The task's loss, which must be positive.
    Loss,
}

/// `w` on the simplex that minimises `w' G~ w`, with `G~_ij = G_ij / (c_i c_j)`.
///
/// The weights sum to 1 and are those of the raw gradients, whatever the scaling, as in the code of Sener and Koltun. Solved exactly: at
/// K = 2 the end points are reached, and no step of Frank-Wolfe remains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mgda {
    /// The `c` of the formula.
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
            // A zero row stays one whatever divides it.
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
