//! Scales the rows of a Gram matrix to lengths near one, without rounding.
//!
//! Needs: the matrix. Remembers: the factors, to scale answers back.

use super::{Degenerate, GramMatrix};

/// `D G D` with powers of two in `D`, so that each diagonal value lies between 1/2 and 2.
///
/// A power of two changes no digit, so the scaled problem is exactly the given problem. A zero row keeps the factor
/// 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaled {
    /// The scaled matrix.
    pub matrix: GramMatrix,
    /// The diagonal of `D`: weights of the given rows are these factors times weights of the scaled rows.
    pub factors: Vec<f64>,
}

impl Scaled {
    /// Scales a matrix.
    ///
    /// # Errors
    ///
    /// [`Degenerate::NoSolution`] if the matrix is not finite.
    pub fn new(gram: &GramMatrix) -> Result<Self, Degenerate> {
        if !gram.is_finite() {
            return Err(Degenerate::NoSolution);
        }
        let factors: Vec<f64> = (0..gram.len())
            .map(|i| reciprocal_power_of_two(gram.norm(i)))
            .collect();
        let matrix = gram.scaled(&factors);
        Ok(Self { matrix, factors })
    }

    /// Returns the weights of the given rows for weights of the scaled rows.
    pub fn back(&self, weights: &[f64]) -> Vec<f64> {
        weights
            .iter()
            .zip(&self.factors)
            .map(|(weight, factor)| weight * factor)
            .collect()
    }

    /// Returns whether row `i` is zero.
    pub fn is_zero(&self, i: usize) -> bool {
        self.matrix.at(i, i) <= 0.0
    }

    /// Returns the factors divided by the largest factor: the shares of the scaled rows in a sum of weights.
    pub fn shares(&self) -> Vec<f64> {
        let largest = self
            .factors
            .iter()
            .copied()
            .fold(f64::MIN_POSITIVE, f64::max);
        self.factors.iter().map(|factor| factor / largest).collect()
    }
}

/// Returns the power of two nearest to `1 / norm`, or 1 for zero.
fn reciprocal_power_of_two(norm: f64) -> f64 {
    if norm > 0.0 {
        (-norm.log2().round()).exp2()
    } else {
        1.0
    }
}
