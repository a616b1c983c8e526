//! Shared parts of the CPU kernels: access to tensors in host memory, a pool of memory, and functions for vectorised
//! loops over floats.

mod instructions;
pub(crate) mod math;
pub(crate) mod memory;
mod tensors;
pub(crate) mod vector;

pub(crate) use instructions::arch;
#[cfg(test)]
pub(crate) use instructions::tests::each as each_instruction_set;
pub(crate) use tensors::{Integers, TensorValues, applies, serves, to_tensor};

/// Returns every instruction set that both this machine and the kernels support.
#[cfg(test)]
pub(crate) fn instructions() -> Vec<pulp::Arch> {
    let all = instructions::instructions();
    all.into_iter().map(|(_, arch)| arch).collect()
}
