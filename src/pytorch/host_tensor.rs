//! Defines a tensor on the host.

/// A tensor on the host, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HostTensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) numbers: Vec<f32>,
}

impl HostTensor {
    /// Returns the transposed matrix.
    pub(super) fn transposed(&self) -> Self {
        let [rows, columns] = self.shape[..] else {
            unreachable!("only matrices are stored the other way round")
        };
        let column = |c: usize| (0..rows).map(move |r| self.numbers[r * columns + c]);
        Self {
            shape: vec![columns, rows],
            numbers: (0..columns).flat_map(column).collect(),
        }
    }

    /// Returns one of several equal parts along the first axis.
    pub(super) fn part(&self, index: usize, count: usize) -> Self {
        let length = self.numbers.len() / count;
        let mut shape = self.shape.clone();
        shape[0] /= count;
        Self {
            shape,
            numbers: self.numbers[index * length..][..length].to_vec(),
        }
    }

    /// Joins equal parts along the first axis.
    pub(super) fn joined(parts: &[Self]) -> Self {
        let mut shape = parts[0].shape.clone();
        shape[0] *= parts.len();
        Self {
            shape,
            numbers: parts.iter().flat_map(|part| part.numbers.clone()).collect(),
        }
    }
}
