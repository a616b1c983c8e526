//! What the CPU kernels of the layers and of the losses share: reading tensors that are in host memory, memory that is used
//! again, and functions that loops over floats can use without leaving the vector unit.

pub(crate) mod math;
pub(crate) mod memory;
mod tensors;
pub(crate) mod vector;

pub(crate) use tensors::{Integers, TensorValues, applies, serves, to_tensor};

/// Every set of instructions that this machine has and the kernels know.
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
