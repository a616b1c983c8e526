//! Computes the Huber loss.

use burn::tensor::{Bool, Tensor};

use super::Reduction;
#[cfg(feature = "cpu-kernels")]
use super::fused;
use super::reduction::keep;
use super::shapes::check_mask;

/// Computes the Huber loss between predictions and targets: quadratic near the target, linear far from it.
///
/// ```text
/// r = prediction - target
/// l = r^2 / 2                if |r| <= delta
/// l = delta (|r| - delta/2)  otherwise
/// ```
///
/// `delta` is in units of the target. P. J. Huber, *Robust Estimation of a Location Parameter*, Annals of Mathematical
/// Statistics 35 (1964).
///
/// # Shapes
///
/// - predictions, targets, mask: `[...]`, all equal
/// - output: `[1]`
///
/// # Panics
///
/// If `delta` is not a positive finite number, or if the shapes differ.
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use equipoise::loss::{Reduction, huber};
///
/// let device = Device::flex();
/// let prediction = Tensor::<1>::from_floats([0.5, 3.0], &device);
/// let target = Tensor::<1>::zeros([2], &device);
/// let loss = huber(prediction, target, 1.0, None, Reduction::Mean);
/// assert_eq!(loss.into_scalar::<f32>(), (0.125 + 2.5) / 2.0);
/// ```
pub fn huber<const D: usize>(
    predictions: Tensor<D>,
    targets: Tensor<D>,
    delta: f64,
    mask: Option<Tensor<D, Bool>>,
    reduction: Reduction,
) -> Tensor<1> {
    check(&predictions, &targets, delta);
    check_mask(&mask, predictions.dims());
    #[cfg(feature = "cpu-kernels")]
    if fused::applies(&predictions, &targets) {
        let loss = fused::Pointwise::Huber {
            delta: delta as f32,
        };
        return fused::pointwise(loss, predictions, targets, mask, reduction);
    }
    let residual = keep(predictions - targets, &mask);
    reduction.apply(of_residual(residual, delta), mask)
}

/// Computes the Huber loss of each element, for a weighted mean ([`Labelled::mean`](super::Labelled::mean)).
///
/// # Shapes
///
/// - predictions, targets, output: `[...]`, all equal
///
/// # Panics
///
/// As [`huber`].
pub fn huber_elements<const D: usize>(
    predictions: Tensor<D>,
    targets: Tensor<D>,
    delta: f64,
) -> Tensor<D> {
    check(&predictions, &targets, delta);
    of_residual(predictions - targets, delta)
}

fn of_residual<const D: usize>(residual: Tensor<D>, delta: f64) -> Tensor<D> {
    // With c = clamp(r, -delta, delta), both branches are c (r - c/2), and so is the derivative c.
    let clamped = residual.clone().clamp(-delta, delta);
    clamped.clone() * (residual - clamped * 0.5)
}

fn check<const D: usize>(predictions: &Tensor<D>, targets: &Tensor<D>, delta: f64) {
    assert!(
        delta.is_finite() && delta > 0.0,
        "the Huber delta must be a positive finite number, not {delta}"
    );
    assert_eq!(
        predictions.dims(),
        targets.dims(),
        "the Huber loss needs one target for each prediction"
    );
}
