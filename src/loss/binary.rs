//! Computes the binary cross entropy from logits.

use burn::tensor::{Bool, Tensor};

use super::Reduction;
#[cfg(feature = "cpu-kernels")]
use super::fused;
use super::reduction::keep;
use super::shapes::check_mask;

/// Computes the binary cross entropy between logits and targets in [0, 1].
///
/// ```text
/// l = -(p y log s(x) + (1 - y) log(1 - s(x))),   s(x) = 1 / (1 + e^-x)
///   = (1 - y) x + (1 + (p - 1) y) (log(1 + e^-|x|) + max(-x, 0))
/// ```
///
/// with the logit `x`, the target `y` and the `positive_weight` p: 1 for the plain loss, the ratio of negatives to
/// positives to balance a rare positive class. The second form is computed: it neither overflows nor loses its gradient
/// at any finite logit.
///
/// # Shapes
///
/// - logits, targets, mask: `[...]`, all equal
/// - output: `[1]`
///
/// # Panics
///
/// If `positive_weight` is not a positive finite number, or if the shapes differ.
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use equipoise::loss::{Reduction, binary_cross_entropy_with_logits};
///
/// let device = Device::flex();
/// let logits = Tensor::<1>::from_floats([0.0, 100.0], &device);
/// let targets = Tensor::<1>::from_floats([1.0, 0.0], &device);
/// let loss = binary_cross_entropy_with_logits(logits, targets, 1.0, None, Reduction::Sum);
/// assert!((loss.into_scalar::<f32>() - (2f32.ln() + 100.0)).abs() < 1e-4);
/// ```
pub fn binary_cross_entropy_with_logits<const D: usize>(
    logits: Tensor<D>,
    targets: Tensor<D>,
    positive_weight: f64,
    mask: Option<Tensor<D, Bool>>,
    reduction: Reduction,
) -> Tensor<1> {
    check(&logits, &targets, positive_weight);
    check_mask(&mask, logits.dims());
    #[cfg(feature = "cpu-kernels")]
    if fused::applies(&logits, &targets) {
        let loss = fused::Pointwise::Binary {
            positive_weight: positive_weight as f32,
        };
        return fused::pointwise(loss, logits, targets, mask, reduction);
    }
    let logits = keep(logits, &mask);
    let targets = keep(targets, &mask);
    let losses = elements(logits, targets, positive_weight);
    reduction.apply(keep(losses, &mask), mask)
}

/// Computes the binary cross entropy of each element, for a weighted mean ([`Labelled::mean`](super::Labelled::mean)).
///
/// # Shapes
///
/// - logits, targets, output: `[...]`, all equal
///
/// # Panics
///
/// As [`binary_cross_entropy_with_logits`].
pub fn binary_cross_entropy_elements<const D: usize>(
    logits: Tensor<D>,
    targets: Tensor<D>,
    positive_weight: f64,
) -> Tensor<D> {
    check(&logits, &targets, positive_weight);
    elements(logits, targets, positive_weight)
}

fn elements<const D: usize>(
    logits: Tensor<D>,
    targets: Tensor<D>,
    positive_weight: f64,
) -> Tensor<D> {
    // log(1 + e^-x) without overflow for negative x; written so that the derivative at 0 is -1/2 on every backend.
    let size = logits.clone().abs();
    let soft = size.clone().neg().exp().log1p() + (size - logits.clone()) * 0.5;
    let soft = if positive_weight == 1.0 {
        soft
    } else {
        soft * (targets.clone() * (positive_weight - 1.0) + 1.0)
    };
    soft + logits * (targets.neg() + 1.0)
}

fn check<const D: usize>(logits: &Tensor<D>, targets: &Tensor<D>, positive_weight: f64) {
    assert!(
        positive_weight.is_finite() && positive_weight > 0.0,
        "the positive weight must be a positive finite number, not {positive_weight}"
    );
    assert_eq!(
        logits.dims(),
        targets.dims(),
        "binary cross entropy needs one target for each logit"
    );
}
