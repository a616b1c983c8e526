//! Reads price bars from a CSV file, refusing what would poison training later and saying where it is.
//!
//! Columns are found by header name in any order and letter case; `open`, `high`, `low` and `close` must be
//! there, a time stamp may be, everything else is ignored. The work is split by question: `records` walks the
//! lines, `header` finds the columns, `row` turns one record into a bar, `stamp` reads a time stamp, `order`
//! watches that they increase, `intake` decides what happens to each row, `shown` quotes the file in messages.

mod header;
mod intake;
mod order;
mod records;
mod row;
mod shown;
mod stamp;

use std::path::Path;

use super::Bars;
use crate::error::Result;
use header::Columns;
use intake::Intake;
use records::Records;

/// How [`read_csv`] treats a file.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CsvOptions {
    /// Drop and count bad rows instead of refusing the file at the first one. Off by default.
    pub skip_bad_rows: bool,
}

impl CsvOptions {
    /// Sets [`skip_bad_rows`](Self::skip_bad_rows).
    #[must_use]
    pub fn with_skip_bad_rows(mut self, skip_bad_rows: bool) -> Self {
        self.skip_bad_rows = skip_bad_rows;
        self
    }
}

/// What [`read_csv`] found in a file.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CsvReport {
    /// Rows of data in the file, kept or dropped; the header and blank lines are not rows.
    pub rows: usize,
    /// Rows dropped because they were bad. Always 0 without [`CsvOptions::skip_bad_rows`].
    pub dropped: usize,
    /// The line of the first dropped row, counted from 1 with the header as a line, and why it was dropped.
    pub first_dropped: Option<(u64, String)>,
}

/// Reads the bars of a comma-separated file, oldest first.
///
/// The first line that is not blank is the header. Names are matched without regard to letter case and
/// surrounding spaces; a UTF-8 byte order mark and CRLF line ends are accepted. The time stamp is taken from
/// the first of these that the header has: `timestamp`, `datetime`, `date` and `time` together (joined by a
/// space), `date`, `time`. It may be
///
/// * RFC 3339 with `Z` or an offset: `2024-01-31T09:30:00+01:00`;
/// * `YYYY-MM-DD[ T]HH:MM[:SS[.fff]]` or `YYYY-MM-DD`, taken as UTC;
/// * an integer: seconds since 1970-01-01 UTC, or milliseconds when its magnitude is 10^11 or more.
///
/// Time stamps must strictly increase. They are compared to the nanosecond and kept to the second.
///
/// A row is bad when it has more or fewer columns than the header, a price that is not a number or does not
/// pass [`Bar::check`](super::Bar::check), a time stamp that cannot be read, or one that is not later than that
/// of the last kept row. With [`CsvOptions::skip_bad_rows`] bad rows are dropped and counted in the
/// [`CsvReport`].
///
/// Takes time and memory linear in the file's length.
///
/// # Errors
/// * [`Error::Io`](crate::error::Error::Io): the file is missing or cannot be read.
/// * [`Error::File`](crate::error::Error::File): a folder; an empty file; a header without rows; no row that can be used.
/// * [`Error::Line`](crate::error::Error::Line): no header, a column that is needed missing or given twice, text that
///   is not UTF-8, a quoted value over several lines, rows running from newest to oldest; and any bad row unless
///   those are skipped.
pub fn read_csv(path: impl AsRef<Path>, options: &CsvOptions) -> Result<(Bars, CsvReport)> {
    let path = path.as_ref();
    let mut records = Records::open(path)?;
    let columns = Columns::find(&mut records)?;
    let mut intake = Intake::new(path, options);
    while records.advance()? {
        intake.take(&columns, records.record(), records.line())?;
    }
    intake.finish()
}
