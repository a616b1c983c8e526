//! Waiting for a device.

use burn::tensor::Tensor;

/// Reads one number of a tensor, and so waits until the device has computed it.
pub fn wait<const D: usize>(tensor: Tensor<D>) {
    let first: f32 = tensor
        .slice(std::array::from_fn::<_, D, _>(|_| 0..1))
        .into_scalar();
    std::hint::black_box(first);
}
