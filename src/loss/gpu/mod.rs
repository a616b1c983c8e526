//! What the losses do on GPUs in one launch each: cross entropy of every row, and losses put together to one tensor.
//!
//! The other losses are chains of operations on elements, which Burn fuses by itself.

mod extension;
mod kernel;
mod launch;

use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor};

use self::extension::LossLayer;
use crate::gpu;

/// Classes at most: a unit goes through all of a row's.
const CLASSES: usize = 64;

/// Losses at most that are put together in one launch: WebGPU promises eight buffers to a kernel, of which CubeCL keeps one.
const LOSSES: usize = 6;

/// Whether the cross entropy of these logits is one launch.
pub(super) fn serves_rows(logits: &Tensor<2>) -> bool {
    let [rows, classes] = logits.dims();
    let fits = classes <= CLASSES && ((rows * classes) as u64) < u64::from(u32::MAX);
    fits && gpu::limits(logits).is_some_and(|limits| limits.bindings >= 4)
}

/// The cross entropy of every row, `[rows]`; NaN where the target is no class.
pub(super) fn rows(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let targets = targets.inner();
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(<Dispatch as LossLayer>::row_losses(logits, targets))
}

/// Losses one behind the other, `[K]`, from `[1]` each; nothing where that is not one launch.
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
