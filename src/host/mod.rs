//! What the CPU kernels of the layers and of the losses share: reading tensors that are in host memory, and functions that
//! loops over floats can use without leaving the vector unit.

pub(crate) mod math;
mod tensors;

pub(crate) use tensors::{applies, to_host, to_host_integers, to_tensor};
