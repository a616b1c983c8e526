//! Layers: the bidirectional LSTM, dropout, and heads that read every step. Knows nothing of tasks, losses or training.

mod bilstm;
mod dropout;
#[cfg(feature = "cpu-kernels")]
mod fused;
mod reference;
mod step_heads;

pub use bilstm::{BiLstm, BiLstmConfig, LstmWeights};
pub use dropout::Dropout;
pub use step_heads::step_heads;
