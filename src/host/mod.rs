//! Shared parts of the CPU kernels: access to tensors in host memory, a pool of memory, and functions for vectorised
//! loops over floats.

pub(crate) mod math;
pub(crate) mod memory;
mod tensors;
pub(crate) mod vector;

pub(crate) use tensors::{Integers, TensorValues, applies, serves, to_tensor};

/// Returns every instruction set that both this machine and the kernels support.
#[cfg(test)]
pub(crate) fn instructions() -> Vec<pulp::Arch> {
    use pulp::Arch;
    let mut all = vec![Arch::Scalar];
    #[cfg(target_arch = "x86_64")]
    {
        all.extend(pulp::x86::V3::try_new().map(Arch::V3));
        all.extend(pulp::x86::V4::try_new().map(Arch::V4));
    }
    #[cfg(not(target_arch = "x86_64"))]
    all.push(Arch::new());
    all
}
