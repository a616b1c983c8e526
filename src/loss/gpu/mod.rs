//! Computes the cross entropy of every row and the concatenation of losses on GPUs, in one launch each.
//!
//! The other losses are chains of element-wise operations, which Burn fuses.

mod extension;
mod kernel;
mod launch;

use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor};

use self::extension::LossLayer;
use crate::gpu;

/// The maximum number of classes. A unit iterates over all classes of a row.
const CLASSES: usize = 64;

/// The maximum number of losses that one launch concatenates. WebGPU guarantees eight buffers per kernel, of which
/// CubeCL uses one.
const LOSSES: usize = 6;

/// Returns whether the kernel supports these logits.
pub(super) fn serves_rows(logits: &Tensor<2>) -> bool {
    let [rows, classes] = logits.dims();
    let fits = classes <= CLASSES && ((rows * classes) as u64) < u64::from(u32::MAX);
    fits && gpu::limits(logits).is_some_and(|limits| limits.bindings >= 4)
}

/// Computes the cross entropy of every row, `[rows]`; NaN if the target is not a class.
pub(super) fn rows(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let targets = targets.inner();
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(<Dispatch as LossLayer>::row_losses(logits, targets))
}

/// Concatenates losses of `[1]` each to `[K]`. Returns `None` if one launch does not suffice.
pub(super) fn together(losses: &[Tensor<1>]) -> Option<Tensor<1>> {
    let limits = gpu::limits(losses.first()?)?;
    if losses.len() > LOSSES || limits.bindings < LOSSES + 1 {
        return None;
    }
    let given = |index: usize| losses[index.min(losses.len() - 1)].clone().into_dispatch();
    let [a, b, c, d, e, f] = std::array::from_fn(given);
    let count = losses.len();
    Some(Tensor::from_dispatch(
        <Dispatch as LossLayer>::losses_together(a, b, c, d, e, f, count),
    ))
}
