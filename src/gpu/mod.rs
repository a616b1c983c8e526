//! Shared parts of the GPU kernels: limits of the device, memory, and sizes of launches.
//!
//! Only this module and the `launch` files of the kernels use the GPU tensors of Burn, whose interface changes between
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

/// Returns the limits of the device of a tensor. Returns `None` if the tensor is not on a GPU or not in single
/// precision.
pub(crate) fn limits<const D: usize>(tensor: &Tensor<D>) -> Option<Limits> {
    match tensor.dtype() {
        DType::F32 => limits_of(&tensor.device()),
        _ => None,
    }
}

/// Returns the limits of a device. Returns `None` if the device is not a GPU.
pub(crate) fn limits_of(device: &Device) -> Option<Limits> {
    match device.clone().inner().as_dispatch() {
        DispatchDevice::Cube(device) => Some(Limits::of(device.client().properties())),
        #[allow(unreachable_patterns)]
        _ => None,
    }
}

/// Returns the kind of GPU that is Burn's default device if this machine has no such GPU. Using this default would
/// panic.
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

/// Creates an uninitialised contiguous tensor on the device of another tensor: the kernels compute offsets into it.
pub(crate) fn empty<const D: usize>(
    like: &CubeTensor,
    shape: [usize; D],
    dtype: DType,
) -> CubeTensor {
    let (client, device) = (like.client.clone(), like.device.clone());
    empty_device_contiguous_dtype(client, device, Shape::from(shape), dtype)
}

/// Returns the cubes and units of a launch with one unit per element.
pub(crate) fn over(tensor: &CubeTensor, elements: usize) -> (CubeCount, CubeDim) {
    let units = CubeDim::new(&tensor.client, elements);
    let cubes = calculate_cube_count_elemwise(&tensor.client, elements, units);
    (cubes, units)
}

/// Returns a part of a tensor from element `from` in row-major order on, without a copy if the device can bind memory
/// there.
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
    // Unused elements may remain behind the part, so its end need not be aligned.
    let behind = bytes(whole.meta.num_elements() - from - elements);
    let handle = whole.handle.clone();
    let handle = handle
        .offset_start(bytes(from))
        .offset_end(behind / alignment * alignment);
    let (client, device) = (whole.client.clone(), whole.device.clone());
    CubeTensor::new_contiguous(client, device, Shape::from(shape), handle, whole.dtype)
}
