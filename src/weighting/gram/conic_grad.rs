//! Turns the mean gradient, within a cone, towards the task that gains least (ConicGrad).
//!
//! Needs: the Gram matrix. Remembers: nothing. Scale: the combined gradient is as long as the mean gradient `g0`.
//!
//! ```text
//! maximise min_i g_i . d   subject to cos(d, g0) >= c,  then |d| = |g0|
//! ```
//!
//! The shortest convex combination is the best direction without the cone. If it lies outside, the best direction
//! lies
//! on the cone: `d = c g0/|g0| + p` with `p` orthogonal to `g0` and `|p|^2 = 1 - c^2`, a problem on a ball like
//! CAGrad's.
//!
//! N. Hassanpour et al., *Fantastic Multi-Task Gradient Updates and How to Find Them In a Cone*, arXiv 2502.00217,
//! 2025.

use super::super::solve::{Answer, Degenerate, GramMatrix, Scaled, dot, farthest, vanishes};
use super::mgda;

/// Returns the weights for the least cosine `c` between the combined and the mean gradient.
///
/// # Errors
///
/// [`Degenerate::Stationary`] if the mean gradient or another convex combination is zero; [`Degenerate::NoSolution`]
/// if the matrix is not finite.
///
/// # Panics
///
/// If `c` is not in `[0, 1]`.
pub fn weights(gram: &GramMatrix, c: f64) -> Result<Answer, Degenerate> {
    assert!((0.0..=1.0).contains(&c), "a cosine from 0 to 1");
    let free = mgda::min_norm(gram)?;
    let mean = vec![1.0 / gram.len() as f64; gram.len()];
    if free.flag.is_some() || vanishes(gram, &mean) {
        return Err(Degenerate::Stationary);
    }
    let length = gram.quadratic(&mean).sqrt();
    let size = gram.quadratic(&free.weights).sqrt();
    // The projections on the unit mean gradient.
    let along: Vec<f64> = gram
        .times(&mean)
        .iter()
        .map(|value| value / length)
        .collect();
    let weights = if dot(&along, &free.weights) >= c * size {
        free.weights
            .iter()
            .map(|weight| weight * (length / size))
            .collect()
    } else if c == 1.0 {
        mean
    } else {
        on_cone(gram, &along, length, c)?
    };
    Ok(Answer::of(gram, weights))
}

/// Returns the weights of the best direction on the cone itself.
fn on_cone(gram: &GramMatrix, along: &[f64], length: f64, c: f64) -> Result<Vec<f64>, Degenerate> {
    let scaled = Scaled::new(gram)?;
    let along: Vec<f64> = along
        .iter()
        .zip(&scaled.factors)
        .map(|(value, factor)| value * factor)
        .collect();
    // The remainder of a row along the mean gradient is rounding and must not count as a direction.
    let across = scaled.matrix.plus_outer(-1.0, &along);
    let precision = 100.0 * across.precision();
    let across = across.with_precision(precision);
    let at_centre: Vec<f64> = along.iter().map(|value| c * value).collect();
    let y = farthest(&across, &at_centre, &scaled.shares(), (1.0 - c * c).sqrt())?;
    // The part of the combination along the mean gradient is subtracted again.
    let share = (c - dot(&y, &along)) / gram.len() as f64;
    Ok(scaled
        .back(&y)
        .into_iter()
        .map(|added| share + length * added)
        .collect())
}
