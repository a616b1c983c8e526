//! Repeats the representation of one sample for all samples.

use std::vec::IntoIter;

use burn::tensor::Tensor;

/// The parts of a representation for one sample, in order. [`Shared::repeated`](super::Shared::repeated) takes them
/// one by one.
#[derive(Debug)]
pub struct OneSample {
    parts: IntoIter<(Tensor<1>, Vec<usize>)>,
}

impl OneSample {
    /// Creates the parts from their flat values and their sizes without the dimension of the samples.
    #[cfg(feature = "train")]
    pub(crate) fn new(parts: Vec<(Tensor<1>, Vec<usize>)>) -> Self {
        Self {
            parts: parts.into_iter(),
        }
    }

    /// Returns the next part, repeated for every sample of a part with the sizes `dims`. A longer part is cut; a
    /// shorter part continues with its last values.
    ///
    /// # Panics
    ///
    /// If no part is left, or the next part has another rank.
    pub fn next_part<const D: usize>(&mut self, dims: [usize; D]) -> Tensor<D> {
        let (values, sizes) = self.parts.next().expect("a part of the representation");
        assert_eq!(sizes.len() + 1, D, "parts are taken in their order");
        let mut whole = [1; D];
        whole[1..].copy_from_slice(&sizes);
        let mut part = values.reshape(whole);
        let kept: [_; D] = std::array::from_fn(|at| dims[at].min(whole[at]));
        if kept != whole {
            part = part.slice(kept.map(|length| 0..length));
        }
        for (at, wanted) in dims.into_iter().enumerate().skip(1) {
            let length = part.dims()[at];
            if length > 1 && length < wanted {
                part = extended(part, at, wanted);
            }
        }
        part.expand(dims)
    }
}

/// Repeats the last values along a dimension up to the given length.
fn extended<const D: usize>(part: Tensor<D>, dim: usize, length: usize) -> Tensor<D> {
    let own = part.dims()[dim];
    let last = part.clone().narrow(dim, own - 1, 1);
    let mut more = part.dims();
    more[dim] = length - own;
    Tensor::cat(vec![part, last.expand(more)], dim)
}
