//! Launches the kernel that sums squares on tensors of a GPU.

use burn::tensor::DType;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::kernel::{self, PARTS};
use crate::gpu::empty;

/// Computes partial sums of the first `count` tensors, `[count, PARTS]`.
pub(super) fn squares(tensors: [CubeTensor; 6], count: usize, carried: bool) -> CubeTensor {
    let [a, b, c, d, e, f] = tensors.map(into_contiguous);
    let sums = empty(&a, [count, PARTS], DType::F32);
    kernel::squares::launch(
        &sums.client,
        CubeCount::Static(PARTS as u32, count as u32, 1),
        CubeDim::new_1d(kernel::UNITS),
        a.into_tensor_arg(),
        b.into_tensor_arg(),
        c.into_tensor_arg(),
        d.into_tensor_arg(),
        e.into_tensor_arg(),
        f.into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        count,
        carried,
    );
    sums
}
