//! Bargains between the tasks: each gains the same in relation to what its weight costs (Nash-MTL).
//!
//! Needs: the Gram matrix. Remembers: nothing. Scale: free, `w'Gw = K`.
//!
//! ```text
//! G w = 1 / w, w > 0
//! ```
//!
//! A. Navon et al., Multi-task learning as a bargaining game, ICML 2022, equation 5; solved to rounding, where the publication's
//! program iterates a linearisation. The rows may be dependent, and equal: the answer is unique all the same.

use super::super::solve::{Answer, Degenerate, GramMatrix, balanced};

/// Returns the weights of the bargain.
///
/// # Errors
///
/// [`Degenerate::Stationary`] if a convex combination of the gradients is zero, [`Degenerate::NoSolution`] if a gradient is
/// zero or the matrix is not finite.
pub fn weights(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    balanced(gram, 1.0).map(|weights| Answer::of(gram, weights))
}
