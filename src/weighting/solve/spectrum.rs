//! Computes the eigenvalues and eigenvectors of a Gram matrix.
//!
//! Needs: the matrix. Remembers: nothing.
//!
//! ```text
//! G = L L' (rows in the order of their pivots),  L V = U S,  G = U S^2 U'
//! ```
//!
//! Jacobi's rotations make the columns of the factor orthogonal (Veselic and Hari, Numer. Math. 56, 1989). In
//! contrast to methods that first make the matrix tridiagonal, eigenvalues that are small because rows are short keep
//! their digits.

use super::{GramMatrix, dot};

/// The rounding error of a pivot, in units of the precision and of the squared length of its row.
const ROUNDING: f64 = 64.0;
/// The cosine up to which columns count as orthogonal.
const ORTHOGONAL: f64 = 1e-15;
/// The maximum number of rounds of rotations; six are usual.
const MOST_ROUNDS: usize = 60;

/// The nonzero eigenvalues of a Gram matrix, largest first, with their eigenvectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// The eigenvalues, positive, largest first.
    pub values: Vec<f64>,
    /// The eigenvectors, of length one, in the same order.
    pub vectors: Vec<Vec<f64>>,
}

impl Spectrum {
    /// Computes the spectrum of a finite matrix.
    pub fn new(gram: &GramMatrix) -> Self {
        let mut columns = pivoted_factor(gram);
        orthogonalise(&mut columns);
        let mut pairs: Vec<(f64, Vec<f64>)> = columns
            .into_iter()
            .map(|column| (dot(&column, &column), column))
            .filter(|(square, _)| *square > 0.0)
            .collect();
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut spectrum = Self {
            values: Vec::with_capacity(pairs.len()),
            vectors: Vec::with_capacity(pairs.len()),
        };
        for (square, mut column) in pairs {
            let length = square.sqrt();
            column.iter_mut().for_each(|value| *value /= length);
            spectrum.values.push(square);
            spectrum.vectors.push(column);
        }
        spectrum
    }

    /// Keeps the eigenvalues above `tolerance` times the largest.
    pub fn above(mut self, tolerance: f64) -> Self {
        let least = self
            .values
            .first()
            .map_or(0.0, |largest| tolerance * largest);
        let kept = self
            .values
            .iter()
            .take_while(|value| **value > least)
            .count();
        self.values.truncate(kept);
        self.vectors.truncate(kept);
        self
    }

    /// Returns `sum_k f(l_k) v_k (v_k . x)`: the function `f` of the matrix times `x`.
    pub fn apply(&self, f: impl Fn(f64) -> f64, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; x.len()];
        for (&value, vector) in self.values.iter().zip(&self.vectors) {
            super::add_scaled(&mut out, f(value) * dot(vector, x), vector);
        }
        out
    }
}

/// Returns the columns of a factor of the matrix, the largest pivot first. The number of columns is the rank.
fn pivoted_factor(gram: &GramMatrix) -> Vec<Vec<f64>> {
    let size = gram.len();
    let diagonal: Vec<f64> = (0..size).map(|i| gram.at(i, i)).collect();
    let mut rest = diagonal.clone();
    let mut done = vec![false; size];
    let mut columns: Vec<Vec<f64>> = Vec::new();
    let rounding = ROUNDING * gram.precision();
    while let Some(pivot) = (0..size)
        .filter(|&i| !done[i] && rest[i] > rounding * diagonal[i])
        .max_by(|&i, &j| rest[i].total_cmp(&rest[j]))
    {
        done[pivot] = true;
        let mut column = gram.row(pivot).to_vec();
        for earlier in &columns {
            super::add_scaled(&mut column, -earlier[pivot], earlier);
        }
        let root = column[pivot].max(0.0).sqrt();
        if root == 0.0 {
            continue;
        }
        for i in 0..size {
            column[i] = if done[i] && i != pivot {
                0.0
            } else {
                column[i] / root
            };
            rest[i] -= column[i] * column[i];
        }
        columns.push(column);
    }
    columns
}

/// Rotates pairs of columns until all are orthogonal.
fn orthogonalise(columns: &mut [Vec<f64>]) {
    for _ in 0..MOST_ROUNDS {
        let mut rotated = false;
        // Recomputed in every round; within a round each rotation updates the squares.
        let mut squares: Vec<f64> = columns.iter().map(|column| dot(column, column)).collect();
        for j in 1..columns.len() {
            let (head, tail) = columns.split_at_mut(j);
            for (i, a) in head.iter_mut().enumerate() {
                rotated |= rotate(a, &mut tail[0], &mut squares, i, j);
            }
        }
        if !rotated {
            break;
        }
    }
}

/// Makes columns `i` and `j` orthogonal. Returns `false` if they were orthogonal before.
fn rotate(a: &mut [f64], b: &mut [f64], squares: &mut [f64], i: usize, j: usize) -> bool {
    let product = dot(a, b);
    if product.abs() <= ORTHOGONAL * (squares[i] * squares[j]).sqrt() {
        return false;
    }
    let ratio = (squares[j] - squares[i]) / (2.0 * product);
    let tangent = ratio.signum() / (ratio.abs() + ratio.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = cosine * tangent;
    for (x, y) in a.iter_mut().zip(b.iter_mut()) {
        let (first, second) = (*x, *y);
        *x = cosine * first - sine * second;
        *y = sine * first + cosine * second;
    }
    squares[i] = (squares[i] - tangent * product).max(0.0);
    squares[j] += tangent * product;
    true
}
