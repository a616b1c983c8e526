//! Reads and checks price bars: a [`Bar`], a series of bars ([`Bars`]), and the gaps of a series ([`Gaps`]).
//!
//! Labels and features divide by prices and ranges, so no bar enters a series unchecked.

mod columns;
mod csv;
mod gaps;
mod instruments;
mod jumps;
mod map;
#[cfg(feature = "parquet")]
mod parquet;
mod price_bar;

use std::sync::Arc;

use crate::error::{Error, Result};
pub use crate::expansion::table::{DateOrder, DecimalMark};
pub(crate) use columns::symbol_column;
#[cfg(feature = "parquet")]
pub(crate) use columns::{PRICES, time_column};
#[cfg(feature = "parquet")]
pub(crate) use csv::intake::remedy;
pub use csv::{CsvLines, CsvOptions, CsvReport, Instrument, OfAnotherFile, read_csv};
pub use gaps::{Gaps, Outage};
#[cfg(not(feature = "parquet"))]
pub(crate) use instruments::WITHOUT_PARQUET;
pub(crate) use instruments::is_parquet;
pub use instruments::read_instruments;
pub use map::ColumnMap;
#[cfg(feature = "parquet")]
pub(crate) use parquet::bar;
#[cfg(feature = "parquet")]
pub use parquet::read_parquet;
pub use price_bar::{Bar, BarFault};

/// A series of checked bars, oldest first, with or without time stamps.
///
/// A clone shares the contents, so it costs one reference count whatever the length.
#[derive(Debug, Clone)]
pub struct Bars {
    series: Arc<SharedBars>,
}

#[derive(Debug)]
struct SharedBars {
    bars: Vec<Bar>,
    timestamps: Option<Vec<i64>>,
    further: Further,
    origin: String,
}

/// Further columns of bars.
#[derive(Debug, Clone, Default)]
struct Further {
    names: Vec<String>,
    /// The values, bar after bar.
    values: Vec<f64>,
}

impl Bars {
    /// Creates a series from bars held in memory, oldest first.
    ///
    /// `timestamps` are seconds since 1970-01-01 00:00 UTC, one per bar and never decreasing. `origin` names the
    /// source of the bars (a path, `simulator`) in error messages.
    ///
    /// # Errors
    /// [`Error::File`] with `origin` as the path and the index of the bar (from 0) if a bar does not pass
    /// [`Bar::check`], a time stamp is earlier than its predecessor, or the number of time stamps is not the number
    /// of bars.
    pub fn new(
        bars: Vec<Bar>,
        timestamps: Option<Vec<i64>>,
        origin: impl Into<String>,
    ) -> Result<Self> {
        let origin = origin.into();
        for (index, bar) in bars.iter().enumerate() {
            bar.check()
                .map_err(|fault| Error::file(&origin, format!("bar {index}: {fault}")))?;
        }
        if let Some(stamps) = &timestamps {
            check_timestamps(stamps, bars.len()).map_err(|reason| Error::file(&origin, reason))?;
        }
        Ok(Self::from_checked(bars, timestamps, origin))
    }

    /// Creates a series of bars that the caller has checked.
    pub(crate) fn from_checked(
        bars: Vec<Bar>,
        timestamps: Option<Vec<i64>>,
        origin: String,
    ) -> Self {
        let series = SharedBars {
            bars,
            timestamps,
            further: Further::default(),
            origin,
        };
        Self {
            series: Arc::new(series),
        }
    }

    /// Returns the bars with further columns, such as the volume. `values` holds them bar after bar, a value for each
    /// name.
    ///
    /// # Errors
    /// [`Error::File`] with the source of the bars as the path if the number of values is not the number of bars times
    /// that of names, or a value is not finite.
    pub fn with_columns<N: Into<String>>(
        self,
        names: impl IntoIterator<Item = N>,
        values: Vec<f64>,
    ) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let needed = names.len() * self.len();
        if values.len() != needed {
            let reason = format!(
                "{} values of further columns, expected {needed}",
                values.len()
            );
            return Err(Error::file(self.origin(), reason));
        }
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let (bar, name) = (place / names.len(), &names[place % names.len()]);
            let reason = format!(
                "bar {bar}: column `{name}` is {}, not a finite number",
                values[place]
            );
            return Err(Error::file(self.origin(), reason));
        }
        Ok(self.with_checked_columns(names, values))
    }

    /// Returns the bars with further columns that the caller has checked.
    pub(crate) fn with_checked_columns(self, names: Vec<String>, values: Vec<f64>) -> Self {
        let further = Further { names, values };
        let series = match Arc::try_unwrap(self.series) {
            Ok(series) => SharedBars { further, ..series },
            Err(shared) => SharedBars {
                bars: shared.bars.clone(),
                timestamps: shared.timestamps.clone(),
                further,
                origin: shared.origin.clone(),
            },
        };
        Self {
            series: Arc::new(series),
        }
    }

    /// Returns the names of the further columns.
    pub fn column_names(&self) -> &[String] {
        &self.series.further.names
    }

    /// Returns the further columns of `bars` bars from index `first` on, bar after bar.
    ///
    /// # Panics
    ///
    /// If the bars are not all in the series.
    pub fn columns(&self, first: usize, bars: usize) -> &[f64] {
        assert!(
            first + bars <= self.len(),
            "bars {first} to {}",
            first + bars
        );
        let Further { names, values } = &self.series.further;
        &values[first * names.len()..(first + bars) * names.len()]
    }

    /// Returns the number of bars.
    pub fn len(&self) -> usize {
        self.series.bars.len()
    }

    /// Returns whether the series has no bars.
    pub fn is_empty(&self) -> bool {
        self.series.bars.is_empty()
    }

    /// Returns the bars, oldest first.
    pub fn bars(&self) -> &[Bar] {
        &self.series.bars
    }

    /// Returns the time stamps, one per bar: whole seconds since 1970-01-01 00:00 UTC, never decreasing. Returns
    /// `None` if the source had none.
    pub fn timestamps(&self) -> Option<&[i64]> {
        self.series.timestamps.as_deref()
    }

    /// Returns the source of the bars: a path, or `simulator`.
    pub fn origin(&self) -> &str {
        &self.series.origin
    }
}

fn check_timestamps(stamps: &[i64], bars: usize) -> std::result::Result<(), String> {
    if stamps.len() != bars {
        return Err(format!("{} time stamps for {bars} bars", stamps.len()));
    }
    match stamps.windows(2).position(|pair| pair[1] < pair[0]) {
        None => Ok(()),
        Some(index) => Err(format!(
            "bar {}: time stamp {} is earlier than {} of the bar before it",
            index + 1,
            stamps[index + 1],
            stamps[index]
        )),
    }
}
