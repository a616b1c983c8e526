//! Training on `burn::train`: any [`MultiTaskModel`](crate::model::MultiTaskModel) under any strategy.
//!
//! The loop, the metrics, early stopping and the interrupt are Burn's. What this room adds is what several tasks need:
//! [`MultiTask`] puts a network and a strategy into one module, the [`Trainer`] watches every task by itself and writes
//! the [`History`](crate::history::History), and a checkpoint holds all that the next step depends on.
//!
//! A folder of a run holds
//!
//! | file | what it is |
//! |---|---|
//! | `train.json` | the settings; a run is resumed with the same |
//! | `baselines.csv` | what the uninformed predictors reach in each batch of the validation data |
//! | `history.csv` | every number, tidy: `epoch,split,task,quantity,value`; whole after every epoch |
//! | `checkpoint/model-N.bpk` | network and strategy after epoch N |
//! | `checkpoint/optim-N.bpk` | the optimizer's moments |
//! | `checkpoint/scheduler-N.bpk` | the learning rate schedule |
//! | `checkpoint/*.bpk.crc32` | the CRC-32 of each of them, eight hexadecimal digits; a file that no longer matches is refused |
//!
//! What is drawn at random (the order of the samples, dropout) is a function of the seed, the pass over the data and the batch
//! alone, so the random state of a checkpoint is its epoch, and a resumed run repeats an uninterrupted one to the bit on the
//! same CPU backend.

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
mod mean_metric;
mod output;
mod part;
mod recorder;
mod saves;
mod schedule;
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
pub use output::StepOutput;
pub use part::PartConfig;
pub use step::MultiTask;
pub use take_over::{TakenOver, take_over};
#[cfg(any(test, feature = "tensorboard"))]
pub use tensorboard::TensorBoard;
pub use terminal::Progress;
pub use trainer::{Outcome, Trainer};
pub use watch::{Better, Watch};
