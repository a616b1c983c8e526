//! Reads price bars from a CSV file.
//!
//! `options` has the settings and the report. `head` reads the header (`header_again` where it is repeated), `columns`
//! finds the columns, `unnamed` those without a header, `advice` explains what is missing. `survey` infers the form of
//! the rows in a first pass, `symbols` and `several` see whether they belong to several instruments, `sheet` splits
//! columns of several instruments side by side. `file` joins these
//! and reads a whole file: `row` turns a record into a bar, `order` checks the direction of the time stamps, `intake`
//! keeps, drops or refuses each row. `lines` (with `lines_rows` and `lines_checks`) reads lines that arrive one at a
//! time, and `watch` looks for what their first row could not show.

mod advice;
mod columns;
mod file;
mod head;
mod header_again;
pub(crate) mod intake;
pub(crate) mod intakes;
mod lines;
mod lines_checks;
mod lines_rows;
mod options;
mod order;
pub(crate) mod row;
mod sample;
mod several;
mod sheet;
mod stamp_text;
mod survey;
pub(crate) mod symbols;
mod unnamed;
mod watch;
mod zone_column;

use std::path::Path;

use super::Bars;
use crate::error::Result;
use crate::expansion::table::text::Text;
use file::CsvFile;
#[cfg(feature = "parquet")]
pub(crate) use file::format_left_aside;
pub use intakes::Instrument;
pub use lines::CsvLines;
pub use options::{CsvOptions, CsvReport, OfAnotherFile};
use sheet::Sheet;

