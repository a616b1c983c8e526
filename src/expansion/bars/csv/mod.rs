//! Reads price bars from a CSV file.
//!
//! `options` has the settings and the report, `columns` finds the columns, `survey` infers the form of the rows in a
//! first pass. Then `row` turns a record into a bar, `order` checks the direction of the time stamps, `intake` keeps,
//! drops or refuses each row. `lines` reads lines that arrive one at a time.

mod advice;
mod columns;
mod file;
mod head;
pub(crate) mod intake;
mod lines;
mod options;
mod order;
pub(crate) mod row;
mod survey;
pub(crate) mod symbols;

use std::path::Path;

use super::Bars;
use super::instruments::Instrument;
use crate::error::Result;
use file::CsvFile;
pub use lines::CsvLines;
pub use options::{CsvOptions, CsvReport};

/// Reads the bars of a file of separated values, and returns them oldest first.
///
/// The file is UTF-8, or UTF-16 with a byte order mark. Its form (separator, place of the header, form of dates and
/// prices, direction of time) is inferred from the file and described in [`CsvReport::notes`]. A form that is
/// ambiguous is an error that shows both readings and names the setting that chooses.
///
/// **Header.** The header is the first line that names all four prices, among the first 50 lines that are not blank.
/// Columns are separated by commas, semicolons, tabs or `|`; lines of text above the header are skipped. Names are
/// matched without regard to letter case, surrounding spaces, `<>` and `*`. The close may also be called `last`,
/// `close/last`, `price` or `adj close`; `close` itself has precedence, then the first name in this list. The time
/// stamp comes from the first of these columns that the header has: `timestamp`, `datetime`, `date` and `time`
/// together (joined by a space), `date`, `time`, `date time`, `open time`, `gmt time`, `local time`, `time (utc)`,
/// `date (utc)`, `unix`, `unix timestamp`, `t`; or else from a column without a name that holds dates. Other columns
/// are ignored.
///
/// **Time stamps** may be
///
/// * RFC 3339 with `Z` or an offset: `2024-01-31T09:30:00+01:00`;
/// * a date: `2024-01-31` (also with `/` or `.`, or as `20240131`), `31/01/2024` or `01/31/2024` (also with `.` or
///   `-`), `31-Jan-2024`, `Jan 31, 2024`; alone or before a time of day, `09:30[:00[.000]]`, `9:30 PM` or `09-PM`;
///   as UTC where no offset follows;
/// * a number: seconds, milliseconds, microseconds or nanoseconds since 1970-01-01 UTC, inferred from its size.
///
/// Ambiguous forms (two digits for the year, an hour without AM or PM, zone names other than UTC and GMT) are not
/// read. All stamps of a file have one kind: dates like `31/01/2024` with one order of day and month, numbers of one
/// unit, or any of the other forms. Whether the day or the month comes first is inferred from a row that has only one
/// reading, else from the order and the spacing of the rows. Stamps are compared to the nanosecond and kept to the
/// second. A file that runs from newest to oldest is reversed.
///
/// **Prices** may be quoted, begin with `$`, `€`, `£` or `¥`, and have thousands separators. The decimal mark is
/// inferred from the prices with only one reading; `1,084` alone has two.
///
/// **Bad rows.** A row is bad if it has fewer columns than the header, or more that are not empty, a price that is not
/// a number or does not pass [`Bar::check`](super::Bar::check), a time stamp that cannot be read, or a time stamp that
/// is not later than that of the last kept row. With [`CsvOptions::skip_bad_rows`] bad rows are dropped and counted in
/// the [`CsvReport`]. A row with the stamp and prices of a kept row, and a row out of order that repeats the prices of
/// the row before it, are copies: they are left out and counted. Up to ten lines at the end with neither stamp nor
/// price (totals, a source) are skipped.
///
/// Takes time and memory linear in the length of the file, which is in memory while it is read.
///
/// # Errors
/// * [`Error::Io`](crate::error::Error::Io): the file is missing or cannot be read.
/// * [`Error::File`](crate::error::Error::File): a folder; a file that is empty, or packed with gzip, zip or zstd; a
///   header without rows; no usable row.
/// * [`Error::Line`](crate::error::Error::Line): no header, a required column missing or given twice, data above the
///   header, text that is not UTF-8, a quoted value over several lines, dates or prices that can be read in two ways;
///   any bad row unless bad rows are skipped.
///
/// # Example
/// ```no_run
/// use equipoise::expansion::bars::{CsvOptions, read_csv};
///
/// let (bars, report) = read_csv("prices.csv", &CsvOptions::default())?;
/// println!("{} bars, {} copies left out", bars.len(), report.copies);
/// # Ok::<(), equipoise::Error>(())
/// ```
pub fn read_csv(path: impl AsRef<Path>, options: &CsvOptions) -> Result<(Bars, CsvReport)> {
    CsvFile::open(path.as_ref(), options)?.series()
}

/// Reads every instrument of a file as a series of its own.
pub(crate) fn read_all(path: &Path, options: &CsvOptions) -> Result<(Vec<Instrument>, CsvReport)> {
    let side_by_side = match options.instrument {
        None => file::side_by_side(path, options)?,
        Some(_) => Vec::new(),
    };
    if side_by_side.len() < 2 {
        return CsvFile::open(path, options)?.instruments();
    }
    let mut instruments = Vec::new();
    let mut all = CsvReport::default();
    for name in side_by_side {
        let options = options.clone().with_instrument(name.clone());
        let (bars, report) = read_csv(path, &options)?;
        all.add(report, &name);
        instruments.push(Instrument { name, bars });
    }
    Ok((instruments, all))
}
