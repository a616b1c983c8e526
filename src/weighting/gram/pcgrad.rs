//! Removes the conflicts of each task's gradient with the others, one after another, and sums the results (PCGrad).
//!
//! Needs: the Gram matrix; for each task an order of the others. Remembers: nothing. Scale: the scale of the sum.
//!
//! ```text
//! g_i' = g_i;  for j in the order of i:  if g_i' . g_j < 0:  g_i' -= (g_i' . g_j / |g_j|^2) g_j
//! d = sum_i g_i'
//! ```
//!
//! T. Yu et al., Gradient surgery for multi-task learning, NeurIPS 2020, algorithm 1, where each task draws its own
//! order.

use super::super::solve::{Answer, Degenerate, GramMatrix, add_scaled, dot};

/// Returns the weights of the sum of the projected gradients; `orders[i]` lists the tasks other than `i`.
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite.
///
/// # Panics
///
/// If there is not one order per row, or an order contains a row that does not exist.
pub fn weights(gram: &GramMatrix, orders: &[Vec<usize>]) -> Result<Answer, Degenerate> {
    assert_eq!(orders.len(), gram.len(), "one order a row");
    if !gram.is_finite() {
        return Err(Degenerate::NoSolution);
    }
    let mut weights = vec![0.0; gram.len()];
    for (task, order) in orders.iter().enumerate() {
        add_scaled(&mut weights, 1.0, &projected(gram, task, order));
    }
    Ok(Answer::of(gram, weights))
}

/// Returns the gradient of `task` after its projections in `order`, as weights of the raw gradients.
///
/// # Panics
///
/// If `task` or a row in `order` does not exist.
pub fn projected(gram: &GramMatrix, task: usize, order: &[usize]) -> Vec<f64> {
    let mut parts = vec![0.0; gram.len()];
    parts[task] = 1.0;
    for &other in order {
        let product = dot(gram.row(other), &parts);
        let square = gram.at(other, other);
        // A projection on the task's own gradient would remove it, and a zero gradient has no direction.
        if other != task && product < 0.0 && square > 0.0 {
            parts[other] -= product / square;
        }
    }
    parts
}

/// Returns ascending orders: every task meets the others from the first to the last.
pub fn ascending(tasks: usize) -> Vec<Vec<usize>> {
    (0..tasks)
        .map(|task| (0..tasks).filter(|&other| other != task).collect())
        .collect()
}
