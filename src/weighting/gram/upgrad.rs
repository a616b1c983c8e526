//! Turns each task's gradient as little as needed to conflict with no task, and takes the mean (UPGrad).
//!
//! Needs: the Gram matrix. Remembers: nothing. Scale: the scale of the mean.
//!
//! ```text
//! w = (1/K) sum_i v_i      v_i = argmin v'Gv   subject to v >= e_i
//! ```
//!
//! Exact: nothing is added to the diagonal. P. Quinton and V. Rey, Jacobian descent for multi-objective optimization,
//! 2024, equations 3 and 4.

use super::super::solve::{Answer, Degenerate, GramMatrix, NonNegative, Scaled};

/// Returns the weights of the mean of the projected gradients.
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite.
pub fn weights(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    let share = 1.0 / gram.len() as f64;
    let mut weights = vec![0.0; gram.len()];
    for row in projections(gram)? {
        for (weight, part) in weights.iter_mut().zip(row) {
            *weight += share * part;
        }
    }
    Ok(Answer::of(gram, weights))
}

/// Returns each task's projected gradient as weights of the raw gradients.
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite.
pub fn projections(gram: &GramMatrix) -> Result<Vec<Vec<f64>>, Degenerate> {
    let scaled = Scaled::new(gram)?;
    // One solver serves all tasks, because consecutive problems have nearly equal active rows.
    let mut solver = NonNegative::new(&scaled.matrix);
    Ok((0..gram.len())
        .map(|i| projection(&scaled, &mut solver, i))
        .collect())
}

fn projection(scaled: &Scaled, solver: &mut NonNegative<'_>, i: usize) -> Vec<f64> {
    solver.minimise_bounded(scaled.matrix.row(i));
    // The problem was solved for scaled row i; the given row is longer by 1 / factor.
    let length = 1.0 / scaled.factors[i];
    let mut weights: Vec<f64> = scaled
        .back(solver.solution())
        .into_iter()
        .map(|added| length * added)
        .collect();
    weights[i] += 1.0;
    weights
}
