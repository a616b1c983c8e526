//! Factors symmetric positive matrices, one row at a time.
//!
//! Needs: the matrix and the selected rows. Remembers: the factor of the selected rows.
//!
//! ```text
//! A_PP = L L',   a row appended or removed in O(n^2)
//! ```

use super::{Degenerate, GramMatrix, dot};

/// Returns the pivot up to which a row counts as dependent on earlier rows, for a matrix whose diagonal is near one.
fn dependent(matrix: &GramMatrix) -> f64 {
    (64.0 * matrix.precision()).max(1e-13)
}

/// The Cholesky factor of the rows and columns `P` of a matrix, in the order in which they were appended.
///
/// The diagonal of the matrix should be near one, because the pivot up to which rows count as dependent is absolute.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Room for `stride` rows of `stride` values; row i of L is at `i * stride`.
    lower: Vec<f64>,
    stride: usize,
    rows: Vec<usize>,
}

impl Factor {
    /// Creates an empty factor with room for `size` rows.
    pub fn new(size: usize) -> Self {
        Self {
            lower: vec![0.0; size * size],
            stride: size,
            rows: Vec::with_capacity(size),
        }
    }

    /// Returns the rows of the matrix that are in the factor, in the order of the factor.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.lower[i * self.stride..i * self.stride + i + 1]
    }

    /// Appends row `row` of `matrix`. Returns `false`, with the factor unchanged, if the row depends on the present
    /// rows.
    pub fn append(&mut self, matrix: &GramMatrix, row: usize) -> bool {
        let n = self.rows.len();
        let (done, free) = self.lower.split_at_mut(n * self.stride);
        let new = &mut free[..self.stride];
        for (k, &other) in self.rows.iter().enumerate() {
            let earlier = &done[k * self.stride..k * self.stride + k + 1];
            new[k] = (matrix.at(row, other) - dot(&earlier[..k], &new[..k])) / earlier[k];
        }
        let pivot = matrix.at(row, row) - dot(&new[..n], &new[..n]);
        // This comparison also refuses NaN.
        let independent = pivot > dependent(matrix);
        if independent {
            new[n] = pivot.sqrt();
            self.rows.push(row);
        }
        independent
    }

    /// Removes the row at `position` of [`rows`](Self::rows).
    ///
    /// # Panics
    ///
    /// If `position` is not below the number of rows in the factor.
    pub fn remove(&mut self, position: usize) {
        self.rows.remove(position);
        let (n, stride) = (self.rows.len(), self.stride);
        for i in position..n {
            // The rows below move up. Each then has one column too many, which a rotation of columns removes.
            self.lower
                .copy_within((i + 1) * stride..(i + 1) * stride + i + 2, i * stride);
        }
        for column in position..n {
            let (a, b) = (
                self.lower[column * stride + column],
                self.lower[column * stride + column + 1],
            );
            let length = a.hypot(b);
            let (cosine, sine) = (a / length, b / length);
            for i in column..n {
                let at = i * stride + column;
                let (x, y) = (self.lower[at], self.lower[at + 1]);
                self.lower[at] = cosine * x + sine * y;
                self.lower[at + 1] = cosine * y - sine * x;
            }
        }
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Solves `A_PP x = right` in place; `right` and `x` are in the order of [`rows`](Self::rows).
    ///
    /// # Panics
    ///
    /// If `right` does not have one value per row of the factor.
    pub fn solve(&self, right: &mut [f64]) {
        assert_eq!(
            right.len(),
            self.rows.len(),
            "one value a row of the factor"
        );
        for i in 0..right.len() {
            let row = self.row(i);
            right[i] = (right[i] - dot(&row[..i], &right[..i])) / row[i];
        }
        for i in (0..right.len()).rev() {
            let row = self.row(i);
            right[i] /= row[i];
            let value = right[i];
            super::add_scaled(&mut right[..i], -value, &row[..i]);
        }
    }

    /// Solves `A_PP x = right` for the values of `right` at the factor's rows, and corrects the result once with its
    /// own residual.
    pub fn refined(&self, matrix: &GramMatrix, right: &[f64]) -> Vec<f64> {
        let wanted: Vec<f64> = self.rows.iter().map(|&row| right[row]).collect();
        let mut x = wanted.clone();
        self.solve(&mut x);
        let mut rest: Vec<f64> = self
            .rows
            .iter()
            .zip(&wanted)
            .map(|(&i, value)| value - self.product(matrix, i, &x))
            .collect();
        self.solve(&mut rest);
        super::add_scaled(&mut x, 1.0, &rest);
        x
    }

    /// Returns row `i` of the matrix times the values `x` at the factor's rows.
    fn product(&self, matrix: &GramMatrix, i: usize, x: &[f64]) -> f64 {
        let row = matrix.row(i);
        self.rows
            .iter()
            .zip(x)
            .map(|(&j, value)| row[j] * value)
            .sum()
    }
}

/// Solves `A x = right` for a symmetric positive matrix whose diagonal is near one.
///
/// # Errors
///
/// [`Degenerate::Singular`] if a row depends on the others.
pub fn linear(matrix: &GramMatrix, right: &[f64]) -> Result<Vec<f64>, Degenerate> {
    let mut factor = Factor::new(matrix.len());
    for row in 0..matrix.len() {
        if !factor.append(matrix, row) {
            return Err(Degenerate::Singular);
        }
    }
    Ok(factor.refined(matrix, right))
}
