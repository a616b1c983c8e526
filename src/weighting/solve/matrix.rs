//! Holds the inner products of the tasks' gradients.
//!
//! Needs: K x K numbers. Remembers: nothing.

use super::{add_scaled, dot};

/// A symmetric K x K matrix of inner products, row by row, with the relative rounding of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct GramMatrix {
    size: usize,
    values: Vec<f64>,
    precision: f64,
}

impl GramMatrix {
    /// Creates a matrix of `size` rows from its values, row by row.
    ///
    /// The two halves are averaged, because a product on an accelerator need not be symmetric to the last bit.
    ///
    /// # Panics
    ///
    /// If there are not `size * size` values.
    pub fn new(size: usize, mut values: Vec<f64>) -> Self {
        assert_eq!(
            values.len(),
            size * size,
            "a Gram matrix of {size} rows has {} values",
            size * size
        );
        for i in 0..size {
            for j in 0..i {
                let (lower, upper) = (values[i * size + j], values[j * size + i]);
                let mean = if lower == upper {
                    lower
                } else {
                    0.5 * lower + 0.5 * upper
                };
                values[i * size + j] = mean;
                values[j * size + i] = mean;
            }
        }
        Self {
            size,
            values,
            precision: f64::EPSILON,
        }
    }

    /// Sets the relative rounding of the values, such as `f32::EPSILON` for inner products summed in single precision.
    ///
    /// The precision decides which values count as zero: rows that differ from dependent rows only by rounding must
    /// count as dependent. The default and the least precision is `f64::EPSILON`.
    ///
    /// # Panics
    ///
    /// If the precision is not positive.
    pub fn with_precision(mut self, precision: f64) -> Self {
        assert!(precision > 0.0, "a precision is positive");
        self.precision = precision.max(f64::EPSILON);
        self
    }

    /// Returns the relative rounding of the values.
    pub fn precision(&self) -> f64 {
        self.precision
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.size
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Returns the inner product of gradients `i` and `j`.
    ///
    /// # Panics
    ///
    /// If `i` or `j` is not below [`len`](Self::len).
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.row(i)[j]
    }

    /// Returns all inner products row by row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Returns row `i`.
    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.size..(i + 1) * self.size]
    }

    /// Returns the length of gradient `i`.
    pub fn norm(&self, i: usize) -> f64 {
        self.at(i, i).max(0.0).sqrt()
    }

    /// Returns the length of every gradient.
    pub fn norms(&self) -> Vec<f64> {
        (0..self.size).map(|i| self.norm(i)).collect()
    }

    /// Returns whether every value is a finite number.
    pub fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }

    /// Returns the matrix of the gradients `keep`, in the order of `keep`.
    pub fn rows(&self, keep: &[usize]) -> Self {
        let values = keep
            .iter()
            .flat_map(|&i| keep.iter().map(move |&j| self.at(i, j)))
            .collect();
        Self {
            size: keep.len(),
            values,
            precision: self.precision,
        }
    }

    /// Returns the matrix of the gradients times `by`: `D G D` with `by` on the diagonal of `D`.
    ///
    /// # Panics
    ///
    /// If `by` does not have one value per row.
    pub fn scaled(&self, by: &[f64]) -> Self {
        assert_eq!(by.len(), self.size, "one factor a row");
        let values = (0..self.size)
            .flat_map(|i| {
                self.row(i)
                    .iter()
                    .zip(by)
                    .map(move |(value, factor)| value * by[i] * factor)
            })
            .collect();
        Self::new(self.size, values).with_precision(self.precision)
    }

    /// Returns `G x`: the inner products of every gradient with the combination `x`.
    ///
    /// # Panics
    ///
    /// If `x` does not have one value per row.
    pub fn times(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.size, "one value a row");
        (0..self.size).map(|i| dot(self.row(i), x)).collect()
    }

    /// Returns `x' G x`, the squared length of the combination `x`; never below zero.
    ///
    /// # Panics
    ///
    /// If `x` does not have one value per row.
    pub fn quadratic(&self, x: &[f64]) -> f64 {
        dot(&self.times(x), x).max(0.0)
    }

    /// Returns `G + factor d d'`.
    pub(crate) fn plus_outer(&self, factor: f64, d: &[f64]) -> Self {
        let mut values = self.values.clone();
        for (row, value) in values.chunks_exact_mut(self.size.max(1)).zip(d) {
            add_scaled(row, factor * value, d);
        }
        Self {
            size: self.size,
            values,
            precision: self.precision,
        }
    }
}
