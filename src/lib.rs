//! equipoise
#![deny(missing_docs, rustdoc::broken_intra_doc_links)]
pub mod error;
pub mod loss;
pub mod task;
pub mod weighting;
pub use error::{Error, Result};
pub use task::{Task, TaskKind, TaskSet};
