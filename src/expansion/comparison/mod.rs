//! Compares strategies: trains every row and seed in a folder, resumes, and collects the results.
//!
//! A comparison trains every strategy with the same data, the same budget and the same seeds, beside two reference
//! rows: `sum`, the plain sum of the raw losses, and `tuned-fixed`, fixed weights from a small search. In reading
//! order:
//!
//! * [`ComparisonConfig`]: the rows, the seeds, and the parts into which the runs can be divided;
//! * [`Comparison`]: the comparison in its folder: trains, collects and describes the runs;
//! * [`Job`]: one run in its folder: new, interrupted or finished.
//!
//! The results are evaluated by [`comparison`](crate::comparison), as for any network.
//!
//! On a CPU, Burn draws random numbers from one state per process, so two runs in one process would not be
//! reproducible. To train in parallel, give each [`Job`] its own process, as `examples/compare_strategies` does.

mod config;
mod folder;
mod job;
mod manifest;
mod strategies;
mod tuning;

pub use config::ComparisonConfig;
pub use folder::Comparison;
pub use job::{Job, JobState};
