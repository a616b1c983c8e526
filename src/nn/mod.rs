//! Layers: the bidirectional LSTM. Knows nothing of tasks, losses or training.

mod bilstm;
mod reference;

pub use bilstm::{BiLstm, BiLstmConfig, LstmWeights};
