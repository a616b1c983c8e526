//! Turns the mean gradient as little as needed to conflict with no task (DualProj).
//!
//! Needs: the Gram matrix. Remembers: nothing. Scale: the scale of the mean.
//!
//! ```text
//! minimise v'Gv   subject to v >= 1/K        (G v >= 0 follows)
//! ```
//!
//! D. Lopez-Paz and M. Ranzato, Gradient episodic memory for continual learning, NIPS 2017, equation 11,
//! without margin.

use super::super::solve::{Answer, Degenerate, GramMatrix, NonNegative, Scaled};

/// Returns the weights of the projection of the mean gradient on the directions that no task opposes.
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite.
pub fn weights(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    let scaled = Scaled::new(gram)?;
    let share = 1.0 / gram.len() as f64;
    // The mean as a combination of the scaled rows, normalised so that its largest part is one.
    let mean: Vec<f64> = scaled.factors.iter().map(|factor| share / factor).collect();
    let largest = mean.iter().copied().fold(0.0, f64::max);
    let mean: Vec<f64> = mean.iter().map(|value| value / largest).collect();
    let mut solver = NonNegative::new(&scaled.matrix);
    solver.minimise_bounded(&scaled.matrix.times(&mean));
    let weights = scaled
        .back(solver.solution())
        .into_iter()
        .map(|added| share + largest * added)
        .collect();
    Ok(Answer::of(gram, weights))
}
