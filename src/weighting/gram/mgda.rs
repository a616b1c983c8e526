//! Weighs the tasks so that the combined gradient is the shortest possible (MGDA).
//!
//! Needs: the Gram matrix; for the normalised forms one scale per task. Remembers: nothing. Sum of the weights: 1.
//!
//! ```text
//! minimise w'G~w   subject to w >= 0, sum w = 1      G~_ij = G_ij / (c_i c_j)
//! ```
//!
//! `c` is 1, the norm of each gradient, or each task's loss. J.-A. Desideri, Multiple-gradient descent algorithm, C.
//! R. Acad. Sci. 350, 2012; O. Sener and V. Koltun, Multi-task learning as multi-objective optimization, NeurIPS 2018.

use super::super::solve::{Answer, Degenerate, GramMatrix, Scaled, least_norm, vanishes};

/// Returns the weights of the shortest convex combination of the gradients.
///
/// Flagged [`Degenerate::Stationary`] where that combination is zero.
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite.
pub fn min_norm(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    let scaled = Scaled::new(gram)?;
    let shares = scaled.shares();
    let y = scaled.back(&least_norm(&scaled.matrix, &shares));
    let sum: f64 = y.iter().sum();
    Ok(Answer::of(
        gram,
        y.into_iter().map(|value| value / sum).collect(),
    ))
}

/// Returns the weights of the shortest convex combination of the gradients divided by `scales`.
///
/// The weights nevertheless apply to the raw gradients, as in the publication's program.
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if a scale is not positive and finite, or the matrix is not finite.
///
/// # Panics
///
/// If `scales` does not have one value per row.
pub fn normalised(gram: &GramMatrix, scales: &[f64]) -> Result<Answer, Degenerate> {
    if scales
        .iter()
        .any(|scale| !scale.is_finite() || *scale <= 0.0)
    {
        return Err(Degenerate::NoSolution);
    }
    let divisors: Vec<f64> = scales.iter().map(|scale| 1.0 / scale).collect();
    let divided = gram.scaled(&divisors);
    let answer = min_norm(&divided)?;
    // At a stationary point of the divided gradients the raw gradients are stationary too, with other weights.
    let flag = (answer.flag.is_some() || vanishes(gram, &answer.weights))
        .then_some(Degenerate::Stationary);
    Ok(Answer { flag, ..answer })
}
