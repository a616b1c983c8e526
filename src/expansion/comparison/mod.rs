//! Strategies side by side: which runs a comparison consists of, how each is resumed, and what they add up to.
//!
//! A comparison trains every strategy with the same data, the same budget and the same seeds, beside two rows that keep it
//! honest: `raw-sum`, which does nothing at all, and `tuned-fixed`, fixed weights from a small search. In reading order:
//!
//! * [`strategies`]: the rows of the table and the config of each;
//! * [`Job`]: one run in its folder: new, interrupted or finished;
//! * [`Manifest`]: what a folder of runs was made for, so that nothing else is mixed into it.
//!
//! What the runs add up to is [`comparison`](crate::comparison)'s, as for any network.
//!
//! Burn draws random numbers on a CPU from one state in the whole process, so two runs in one process would not repeat
//! themselves. Whoever wants runs side by side gives each [`Job`] a process; `examples/compare_strategies` does.

mod job;
mod manifest;
pub mod strategies;

pub use job::{Job, JobState};
pub use manifest::Manifest;
