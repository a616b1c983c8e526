//! The domain: windows of price bars, the *expansion* inside each, and the four-headed network that finds it.
//!
//! Built on the generic rooms exactly as any other user would build on them. In reading order:
//!
//! * [`bars`]: one bar, a series, the CSV reader, its gaps, the market simulator;
//! * [`labels`] and [`kind`]: where the expansion of a window is, and of which type, by rule;
//! * [`marks`] and [`classes`]: the same, by hand;
//! * [`features`], [`moves`] and [`feature_set`]: what the network sees of each bar;
//! * [`countdown`]: the target of the fourth task, in its two forms;
//! * [`windows`]: windows as views over one series, and the split by time;
//! * [`resample`]: more training windows from the same bars;
//! * [`batch`]: windows to tensors;
//! * [`model`]: the network, its configuration, its output, and how an output is read as an expansion;
//! * [`baselines`]: what predictors reach that know nothing, or only the position;
//! * [`metrics`]: how well the expansions are found;
//! * [`config`]: a whole run in one JSON file; [`recipes`]: some such runs by name;
//! * [`duration`]: how a length of time is written;
//! * [`run`]: from a config to a trained model;
//! * [`predictor`]: a trained network at work, on a series or bar by bar;
//! * `pytorch`: checkpoints of the original network, from PyTorch and back (feature `pytorch`);
//! * [`fingerprint`]: files that a run was made from;
//! * [`figures`]: what a run's report shows of windows and settings;
//! * [`comparison`]: strategies side by side, over several seeds.

pub mod bars;
pub mod baselines;
pub mod batch;
pub mod classes;
pub mod comparison;
pub mod config;
pub mod countdown;
mod cut;
pub mod duration;
pub mod feature_set;
pub mod features;
pub mod figures;
mod files;
pub mod fingerprint;
pub mod kind;
pub mod labels;
pub mod marks;
pub mod metrics;
pub mod model;
pub mod moves;
mod network;
#[cfg(feature = "parquet")]
pub mod parquet_windows;
pub mod predictor;
#[cfg(feature = "pytorch")]
pub mod pytorch;
pub mod recipes;
pub mod resample;
pub mod run;
pub mod windows;
