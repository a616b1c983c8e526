//! The mask of dropout.

#[path = "../../../src/nn/dropout/mask.rs"]
mod mask;

pub(in crate::nn) use mask::Mask;
