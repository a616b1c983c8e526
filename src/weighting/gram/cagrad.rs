//! Moves the mean gradient, within a ball, towards the task that gains least (CAGrad).
//!
//! Needs: the Gram matrix. Remembers: nothing. Scale: `1/K + t w`, not rescaled.
//!
//! ```text
//! d = g0 + c |g0| g_w / |g_w|      g0 = mean gradient
//! w = argmin over the simplex of  g_w . g0 + c |g0| |g_w|
//! ```
//!
//! B. Liu et al., Conflict-averse gradient descent for multi-task learning, NeurIPS 2021, algorithm 1. Some
//! implementations divide by `1 + c^2` or multiply by K; this function does neither.

use super::super::solve::{Answer, Degenerate, GramMatrix, Scaled, farthest, vanishes};

/// Returns the weights for the radius `c` of the ball, relative to the length of the mean gradient.
///
/// # Errors
///
/// [`Degenerate::Stationary`] if the mean gradient is zero or a convex combination is zero at the optimum;
/// [`Degenerate::NoSolution`] if the matrix is not finite.
///
/// # Panics
///
/// If `c` is negative or not finite.
pub fn weights(gram: &GramMatrix, c: f64) -> Result<Answer, Degenerate> {
    assert!(c >= 0.0 && c.is_finite(), "the radius must not be negative");
    let scaled = Scaled::new(gram)?;
    let share = 1.0 / gram.len() as f64;
    let mean = vec![share; gram.len()];
    if vanishes(gram, &mean) {
        return Err(Degenerate::Stationary);
    }
    if c == 0.0 {
        return Ok(Answer::of(gram, mean));
    }
    let length = gram.quadratic(&mean).sqrt();
    // In units of the mean gradient's length all projections are near one.
    let projections: Vec<f64> = gram
        .times(&mean)
        .iter()
        .zip(&scaled.factors)
        .map(|(value, factor)| value / length * factor)
        .collect();
    let y = farthest(&scaled.matrix, &projections, &scaled.shares(), c)?;
    let weights = scaled
        .back(&y)
        .into_iter()
        .map(|added| share + length * added)
        .collect();
    Ok(Answer::of(gram, weights))
}
