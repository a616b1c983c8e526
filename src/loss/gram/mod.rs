//! The Gram matrix of the gradients of the tasks, and weighted sums of these gradients.

#[cfg(feature = "cpu-kernels")]
mod extension;
#[cfg(feature = "gpu-kernels")]
mod gpu;
#[cfg(feature = "cpu-kernels")]
mod kernel;

#[cfg(feature = "train")]
use burn::tensor::Bool;
use burn::tensor::{DType, Device, Tensor};

/// The smallest divisor, so that a division by a norm of 0 gives 0.
const TINY: f64 = 1e-30;

/// The Gram matrix of the tasks, `[K, K]`, on the device: the inner products of their raw gradients with respect to the
/// representation, over all its elements.
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use equipoise::loss::Gram;
///
/// let products = Tensor::<2>::from_floats([[4.0, 3.0], [3.0, 9.0]], &Device::flex());
/// let gram = Gram::new(products);
/// assert_eq!(gram.norms().into_data().to_vec::<f32>().unwrap(), [2.0, 3.0]);
/// assert_eq!(gram.cosines().dims(), [2, 2]);
/// ```
#[derive(Clone, Debug)]
pub struct Gram {
    matrix: Tensor<2>,
}

impl Gram {
    /// Creates a Gram matrix from the inner products of all pairs of gradients.
    ///
    /// # Shapes
    ///
    /// - matrix: `[K, K]`, off the graph
    ///
    /// # Panics
    ///
    /// If the matrix is not square.
    pub fn new(matrix: Tensor<2>) -> Self {
        let [rows, columns] = matrix.dims();
        assert_eq!(rows, columns, "a Gram matrix is square");
        Self {
            matrix: matrix.inner().cast(DType::F32),
        }
    }

    /// Creates a Gram matrix from the norms of the gradients: the squares of the norms are the diagonal, all other
    /// elements are 0.
    ///
    /// # Shapes
    ///
    /// - norms: `[K]`
    pub fn from_norms(norms: Tensor<1>) -> Self {
        let [tasks] = norms.dims();
        let norms = norms.inner();
        let on_diagonal: Tensor<2> = Tensor::eye(tasks, &norms.device());
        Self::new(on_diagonal.mul(norms.square().reshape([1, tasks])))
    }

    /// Returns the number of tasks, K.
    pub fn len(&self) -> usize {
        self.matrix.dims()[0]
    }

    /// Returns `false`: there is at least one task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the inner products, `[K, K]`.
    pub fn matrix(&self) -> Tensor<2> {
        self.matrix.clone()
    }

    /// Returns the norm of the gradient of each task, `[K]`.
    pub fn norms(&self) -> Tensor<1> {
        let tasks = self.len();
        // Every (K+1)-th element of the flat matrix is on the diagonal.
        let row = self.matrix.clone().reshape([tasks * tasks]);
        let padded = Tensor::cat(vec![row, Tensor::zeros([tasks], &self.matrix.device())], 0);
        let diagonal = padded.reshape([tasks, tasks + 1]).narrow(1, 0, 1);
        diagonal.reshape([tasks]).sqrt()
    }

    /// Returns the cosines between the gradients of the tasks, `[K, K]`, in [-1, 1]; 0 for a task without a gradient.
    pub fn cosines(&self) -> Tensor<2> {
        let tasks = self.len();
        let norms = self.norms();
        let both = norms.clone().reshape([tasks, 1]) * norms.reshape([1, tasks]);
        (self.matrix.clone() / both.clamp_min(TINY)).clamp(-1.0, 1.0)
    }

    /// Returns the Gram matrix of the gradients times one factor each, `[K]`.
    pub(crate) fn scaled(&self, by: &Tensor<1>) -> Self {
        let tasks = self.len();
        let both = by.clone().reshape([tasks, 1]) * by.clone().reshape([1, tasks]);
        Self {
            matrix: self.matrix.clone() * both,
        }
    }

    /// Returns the matrix on another device.
    #[cfg(feature = "train")]
    pub(crate) fn on(&self, device: &Device) -> Self {
        let matrix = self.matrix.clone().to_device(&device.clone().inner());
        Self { matrix }
    }

    /// Returns the matrix with the rows and columns of some tasks set to 0, even if they hold NaN.
    ///
    /// # Shapes
    ///
    /// - without: `[K]`
    #[cfg(feature = "train")]
    pub(crate) fn without(&self, without: &Tensor<1, Bool>) -> Self {
        let tasks = self.len();
        let [rows, columns] = [[tasks, 1], [1, tasks]]
            .map(|dims| without.clone().reshape(dims).expand([tasks, tasks]));
        let matrix = self.matrix.clone();
        Self {
            matrix: matrix.mask_fill(rows, 0.0).mask_fill(columns, 0.0),
        }
    }

