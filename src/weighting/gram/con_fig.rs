//! Follows the direction that makes the same angle with each task's gradient (ConFIG).
//!
//! Needs: the Gram matrix. Remembers: nothing. Scale: the length is the summed projections of the gradients on the
//! direction.
//!
//! ```text
//! u ~ sum x_k g_k / |g_k|,  x = pinv(unit Gram matrix) 1,  |u| = 1;   d = (sum_i g_i . u) u
//! ```
//!
//! Q. Liu et al., ConFIG: towards conflict-free training of physics informed neural networks, 2024, equation 2. A zero
//! row gets the weight zero.

use super::super::solve::{Answer, Degenerate, GramMatrix, Spectrum, vanishes};

/// Eigenvalues of the unit Gram matrix below this part of the largest count as zero.
const RANK: f64 = 1e-12;
/// The gap between the cosines of the angles above which the angles do not count as equal.
const EQUAL: f64 = 1e-6;

/// Returns the weights of the direction with equal angles.
///
/// If dependent gradients have no such direction, the pseudoinverse gives the nearest direction, flagged
/// [`Degenerate::Singular`]. If the direction vanishes, as for two opposite gradients, the weights are zero, flagged
/// [`Degenerate::Stationary`].
///
/// # Errors
///
/// [`Degenerate::NoSolution`] if the matrix is not finite.
pub fn weights(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    if !gram.is_finite() {
        return Err(Degenerate::NoSolution);
    }
    let present: Vec<usize> = (0..gram.len()).filter(|&i| gram.norm(i) > 0.0).collect();
    let mut answer = of_nonzero(&gram.rows(&present));
    let mut weights = vec![0.0; gram.len()];
    for (&row, weight) in present.iter().zip(&answer.weights) {
        weights[row] = *weight;
    }
    answer.weights = weights;
    Ok(answer)
}

fn of_nonzero(gram: &GramMatrix) -> Answer {
    let inverse: Vec<f64> = gram.norms().iter().map(|norm| 1.0 / norm).collect();
    let unit = gram.scaled(&inverse);
    let ones = vec![1.0; gram.len()];
    let x = Spectrum::new(&unit)
        .above(RANK)
        .apply(|value| 1.0 / value, &ones);
    let cosines = unit.times(&x);
    let size = unit.quadratic(&x).sqrt();
    if vanishes(&unit, &x) || size < RANK {
        return Answer {
            weights: vec![0.0; gram.len()],
            flag: Some(Degenerate::Stationary),
        };
    }
    let length: f64 = cosines
        .iter()
        .zip(gram.norms())
        .map(|(cosine, norm)| cosine / size * norm)
        .sum();
    let weights: Vec<f64> = x
        .iter()
        .zip(&inverse)
        .map(|(value, inverse)| length * (value * inverse / size))
        .collect();
    let equal = cosines.iter().all(|cosine| (cosine - 1.0).abs() <= EQUAL);
    Answer {
        weights,
        flag: (!equal).then_some(Degenerate::Singular),
    }
}
