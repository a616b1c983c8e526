//! Losses and their derivatives.

#[path = "../../../src/loss/fused/kernel.rs"]
mod kernel;
