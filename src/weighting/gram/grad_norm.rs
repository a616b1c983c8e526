//! Moves the weights until the length of each weighted gradient matches the task's training rate (GradNorm).
//!
//! Needs: the norms of the raw gradients, the losses. Remembers: the weights and the first losses, which the caller
//! keeps. Sum of the weights: K.
//!
//! ```text
//! r_k = (L_k / L_k(first)) / mean,   target_k = mean(w n) r_k^alpha (a constant)
//! w_k -= rate n_k sign(w_k n_k - target_k),  at least 1e-3,  then w *= K / sum w
//! ```
//!
//! Z. Chen et al., GradNorm, ICML 2018. A step uses the weights from before its update.

/// The least weight before the weights are normalised to the sum K.
pub const FLOOR: f64 = 1e-3;

/// Returns the target length of each weighted gradient. The losses must be positive.
///
/// # Panics
///
/// If the slices differ in length.
pub fn targets(
    weights: &[f64],
    norms: &[f64],
    losses: &[f64],
    first_losses: &[f64],
    alpha: f64,
) -> Vec<f64> {
    let tasks = weights.len();
    assert!(
        [norms.len(), losses.len(), first_losses.len()] == [tasks; 3],
        "one value a task"
    );
    let mean_length = weights
        .iter()
        .zip(norms)
        .map(|(weight, norm)| weight * norm)
        .sum::<f64>()
        / tasks as f64;
    let ratios: Vec<f64> = losses
        .iter()
        .zip(first_losses)
        .map(|(now, first)| now / first)
        .collect();
    let mean_ratio = ratios.iter().sum::<f64>() / tasks as f64;
    ratios
        .iter()
        .map(|ratio| mean_length * (ratio / mean_ratio).powf(alpha))
        .collect()
}

/// Returns the derivative of `sum_k |w_k n_k - target_k|` by each weight.
///
/// # Panics
///
/// If the slices differ in length.
pub fn slopes(weights: &[f64], norms: &[f64], targets: &[f64]) -> Vec<f64> {
    assert!(
        [norms.len(), targets.len()] == [weights.len(); 2],
        "one value a task"
    );
    let slope = |((weight, norm), target): ((&f64, &f64), &f64)| {
        let gap = weight * norm - target;
        if gap == 0.0 { 0.0 } else { norm * gap.signum() }
    };
    weights.iter().zip(norms).zip(targets).map(slope).collect()
}

/// Moves `weights` by one step of gradient descent with `rate`.
///
/// # Panics
///
/// If the slices differ in length.
pub fn update(
    weights: &mut [f64],
    norms: &[f64],
    losses: &[f64],
    first_losses: &[f64],
    alpha: f64,
    rate: f64,
) {
    let targets = targets(weights, norms, losses, first_losses, alpha);
    let slopes = slopes(weights, norms, &targets);
    for (weight, slope) in weights.iter_mut().zip(slopes) {
        *weight = (*weight - rate * slope).max(FLOOR);
    }
    let scale = weights.len() as f64 / weights.iter().sum::<f64>();
    weights.iter_mut().for_each(|weight| *weight *= scale);
}
