//! Cuts a series into labelled windows, splits windows by time, and makes more windows from the same bars.

mod cut;
mod grid;
mod labelled;
#[cfg(feature = "parquet")]
mod parquet;
mod resample;
mod series;
mod split;
mod windows;

pub use grid::WindowGrid;
#[cfg(feature = "parquet")]
pub use parquet::{WindowOptions, holds_windows, read_windows};
pub use resample::{Resample, with_resampled};
pub use series::Series;
pub use windows::{LeftOut, Window, Windows};
