//! The limits of a device that the kernels depend on.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl::features::TypeUsage;
use burn_cubecl::cubecl::ir::DeviceProperties;

/// The limits of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The maximum number of units of a cube (threads of a workgroup).
    pub(crate) units: usize,
    /// The shared memory of a cube in bytes.
    pub(crate) shared: usize,
    /// The number of buffers that a kernel can bind beside the buffer of CubeCL: 7 with the guaranteed minimum of
    /// WebGPU.
    pub(crate) bindings: usize,
    /// The largest buffer in bytes.
    pub(crate) buffer: u64,
    /// The maximum number of cubes of a launch in the first dimension.
    pub(crate) cubes: usize,
    /// Whether the device computes in half precision.
    pub(crate) half: bool,
    /// The number of multiprocessors, if the driver reports it.
    pub(crate) processors: Option<usize>,
}

impl Limits {
    pub(super) fn of(device: &DeviceProperties) -> Self {
        let hardware = &device.hardware;
        // A device without a physical identity is software: it runs cubes on the cores of the processor.
        let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        let processors = match device.identity.physical {
            Some(_) => hardware.num_streaming_multiprocessors,
            None => Some(cores()),
        };
        Self {
            units: hardware.max_units_per_cube.min(hardware.max_cube_dim.0) as usize,
            shared: hardware.max_shared_memory_size,
            bindings: hardware.max_bindings as usize,
            buffer: device.memory.max_page_size,
            cubes: hardware.max_cube_count.0 as usize,
            half: device
                .type_usage(dtype_to_storage_type(DType::F16))
                .is_superset(TypeUsage::Buffer | TypeUsage::Conversion | TypeUsage::Arithmetic),
            processors: processors.map(|count| count as usize),
        }
    }
}
