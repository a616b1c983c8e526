//! Defines the settings and the report of a reader.

use crate::expansion::table::{DateOrder, DecimalMark};

/// Settings of [`read_csv`](super::read_csv).
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CsvOptions {
    /// Whether bad rows are dropped and counted; otherwise the first bad row is an error. Default `false`.
    pub skip_bad_rows: bool,
    /// The order of day and month in dates like `01/02/2024`. Default `None`: inferred from the file.
    pub date_order: Option<DateOrder>,
    /// The decimal mark of the prices. Default `None`: inferred from the file.
    pub decimal_mark: Option<DecimalMark>,
}

impl CsvOptions {
    /// Sets [`skip_bad_rows`](Self::skip_bad_rows).
    #[must_use]
    pub fn with_skip_bad_rows(mut self, skip_bad_rows: bool) -> Self {
        self.skip_bad_rows = skip_bad_rows;
        self
    }

    /// Sets [`date_order`](Self::date_order).
    #[must_use]
    pub fn with_date_order(mut self, order: impl Into<Option<DateOrder>>) -> Self {
        self.date_order = order.into();
        self
    }

    /// Sets [`decimal_mark`](Self::decimal_mark).
    #[must_use]
    pub fn with_decimal_mark(mut self, mark: impl Into<Option<DecimalMark>>) -> Self {
        self.decimal_mark = mark.into();
        self
    }
}

/// The report of [`read_csv`](super::read_csv) on a file.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvReport {
    /// The number of rows of data, kept or not. The header, blank lines and lines of text around the data do not count.
    pub rows: usize,
    /// The number of bad rows that were dropped. Always 0 without [`CsvOptions::skip_bad_rows`].
    pub dropped: usize,
    /// The line of the first dropped row, counted from 1 at the first line of the file, and the reason.
    pub first_dropped: Option<(u64, String)>,
    /// The number of rows left out as copies of a kept row.
    pub copies: usize,
    /// One sentence for each property of the file that was inferred.
    pub notes: Vec<String>,
}
