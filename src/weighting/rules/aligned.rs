//! Computes the weights of Aligned-MTL from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: nothing. D. Senushkin, N. Patakin, A. Kuznetsov, A. Konushin, *Independent
//! Component Alignment for Multi-Task Learning*, CVPR 2023, Algorithm 1.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::check;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, from_gram, gram};

/// The eigenvalue, among those that are not zero, that replaces all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlignedScale {
    /// The smallest eigenvalue, as in the paper. The default.
    #[default]
    Min,
    /// The median, the lower of the two middle values if the number of eigenvalues is even.
    Median,
    /// The mean of the eigenvalues.
    Rmse,
}

/// Aligned-MTL (Senushkin et al., 2023): the mean of the gradients made orthogonal and equally long.
///
/// `w = sqrt(l*) V L^(-1/2) V' 1 / K` with the non-zero eigenvalues `L` of the Gram matrix and their eigenvectors `V`.
///
/// LibMTL and the official code return the sum, K times this mean. `rank_tolerance` decides which eigenvalues count as
/// zero, and with tasks of very different gradient norms it decides the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlignedMtl {
    /// The eigenvalue `l*` that replaces all others. Default [`AlignedScale::Min`].
    pub scale: AlignedScale,
    /// The part of the largest eigenvalue up to which an eigenvalue counts as zero, in [0, 1). Default 1e-6, about the
    /// resolution of a Gram matrix in single precision.
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
