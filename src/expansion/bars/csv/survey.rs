//! Infers the form of dates and prices from all rows of a file, before any row becomes a bar.

use std::collections::HashMap;
use std::path::Path;

use ::csv::StringRecord;

use super::columns::BarColumns;
use super::options::CsvOptions;
use super::symbols::{Rows, Values};
use crate::error::{Error, Result};
use crate::expansion::table::DecimalMark;
use crate::expansion::table::dates::Dates;
use crate::expansion::table::mark_evidence::MarkEvidence;
use crate::expansion::table::reading::{Reading, StampSettings};
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

/// What the first reading of all rows gives.
pub(super) struct Survey {
    pub(super) form: CsvForm,
    /// The values of the columns that name instruments.
    pub(super) symbols: Vec<Values>,
    /// The columns that may tell instruments apart and have more than one value.
    pub(super) changing: Vec<usize>,
    /// Whether a stamp fits the format of the settings.
    pub(super) fits: bool,
}

impl Survey {
    /// Infers the form from all rows.
    pub(super) fn of(
        text: &Text,
        columns: &BarColumns,
        options: &CsvOptions,
        settings: &StampSettings,
        rows: &Rows,
    ) -> Result<Self> {
        let mut evidence = FormEvidence::new(columns, settings);
        // In the order of their first rows, so that the same file always gives the same form.
        let mut by_value: Vec<Dates> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut symbols: Vec<Values> = columns
            .symbols
            .named
            .iter()
            .map(|c| Values::of(*c))
            .collect();
        let mut constants: Vec<Constant> =
            columns.grouping().into_iter().map(Constant::of).collect();
        let mut records = text.records(&columns.place);
        let mut first = true;
        while records.advance()? {
            let (record, line) = (records.record(), records.line());
            constants
                .iter_mut()
                .for_each(|constant| constant.look(record, columns));
            for values in &mut symbols {
                if record.len() > values.column
                    && let Some(value) = columns.value(record, values.column)
                {
                    values.add(value);
                }
            }
            if !rows.has(record) {
                continue;
            }
            // A price cut off at the end of the file could suggest a wrong decimal mark.
            let whole = first || !text.is_unfinished(line);
            first = false;
            evidence.look_at_prices(record, columns, line, whole);
            if let Rows::Every(column) = rows {
                let value = field(record, *column);
                let place = match places.get(value) {
                    Some(place) => *place,
                    None => {
                        places.insert(value.to_owned(), by_value.len());
                        by_value.push(Dates::new("line", settings.clone()));
                        by_value.len() - 1
                    }
                };
                let dates = &mut by_value[place];
                look_at_stamp(dates, record, columns, line, &mut evidence.scratch);
            } else {
                evidence.look_at_stamp(record, columns, line);
            }
        }
        for dates in &by_value {
            evidence.dates.absorb(dates);
        }
        let mut form = evidence.decide(text.path(), options)?;
        if form.stamps.as_ref().is_some_and(|s| s.newest_first) {
            let note = "the file runs from newest to oldest and was turned round";
            form.notes.push(note.into());
        }
        Ok(Self {
            form,
            symbols,
            changing: constants.iter().filter_map(Constant::changing).collect(),
            fits: evidence.dates.fits(),
        })
    }
}

/// A column that may have one value in all rows.
struct Constant {
    column: usize,
    value: Option<String>,
    changes: bool,
}

impl Constant {
    fn of(column: usize) -> Self {
        Self {
            column,
            value: None,
            changes: false,
        }
    }

    fn look(&mut self, record: &StringRecord, columns: &BarColumns) {
        if self.changes || record.len() <= self.column {
            return;
        }
        let value = field(record, self.column);
        match &self.value {
            Some(known) if known == value => {}
            Some(_) => self.changes = columns.value(record, self.column).is_some(),
            None => self.value = columns.value(record, self.column).map(str::to_owned),
        }
    }

    /// Returns the column if its values change.
    fn changing(&self) -> Option<usize> {
        self.changes.then_some(self.column)
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
    pub(super) fn new(columns: &BarColumns, settings: &StampSettings) -> Self {
        Self {
            dates: Dates::new("line", settings.clone()),
            marks: MarkEvidence::new(columns.place.separator),
            stamped: columns.time.is_some(),
            scratch: String::new(),
        }
    }

    /// Adds the stamp of a row.
    pub(super) fn look_at_stamp(&mut self, record: &StringRecord, columns: &BarColumns, line: u64) {
        look_at_stamp(&mut self.dates, record, columns, line, &mut self.scratch);
    }

    /// Adds the prices of a row if they are `whole`.
    pub(super) fn look_at_prices(
        &mut self,
        record: &StringRecord,
        columns: &BarColumns,
        line: u64,
        whole: bool,
    ) {
        if whole {
            for column in columns.prices {
                self.marks.look(field(record, column), line);
            }
        }
    }

    /// Returns whether later rows cannot change the form.
    pub(super) fn is_told(&self, options: &CsvOptions) -> bool {
        let dates = !self.stamped || self.dates.is_told();
        dates && (options.decimal_mark.is_some() || self.marks.is_told())
    }

    /// Returns the form of the rows, or an error if the rows can be read in two ways.
    pub(super) fn decide(&self, path: &Path, options: &CsvOptions) -> Result<CsvForm> {
        let refuse = |(line, reason): (u64, String)| Error::line(path, line, reason);
        let (mark, mark_note) = self.marks.decide(options.decimal_mark).map_err(refuse)?;
        let stamps = self.dates.decide(true).map_err(refuse)?;
        let mut notes: Vec<String> = mark_note.into_iter().collect();
        notes.extend(stamps.as_ref().and_then(|reading| reading.note.clone()));
        Ok(CsvForm {
            mark,
            stamps,
            notes,
        })
    }
}

fn look_at_stamp(
    dates: &mut Dates,
    record: &StringRecord,
    columns: &BarColumns,
    line: u64,
    scratch: &mut String,
) {
    if let Some(column) = columns.time {
        dates.look(columns.stamp(record, column, scratch), line);
    }
}
