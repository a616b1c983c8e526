//! The Gram matrix of the tasks' gradients: inner products of all pairs, and weighted sums.

#[cfg(feature = "cpu-kernels")]
mod extension;
#[cfg(feature = "gpu-kernels")]
mod gpu;
#[cfg(feature = "cpu-kernels")]
mod kernel;

#[cfg(feature = "train")]
use burn::tensor::Bool;
use burn::tensor::{DType, Device, Tensor};

/// Keeps divisions by a norm of zero at zero.
const TINY: f64 = 1e-30;

/// The inner products of the tasks' raw gradients at the representation, over all its elements, `[K, K]`, on the device.
#[derive(Clone, Debug)]
pub struct Gram {
    matrix: Tensor<2>,
}

impl Gram {
    /// Takes the inner products of all pairs of gradients.
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

    /// The matrix of a rule that was given the norms of the gradients alone: they stand on the diagonal, squared.
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

    /// The number of tasks, K.
    pub fn len(&self) -> usize {
        self.matrix.dims()[0]
    }

    /// Never true: there is at least one task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the inner products, `[K, K]`.
    pub fn matrix(&self) -> Tensor<2> {
        self.matrix.clone()
    }

    /// Returns the norm of each task's gradient, `[K]`.
    pub fn norms(&self) -> Tensor<1> {
        let tasks = self.len();
        // Every (K+1)-th number of the matrix in a row is on the diagonal.
        let row = self.matrix.clone().reshape([tasks * tasks]);
        let padded = Tensor::cat(vec![row, Tensor::zeros([tasks], &self.matrix.device())], 0);
        let diagonal = padded.reshape([tasks, tasks + 1]).narrow(1, 0, 1);
        diagonal.reshape([tasks]).sqrt()
    }

    /// Returns the cosines between the tasks' gradients, `[K, K]`; 0 for a task without a gradient.
    pub fn cosines(&self) -> Tensor<2> {
        let tasks = self.len();
        let norms = self.norms();
        let both = norms.clone().reshape([tasks, 1]) * norms.reshape([1, tasks]);
        (self.matrix.clone() / both.clamp_min(TINY)).clamp(-1.0, 1.0)
    }

    /// The inner products of the gradients times a factor each, `[K]`.
    pub(crate) fn scaled(&self, by: &Tensor<1>) -> Self {
        let tasks = self.len();
        let both = by.clone().reshape([tasks, 1]) * by.clone().reshape([1, tasks]);
        Self {
            matrix: self.matrix.clone() * both,
        }
    }

    /// The same matrix on another device.
    #[cfg(feature = "train")]
    pub(crate) fn on(&self, device: &Device) -> Self {
        let matrix = self.matrix.clone().to_device(&device.clone().inner());
        Self { matrix }
    }

    /// The matrix in which some tasks have no gradient, whatever was found for them, NaN included.
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

    /// The sum of matrices over the same tasks: gradients of different samples add up like this.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[cfg(feature = "train")]
    pub(crate) fn sum(matrices: impl IntoIterator<Item = Self>) -> Self {
        let matrices = matrices.into_iter().map(|gram| gram.matrix);
        let matrix = matrices.reduce(|sum, next| sum + next);
        Self {
            matrix: matrix.expect("there is a matrix"),
        }
    }

    /// The inner products of all pairs of tensors of one shape.
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

    /// The sum of tensors of one shape times their weights, `[K]`.
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

    /// The sum of `tensor` times `gradient`, `[1]`; its backward pass sends `gradient` into what led to `tensor`.
    pub(crate) fn pull<const D: usize>(tensor: Tensor<D>, gradient: Tensor<D>) -> Tensor<1> {
        #[cfg(feature = "cpu-kernels")]
        if crate::host::applies(&tensor) && crate::host::applies(&gradient) {
            return fused::pull(tensor, gradient);
        }
        plain::pull(tensor, gradient)
    }

    /// The sum of the sizes of all elements, `[1]`, in single precision.
    pub(crate) fn sizes<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
        #[cfg(feature = "cpu-kernels")]
        if crate::host::applies(&tensor) {
            return fused::sizes(tensor);
        }
        tensor.abs().sum().cast(DType::F32)
    }

    /// Keeps the memory of a tensor for the next step, where kernels on the host take theirs from.
    pub(crate) fn recycle<const D: usize>(tensor: Tensor<D>) {
        #[cfg(feature = "cpu-kernels")]
        if crate::host::applies(&tensor) {
            crate::host::TensorValues::of(tensor).recycle();
        }
        #[cfg(not(feature = "cpu-kernels"))]
        drop(tensor);
    }

    /// The device the matrix lies on.
    pub fn device(&self) -> Device {
        self.matrix.device()
    }
}

/// In plain tensor operations, for every backend and precision.
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

/// In one pass over host memory each.
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
        // Nobody needs them any more, and the next step asks for as much.
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
        // One that does not lie in order.
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

    /// What arrives at the pull is a factor: here 3.
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
