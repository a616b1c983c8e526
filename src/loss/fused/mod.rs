//! Computes the losses on the CPU, value and gradient in one pass over the data.
//!
//! In plain tensor operations, a loss creates a tensor for every operation, forward and backward. Here one pass
//! computes the sum and, if a gradient is needed, the derivative of every element. `kernel` is the arithmetic on
//! slices, and `extension` registers it with Burn for the backends with tensors in host memory.

mod extension;
mod kernel;

use burn::backend::Dispatch;
use burn::tensor::{Bool, Int, Tensor};

use self::extension::LossExtension;
pub(super) use self::kernel::Pointwise;
use super::Reduction;
use crate::host;

/// Returns whether the kernel applies: tensors in host memory and single precision, no gradient for the targets.
pub(super) fn applies<const D: usize>(predictions: &Tensor<D>, targets: &Tensor<D>) -> bool {
    host::applies(predictions) && host::applies(targets) && !targets.is_tracked()
}

/// Returns whether the kernel applies to a loss whose targets are classes.
pub(super) fn applies_to_logits(logits: &Tensor<2>) -> bool {
    host::applies(logits)
}

/// Computes a loss between predictions and targets of equal shape.
pub(super) fn pointwise<const D: usize>(
    loss: Pointwise,
    predictions: Tensor<D>,
    targets: Tensor<D>,
    mask: Option<Tensor<D, Bool>>,
    reduction: Reduction,
) -> Tensor<1> {
    let masked = mask.is_some();
    let mask = weights(mask, &predictions);
    Tensor::from_dispatch(<Dispatch as LossExtension>::pointwise_loss(
        predictions.into_dispatch(),
        targets.into_dispatch(),
        mask.into_dispatch(),
        masked,
        loss,
        reduction == Reduction::Mean,
    ))
}

/// Computes the cross entropy between rows of logits and classes.
pub(super) fn cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    mask: Option<Tensor<1, Bool>>,
    reduction: Reduction,
) -> Tensor<1> {
    let masked = mask.is_some();
    let mask = weights(mask, &logits);
    Tensor::from_dispatch(<Dispatch as LossExtension>::cross_entropy_loss(
        logits.into_dispatch(),
        targets.into_dispatch(),
        mask.into_dispatch(),
        masked,
        reduction == Reduction::Mean,
    ))
}

/// Converts a mask to a flat tensor of 1 and 0. A backend operation has no optional tensors, so without a mask the
/// result is a placeholder of one element.
fn weights<const D: usize, const E: usize>(
    mask: Option<Tensor<D, Bool>>,
    like: &Tensor<E>,
) -> Tensor<1> {
    match mask {
        Some(mask) => mask.float().inner().flatten(0, D - 1),
        None => Tensor::zeros([1], &like.device().inner()),
    }
}
