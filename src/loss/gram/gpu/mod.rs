//! Computes inner products and weighted sums of a few gradients on GPUs. The gradients are read once for all pairs, and
//! once for the sum.

mod extension;
mod kernel;
mod launch;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use self::extension::GramKernels;
use crate::gpu;

/// The maximum number of tensors. WebGPU guarantees eight buffers per kernel, of which CubeCL uses one.
const MOST: usize = 5;

/// Returns whether the kernels support these tensors.
pub(super) fn serves<const D: usize>(tensors: &[Tensor<D>]) -> bool {
    let fits = |tensor: &Tensor<D>| {
        let limits = gpu::limits(tensor);
        let elements = tensor.shape().num_elements() as u64;
        limits.is_some_and(|limits| {
            limits.bindings >= MOST + 2
                && limits.units >= kernel::UNITS as usize
                && limits.shared >= kernel::UNITS as usize * size_of::<f32>()
                && elements < u64::from(u32::MAX)
        })
    };
    tensors.len() <= MOST && tensors.iter().all(fits)
}

/// Computes the inner products of all pairs, `[K, K]`.
pub(super) fn products<const D: usize>(tensors: &[Tensor<D>]) -> Tensor<2> {
    let count = tensors.len();
    let [a, b, c, d, e] = given(tensors);
    Tensor::from_dispatch(<Dispatch as GramKernels>::products(a, b, c, d, e, count))
}

/// Computes the sum of the tensors times their weights, `[K]`.
pub(super) fn combine<const D: usize>(tensors: &[Tensor<D>], weights: Tensor<1>) -> Tensor<D> {
    let count = tensors.len();
    let [a, b, c, d, e] = given(tensors);
    let weights = weights.inner().into_dispatch();
    Tensor::from_dispatch(<Dispatch as GramKernels>::combine(
        a, b, c, d, e, weights, count,
    ))
}

/// Returns the tensors without a graph. After the last tensor, the last is repeated.
fn given<const D: usize>(tensors: &[Tensor<D>]) -> [burn::backend::DispatchTensor; MOST] {
    let last = tensors.len() - 1;
    std::array::from_fn(|index| tensors[index.min(last)].clone().inner().into_dispatch())
}
