//! Layers: the bidirectional LSTM and dropout. Knows nothing of tasks, losses or training.

mod bilstm;
mod dropout;
#[cfg(feature = "cpu-kernels")]
mod fused;
mod reference;

pub use bilstm::{BiLstm, BiLstmConfig, LstmWeights};
pub use dropout::Dropout;
