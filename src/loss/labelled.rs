//! A loss that is a mean over labels of different weight, and what these weights add up to.

use burn::tensor::{DType, Tensor};

/// Keeps a mean over no label at 0.
const TINY: f64 = 1e-30;

/// A task's loss as a weighted mean over its labels, and the sum of their weights.
///
/// The sum says how much a batch counts in the mean over an epoch, or over a step in several batches, so these are the means over all
/// labels as well. [`NamedLosses::weighted`](super::NamedLosses::weighted) takes both.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// The loss, `[1]`, attached to the graph.
    pub loss: Tensor<1>,
    /// The sum of the weights, `[1]`, off the graph; 0 where there is no label.
    pub weight: Tensor<1>,
}

impl Labelled {
    /// Takes the mean of element losses by weights.
    ///
    /// ```text
    /// L = sum_i w_i l_i / sum_i w_i
    /// ```
    ///
    /// An element of weight 0 counts for nothing, whatever its loss is. A mean over no weight at all is 0.
    ///
    /// # Shapes
    ///
    /// - losses, weights: `[...]`, both the same; weights not negative
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

    /// Takes the mean of element losses by a weight for each sample, `[batch]`, the same for all elements of a sample.
    ///
    /// # Shapes
    ///
    /// - losses: `[batch, ...]`
    /// - weights: `[batch]`, not negative
    ///
    /// # Panics
    ///
    /// If there is not a weight for each sample.
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

    /// The mean from the weighted sum of losses, `[1]`, and the sum of the weights.
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
