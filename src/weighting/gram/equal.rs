//! Gives each task the same weight.
//!
//! Needs: the Gram matrix, to detect a stationary point. Remembers: nothing.
//!
//! ```text
//! w_k = 1 (sum)   or   w_k = 1 / K (mean)
//! ```

use super::super::solve::{Answer, Degenerate, GramMatrix};

/// Returns the weights of the sum of the gradients.
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite.
pub fn sum(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    all(gram, 1.0)
}

/// Returns the weights of the mean of the gradients.
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite.
pub fn mean(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    all(gram, 1.0 / gram.len() as f64)
}

fn all(gram: &GramMatrix, weight: f64) -> Result<Answer, Degenerate> {
    if gram.is_finite() {
        Ok(Answer::of(gram, vec![weight; gram.len()]))
    } else {
        Err(Degenerate::NoSolution)
    }
}
