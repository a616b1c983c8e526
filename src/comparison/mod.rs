//! Compares strategies on any network.
//!
//! A comparison trains every strategy from the same initial parameters on the same batches for the same number of
//! epochs, with one or more seeds. The plain `sum` is always a row. [`TUNED_FIXED`], fixed weights from a small search,
//! is a row on request. In reading order:
//!
//! * [`Compare`] trains the runs one after the other in this process, and resumes interrupted runs;
//! * [`SearchConfig`] is the budget of the search for the weights of `tuned-fixed`;
//! * [`Interval`] is the mean and 95 % interval over the seeds;
//! * [`Results`] holds the histories of all runs as tidy values, summaries, paired differences and verdicts;
//! * [`Results::answer`] names the best strategy, if any, in one sentence;
//! * [`Results::table`] writes the results as text, [`Results::page`] as a page of the report.
//!
//! The validation loss of a strategy that was chosen by this loss is too optimistic: evaluate the chosen network on a
//! third data set.

mod answer;
mod folder_name;
mod interval;
mod page;
mod results;
mod runs;
pub(crate) mod search;
mod table;

pub use interval::Interval;
pub use results::{MetricColumn, OtherTarget, Results, Run, RunValue, RunVerdict, Summary};
#[cfg(feature = "expansion")]
pub(crate) use runs::raw;
pub use runs::{Compare, Prepared, RunSeen, TUNED_FIXED};
pub use search::SearchConfig;
