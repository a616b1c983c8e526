//! Solves the bargaining game between the tasks: the weight of each task times its gain is 1 (Nash-MTL).
//!
//! Needs: the Gram matrix. Remembers: nothing. Scale: free, `w'Gw = K`.
//!
//! ```text
//! G w = 1 / w, w > 0
//! ```
//!
//! A. Navon et al., Multi-task learning as a bargaining game, ICML 2022, equation 5; solved to rounding, whereas the
//! publication's program iterates a linearisation. The rows may be dependent or equal; the answer is still unique.

use super::super::solve::{Answer, Degenerate, GramMatrix, balanced};

/// Returns the weights of the bargaining solution.
///
/// # Errors
///
/// [`Degenerate::Stationary`] if a convex combination of the gradients is zero, [`Degenerate::NoSolution`] if a
/// gradient is zero or the matrix is not finite.
pub fn weights(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    balanced(gram, 1.0).map(|weights| Answer::of(gram, weights))
}
