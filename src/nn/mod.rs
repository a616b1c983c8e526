//! Layers: the bidirectional LSTM. Knows nothing of tasks, losses or training.

mod bilstm;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod fused;
mod reference;

pub use bilstm::{BiLstm, BiLstmConfig, LstmWeights};
