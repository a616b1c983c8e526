//! Replaces the gradients by the nearest orthogonal vectors of equal length, and takes their mean (Aligned-MTL).
//!
//! Needs: the Gram matrix, a rank tolerance. Remembers: nothing. Scale: the scale of the mean; weights may be
//! negative.
//!
//! ```text
//! G = V L V' (nonzero eigenvalues),   w = sqrt(l) V L^(-1/2) V' 1 / K
//! ```
//!
//! D. Senushkin et al., Independent component alignment for multi-task learning, CVPR 2023, algorithm 1. The
//! publication's program returns K times these weights. The eigenvalues are those of G itself, so rows are not scaled
//! here.

use super::super::solve::{Answer, Degenerate, GramMatrix, Spectrum};

/// The eigenvalue that sets the length of the aligned gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scale {
    /// The smallest nonzero eigenvalue, as in the publication.
    #[default]
    Min,
    /// The median of the nonzero eigenvalues; of two middle eigenvalues the lower.
    Median,
    /// The mean of the nonzero eigenvalues.
    Rmse,
}

impl Scale {
    /// Returns the chosen eigenvalue; `values` are in falling order.
    fn of(self, values: &[f64]) -> f64 {
        match self {
            Self::Min => values[values.len() - 1],
            Self::Median => values[values.len() / 2],
            Self::Rmse => values.iter().sum::<f64>() / values.len() as f64,
        }
    }
}

/// Returns the weights of the mean of the aligned gradients.
///
/// Eigenvalues up to `rank_tolerance` times the largest count as zero. With a tolerance of zero, only eigenvalues
/// within the rounding of the matrix itself count as zero.
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite.
///
/// # Panics
///
/// If `rank_tolerance` is not in `[0, 1)`.
pub fn weights(gram: &GramMatrix, scale: Scale, rank_tolerance: f64) -> Result<Answer, Degenerate> {
    assert!(
        (0.0..1.0).contains(&rank_tolerance),
        "the rank tolerance must be in [0, 1)"
    );
    if !gram.is_finite() {
        return Err(Degenerate::NoSolution);
    }
    let mean = vec![1.0 / gram.len() as f64; gram.len()];
    let spectrum = Spectrum::new(gram).above(rank_tolerance);
    if spectrum.values.is_empty() {
        return Ok(Answer::of(gram, mean));
    }
    let length = scale.of(&spectrum.values);
    Ok(Answer::of(
        gram,
        spectrum.apply(|value| (length / value).sqrt(), &mean),
    ))
}
