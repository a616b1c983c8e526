//! The part of the library's room `host` without tensors.

#[path = "../../src/host/instructions.rs"]
mod instructions;
#[path = "../../src/host/math.rs"]
pub(crate) mod math;
#[path = "../../src/host/memory.rs"]
pub(crate) mod memory;
#[path = "../../src/host/vector.rs"]
pub(crate) mod vector;

pub(crate) use instructions::arch;
#[cfg(test)]
pub(crate) use instructions::tests::each as each_instruction_set;

/// Returns every instruction set that both this machine and the kernels support.
#[cfg(test)]
pub(crate) fn instructions() -> Vec<pulp::Arch> {
    let all = instructions::instructions();
    all.into_iter().map(|(_, arch)| arch).collect()
}
