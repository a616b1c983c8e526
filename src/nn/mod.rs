//! Layers: the bidirectional LSTM, dropout, and the readout of a sequence. Knows nothing of tasks, losses or training.
//!
//! On the CPU the layers work on host memory directly and keep what they used for their next results, up to 256 MiB for the
//! whole program.

mod bilstm;
mod dropout;
#[cfg(feature = "cpu-kernels")]
mod fused;
mod lengths;
mod readout;
mod reference;

pub use bilstm::{BiLstm, BiLstmConfig, LstmWeights};
pub use dropout::Dropout;
pub use lengths::Lengths;
pub use readout::{Readout, readout};
