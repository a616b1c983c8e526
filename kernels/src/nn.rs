//! The kernels of the layers.

pub(crate) mod dropout;
mod fused;
mod readout;
