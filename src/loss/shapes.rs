//! Checks that shapes are equal.

use burn::tensor::{Bool, Tensor};

/// Checks that a mask has the shape of the tensor it masks. Flattened, another shape would count the wrong elements.
pub(super) fn check_mask<const D: usize>(mask: &Option<Tensor<D, Bool>>, shape: [usize; D]) {
    if let Some(mask) = mask {
        assert_eq!(mask.dims(), shape, "a mask has the shape of what it masks");
    }
}
