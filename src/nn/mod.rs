//! Layers: the LSTM in one and in two directions, dropout, and the readout of a sequence. The module does not depend on
//! tasks, losses or training.
//!
//! On the CPU, the layers compute on host memory directly (`fused`) and keep used memory for their next results, up to
//! 256 MiB for the whole program. On GPUs, all steps of a layer run in one launch (`recurrence`). Elsewhere, and as the
//! definition that both are tested against, plain tensor operations compute them (`reference`); `stack` chooses.

mod bilstm;
mod dropout;
#[cfg(feature = "cpu-kernels")]
mod fused;
#[cfg(feature = "gpu-kernels")]
mod head;
mod kernel;
mod layer;
mod lengths;
mod lstm;
mod readout;
#[cfg(feature = "gpu-kernels")]
mod recurrence;
mod reference;
mod stack;
mod state;
mod weights;

pub use bilstm::{BiLstm, BiLstmConfig};
pub use dropout::Dropout;
pub use kernel::Kernel;
pub use lengths::Lengths;
pub use lstm::{Lstm, LstmConfig};
pub use readout::{Readout, readout, readout_padded};
pub use state::LstmState;
pub use weights::LstmWeights;
