//! Keeps, drops or refuses each row, and counts the rows.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::options::{CsvOptions, CsvReport};
use super::order::{KeptBars, Placement};
use super::row::BarRow;
use crate::error::{Error, Result};
use crate::expansion::bars::{Bar, Bars};
use crate::expansion::table::header::counted;

/// Returns the end of an error message about a row. Dropping bad rows is proposed where it costs little.
pub(crate) fn remedy(bad: usize, rows: usize) -> String {
    if bad * 20 <= rows {
        format!(
            "correct the row, or drop such rows with `data.skip_bad_rows` ({bad} of {rows} rows)"
        )
    } else {
        format!("correct the row ({bad} of {rows} rows cannot be used)")
    }
}

/// The largest number of lines of text after the last row.
const MOST_TEXT: usize = 10;

/// The rows read so far.
pub(crate) struct Intake {
    path: PathBuf,
    unit: PlaceName,
    skip_bad_rows: bool,
    newest_first: bool,
    kept: KeptBars,
    report: CsvReport,
    first_copy: Option<(u64, String)>,
    /// The names of the further columns.
    names: Vec<String>,
    /// The further columns of the kept bars, bar after bar.
    further: Vec<f64>,
    /// The first of the lines that repeat the header, and their number.
    headers: Option<(u64, usize)>,
    /// The number of rows that are refused because their time stamps are out of order.
    disordered: usize,
    /// Lines of text: skipped if no row follows, bad rows otherwise.
    text: Vec<(u64, String)>,
}

/// The kind of place in a file that messages and errors name.
#[derive(Clone, Copy)]
pub(crate) enum PlaceName {
    /// Lines of text.
    Line,
    /// Rows of a table.
    #[cfg(feature = "parquet")]
    Row,
}

impl PlaceName {
    fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            #[cfg(feature = "parquet")]
            Self::Row => "row",
        }
    }

    fn error(self, path: &Path, place: u64, reason: String) -> Error {
        match self {
            Self::Line => Error::line(path, place, reason),
            #[cfg(feature = "parquet")]
            Self::Row => Error::row(path, place, reason),
        }
    }
}

impl Intake {
    /// Creates an intake without rows.
    pub(crate) fn new(
        path: &Path,
        unit: PlaceName,
        options: &CsvOptions,
        newest_first: bool,
    ) -> Self {
        Self {
            path: path.to_path_buf(),
            unit,
            skip_bad_rows: options.skip_bad_rows,
            newest_first,
            kept: KeptBars::new(newest_first, options.time_zone.is_some()),
            report: CsvReport::default(),
            first_copy: None,
            names: options.features.clone(),
            further: Vec::new(),
            headers: None,
            disordered: 0,
            text: Vec::new(),
        }
    }

    /// Takes a line that repeats the header.
    pub(super) fn take_header(&mut self, line: u64) {
        self.headers.get_or_insert((line, 0)).1 += 1;
    }

    /// Returns whether a row is out of order.
    pub(crate) fn has_disorder(&self) -> bool {
        self.disordered > 0
    }

    /// Returns whether more rows are out of order than a few bad ones, as where the rows of several instruments are
    /// mixed.
    pub(crate) fn is_disordered(&self) -> bool {
        self.disordered * 20 > self.report.rows
    }

    /// Returns the last bar that was kept with its time stamp.
    pub(super) fn last(&self) -> Option<(Bar, Timestamp)> {
        self.kept.last()
    }

    /// Returns whether rows were kept without a time stamp.
    pub(crate) fn is_timeless(&self) -> bool {
        self.kept.stamps.is_empty()
    }

    /// Returns whether the rows run from the newest to the oldest.
    pub(crate) fn is_newest_first(&self) -> bool {
        self.newest_first
    }

    /// Adds a note that only the rows show.
    pub(crate) fn note(&mut self, note: String) {
        self.report.notes.push(note);
    }

    /// Takes a possible line of text after the last row, with the reason why it is not a row.
    pub(super) fn take_text(&mut self, line: u64, reason: String) -> Result<()> {
        self.text.push((line, reason));
        if self.text.len() > MOST_TEXT {
            self.reject_text();
        }
        Ok(())
    }

