//! Distributes the gain of a step among the tasks with a chosen fairness `alpha` (FairGrad).
//!
//! Needs: the Gram matrix. Remembers: nothing. Scale: free.
//!
//! ```text
//! G w = w^(-1/alpha), w > 0
//! ```
//!
//! `alpha` 1 is Nash-MTL; with a larger `alpha` the task that gains least counts more. H. Ban and K. Ji, Fair
//! resource allocation in multi-task learning, ICML 2024, equation 4.

use super::super::solve::{Answer, Degenerate, GramMatrix, balanced};

/// Returns the weights for the fairness `alpha`.
///
/// # Errors
///
/// [`Degenerate::Stationary`] if a convex combination of the gradients is zero, [`Degenerate::NoSolution`] if a
/// gradient is zero or the matrix is not finite.
///
/// # Panics
///
/// If `alpha` is not positive.
pub fn weights(gram: &GramMatrix, alpha: f64) -> Result<Answer, Degenerate> {
    assert!(alpha > 0.0, "alpha must be positive");
    balanced(gram, 1.0 / alpha).map(|weights| Answer::of(gram, weights))
}
