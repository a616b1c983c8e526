//! A loss that is a weighted mean over labels, with the sum of the weights.

use burn::tensor::{DType, Tensor};

/// The smallest divisor of a mean, so that a mean over no label is 0.
const TINY: f64 = 1e-30;

/// The loss of a task as a weighted mean over its labels, and the sum of the weights.
///
/// The sum is the weight of the batch in the mean over an epoch, or over a step of several batches, so these means are
/// weighted means over all labels as well. [`NamedLosses::weighted`](super::NamedLosses::weighted) takes loss and sum.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// The loss, `[1]`, attached to the graph.
    pub loss: Tensor<1>,
    /// The sum of the weights, `[1]`, off the graph; 0 without labels.
    pub weight: Tensor<1>,
}

impl Labelled {
    /// Computes the weighted mean of element losses.
    ///
    /// ```text
    /// L = sum_i w_i l_i / sum_i w_i
    /// ```
    ///
    /// An element of weight 0 does not count, even if its loss is NaN. If all weights are 0, the mean is 0.
    ///
    /// # Shapes
    ///
    /// - losses, weights: `[...]`, both equal; weights not negative
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    ///
    /// # Example
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use equipoise::loss::{Labelled, huber_elements};
    ///
    /// let device = Device::flex();
    /// let (found, wanted) = (Tensor::<1>::from_floats([1.0, 0.5, 9.0], &device), Tensor::zeros([3], &device));
    /// let weights = Tensor::from_floats([3.0, 1.0, 0.0], &device);
    /// let labelled = Labelled::mean(huber_elements(found, wanted, 1.0), weights);
    /// assert_eq!(labelled.loss.into_scalar::<f32>(), (3.0 * 0.5 + 0.125) / 4.0);
    /// assert_eq!(labelled.weight.into_scalar::<f32>(), 4.0);
    /// ```
    pub fn mean<const D: usize>(losses: Tensor<D>, weights: Tensor<D>) -> Self {
        assert_eq!(
            losses.dims(),
            weights.dims(),
            "a weight is needed for each element loss"
        );
        let (losses, plain) = (losses.cast(DType::F32), weights.inner().cast(DType::F32));
        let without = plain.clone().equal_elem(0.0);
        let weight = plain.clone().sum().cast(DType::F32);
        let attached = if losses.is_autodiff() {
            Tensor::from_inner(plain)
        } else {
            plain
        };
        let counted = losses.mask_fill(without, 0.0) * attached;
        Self::from_sum(counted.sum(), weight)
    }

    /// Computes the mean of element losses with one weight per sample, which all elements of the sample share.
    ///
    /// # Shapes
    ///
    /// - losses: `[batch, ...]`
    /// - weights: `[batch]`, not negative
    ///
    /// # Panics
    ///
    /// If the number of weights is not the number of samples.
    pub fn by_sample<const D: usize>(losses: Tensor<D>, weights: Tensor<1>) -> Self {
        let shape = losses.dims();
        assert_eq!(
            weights.dims()[0],
            shape[0],
            "a weight is needed for each sample of the batch"
        );
        let mut column = [1; D];
        column[0] = shape[0];
        let weights = weights.reshape(column).expand(shape);
        Self::mean(losses, weights)
    }

    /// Computes the mean from the weighted sum of losses, `[1]`, and the sum of the weights, `[1]`.
    pub(super) fn from_sum(sum: Tensor<1>, weight: Tensor<1>) -> Self {
        let divisor = weight.clone().clamp_min(TINY);
        let divisor = if sum.is_autodiff() {
            Tensor::from_inner(divisor)
        } else {
            divisor
        };
        Self {
            loss: sum.cast(DType::F32) / divisor,
            weight,
        }
    }
}