    /// Computes the sum of matrices over the same tasks, such as the matrices of parts of a batch.
    ///
    /// # Panics
    ///
    /// If there is no matrix.
    #[cfg(feature = "train")]
    pub(crate) fn sum(matrices: impl IntoIterator<Item = Self>) -> Self {
        let matrices = matrices.into_iter().map(|gram| gram.matrix);
        let matrix = matrices.reduce(|sum, next| sum + next);
        Self {
            matrix: matrix.expect("there is a matrix"),
        }
    }

    /// Computes the inner products of all pairs of tensors of one shape, `[K, K]`.
    pub(crate) fn products<const D: usize>(tensors: &[Tensor<D>]) -> Tensor<2> {
        assert!(!tensors.is_empty(), "the Gram matrix of no gradient");
        #[cfg(feature = "cpu-kernels")]
        if tensors.iter().all(crate::host::applies) {
            return fused::products(tensors);
        }
        #[cfg(feature = "gpu-kernels")]
        if gpu::serves(tensors) {
            return gpu::products(tensors);
        }
        plain::products(tensors)
    }

    /// Computes the sum of tensors of one shape times their weights, `[K]`.
    pub(crate) fn combine<const D: usize>(
        tensors: Vec<Tensor<D>>,
        weights: Tensor<1>,
    ) -> Tensor<D> {
        assert!(!tensors.is_empty(), "the combination of no gradient");
        #[cfg(feature = "cpu-kernels")]
        if tensors.iter().all(crate::host::applies) && crate::host::applies(&weights) {
            return fused::combine(tensors, weights);
        }
        #[cfg(feature = "gpu-kernels")]
        if gpu::serves(&tensors) && gpu::serves(std::slice::from_ref(&weights)) {
            return gpu::combine(&tensors, weights);
        }
        plain::combine(tensors, weights)
    }

    /// Computes the sum of `tensor` times `gradient`, `[1]`. Its backward pass passes `gradient` on to the graph of
    /// `tensor`.
    pub(crate) fn pull<const D: usize>(tensor: Tensor<D>, gradient: Tensor<D>) -> Tensor<1> {
        #[cfg(feature = "cpu-kernels")]
        if crate::host::applies(&tensor) && crate::host::applies(&gradient) {
            return fused::pull(tensor, gradient);
        }
        plain::pull(tensor, gradient)
    }

    /// Computes the sum of the absolute values of all elements, `[1]`, in single precision.
    pub(crate) fn sizes<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
        #[cfg(feature = "cpu-kernels")]
        if crate::host::applies(&tensor) {
            return fused::sizes(tensor);
        }
        tensor.abs().sum().cast(DType::F32)
    }

    /// Returns the memory of a tensor to the pool of the CPU kernels, for the next step.
    pub(crate) fn recycle<const D: usize>(tensor: Tensor<D>) {
        #[cfg(feature = "cpu-kernels")]
        if crate::host::applies(&tensor) {
            crate::host::TensorValues::of(tensor).recycle();
        }
        #[cfg(not(feature = "cpu-kernels"))]
        drop(tensor);
    }

    /// Returns the device of the matrix.
    pub fn device(&self) -> Device {
        self.matrix.device()
    }
}

/// Computes products and sums in plain tensor operations, for every backend and precision.
mod plain {
    use burn::tensor::{DType, Tensor};

    pub(super) fn products<const D: usize>(tensors: &[Tensor<D>]) -> Tensor<2> {
        let elements = tensors[0].shape().num_elements();
        let wide = |tensor: &Tensor<D>| match tensor.dtype() {
            DType::F16 | DType::BF16 => tensor.clone().cast(DType::F32),
            _ => tensor.clone(),
        };
        let rows = tensors.iter().map(|t| wide(t).reshape([1, elements]));
        let rows = Tensor::cat(rows.collect(), 0);
        rows.clone().matmul(rows.transpose()).cast(DType::F32)
    }

    pub(super) fn combine<const D: usize>(
        tensors: Vec<Tensor<D>>,
        weights: Tensor<1>,
    ) -> Tensor<D> {
        let dtype = tensors[0].dtype();
        let term = |(task, tensor): (usize, Tensor<D>)| {
            let weight = weights.clone().narrow(0, task, 1).cast(dtype);
            let absent = weight.clone().equal_elem(0.0).reshape([1; D]);
            let shape = tensor.shape();
            let weighted = tensor * weight.reshape([1; D]);
            weighted.mask_fill(absent.expand(shape), 0.0)
        };
        let terms = tensors.into_iter().enumerate().map(term);
        terms
            .reduce(|sum, next| sum + next)
            .expect("there is at least one")
    }

    pub(super) fn pull<const D: usize>(tensor: Tensor<D>, gradient: Tensor<D>) -> Tensor<1> {
        let gradient = if tensor.is_autodiff() {
            Tensor::from_inner(gradient)
        } else {
            gradient
        };
        (tensor * gradient).sum()
    }
}

