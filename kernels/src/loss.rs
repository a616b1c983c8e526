//! The kernels of losses and Gram matrices.

mod fused;
mod gram;
