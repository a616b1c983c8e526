//! Gives the combined gradient the same projection on each task's unit gradient (IMTL-G).
//!
//! Needs: the Gram matrix. Remembers: nothing. Sum of the weights: 1; weights may be negative.
//!
//! ```text
//! (G w)_i / |g_i| = s for all i,   sum w = 1
//! ```
//!
//! L. Liu et al., Towards impartial multi-task learning, ICLR 2021, equation 6.

use super::super::solve::{Answer, Degenerate, GramMatrix, Scaled, Spectrum, linear, vanishes};

/// The gap in the equations, relative to the norms, above which dependent gradients have no common projection.
const CONSISTENT: f64 = 1e-9;
/// Eigenvalues below this part of the largest count as zero if the gradients are dependent.
const RANK: f64 = 1e-12;

/// Returns the weights of equal projections.
///
/// Dependent gradients with a solution, such as equal gradients, get the shortest solution, flagged
/// [`Degenerate::Singular`].
///
/// # Errors
///
/// [`Degenerate::Singular`] if the gradients are dependent and have no common projection, or a gradient is zero;
/// [`Degenerate::NoSolution`] if the weights cannot sum to one, or the matrix is not finite.
pub fn weights(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    let scaled = Scaled::new(gram)?;
    if (0..gram.len()).any(|i| scaled.is_zero(i)) {
        return Err(Degenerate::Singular);
    }
    let norms = scaled.matrix.norms();
    let (y, dependent) = match linear(&scaled.matrix, &norms) {
        Ok(y) => (y, false),
        Err(_) => (shortest(&scaled.matrix, &norms)?, true),
    };
    let y = scaled.back(&y);
    let (sum, sizes) = (
        y.iter().sum::<f64>(),
        y.iter().map(|value| value.abs()).sum::<f64>(),
    );
    if sum.abs() <= f64::EPSILON * sizes {
        return Err(Degenerate::NoSolution);
    }
    let weights: Vec<f64> = y.into_iter().map(|value| value / sum).collect();
    let stationary = vanishes(gram, &weights).then_some(Degenerate::Stationary);
    Ok(Answer {
        weights,
        flag: stationary.or(dependent.then_some(Degenerate::Singular)),
    })
}

/// Returns the shortest solution of a singular system, if there is a solution.
fn shortest(matrix: &GramMatrix, right: &[f64]) -> Result<Vec<f64>, Degenerate> {
    let y = Spectrum::new(matrix)
        .above(RANK)
        .apply(|value| 1.0 / value, right);
    let solved = matrix
        .times(&y)
        .iter()
        .zip(right)
        .all(|(left, right)| (left - right).abs() <= CONSISTENT * right);
    if solved {
        Ok(y)
    } else {
        Err(Degenerate::Singular)
    }
}
