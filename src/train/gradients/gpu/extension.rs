//! Registers the kernel that sums squares with Burn, for GPUs and for fused operations. Gradients have no autodiff
//! graph.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::Shape;
use burn_cubecl::CubeBackend;

use super::kernel::PARTS;
use super::launch;

/// A backend with the kernel that sums squares.
#[backend_extension(Cube, Fusion)]
pub(super) trait SquaresKernel: Backend {
    /// Computes partial sums of the first `count` tensors, `[count, PARTS]`: of squares, or of the first tensor itself
    /// if it is `carried`.
    #[fusion(dtype = a, shape = Shape::from([*count, PARTS]))]
    #[allow(clippy::too_many_arguments)]
    fn squares(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        count: usize,
        carried: bool,
    ) -> FloatTensor<Self>;
}

impl SquaresKernel for CubeBackend {
    fn squares(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        f: FloatTensor<Self>,
        count: usize,
        carried: bool,
    ) -> FloatTensor<Self> {
        launch::squares([a, b, c, d, e, f], count, carried)
    }
}
