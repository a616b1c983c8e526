//! Launches the kernels of a head on tensors of a GPU.

use burn::backend::ops::FloatTensorOps;
use burn::tensor::DType;
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::form::Form;
use super::kernel;
use crate::gpu::{empty, part};

/// Chunks of rows in the backward pass: enough for the units of a large device, few enough that their sum is cheap.
const CHUNKS: usize = 256;

/// A multiple of the alignment of every device, in elements. The alignment of CUDA is 512 bytes.
const APART: usize = 128;

/// Computes the output of every row, `[rows]`.
pub(super) fn run(
    input: CubeTensor,
    weight: CubeTensor,
    bias: CubeTensor,
    seeds: CubeTensor,
    form: Form,
) -> CubeTensor {
    let input = into_contiguous(input);
    let output = empty(&input, [form.rows], DType::F32);
    let bias = form.bias.then(|| into_contiguous(bias).into_tensor_arg());
    let seeds = form.drops.then(|| into_contiguous(seeds).into_tensor_arg());
    let cubes = form.rows.div_ceil(kernel::ROWS as usize) as u32;
    kernel::head_forward::launch(
        &output.client,
        CubeCount::Static(cubes, 1, 1),
        CubeDim::new_2d(kernel::UNITS / kernel::ROWS, kernel::ROWS),
        input.into_tensor_arg(),
        into_contiguous(weight).into_tensor_arg(),
        bias.into(),
        seeds.into(),
        output.clone().into_tensor_arg(),
        form.rows,
        form.width,
        form.seed,
        form.threshold,
        form.scale,
    );
    output
}

/// Computes the gradients of the input, of the weights, `[width, 1]`, and of the bias, `[1]`. Unless `wanted`, the
/// first is a placeholder of one element that must not be read.
pub(super) fn run_back(
    gradient: CubeTensor,
    input: CubeTensor,
    weight: CubeTensor,
    seeds: CubeTensor,
    form: Form,
    wanted: bool,
) -> [CubeTensor; 3] {
    let (gradient, input) = (into_contiguous(gradient), into_contiguous(input));
    let chunk = form.rows.div_ceil(CHUNKS);
    let chunks = form.rows.div_ceil(chunk);
    // The sum for the bias is aligned, so that it is a tensor without a copy.
    let aside = form.width.next_multiple_of(APART);
    let columns = aside + 1;
    let partial = empty(&input, [chunks, columns], DType::F32);
    let shape = input.meta.shape().clone();
    let to_input = wanted.then(|| {
        let flat = empty(&input, [form.rows, form.width], DType::F32);
        CubeBackend::float_reshape(flat, shape)
    });
    let seeds = form.drops.then(|| into_contiguous(seeds).into_tensor_arg());
    let across = (form.width + 1).div_ceil(kernel::COLUMNS as usize) as u32;
    kernel::head_backward::launch(
        &partial.client,
        CubeCount::Static(across, chunks as u32, 1),
        CubeDim::new_1d(kernel::COLUMNS),
        input.clone().into_tensor_arg(),
        gradient.into_tensor_arg(),
        into_contiguous(weight).into_tensor_arg(),
        seeds.into(),
        to_input.clone().map(CubeTensor::into_tensor_arg).into(),
        partial.clone().into_tensor_arg(),
        form.rows,
        form.width,
        chunk,
        aside,
        form.seed,
        form.threshold,
        form.scale,
    );
    let sums = CubeBackend::float_sum_dim(partial, 0);
    let nothing = || empty(&input, [1], DType::F32);
    [
        to_input.unwrap_or_else(nothing),
        part(&sums, 0, [form.width, 1]),
        part(&sums, aside, [1]),
    ]
}
