//! Registers the kernels for a few gradients with Burn, for GPUs and for fusion. Gradients have no graph, so there is
//! no backward pass.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::Shape;
use burn_cubecl::CubeBackend;

use super::launch;

/// The kernels for a few gradients of one shape.
#[backend_extension(Cube, Fusion)]
pub(super) trait GramKernels: Backend {
    /// Computes the inner products of all pairs of the first `count` tensors, `[count, count]`.
    #[fusion(dtype = a, shape = Shape::from([*count, *count]))]
    fn products(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self>;

    /// Computes the sum of the first `count` tensors times their weights.
    #[fusion(dtype = a, shape = a)]
    #[allow(clippy::too_many_arguments)]
    fn combine(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self>;
}

impl GramKernels for CubeBackend {
    fn products(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self> {
        launch::products([a, b, c, d, e], count)
    }

    fn combine(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        count: usize,
    ) -> FloatTensor<Self> {
        launch::combine([a, b, c, d, e], weights, count)
    }
}