/// Computes products and sums on host memory, in one pass each.
#[cfg(feature = "cpu-kernels")]
mod fused {
    use burn::backend::Dispatch;
    use burn::tensor::{Tensor, TensorData};

    use super::extension::PullExtension;
    use super::kernel;
    use crate::host::TensorValues;

    fn slices(values: &[TensorValues]) -> Vec<&[f32]> {
        values.iter().map(|values| &**values).collect()
    }

    pub(super) fn products<const D: usize>(tensors: &[Tensor<D>]) -> Tensor<2> {
        let (tasks, device) = (tensors.len(), tensors[0].device().inner());
        let tensors: Vec<TensorValues> = tensors.iter().cloned().map(TensorValues::of).collect();
        let found = kernel::products(&slices(&tensors));
        let found: Vec<f32> = found.into_iter().map(|product| product as f32).collect();
        Tensor::from_data(TensorData::new(found, [tasks, tasks]), &device)
    }

    pub(super) fn combine<const D: usize>(
        tensors: Vec<Tensor<D>>,
        weights: Tensor<1>,
    ) -> Tensor<D> {
        let (shape, device) = (tensors[0].shape(), tensors[0].device().inner());
        let tensors: Vec<TensorValues> = tensors.into_iter().map(TensorValues::of).collect();
        let sum = kernel::combine(&slices(&tensors), &TensorValues::of(weights));
        // The next step takes memory of this size again.
        tensors.into_iter().for_each(TensorValues::recycle);
        Tensor::from_data(TensorData::new(sum, shape), &device)
    }

    pub(super) fn sizes<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
        let device = tensor.device();
        Tensor::from_floats([kernel::sizes(&TensorValues::of(tensor)) as f32], &device)
    }

    pub(super) fn pull<const D: usize>(tensor: Tensor<D>, gradient: Tensor<D>) -> Tensor<1> {
        let (tensor, gradient) = (tensor.into_dispatch(), gradient.into_dispatch());
        Tensor::from_dispatch(<Dispatch as PullExtension>::pull(tensor, gradient))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    fn three() -> Vec<Tensor<3>> {
        let device = Device::flex();
        let normal = Distribution::Normal(0.0, 1.0);
        let one = |_| Tensor::random([5, 70, 64], normal, &device);
        (0..3).map(one).collect()
    }

    #[test]
    fn products_and_sums_agree_with_plain_operations() {
        let tensors = three();
        // A tensor that is not contiguous.
        let turned = tensors[1].clone().swap_dims(1, 2).reshape([5, 70, 64]);
        let tensors = [tensors[0].clone(), turned, tensors[2].clone() * f32::NAN];
        let tolerance = Tolerance::rel_abs(1e-5, 1e-3);
        let (found, expected) = (
            fused::products(&tensors[..2]),
            plain::products(&tensors[..2]),
        );
        found
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), tolerance);
        let sizes = fused::sizes(tensors[0].clone()).into_scalar::<f32>();
        let expected = tensors[0].clone().abs().sum().into_scalar::<f32>();
        assert!((sizes / expected - 1.0).abs() < 1e-5);
        let weights = Tensor::from_floats([0.5, -2.0, 0.0], &tensors[0].device());
        let found = fused::combine(tensors.to_vec(), weights.clone());
        let expected = plain::combine(tensors.to_vec(), weights);
        found
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::rel_abs(1e-5, 1e-6));
    }

    #[test]
    fn a_gradient_that_somebody_holds_keeps_its_values() {
        let tensors = three();
        let held = tensors[0].clone();
        let before = held.clone().into_data();
        let weights = Tensor::from_floats([1.0, 1.0, 1.0], &held.device());
        let first = fused::combine(tensors, weights.clone());
        let _second = fused::combine(three(), weights);
        assert_eq!(held.into_data(), before);
        assert!(first.dims() == [5, 70, 64]);
    }

    /// The gradient of the pull is a factor, here 3.
    #[test]
    fn a_pull_sends_the_gradient_that_a_product_sends() {
        let gradient = three().remove(0);
        let sent = |pull: &dyn Fn(Tensor<3>, Tensor<3>) -> Tensor<1>| {
            let leaf = Tensor::ones([5, 70, 64], &gradient.device().autodiff()).require_grad();
            let from = pull(leaf.clone().mul_scalar(2.0), gradient.clone());
            let mut gradients = from.mul_scalar(3.0).backward();
            leaf.grad_remove(&mut gradients).expect("it is a leaf")
        };
        let (found, expected) = (sent(&fused::pull), sent(&plain::pull));
        found
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), Tolerance::rel_abs(1e-6, 1e-6));
        let frozen = Tensor::ones([5, 70, 64], &gradient.device().autodiff());
        assert!(!fused::pull(frozen, gradient).is_tracked());
    }
}
