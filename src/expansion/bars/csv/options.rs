//! What a caller says of a file before it is read, and what it is told of it afterwards.

use crate::expansion::table::{DateOrder, DecimalMark};

/// How [`read_csv`](super::read_csv) treats a file.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CsvOptions {
    /// Drop and count bad rows instead of refusing the file at the first one. Off by default.
    pub skip_bad_rows: bool,
    /// Which comes first in dates like `01/02/2024`; told from the file if not given.
    pub date_order: Option<DateOrder>,
    /// The decimal mark of the prices; told from the file if not given.
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

/// What [`read_csv`](super::read_csv) found in a file.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvReport {
    /// Rows of data in the file, kept or not; the header, blank lines and lines of text around the data are not rows.
    pub rows: usize,
    /// Rows dropped because they were bad. Always 0 without [`CsvOptions::skip_bad_rows`].
    pub dropped: usize,
    /// The line of the first dropped row, counted from 1 with the header as a line, and why it was dropped.
    pub first_dropped: Option<(u64, String)>,
    /// Rows left out because they say again what a kept row says.
    pub copies: usize,
    /// One sentence for everything about the file that had to be told from it.
    pub notes: Vec<String>,
}
