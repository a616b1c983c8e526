//! Products of gradients.

#[path = "../../../src/loss/gram/kernel.rs"]
mod kernel;
