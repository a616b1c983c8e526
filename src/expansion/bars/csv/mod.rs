//! Reads price bars from a CSV file as people have them, refusing what would poison training later and saying where
//! it is.
//!
//! What can be told safely about a file (its separator, where the header is, how dates and prices are written, which
//! end is the oldest) is told from the file and said in a note; what cannot is an error that shows both readings and
//! names the setting that chooses.
//!
//! The work is split by question: `options` is what a caller says and is told, `columns` finds the columns, `survey` goes over
//! all rows once to learn how they are written; then `row` turns one record into a bar, `order` watches that the time stamps
//! go one way, `intake` decides what happens to each row. `lines` does the same for lines that come one at a time.

pub(crate) mod columns;
pub(crate) mod intake;
mod lines;
mod options;
mod order;
pub(crate) mod row;
pub(crate) mod survey;

use std::path::Path;

use super::Bars;
use crate::error::Result;
use crate::expansion::table::text::Text;
use columns::BarColumns;
use intake::{Intake, PlaceName};
pub use lines::CsvLines;
pub use options::{CsvOptions, CsvReport};
use row::BarRow;
use survey::CsvForm;

/// Reads the bars of a file of separated values; they come out oldest first.
///
/// The file is UTF-8, or UTF-16 with a byte order mark.
///
/// **Header.** The first line that names all four prices is the header, whether columns are separated by commas,
/// semicolons, tabs or `|`; lines of text above it are passed over. Names are matched without regard to letter case,
/// surrounding spaces, `<>` and `*`. The close may also be called `last`, `close/last`, `price` or `adj close`; where
/// there are several, the one that stands first in this list after `close` itself is taken. The time stamp is taken
/// from the first of these that the header has: `timestamp`, `datetime`, `date` and `time` together (joined by a
/// space), `date`, `time`, `date time`, `open time`, `gmt time`, `local time`, `unix`, `unix timestamp`, `t`; or else from
/// a column without a name, if there are dates in it. Other columns are ignored.
///
/// **Time stamps** may be
///
/// * RFC 3339 with `Z` or an offset: `2024-01-31T09:30:00+01:00`;
/// * a date: `2024-01-31` (also with `/` or `.`, or as `20240131`), `31/01/2024` or `01/31/2024` (also with `.` or
///   `-`), `31-Jan-2024`, `Jan 31, 2024`; alone or before a time of day, `09:30[:00[.000]]`, `9:30 PM` or `09-PM`;
///   as UTC where no offset follows;
/// * a number: seconds, milliseconds, microseconds or nanoseconds since 1970-01-01 UTC, told by its size.
///
/// All stamps of a file are of one of these three kinds. Whether the day or the month comes first is told from a row
/// that can only be read one way, else from the order and the spacing of the rows. Stamps are compared to the
/// nanosecond and kept to the second. A file that runs from newest to oldest is turned round.
///
/// **Prices** may be quoted, begin with `$`, `€`, `£` or `¥`, and have thousands separators; the decimal mark is told from the prices.
///
/// A row is bad when it has fewer columns than the header, or more that are not empty, a price that is not a number
/// or does not pass [`Bar::check`](super::Bar::check), a time stamp that cannot be read, or one that is not later
/// than that of the last kept row. With [`CsvOptions::skip_bad_rows`] bad rows are dropped and counted in the
/// [`CsvReport`]. A row with the stamp and prices of a kept row, and one out of order that repeats the prices of the
/// row before it, are copies: they are left out and counted. Up to ten lines at the end with neither stamp nor price
/// (totals, a source) are passed over.
///
/// Takes time and memory linear in the file's length; the file is in memory while it is read.
///
/// # Errors
/// * [`Error::Io`](crate::error::Error::Io): the file is missing or cannot be read.
/// * [`Error::File`](crate::error::Error::File): a folder; an empty file; a header without rows; no row that can be used.
/// * [`Error::Line`](crate::error::Error::Line): no header, a column that is needed missing or given twice, data above
///   the header, text that is not UTF-8, a quoted value over several lines, dates or prices that can be read in two
///   ways; and any bad row unless those are skipped.
pub fn read_csv(path: impl AsRef<Path>, options: &CsvOptions) -> Result<(Bars, CsvReport)> {
    let text = Text::read(path.as_ref(), "CSV file")?;
    let columns = BarColumns::find(&text)?;
    let survey = CsvForm::of(&text, &columns, options)?;
    let newest_first = survey.stamps.as_ref().is_some_and(|s| s.newest_first);
    let mut intake = Intake::new(text.path(), PlaceName::Line, options, newest_first);
    let mut scratch = String::new();
    let mut records = text.records(&columns.place);
    while records.advance()? {
        let (record, line) = (records.record(), records.line());
        match BarRow::read(record, &columns, &survey, &mut scratch) {
            Err(reason) if BarRow::is_text(record, &columns, &mut scratch) => {
                intake.take_text(line, reason)?;
            }
            row => intake.take(row, line)?,
        }
    }
    let notes = columns.notes.iter().chain(&survey.notes).cloned().collect();
    intake.finish(notes)
}
