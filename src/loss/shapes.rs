//! Inputs that must have the same shape.

use burn::tensor::{Bool, Tensor};

/// Stops a mask of another shape than what it masks: flattened, it would count the wrong elements.
pub(super) fn check_mask<const D: usize>(mask: &Option<Tensor<D, Bool>>, shape: [usize; D]) {
    if let Some(mask) = mask {
        assert_eq!(mask.dims(), shape, "a mask has the shape of what it masks");
    }
}