/// Reads the bars of a file of separated values, and returns them oldest first.
///
/// The file is UTF-8, or UTF-16 with a byte order mark. Its form (separator, place of the header, form of dates and
/// prices, direction of time) is inferred from the file and described in [`CsvReport::notes`]. A form that is
/// ambiguous is an error that shows both readings and names the setting that chooses.
///
/// **Header.** The header is the first line that names all four prices, among the first 50 lines that are not blank.
/// Columns are separated by commas, semicolons, tabs or `|`; lines of text above the header are skipped, and so are
/// lines below that repeat it. A line below that has the names in another order is an error. Names are matched without
/// regard to letter case, accents, surrounding spaces, `<>`, `*`, `#`, a number in front (`1. open`), and underscores
/// or dashes for spaces. Prices are known in English and as exports name them in German, French, Spanish, Italian,
/// Portuguese, Polish, Russian, Turkish, Dutch, Swedish, Chinese, Japanese and Korean, also with a common word before
/// or after them (`bidopen`, `mid.o`, `AAPL.Open`, `PX_LAST`). Of several columns for the close, `close` has
/// precedence, then `last`, `price`, `adj close` and others. Several sets of prices (bid and ask) are an error that
/// shows the maps for [`CsvOptions::columns`]. Up to two lines below the names may name the instrument and the index,
/// as yfinance writes them. Other columns are ignored.
///
/// **Without a header** the first four columns of numbers behind the time are the prices, in the only order in which
/// nearly no row has a low above or a high below the others. From 20 rows on the steps from close to open must tell the
/// two apart; fewer rows are in the usual order unless they contradict it. If the order is not clear, the error shows
/// every order that fits, as a line of names and as [`CsvOptions::columns`].
///
/// **Time.** The time stamp comes from a column with a known name (`timestamp`, `datetime`, `date`, `time` and others)
/// whose values are dates or numbers; else from a column of any name whose values are dates or, in equal steps in one
/// direction, counts since 1970. A date without a time of day is joined with a column of times of day, also in digits
/// (`930`, `93000`). Of several such columns the start of the bar is taken (`begin`, `open_time`, `ts_event`); if the
/// names do not tell it, the error names the columns. [`CsvOptions::columns`] names columns that are not to be found.
///
/// **Instruments.** A file with several instruments is an error that names the column and its values. A column such as
/// `symbol`, `ticker` or `name` with several values tells instruments apart. So does any column of text, where time
/// stamps repeat or run back and do not for each of its values; or where the price of nearly every row whose value
/// changes is much nearer to the last row of its own value than to the row before, or leaps away at every new value by
/// more than the price ever moves within a value. Without time stamps a single such leap counts. Another value in
/// nearly every row is no instrument where the time stamps run in order, which a note says.
/// [`CsvOptions::instrument`] chooses one, [`read_instruments`](super::read_instruments) reads all, and
/// `instrument=` in [`CsvOptions::columns`] says that no column tells instruments apart.
///
/// **Time stamps** may be
///
/// * RFC 3339 with `Z` or an offset: `2024-01-31T09:30:00+01:00`;
/// * a date: `2024-01-31` (also with `/` or `.`, or as `20240131`), `2024-01` for the first day of a month,
///   `31/01/2024` or `01/31/2024` (also with `.` or `-`), with two digits for the year (`%y`: 1969 to 2068),
///   `31-Jan-2024`, `Jan 31, 2024`, `2024年1月31日`; alone or before a time of day, `09:30[:00[.000]]`, `0930`, `093000`,
///   `9:30 PM` or `09-PM`, and a zone: `UTC`, an offset, a name of the tz database such as `US/Eastern`;
/// * a number: seconds, milliseconds, microseconds or nanoseconds since 1970-01-01 UTC, inferred from its size; the
///   digits of a date (`20240131`, `202401310930`, up to milliseconds); a day of a spreadsheet (`45322.375`). Numbers
///   most of which would lie before 1900, in January 1970 or more than a year ahead, or that have several readings, are
///   an error that names the formats that read them.
///
/// A stamp without an offset is in the zone of [`CsvOptions::time_zone`], else of a column such as `tz` or
/// `utc_offset`, else UTC. An abbreviation such as `EST` is read only if the zone of the settings uses it then. A time
/// of day that a change of the clocks repeats is the earlier one, unless the abbreviation tells or the rows run on only
/// with the later one. Other forms are read by the pattern of [`CsvOptions::time_format`].
///
/// All stamps of a file have one form, the one that most rows have; counts may change their unit if the rows run on.
/// The order of day, month and a year of two digits is inferred from a row that has only one reading, else from the
/// order and the spacing of the rows. Stamps are compared to the nanosecond and kept to the second. A file that runs
/// from newest to oldest is reversed.
///
/// **Prices** may be quoted, begin with `$`, `€`, `£` or `¥`, and have thousands separators. The decimal mark is
/// inferred from the prices with only one reading, unless they are very few; `1,084` alone has two, and `110'165` too,
/// because it may be in 32nds. A high below or a low above the open or the
/// close by at most a billionth of the price is set to it and counted, because exporters that adjust prices round so.
///
/// **Bad rows.** A row is bad if it has fewer columns than the header, or more that are not empty, a price that is not
/// a number or does not pass [`Bar::check`](super::Bar::check), a time stamp that cannot be read, or a time stamp that
/// is not later than that of the last kept row. The error about the first bad row says how many there are. With
/// [`CsvOptions::skip_bad_rows`] bad rows are dropped and counted in the [`CsvReport`]; the error proposes it only
/// where that costs at most a twentieth of the rows. A row with the stamp and prices of a kept row, and a row out of
/// order that repeats the prices of the row before it, are copies: they are left out and counted. Up to ten lines at
/// the end with neither stamp nor price, or with a single value, are skipped.
///
/// Takes time and memory linear in the length of the file, which is in memory while it is read.
///
/// # Errors
/// * [`Error::Io`](crate::error::Error::Io): the file is missing or cannot be read.
/// * [`Error::File`](crate::error::Error::File): a folder; a file that is empty, or packed with gzip, zip or zstd; a
///   header without rows; no usable row; several instruments, or not the one that is asked for.
/// * [`Error::Line`](crate::error::Error::Line): no header, a required column missing or given twice, several sets of
///   prices or times, data above the header, text that is not UTF-8, a quoted value over several lines, dates or prices
///   that can be read in two ways; any bad row unless bad rows are skipped.
/// * [`Error::Setting`](crate::error::Error::Setting): an option that cannot be understood.
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
    options.check()?;
    let text = Text::read(path, "CSV file")?;
    if options.instrument.is_none()
        && let Some(sheet) = Sheet::of(&text, options)?
    {
        return sheet.read(options);
    }
    CsvFile::of(text, options)?.instruments()
}
