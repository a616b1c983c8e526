//! Layers: the bidirectional LSTM, dropout, and the readout of a sequence. Knows nothing of tasks, losses or training.

mod bilstm;
mod dropout;
#[cfg(feature = "cpu-kernels")]
mod fused;
mod readout;
mod reference;

pub use bilstm::{BiLstm, BiLstmConfig, LstmWeights};
pub use dropout::Dropout;
pub use readout::{Readout, readout};
