//! Aligned-MTL: the gradients are made orthogonal and equally long, and averaged.
//!
//! Needs: the Gram matrix. Remembers: nothing. D. Senushkin, N. Patakin, A. Kuznetsov, A. Konushin, *Independent Component Alignment
//! for Multi-Task Learning*, CVPR 2023, Algorithm 1.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::check;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// The eigenvalue that all others are brought to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlignedScale {
    /// The smallest that is not zero, as in the paper.
    #[default]
    Min,
    /// The median; the lower of two.
    Median,
    /// The mean.
    Rmse,
}

/// `w = sqrt(l*) V L^(-1/2) V' 1 / K` with the eigenvalues `L` and eigenvectors `V` of the Gram matrix that are not zero.
///
/// The combined gradient is a mean; LibMTL and the official code take the sum, K times this. Which eigenvalue counts as zero is a
/// matter of `rank_tolerance`: at tasks of very different gradient norms it decides the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlignedMtl {
    /// The eigenvalue that all others are brought to, `l*`.
    pub scale: AlignedScale,
    /// Eigenvalues up to this part of the largest count as zero, in [0, 1); 1e-6 by default, about what a Gram matrix in single
    /// precision can tell.
    pub rank_tolerance: f64,
}

impl Default for AlignedMtl {
    fn default() -> Self {
        Self {
            scale: AlignedScale::default(),
            rank_tolerance: 1e-6,
        }
    }
}

impl BuiltIn for AlignedMtl {
    const NAME: &'static str = "aligned-mtl";
}

impl LossWeighting for AlignedMtl {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        let fits = (0.0..1.0).contains(&self.rank_tolerance);
        check(
            "rank_tolerance",
            self.rank_tolerance,
            fits,
            "at least 0 and below 1",
        )?;
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        let scale = match self.scale {
            AlignedScale::Min => gram::aligned::Scale::Min,
            AlignedScale::Median => gram::aligned::Scale::Median,
            AlignedScale::Rmse => gram::aligned::Scale::Rmse,
        };
        from_gram::weigh(step, |problem| {
            gram::aligned::weights(&problem.gram, scale, self.rank_tolerance)
        })
    }
}
