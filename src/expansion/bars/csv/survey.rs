//! Infers the form of dates and prices from all rows of a file, before any row becomes a bar.

use std::path::Path;

use ::csv::StringRecord;

use super::columns::{BarColumns, TimeColumn};
use super::options::CsvOptions;
use crate::error::{Error, Result};
use crate::expansion::table::DecimalMark;
use crate::expansion::table::dates::{Dates, Reading};
use crate::expansion::table::number::MarkEvidence;
use crate::expansion::table::records::field;
use crate::expansion::table::text::Text;

/// The form of the rows of a file.
#[derive(Debug)]
pub(super) struct CsvForm {
    /// The decimal mark of the prices.
    pub(super) mark: DecimalMark,
    /// The reading of the time stamps, `None` if the file has none.
    pub(super) stamps: Option<Reading>,
    /// Sentences about the form for the report.
    pub(super) notes: Vec<String>,
}

impl CsvForm {
    /// Infers the form from all rows.
    pub(super) fn of(text: &Text, columns: &BarColumns, options: &CsvOptions) -> Result<Self> {
        let mut evidence = FormEvidence::new(columns);
        let mut records = text.records(&columns.place);
        let mut rows = 0;
        while records.advance()? {
            let (record, line) = (records.record(), records.line());
            // A price cut off at the end of the file could suggest a wrong decimal mark.
            let whole = rows == 0 || !text.is_unfinished(line);
            evidence.look(record, columns, line, whole);
            rows += 1;
        }
        let mut survey = evidence.decide(text.path(), options)?;
        if survey.stamps.as_ref().is_some_and(|s| s.newest_first) {
            let note = "the file runs from newest to oldest and was turned round";
            survey.notes.push(note.into());
        }
        Ok(survey)
    }
}

/// The evidence for the form of the rows, collected row by row.
#[derive(Debug)]
pub(super) struct FormEvidence {
    dates: Dates,
    marks: MarkEvidence,
    stamped: bool,
    scratch: String,
}

impl FormEvidence {
    /// Creates empty evidence.
    pub(super) fn new(columns: &BarColumns) -> Self {
        Self {
            dates: Dates::new("line"),
            marks: MarkEvidence::new(columns.place.separator),
            stamped: columns.time.is_some(),
            scratch: String::new(),
        }
    }

    /// Adds a row; its prices only if they are `whole`.
    pub(super) fn look(
        &mut self,
        record: &StringRecord,
        columns: &BarColumns,
        line: u64,
        whole: bool,
    ) {
        if let Some(column) = columns.time {
            let text = stamp(record, column, &mut self.scratch);
            self.dates.look(text, line);
        }
        if whole {
            for column in columns.prices {
                self.marks.look(field(record, column), line);
            }
        }
    }

    /// Returns whether later rows cannot change the form.
    pub(super) fn is_told(&self, options: &CsvOptions) -> bool {
        let dates = !self.stamped || options.date_order.is_some() || self.dates.is_told();
        dates && (options.decimal_mark.is_some() || self.marks.is_told())
    }

    /// Returns the form of the rows, or an error if the rows can be read in two ways.
    pub(super) fn decide(&self, path: &Path, options: &CsvOptions) -> Result<CsvForm> {
        let refuse = |(line, reason): (u64, String)| Error::line(path, line, reason);
        let (mark, mark_note) = self.marks.decide(options.decimal_mark).map_err(refuse)?;
        let stamps = self
            .dates
            .decide(options.date_order, true)
            .map_err(refuse)?;
        let mut notes: Vec<String> = mark_note.into_iter().collect();
        notes.extend(stamps.as_ref().and_then(|reading| reading.note.clone()));
        Ok(CsvForm {
            mark,
            stamps,
            notes,
        })
    }
}

/// Returns the text of the time stamp of a row. `scratch` saves an allocation per row.
pub(super) fn stamp<'a>(
    record: &'a StringRecord,
    column: TimeColumn,
    scratch: &'a mut String,
) -> &'a str {
    match column {
        TimeColumn::One(index) => field(record, index),
        TimeColumn::DateAndTime(date, time) => {
            scratch.clear();
            scratch.push_str(field(record, date));
            scratch.push(' ');
            scratch.push_str(field(record, time));
            scratch.trim()
        }
    }
}
