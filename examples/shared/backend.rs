//! The flag that says where the tensors live.

use clap::ValueEnum;
use equipoise::expansion::config::Backend;

/// The backends by name.
#[derive(Clone, Copy, ValueEnum)]
pub enum BackendName {
    Flex,
    Ndarray,
    Wgpu,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Self {
        match name {
            BackendName::Flex => Self::Flex,
            BackendName::Ndarray => Self::Ndarray,
            BackendName::Wgpu => Self::Wgpu,
        }
    }
}
