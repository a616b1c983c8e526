//! Computes the cross entropy from logits.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Int, Tensor};

use super::Reduction;
#[cfg(feature = "cpu-kernels")]
use super::fused;
use super::reduction::keep;
use super::shapes::check_mask;

/// Computes the cross entropy between class logits and class indices.
///
/// ```text
/// l = log(sum_c e^(x_c)) - x_y
/// ```
///
/// with the logits `x` and the target class `y`. The computation is stable for every finite logit.
///
/// # Shapes
///
/// - logits: `[..., classes]`, such as `[batch, classes]`, or `[batch, time, classes]` for a class at every position
/// - targets, mask: `[...]`; a masked target may hold any index in `0..classes`
/// - output: `[1]`
///
/// # Panics
///
/// If a target is outside `0..classes` on the CPU, or if the shapes do not fit. A GPU cannot panic: there the loss of
/// such a target is NaN with up to 64 classes, and undefined with more.
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use equipoise::loss::{Reduction, cross_entropy};
///
/// let device = Device::flex();
/// let logits = Tensor::<2>::zeros([2, 3], &device);
/// let targets = Tensor::<1, Int>::from_ints([0, 2], &device);
/// let loss = cross_entropy(logits, targets, None, Reduction::Mean);
/// assert!((loss.into_scalar::<f32>() - 3f32.ln()).abs() < 1e-6);
/// ```
pub fn cross_entropy<const D: usize, const T: usize>(
    logits: Tensor<D>,
    targets: Tensor<T, Int>,
    mask: Option<Tensor<T, Bool>>,
    reduction: Reduction,
) -> Tensor<1> {
    check_mask(&mask, targets.dims());
    let (logits, targets) = rows(logits, targets);
    let mask = mask.map(|mask| mask.reshape(targets.dims()));
    of_rows(logits, targets, mask, reduction)
}

/// Flattens logits and targets to `[rows, classes]` and `[rows]`.
///
/// # Panics
///
/// If there is not one target for each row.
pub(super) fn rows<const D: usize, const T: usize>(
    logits: Tensor<D>,
    targets: Tensor<T, Int>,
) -> (Tensor<2>, Tensor<1, Int>) {
    let (shape, of_targets) = (logits.dims(), targets.dims());
    assert!(
        D == T + 1 && shape[..D - 1] == of_targets,
        "cross entropy needs one target for each row of logits: logits are {shape:?}, targets {of_targets:?}"
    );
    let rows: usize = of_targets.iter().product();
    (
        logits.reshape([rows, shape[D - 1]]),
        targets.reshape([rows]),
    )
}

fn of_rows(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    mask: Option<Tensor<1, Bool>>,
    reduction: Reduction,
) -> Tensor<1> {
    let [batch, classes] = logits.dims();
    #[cfg(feature = "cpu-kernels")]
    if fused::applies_to_logits(&logits) {
        return fused::cross_entropy(logits, targets, mask, reduction);
    }
    let rows = mask
        .clone()
        .map(|mask| mask.unsqueeze_dim::<2>(1).expand([batch, classes]));
    #[cfg(feature = "gpu-kernels")]
    if super::gpu::serves_rows(&logits) {
        let losses = super::gpu::rows(keep(logits, &rows), targets);
        return reduction.apply(keep(losses, &mask), mask);
    }
    let chosen = log_softmax(keep(logits, &rows), 1)
        .gather(1, targets.unsqueeze_dim(1))
        .reshape([batch]);
    reduction.apply(keep(chosen.neg(), &mask), mask)
}
