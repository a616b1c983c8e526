//! Defines the flag for the backend of the tensors.

use clap::ValueEnum;
use equipoise::expansion::run::Backend;

/// The backends by name.
#[derive(Clone, Copy, ValueEnum)]
pub enum BackendName {
    Flex,
    Ndarray,
    Wgpu,
    Vulkan,
    Metal,
    Cuda,
    Rocm,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Self {
        match name {
            BackendName::Flex => Self::Flex,
            BackendName::Ndarray => Self::Ndarray,
            BackendName::Wgpu => Self::Wgpu,
            BackendName::Vulkan => Self::Vulkan,
            BackendName::Metal => Self::Metal,
            BackendName::Cuda => Self::Cuda,
            BackendName::Rocm => Self::Rocm,
        }
    }
}
