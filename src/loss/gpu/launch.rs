//! Launches the kernels of the losses on tensors of a GPU.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;

use super::kernel;
use crate::gpu::{empty, over, part};

/// Computes the losses of the rows, `[rows]`, and, if requested, their derivatives with respect to the logits,
/// `[rows, classes]`.
pub(super) fn row_losses(
    logits: CubeTensor,
    targets: CubeTensor,
    slopes: bool,
) -> (CubeTensor, Option<CubeTensor>) {
    let (logits, targets) = (into_contiguous(logits), into_contiguous(targets));
    let [rows, classes] = logits.meta.shape().dims();
    let losses = empty(&logits, [rows], DType::F32);
    let slopes = slopes.then(|| empty(&logits, [rows, classes], DType::F32));
    let (cubes, units) = over(&logits, rows);
    let integers = dtype_to_storage_type(targets.dtype);
    kernel::row_losses::launch(
        &losses.client,
        cubes,
        units,
        logits.into_tensor_arg(),
        targets.into_tensor_arg(),
        losses.clone().into_tensor_arg(),
        slopes.clone().map(CubeTensor::into_tensor_arg).into(),
        rows,
        classes,
        integers,
    );
    (losses, slopes)
}

/// Concatenates the first `count` losses.
pub(super) fn losses_together(losses: [CubeTensor; 6], count: usize) -> CubeTensor {
    let [a, b, c, d, e, f] = losses.map(into_contiguous);
    let output = empty(&a, [count], DType::F32);
    let (cubes, units) = over(&output, count);
    kernel::losses_together::launch(
        &output.client,
        cubes,
        units,
        a.into_tensor_arg(),
        b.into_tensor_arg(),
        c.into_tensor_arg(),
        d.into_tensor_arg(),
        e.into_tensor_arg(),
        f.into_tensor_arg(),
        output.clone().into_tensor_arg(),
        count,
    );
    output
}

/// Splits `[count]` numbers into tensors of one element. After the last element, the last is repeated.
pub(super) fn split_losses(gradient: CubeTensor, count: usize) -> [CubeTensor; 6] {
    let gradient = into_contiguous(gradient);
    let rows = empty(&gradient, [count, kernel::APART], DType::F32);
    let (cubes, units) = over(&rows, count);
    kernel::split_losses::launch(
        &rows.client,
        cubes,
        units,
        gradient.into_tensor_arg(),
        rows.clone().into_tensor_arg(),
        count,
        kernel::APART,
    );
    let parts: Vec<_> = (0..count)
        .map(|index| part(&rows, index * kernel::APART, [1]))
        .collect();
    std::array::from_fn(|index| parts[index.min(count - 1)].clone())
}
