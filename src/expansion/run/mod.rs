//! Loads the data of a config, builds and trains its network, and collects the content of the run's report.
//!
//! An [`ExpansionConfig`], for example from [`ExpansionConfig::recipe`], goes to [`Data::load`] for the windows and to
//! [`train()`] for the run.

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
mod heads;
mod init_selection;
mod instruments;
mod names;
mod quick_test;
mod recipes;
mod report;
mod same_features;
mod start;
mod train;

pub use candles::WindowFigure;
pub use class_weights::ClassWeights;
pub use config::{Backend, DataConfig, ExpansionConfig};
#[cfg(feature = "pytorch")]
pub use export::export_run;
pub use files::DataFiles;
pub(crate) use fingerprint::Fingerprint;
pub use fingerprint::RunFiles;
pub use init_selection::InitSelection;
pub use instruments::InstrumentScores;
pub use names::Names;
pub use quick_test::QuickTest;
pub use train::{Data, RunOptions, probe, train};
