//! Includes the files of the kernels as they are in the library. What a kernel reaches through Burn is left out: its
//! files are `kernel.rs` and below, and those compute on slices.
#![allow(dead_code)]

mod host;
mod loss;
mod nn;
