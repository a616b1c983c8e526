//! What the GPU kernels of the layers and of the losses share: what a device can do, memory, and how many units there are.
//!
//! With the kernels' own `launch` files this is the place that knows Burn's tensors on GPUs, whose interface changes between its
//! minor versions.

mod limits;
mod sum;

use burn::backend::DispatchDevice;
use burn::backend::ops::FloatTensorOps;
#[cfg(feature = "train")]
use burn::tensor::DeviceType;
use burn::tensor::{DType, Device, Shape, Tensor};
use burn_cubecl::CubeBackend;
#[cfg(feature = "train")]
use burn_cubecl::cubecl::RuntimeId;
use burn_cubecl::cubecl::calculate_cube_count_elemwise;
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::kernel::{into_contiguous, slice};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;

pub(crate) use limits::Limits;
pub(crate) use sum::sum_over_units;

/// What the device of a tensor can do; nothing where the tensor is not on a GPU in single precision.
pub(crate) fn limits<const D: usize>(tensor: &Tensor<D>) -> Option<Limits> {
    match tensor.dtype() {
        DType::F32 => limits_of(&tensor.device()),
        _ => None,
    }
}

/// What a device can do; nothing where it is no GPU.
pub(crate) fn limits_of(device: &Device) -> Option<Limits> {
    match device.clone().inner().as_dispatch() {
        DispatchDevice::Cube(device) => Some(Limits::of(device.client().properties())),
        #[allow(unreachable_patterns)]
        _ => None,
    }
}

/// The kind of GPU that Burn takes where no device is named, if this machine has none of it. Asking for it would panic.
#[cfg(feature = "train")]
pub(crate) fn missing_default() -> Option<&'static str> {
    let default = Device::default();
    let DispatchDevice::Cube(device) = default.as_dispatch() else {
        return None;
    };
    let (kind, name) = match device.runtime() {
        #[cfg(feature = "cuda")]
        RuntimeId::Cuda => (DeviceType::Cuda, "CUDA"),
        #[cfg(feature = "rocm")]
        RuntimeId::Hip => (DeviceType::Rocm, "ROCm"),
        #[cfg(feature = "wgpu")]
        RuntimeId::Wgpu => (DeviceType::Wgpu, "wgpu"),
        #[allow(unreachable_patterns)]
        _ => return None,
    };
    let there = Device::enumerate(kind).into_vec();
    there.is_empty().then_some(name)
}

/// Memory on the device of another tensor, in order: kernels do their own arithmetic on it.
pub(crate) fn empty<const D: usize>(
    like: &CubeTensor,
    shape: [usize; D],
    dtype: DType,
) -> CubeTensor {
    let (client, device) = (like.client.clone(), like.device.clone());
    empty_device_contiguous_dtype(client, device, Shape::from(shape), dtype)
}

/// Cubes and units for an operation on each of `elements`.
pub(crate) fn over(tensor: &CubeTensor, elements: usize) -> (CubeCount, CubeDim) {
    let units = CubeDim::new(&tensor.client, elements);
    let cubes = calculate_cube_count_elemwise(&tensor.client, elements, units);
    (cubes, units)
}

/// A part of a tensor, from an element in its order on: without a copy where the device can bind memory there.
pub(crate) fn part<const D: usize>(
    whole: &CubeTensor,
    from: usize,
    shape: [usize; D],
) -> CubeTensor {
    let whole = &into_contiguous(whole.clone());
    let bytes = |elements: usize| (elements * whole.dtype.size()) as u64;
    let alignment = whole.client.properties().memory.alignment;
    let elements: usize = shape.iter().product();
    if !bytes(from).is_multiple_of(alignment) {
        let all = whole.meta.num_elements();
        let row = CubeBackend::float_reshape(whole.clone(), Shape::from([all]));
        let range = from..from + elements;
        let part = slice(row, std::slice::from_ref(&range));
        return CubeBackend::float_reshape(part, Shape::from(shape));
    }
    // What the part does not need at the end may stay in it, so the end is no matter of alignment.
    let behind = bytes(whole.meta.num_elements() - from - elements);
    let handle = whole.handle.clone();
    let handle = handle
        .offset_start(bytes(from))
        .offset_end(behind / alignment * alignment);
    let (client, device) = (whole.client.clone(), whole.device.clone());
    CubeTensor::new_contiguous(client, device, Shape::from(shape), handle, whole.dtype)
}
