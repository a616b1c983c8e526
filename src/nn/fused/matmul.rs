//! Computes matrix products on slices: a safe interface to `gemm`, on one thread, so that results do not depend on the
//! number of threads.

use gemm::Parallelism;

/// A read-only matrix, row-major or transposed.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Creates a matrix from row-major values.
    ///
    /// # Panics
    ///
    /// If the number of values is not `rows * columns`.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows} by {columns} matrix");
        Self {
            values,
            rows,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// Returns the matrix of the first `columns` columns.
    ///
    /// # Panics
    ///
    /// If the matrix has fewer columns.
    pub(super) fn first_columns(self, columns: usize) -> Self {
        assert!(
            columns <= self.columns,
            "{columns} of {} columns",
            self.columns
        );
        Self { columns, ..self }
    }

    /// Returns the transposed matrix, without a copy.
    pub(super) fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// Computes `out = left * right`; `out` is row-major.
///
/// # Panics
///
/// If the shapes do not fit.
pub(super) fn multiply(left: Matrix<'_>, right: Matrix<'_>, out: &mut [f32]) {
    let (rows, columns, inner) = (left.rows, right.columns, left.columns);
    assert_eq!(inner, right.rows, "inner dimensions");
    assert_eq!(out.len(), rows * columns, "a {rows} by {columns} result");
    if out.is_empty() {
        return;
    }
    // SAFETY: the strides and sizes of both inputs stay inside their slices (`Matrix::new`, `first_columns`), those of
    // the output were checked above, and the output is borrowed mutably, so it overlaps neither input.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            columns as isize,
            false,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_three_loops_for_every_orientation() {
        let (m, n, k) = (3, 5, 4);
        let a: Vec<f32> = (0..m * k).map(|i| i as f32 * 0.5 - 2.0).collect();
        let b: Vec<f32> = (0..k * n).map(|i| 1.0 - i as f32 * 0.25).collect();
        let mut expected = vec![0.0; m * n];
        for (i, row) in expected.chunks_mut(n).enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum::<f32>();
            }
        }
        let a_turned: Vec<f32> = (0..m * k).map(|i| a[(i % m) * k + i / m]).collect();
        // Previous values are overwritten.
        let mut out = vec![f32::NAN; m * n];
        multiply(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &mut out);
        assert_eq!(out, expected);
        let left = Matrix::new(&a_turned, k, m).transposed();
        multiply(left, Matrix::new(&b, k, n), &mut out);
        assert_eq!(out, expected);
        let narrow: Vec<f32> = expected
            .chunks(n)
            .flat_map(|row| row[..2].to_vec())
            .collect();
        let right = Matrix::new(&b, k, n).first_columns(2);
        multiply(Matrix::new(&a, m, k), right, &mut out[..m * 2]);
        assert_eq!(out[..m * 2], narrow);
    }
}
