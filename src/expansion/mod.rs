//! The domain: windows of price bars, the *expansion* inside each, and the four-headed network that finds it.
//!
//! Built on the generic rooms exactly as any other user would build on them. A wing knows only the wings above it:
//!
//! * [`bars`]: one bar, a series of them, its gaps, readers of CSV and Parquet files;
//! * [`label`]: where the expansion of a window is and of which type, by rule or by hand; the countdown;
//! * [`feature`]: what the network sees of each bar;
//! * [`window`]: windows as views over one series, the split by time, more windows from the same bars;
//! * [`simulator`]: endless labelled windows of a market with known answers;
//! * [`model`]: the network, its batches, its output and how that is read, its metrics and baselines;
#![cfg_attr(
    feature = "pytorch",
    doc = "* [`pytorch`]: checkpoints of the original network, from PyTorch and back;"
)]
//! * [`run`]: a whole run from one config: data, training, checkpoints, what its report shows;
//! * [`predictor`]: a trained network at work, on a series or bar by bar;
//! * [`comparison`]: strategies side by side, over several seeds.

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
