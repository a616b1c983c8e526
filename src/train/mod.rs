//! Trains any [`MultiTaskModel`](crate::model::MultiTaskModel) under any strategy, on `burn::train`.
//!
//! The loop, the metrics, early stopping and the interrupt are Burn's. This module adds the parts that several tasks
//! need: [`MultiTask`] holds a network and a strategy in one module, the [`Trainer`] records every task separately and
//! writes the [`History`](crate::history::History), and a checkpoint holds everything that the next step depends on.
//!
//! The folder of a run holds
//!
//! | file | content |
//! |---|---|
//! | `train.json` | the settings, which are compared when the run is resumed |
//! | `baselines.csv` | the losses of the uninformed predictors in each batch of the validation data |
//! | `history.csv` | every recorded number, tidy: `epoch,split,task,quantity,value`; complete after every epoch |
//! | `checkpoint/model-N.bpk` | the network and the strategy after epoch N |
//! | `checkpoint/optim-N.bpk` | the moments of the optimizer |
//! | `checkpoint/scheduler-N.bpk` | the learning rate schedule |
//! | `checkpoint/*.bpk.crc32` | the CRC-32 of each file, eight hexadecimal digits; a file that does not match is refused |
//! | `checkpoint/epoch-N.json` | the CRC-32 of the three files of epoch N; a resumed run takes only files that belong together |
//! | `lock`, `lock-holder.json` | the lock of a run in training, and the process that holds it ([`FolderLock`]) |
//!
//! Random numbers (the order of the samples, dropout) depend on the seed, the pass over the data and the batch alone.
//! The random state of a checkpoint is therefore its epoch, and a resumed run repeats an uninterrupted run to the bit
//! on the same CPU backend.

mod baseline;
pub mod checkpoint;
pub(crate) mod checksum;
mod clock;
mod config;
mod data;
mod devices;
pub(crate) mod fork;
mod gradients;
mod hooks;
mod journal;
mod last_epoch_log;
mod lock;
mod lock_holder;
mod mean_metric;
mod output;
mod part;
mod recorder;
mod saves;
mod schedule;
mod seal;
mod settings_file;
mod step;
mod step_hooks;
mod take_over;
// Its tests need no feature.
#[cfg(any(test, feature = "tensorboard"))]
mod tensorboard;
mod terminal;
mod tracker;
mod trainer;
mod uninformed;
mod watch;

pub use baseline::Baseline;
pub use config::{NonFinitePolicy, Schedule, TrainConfig};
pub use data::{Alternation, BatchBy, Batches, Data, DataPass, Mixture, Source};
pub use hooks::{EpochSeen, StepSeen};
pub use lock::FolderLock;
#[cfg(feature = "expansion")]
pub(crate) use lock::With;
pub use output::StepOutput;
pub use part::PartConfig;
pub use step::MultiTask;
pub use take_over::{TakenOver, take_over};
#[cfg(any(test, feature = "tensorboard"))]
pub use tensorboard::TensorBoard;
pub use terminal::Progress;
pub use trainer::{Outcome, Trainer};
pub use watch::{Better, Watch};