    /// Takes a row, or the reason why it cannot be read.
    pub(crate) fn take(&mut self, row: Result<BarRow, String>, place: u64) -> Result<()> {
        if !self.text.is_empty() {
            self.reject_text();
        }
        let row = match row {
            Ok(row) => row,
            Err(reason) => {
                self.reject(place, reason);
                return Ok(());
            }
        };
        self.report.rows += 1;
        let Some(stamp) = row.time else {
            self.report.mended += usize::from(row.mended);
            self.kept.bars.push(row.bar);
            self.further.extend(row.further);
            return Ok(());
        };
        match self.kept.place(row.bar, stamp) {
            Placement::Kept => {
                self.report.mended += usize::from(row.mended);
                self.further.extend(row.further);
            }
            Placement::Copy(reason) => {
                self.report.copies += 1;
                self.first_copy.get_or_insert((place, reason));
            }
            Placement::Refused(reason) => {
                self.disordered += 1;
                self.report.rows -= 1;
                self.reject(place, reason);
            }
        }
        Ok(())
    }

    /// Rejects the lines held back as text, because a row follows them.
    fn reject_text(&mut self) {
        for (line, reason) in std::mem::take(&mut self.text) {
            self.reject(line, reason);
        }
    }

    /// Counts a bad row. Whether it is an error is known at the end, with the number of such rows.
    fn reject(&mut self, line: u64, reason: String) {
        self.report.rows += 1;
        self.report.dropped += 1;
        self.report.first_dropped.get_or_insert((line, reason));
    }

    /// Returns the error about the first bad row, unless bad rows are skipped.
    fn refuse_bad(&self) -> Result<()> {
        match &self.report.first_dropped {
            Some((line, reason)) if !self.skip_bad_rows => {
                let remedy = remedy(self.report.dropped, self.report.rows);
                let reason = format!("{reason}; {remedy}");
                Err(self.unit.error(&self.path, *line, reason))
            }
            _ => Ok(()),
        }
    }

    /// Returns the series of all rows, oldest first, and the report.
    pub(crate) fn finish(mut self, notes: Vec<String>) -> Result<(Bars, CsvReport)> {
        // Without any row, the lines of text are the fault of the file.
        if self.kept.bars.is_empty() {
            self.reject_text();
        }
        self.refuse_bad()?;
        if self.kept.bars.is_empty() {
            return Err(Error::file(&self.path, self.nothing()));
        }
        let said = std::mem::replace(&mut self.report.notes, notes);
        self.report.notes.extend(said);
        self.report.notes.extend(self.own_notes());
        let (mut bars, stamps) = (self.kept.bars, self.kept.stamps);
        let mut stamps: Vec<i64> = stamps.iter().map(|stamp| stamp.as_second()).collect();
        if self.newest_first {
            bars.reverse();
            stamps.reverse();
            self.further = turned(&self.further, self.names.len());
        }
        let stamps = (!stamps.is_empty()).then_some(stamps);
        let origin = self.path.display().to_string();
        let bars = Bars::from_checked(bars, stamps, origin);
        if self.names.is_empty() {
            return Ok((bars, self.report));
        }
        let bars = bars.with_checked_columns(self.names, self.further);
        Ok((bars, self.report))
    }

    fn own_notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some((line, reason)) = &self.first_copy {
            let rows = counted(self.report.copies, "row");
            notes.push(format!(
                "left out {rows} that repeat another; the first, {} {line}: {reason}",
                self.unit.name()
            ));
        }
        if let Some((line, count)) = self.headers {
            let lines = counted(count, "line");
            let that = if count == 1 { "repeats" } else { "repeat" };
            notes.push(format!(
                "passed over {lines} that {that} the header, from line {line} on"
            ));
        }
        if self.report.mended > 0 {
            notes.push(format!(
                "{} had a high below or a low above the open or the close by a rounding error, and were mended",
                counted(self.report.mended, "bar")
            ));
        }
        if let Some((line, _)) = self.text.first() {
            let lines = counted(self.text.len(), "line");
            notes.push(format!(
                "passed over {lines} of text at the end, from line {line} on"
            ));
        }
        notes
    }

    fn nothing(&self) -> String {
        match &self.report.first_dropped {
            None => match self.unit {
                PlaceName::Line => "there is a header, but no row of data below it".to_owned(),
                #[cfg(feature = "parquet")]
                PlaceName::Row => "there is no row".to_owned(),
            },
            Some((line, reason)) => format!(
                "none of the {} rows can be used; the first, on {} {line}: {reason}",
                self.report.rows,
                self.unit.name()
            ),
        }
    }
}

/// Returns rows of `columns` values in the opposite order.
fn turned(values: &[f64], columns: usize) -> Vec<f64> {
    let rows = values.chunks(columns.max(1)).rev();
    rows.flatten().copied().collect()
}
