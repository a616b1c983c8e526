//! The readout of a sequence.

#[path = "../../../src/nn/readout/kernel.rs"]
mod kernel;
