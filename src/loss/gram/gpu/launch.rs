//! Launches the kernels for a few gradients on tensors of a GPU.

use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::kernel;
use crate::gpu::{empty, over};

/// The maximum number of cubes, each with a part of the elements.
const CUBES: usize = 256;

/// Elements per unit before another cube is added.
const EACH: usize = 8;

/// Computes the inner products of all pairs of the first `count` tensors, `[count, count]`.
pub(super) fn products(tensors: [CubeTensor; 5], count: usize) -> CubeTensor {
    let [a, b, c, d, e] = tensors.map(into_contiguous);
    let elements = a.meta.num_elements();
    let cubes = elements.div_ceil(kernel::UNITS as usize * EACH).min(CUBES);
    let partial = empty(&a, [cubes, count * count], DType::F32);
    kernel::products::launch(
        &partial.client,
        CubeCount::Static(cubes as u32, 1, 1),
        CubeDim::new_1d(kernel::UNITS),
        a.into_tensor_arg(),
        b.into_tensor_arg(),
        c.into_tensor_arg(),
        d.into_tensor_arg(),
        e.into_tensor_arg(),
        partial.clone().into_tensor_arg(),
        elements,
        count,
    );
    let sums = match cubes {
        1 => partial,
        _ => CubeBackend::float_sum_dim(partial, 0),
    };
    CubeBackend::float_reshape(sums, Shape::from([count, count]))
}

/// Computes the sum of the first `count` tensors times their weights.
pub(super) fn combine(tensors: [CubeTensor; 5], weights: CubeTensor, count: usize) -> CubeTensor {
    let [a, b, c, d, e] = tensors.map(into_contiguous);
    let shape = a.meta.shape().clone();
    let elements = a.meta.num_elements();
    let output = empty(&a, [elements], DType::F32);
    let (cubes, units) = over(&output, elements);
    kernel::combine::launch(
        &output.client,
        cubes,
        units,
        a.into_tensor_arg(),
        b.into_tensor_arg(),
        c.into_tensor_arg(),
        d.into_tensor_arg(),
        e.into_tensor_arg(),
        into_contiguous(weights).into_tensor_arg(),
        output.clone().into_tensor_arg(),
        elements,
        count,
    );
    CubeBackend::float_reshape(output, shape)
}
