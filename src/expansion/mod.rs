//! Finds the *expansion* in windows of price bars with a four-headed network.
//!
//! The modules are built on the rest of the library as any other user would build on it. Each depends only on
//! modules above it:
//!
//! * [`duration`]: lengths of time as text;
//! * [`bars`]: bars, series of bars, their gaps, readers of CSV and Parquet files;
//! * [`label`]: position and type of the expansion in a window, by rule or by hand; the countdown;
//! * [`feature`]: the features of each bar;
//! * [`window`]: windows as views over one series or several, the split by time, more windows from the same bars;
//! * [`simulator`]: labelled windows of a market with known answers, in any number;
//! * [`model`]: the network, its batches, its output and the decoding of it, its metrics and baselines;
#![cfg_attr(
    feature = "pytorch",
    doc = "* [`pytorch`]: checkpoints of the original network, from PyTorch and back;"
)]
//! * [`run`]: a whole run from one config: data, training, checkpoints, the figures of its report;
//! * [`predictor`]: predictions of a trained network, for a series or bar by bar;
//! * [`comparison`]: comparison of strategies over several seeds.

pub mod bars;
pub mod comparison;
pub mod feature;
pub mod label;
pub mod model;
pub mod predictor;
#[cfg(feature = "pytorch")]
pub mod pytorch;
pub mod run;
pub mod simulator;
mod table;
pub mod window;

pub use table::duration;
