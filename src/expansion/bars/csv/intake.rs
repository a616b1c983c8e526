//! Decides what happens to each row (kept, left out, or the end of the reading) and keeps count.

use std::path::{Path, PathBuf};

use ::csv::StringRecord;

use super::header::{Columns, counted};
use super::order::{Kept, Placed};
use super::row::Row;
use super::survey::Survey;
use super::{CsvOptions, CsvReport};
use crate::error::{Error, Result};
use crate::expansion::bars::Bars;

/// The last words of every refusal of a row.
const REMEDY: &str = "correct the row, or drop such rows with --skip-bad-rows";
/// How many lines of text may follow the last row.
const MOST_TEXT: usize = 10;

/// The rows taken in so far.
pub(super) struct Intake<'a> {
    path: PathBuf,
    skip_bad_rows: bool,
    survey: &'a Survey,
    kept: Kept,
    report: CsvReport,
    first_copy: Option<(u64, String)>,
    /// Lines of text that are passed over if no row follows, and are bad rows if one does.
    text: Vec<(u64, String)>,
    scratch: String,
}

impl<'a> Intake<'a> {
    /// Nothing taken in yet.
    pub(super) fn new(path: &Path, options: &CsvOptions, survey: &'a Survey) -> Self {
        let newest_first = survey.stamps.as_ref().is_some_and(|s| s.newest_first);
        Self {
            path: path.to_path_buf(),
            skip_bad_rows: options.skip_bad_rows,
            survey,
            kept: Kept::new(newest_first),
            report: CsvReport::default(),
            first_copy: None,
            text: Vec::new(),
            scratch: String::new(),
        }
    }

    /// Takes one row.
    pub(super) fn take(
        &mut self,
        columns: &Columns,
        record: &StringRecord,
        line: u64,
    ) -> Result<()> {
        let row = match Row::read(record, columns, self.survey, &mut self.scratch) {
            Ok(row) => row,
            Err(reason) => {
                let is_text = Row::is_text(record, columns, &mut self.scratch);
                self.text.push((line, reason));
                return if is_text && self.text.len() <= MOST_TEXT {
                    Ok(())
                } else {
                    self.reject_text()
                };
            }
        };
        self.reject_text()?;
        self.report.rows += 1;
        let Some(stamp) = row.time else {
            self.kept.bars.push(row.bar);
            return Ok(());
        };
        match self.kept.place(row.bar, stamp) {
            Placed::Kept => Ok(()),
            Placed::Copy(reason) => {
                self.report.copies += 1;
                self.first_copy.get_or_insert((line, reason));
                Ok(())
            }
            Placed::Refused(reason) => {
                self.report.rows -= 1;
                self.reject(line, reason)
            }
        }
    }

    /// What was held back as text were bad rows.
    fn reject_text(&mut self) -> Result<()> {
        for (line, reason) in std::mem::take(&mut self.text) {
            self.reject(line, reason)?;
        }
        Ok(())
    }

    fn reject(&mut self, line: u64, reason: String) -> Result<()> {
        if !self.skip_bad_rows {
            return Err(Error::line(&self.path, line, format!("{reason}; {REMEDY}")));
        }
        self.report.rows += 1;
        self.report.dropped += 1;
        self.report.first_dropped.get_or_insert((line, reason));
        Ok(())
    }

    /// The series, once all rows are in.
    pub(super) fn finish(mut self, notes: Vec<String>) -> Result<(Bars, CsvReport)> {
        // Where there is no row at all, lines of text are what is wrong with the file.
        if self.kept.bars.is_empty() {
            self.reject_text()?;
            return Err(Error::file(&self.path, self.nothing()));
        }
        self.report.notes = notes;
        self.report.notes.extend(self.own_notes());
        let (mut bars, stamps) = (self.kept.bars, self.kept.stamps);
        let mut stamps: Vec<i64> = stamps.iter().map(|stamp| stamp.as_second()).collect();
        if self.survey.stamps.as_ref().is_some_and(|s| s.newest_first) {
            bars.reverse();
            stamps.reverse();
        }
        let stamps = (!stamps.is_empty()).then_some(stamps);
        let origin = self.path.display().to_string();
        let bars = Bars::from_checked(bars, stamps, origin);
        Ok((bars, self.report))
    }

    fn own_notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some((line, reason)) = &self.first_copy {
            let rows = counted(self.report.copies, "row");
            notes.push(format!(
                "left out {rows} that repeat another; the first, line {line}: {reason}"
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
            None => "there is a header, but no row of data below it".to_owned(),
            Some((line, reason)) => format!(
                "none of the {} rows can be used; the first, on line {line}: {reason}",
                self.report.rows
            ),
        }
    }
}
