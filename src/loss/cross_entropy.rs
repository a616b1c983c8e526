//! Cross entropy on logits.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Int, Tensor};

use super::Reduction;
#[cfg(feature = "cpu-kernels")]
use super::fused;
use super::reduction::keep;
use super::shapes::check_mask;

/// Cross entropy between class logits and class indices.
///
/// ```text
/// l = log(sum_c e^(x_c)) - x_y
/// ```
///
/// with logits `x` and the target class `y`. Stable at any finite logit.
///
/// # Shapes
///
/// - logits: `[batch, classes]`
/// - targets, mask: `[batch]`; a target that does not count may hold any index in `0..classes`
/// - output: `[1]`
///
/// # Panics
///
/// If a target is outside `0..classes` (on backends that check), or the batch sizes differ.
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
pub fn cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
    mask: Option<Tensor<1, Bool>>,
    reduction: Reduction,
) -> Tensor<1> {
    let [batch, classes] = logits.dims();
    assert_eq!(
        [batch],
        targets.dims(),
        "cross entropy needs one target for each row of logits"
    );
    check_mask(&mask, [batch]);
    #[cfg(feature = "cpu-kernels")]
    if fused::applies_to_logits(&logits) {
        return fused::cross_entropy(logits, targets, mask, reduction);
    }
    let rows = mask
        .clone()
        .map(|mask| mask.unsqueeze_dim::<2>(1).expand([batch, classes]));
    let chosen = log_softmax(keep(logits, &rows), 1)
        .gather(1, targets.unsqueeze_dim(1))
        .reshape([batch]);
    reduction.apply(keep(chosen.neg(), &mask), mask)
}
