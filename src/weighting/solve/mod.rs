//! Solves the small dense problems behind the strategies that read the Gram matrix.
//!
//! Needs: K x K numbers on the host, in `f64`. Remembers: nothing.
//!
//! | solver | problem | used by |
//! |---|---|---|
//! | [`NonNegative`] | a convex quadratic over `x >= 0` | the next two solvers, UPGrad, DualProj |
//! | [`least_norm`] | the shortest convex combination of rows | MGDA, ConicGrad |
//! | [`farthest`] | the largest smallest projection on a ball | CAGrad, ConicGrad |
//! | [`balanced`] | `G w = w^(-p)` | Nash-MTL, FairGrad |
//! | [`linear`], [`Spectrum`] | linear systems, eigenvalues | IMTL-G, Aligned-MTL, ConFIG |
//!
//! Rows usually have very different lengths. Each matrix is therefore scaled by powers of two until its diagonal is
//! near one ([`Scaled`]), which loses no digit, and the answer is scaled back.

mod balance;
mod ball;
mod cholesky;
mod hull;
pub mod kkt;
mod matrix;
mod nonnegative;
mod scaled;
mod spectrum;

pub use balance::balanced;
pub use ball::farthest;
pub use cholesky::{Factor, linear};
pub use hull::least_norm;
pub use matrix::GramMatrix;
pub use nonnegative::{NonNegative, Unbounded};
pub use scaled::Scaled;
pub use spectrum::Spectrum;

/// Returns the squared length of a combination, relative to the squared lengths of its parts, up to which it counts
/// as zero.
///
/// 1e-12 for a matrix in double precision, ten times the rounding of 64 rows; 2e-7 in single precision.
pub fn vanishing(gram: &GramMatrix) -> f64 {
    (2.0 * gram.precision()).max(1e-12)
}

/// The reason why a Gram matrix has no regular answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Degenerate {
    /// The combination vanishes: a convex combination of the gradients is zero, so no direction helps every task.
    Stationary,
    /// The equations of the strategy have no solution for this matrix.
    NoSolution,
    /// The gradients are linearly dependent, and the strategy's system does not determine the answer.
    Singular,
}

impl Degenerate {
    /// Returns the name that messages and reports use.
    pub fn words(self) -> &'static str {
        match self {
            Self::Stationary => "stationary",
            Self::NoSolution => "no solution",
            Self::Singular => "singular",
        }
    }
}

impl std::fmt::Display for Degenerate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words())
    }
}

/// Weights of the raw gradients, with a flag if they are not a regular answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The factor of each gradient, one per row of the matrix.
    pub weights: Vec<f64>,
    /// The reason why the weights are not a regular answer; `None` for a regular answer.
    pub flag: Option<Degenerate>,
}

impl Answer {
    /// Creates an answer from `weights`, flagged as stationary if their combination vanishes.
    pub fn of(gram: &GramMatrix, weights: Vec<f64>) -> Self {
        let flag = vanishes(gram, &weights).then_some(Degenerate::Stationary);
        Self { weights, flag }
    }
}

/// Returns whether the combination of the rows with these weights is zero relative to its parts ([`vanishing`]).
pub fn vanishes(gram: &GramMatrix, weights: &[f64]) -> bool {
    let parts: Vec<f64> = weights
        .iter()
        .enumerate()
        .map(|(i, weight)| weight.abs() * gram.norm(i))
        .collect();
    let largest = parts.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return true;
    }
    // Dividing first keeps squares of very long and very short rows in range.
    let relative: Vec<f64> = weights.iter().map(|weight| weight / largest).collect();
    let squares: f64 = parts.iter().map(|part| (part / largest).powi(2)).sum();
    gram.quadratic(&relative) <= vanishing(gram) * squares
}

/// Returns the inner product of two slices, summed in four lanes.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (mut lanes, mut rest) = ([0.0; 4], 0.0);
    let (a_lanes, b_lanes) = (a.chunks_exact(4), b.chunks_exact(4));
    for (x, y) in a_lanes.remainder().iter().zip(b_lanes.remainder()) {
        rest += x * y;
    }
    for (x, y) in a_lanes.zip(b_lanes) {
        for lane in 0..4 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// Adds `factor * from` to `into`.
pub(crate) fn add_scaled(into: &mut [f64], factor: f64, from: &[f64]) {
    for (value, other) in into.iter_mut().zip(from) {
        *value += factor * other;
    }
}
