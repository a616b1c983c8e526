//! The implementation of recurrent layers on a device.

use std::fmt;

/// The implementation that computes recurrent layers on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kernel {
    /// The kernels for the CPU.
    Cpu,
    /// The kernels for GPUs, with all steps of a layer in one launch.
    Gpu,
    /// The kernels for GPUs, with products and stored gates in half precision.
    GpuHalf,
    /// Plain tensor operations, which are slower, with the reason.
    Plain(String),
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("kernels for the CPU"),
            Self::Gpu => f.write_str("kernels for GPUs"),
            Self::GpuHalf => f.write_str("kernels for GPUs in half precision"),
            Self::Plain(why) => write!(f, "plain tensor operations ({why})"),
        }
    }
}
