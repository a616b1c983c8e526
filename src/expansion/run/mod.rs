//! Loads the data of a config, builds and trains its network, and collects the content of the run's report.
//!
//! An [`ExpansionConfig`], for example from [`recipe`], goes to [`load`] for the windows and to [`train()`] for the run.

mod candles;
mod class_weights;
mod config;
mod data;
#[cfg(feature = "pytorch")]
mod export;
mod files;
mod fingerprint;
#[cfg(feature = "pytorch")]
mod follow;
mod instruments;
mod names;
mod quick_test;
mod recipes;
mod report;
mod start;
mod train;

pub use candles::{WindowFigure, window_section};
pub use class_weights::ClassWeights;
pub use config::{Backend, DataConfig, ExpansionConfig, STRATEGIES, preset};
pub use data::{read_bars, read_other_bars};
#[cfg(feature = "pytorch")]
pub use export::export_run;
pub use files::DataFiles;
pub(crate) use fingerprint::{Fingerprint, RunFiles};
pub use instruments::{InstrumentScores, instrument_scores, instrument_section};
pub use names::Names;
pub use quick_test::{QuickTest, quick_test};
pub use recipes::{RECIPES, recipe};
pub use report::{SHOWN, facts, window_figures};
pub use start::{build, config_of_run, follow_init, trained_network};
pub use train::{Data, RunOptions, batcher, kernel, load, probe, train};
