//! Strategies side by side, for any network: which runs a comparison consists of, and what they add up to.
//!
//! A comparison trains every strategy from the same initial parameters on the same batches for the same number of epochs, over several
//! seeds, beside rows that keep it honest: the plain `sum`, and [`TUNED_FIXED`], fixed weights from a small search. In reading order:
//!
//! * [`Compare`]: the runs, resumable, one after the other in this process;
//! * [`search`]: the weights of `tuned-fixed`;
//! * [`interval`]: mean and 95 % interval over the seeds;
//! * [`Results`]: the histories of all runs as tidy values, summaries, paired differences and verdicts;
//! * [`answer`]: which strategy, if any, in one sentence;
//! * [`table`]: the same as text; [`Results::page`] is the same as a page of the report.
//!
//! What a strategy reaches on the validation data is what it was chosen by, wherever somebody chooses by the table: a network to be
//! used wants a third set of data.

mod answer;
pub mod interval;
mod page;
mod results;
mod runs;
pub mod search;
pub mod table;

pub use answer::answer;
pub use results::{
    FAILED, MetricColumn, OtherTarget, Results, Run, RunValue, RunVerdict, SECONDS_PER_STEP,
    Summary,
};
#[cfg(feature = "expansion")]
pub(crate) use runs::raw;
pub use runs::{Compare, Prepared, RunSeen, TUNED_FIXED};
