//! Measures the violation of the optimality conditions by given weights.
//!
//! Needs: the Gram matrix and the weights. Remembers: nothing.
//!
//! Each function returns the largest violation, relative to the lengths involved: zero for an exact answer, about
//! 1e-15 for an answer in double precision, 1e-3 for an answer that is off by a thousandth. No function depends on
//! how the weights were found.

use super::{GramMatrix, Spectrum, dot, vanishes};

/// Returns the violation of the conditions of the shortest convex combination (MGDA).
///
/// ```text
/// w >= 0, sum w = 1, g_i . d >= |d|^2 for all i
/// ```
pub fn shortest(gram: &GramMatrix, weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    let lowest = weights.iter().copied().fold(0.0, f64::min);
    let image = gram.times(weights);
    let square = gram.quadratic(weights);
    // The direction of a vanishing combination is rounding, so the gap is compared with its parts.
    let size = if vanishes(gram, weights) {
        parts(gram, weights)
    } else {
        square.sqrt()
    };
    let gaps = (0..gram.len()).map(|i| ratio(square - image[i], gram.norm(i) * size));
    gaps.fold((sum - 1.0).abs().max(-lowest), f64::max)
}

/// Returns the violation of the conditions of the projection of the combination `start` on the directions that no row
/// opposes (UPGrad, DualProj).
///
/// ```text
/// z = w - start >= 0, G w >= 0, z_i (G w)_i = 0 for all i
/// ```
pub fn unopposed(gram: &GramMatrix, start: &[f64], weights: &[f64]) -> f64 {
    let length = gram.quadratic(start).sqrt();
    let image = gram.times(weights);
    let gaps = (0..gram.len()).map(|i| {
        let norm = gram.norm(i);
        let (added, gain) = (
            ratio((weights[i] - start[i]) * norm, length),
            ratio(image[i], norm * length),
        );
        (-added).max(-gain).max((added * gain).abs())
    });
    gaps.fold(0.0, f64::max)
}

/// Returns the largest conflict of the combination with a row: the negated cosine, or 0 (MGDA, UPGrad, DualProj,
/// Nash-MTL).
pub fn conflict(gram: &GramMatrix, weights: &[f64]) -> f64 {
    let length = gram.quadratic(weights).sqrt();
    let image = gram.times(weights);
    (0..gram.len())
        .map(|i| ratio(-image[i], gram.norm(i) * length))
        .fold(0.0, f64::max)
}

/// Returns the violation of the conditions of the best point of the ball around the mean gradient (CAGrad).
///
/// ```text
/// z = w - 1/K >= 0, |J'z| = c |g0|, g_i . d >= m for all i, equal where z_i > 0
/// ```
pub fn ball(gram: &GramMatrix, c: f64, weights: &[f64]) -> f64 {
    let size = gram.len();
    let mean = vec![1.0 / size as f64; size];
    let length = gram.quadratic(&mean).sqrt();
    let added: Vec<f64> = weights.iter().map(|weight| weight - mean[0]).collect();
    let image = gram.times(weights);
    let sum: f64 = added.iter().sum();
    // The level that all active rows share, and the violation as an angle.
    let level = ratio(dot(&added, &image), sum);
    let radius = (gram.quadratic(&added).sqrt() / length - c).abs();
    let gaps = (0..size).map(|i| {
        let norm = gram.norm(i);
        let (share, slack) = (
            ratio(added[i] * norm, length),
            ratio(image[i] - level, norm * length),
        );
        (-share).max(-slack).max((share * slack).abs())
    });
    gaps.fold(radius, f64::max)
}

/// Returns the largest gap in the equations `G w = w^(-power)`, relative to the numbers in each sum (Nash-MTL with
/// power 1, FairGrad).
pub fn equations(gram: &GramMatrix, weights: &[f64], power: f64) -> f64 {
    let gap = |i: usize| {
        let parts = weights
            .iter()
            .enumerate()
            .map(|(j, weight)| gram.at(i, j) * weight);
        let (sum, size) = parts.fold((0.0, 0.0), |(sum, size): (f64, f64), part| {
            (sum + part, size + part.abs())
        });
        let wanted = weights[i].powf(-power);
        (sum - wanted).abs() / (size + wanted)
    };
    (0..gram.len()).map(gap).fold(0.0, f64::max)
}

/// Returns the largest gap between the projections of the combination on the unit gradients, relative to the summed
/// lengths of its parts (IMTL-G, ConFIG).
pub fn equal_projections(gram: &GramMatrix, weights: &[f64]) -> f64 {
    let image = gram.times(weights);
    let projections: Vec<f64> = (0..gram.len())
        .map(|i| ratio(image[i], gram.norm(i)))
        .collect();
    let (low, high) = projections
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    ratio(high - low, parts(gram, weights))
}

/// Returns the largest gap between the matrix and its reconstruction from the spectrum, relative to the lengths of
/// the rows (Aligned-MTL).
pub fn reconstruction(gram: &GramMatrix, spectrum: &Spectrum) -> f64 {
    let mut gap: f64 = 0.0;
    for i in 0..gram.len() {
        for j in 0..gram.len() {
            let sum: f64 = spectrum
                .values
                .iter()
                .zip(&spectrum.vectors)
                .map(|(value, vector)| value * vector[i] * vector[j])
                .sum();
            gap = gap.max(ratio(
                (gram.at(i, j) - sum).abs(),
                gram.norm(i) * gram.norm(j),
            ));
        }
    }
    gap
}

/// Returns the summed lengths of the weighted rows.
fn parts(gram: &GramMatrix, weights: &[f64]) -> f64 {
    weights
        .iter()
        .enumerate()
        .map(|(i, weight)| weight.abs() * gram.norm(i))
        .sum()
}

/// Returns `value / size`, or `value` if the size is zero.
fn ratio(value: f64, size: f64) -> f64 {
    if size > 0.0 { value / size } else { value }
}
