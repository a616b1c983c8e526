//! equipoise
#![deny(missing_docs, rustdoc::broken_intra_doc_links)]
#[cfg(feature = "train")]
pub mod diagnosis;
pub mod error;
#[cfg(feature = "train")]
pub mod expansion;
#[cfg(feature = "train")]
pub mod history;
pub mod loss;
pub mod model;
pub mod nn;
pub mod task;
#[cfg(feature = "train")]
pub mod train;
pub mod weighting;
pub use error::{Error, Result};
pub use task::{Task, TaskKind, TaskSet};
