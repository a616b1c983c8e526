//! What a device can do, as far as the kernels ask.

use burn::backend::cubecl::dtype_to_storage_type;
use burn::tensor::DType;
use burn_cubecl::cubecl::features::TypeUsage;
use burn_cubecl::cubecl::ir::DeviceProperties;

/// The limits of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Units of a cube (threads of a workgroup), at most.
    pub(crate) units: usize,
    /// Shared memory of a cube in bytes.
    pub(crate) shared: usize,
    /// Buffers that a kernel can bind beside the one that CubeCL keeps for itself; 7 where WebGPU's promise is all there is.
    pub(crate) bindings: usize,
    /// The largest buffer in bytes.
    pub(crate) buffer: u64,
    /// Cubes of a launch in its first direction.
    pub(crate) cubes: usize,
    /// Whether it computes in half precision.
    pub(crate) half: bool,
    /// Multiprocessors, where the driver tells.
    pub(crate) processors: Option<usize>,
}

impl Limits {
    pub(super) fn of(device: &DeviceProperties) -> Self {
        let hardware = &device.hardware;
        // A device that is no card is a program: it runs cubes on the processor's cores.
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
