//! Compares strategies: defines the runs of a comparison, resumes each run, and collects the results.
//!
//! A comparison trains every strategy with the same data, the same budget and the same seeds, beside two reference rows:
//! `raw-sum`, the plain sum of the raw losses, and `tuned-fixed`, fixed weights from a small search. In reading order:
//!
//! * [`strategies`]: the rows of the table and the config of each;
//! * [`Job`]: one run in its folder: new, interrupted or finished;
//! * [`Manifest`]: the settings shared by all runs of a folder, so that no other comparison is mixed into it.
//!
//! The results are evaluated by [`comparison`](crate::comparison), as for any network.
//!
//! On a CPU, Burn draws random numbers from one state per process, so two runs in one process would not be reproducible.
//! To train in parallel, give each [`Job`] its own process, as `examples/compare_strategies` does.

mod job;
mod manifest;
pub mod strategies;

pub use job::{Job, JobState};
pub use manifest::Manifest;
