//! Turns each task's gradient towards the others until their cosine reaches its usual value (GradVac).
//!
//! Needs: the Gram matrix; for each task an order of the others. Remembers: the usual cosine `phi` of each pair,
//! which
//! the caller keeps. Scale: the scale of the sum.
//!
//! ```text
//! for j in the order of i:  c = cos(g_i', g_j)
//!     if c < phi_ij:  g_i' += |g_i'| (phi sqrt(1 - c^2) - c sqrt(1 - phi^2)) / (|g_j| sqrt(1 - phi^2) + e) g_j
//!     phi_ij = (1 - beta) phi_ij + beta c
//! d = sum_i g_i'
//! ```
//!
//! `e` is 1e-8, also under the cosine, as in common implementations; it affects gradients shorter than about 1e-4. Z.
//! Wang et al., Gradient vaccine, ICLR 2021, equation 3. The publication's beta is 0.01, and phi starts at 0.

use super::super::solve::{Answer, Degenerate, GramMatrix, add_scaled, dot};

/// The addend that keeps denominators above zero.
const TINY: f64 = 1e-8;

/// Returns the weights of the sum of the turned gradients, and moves the usual cosines `targets` (K x K, row by row).
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite; `targets` are then unchanged.
///
/// # Panics
///
/// If there is not one order per row, there are not K x K targets, or an order contains a row that does not exist.
pub fn weights(
    gram: &GramMatrix,
    targets: &mut [f64],
    beta: f64,
    orders: &[Vec<usize>],
) -> Result<Answer, Degenerate> {
    let tasks = gram.len();
    assert_eq!(orders.len(), tasks, "one order a row");
    assert_eq!(targets.len(), tasks * tasks, "one target a pair");
    if !gram.is_finite() {
        return Err(Degenerate::NoSolution);
    }
    let mut weights = vec![0.0; tasks];
    for (task, order) in orders.iter().enumerate() {
        let targets = &mut targets[task * tasks..(task + 1) * tasks];
        add_scaled(&mut weights, 1.0, &turned(gram, task, targets, beta, order));
    }
    Ok(Answer::of(gram, weights))
}

/// Returns the gradient of `task`, turned towards the others, as weights of the raw gradients.
fn turned(
    gram: &GramMatrix,
    task: usize,
    targets: &mut [f64],
    beta: f64,
    order: &[usize],
) -> Vec<f64> {
    let mut parts = vec![0.0; gram.len()];
    parts[task] = 1.0;
    // The squared length of the turned gradient, kept up to date instead of recomputed for every pair.
    let mut square = gram.at(task, task);
    for &other in order.iter().filter(|&&other| other != task) {
        let product = dot(gram.row(other), &parts);
        let (own, others) = (square.max(0.0).sqrt(), gram.norm(other));
        let cosine = product / (own * others + TINY);
        let target = targets[other];
        if cosine < target {
            let added = own * missing(cosine, target) / (others * sine(target) + TINY);
            parts[other] += added;
            square += added * (2.0 * product + added * gram.at(other, other));
        }
        targets[other] = (1.0 - beta) * target + beta * cosine;
    }
    parts
}

fn missing(cosine: f64, target: f64) -> f64 {
    target * sine(cosine) - cosine * sine(target)
}

fn sine(cosine: f64) -> f64 {
    (1.0 - cosine * cosine).max(0.0).sqrt()
}
