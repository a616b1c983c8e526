//! Goes over all rows of a file once, before any becomes a bar, to learn how dates and prices are written.

use ::csv::StringRecord;

use super::columns::{Columns, TimeColumn};
use super::dates::{Dates, Reading};
use super::number::Marks;
use super::text::Text;
use super::{CsvOptions, DecimalMark};
use crate::error::{Error, Result};

/// How the rows of a file are written.
#[derive(Debug)]
pub(super) struct Survey {
    /// The decimal mark of the prices.
    pub(super) mark: DecimalMark,
    /// The time stamps; none if there is not one.
    pub(super) stamps: Option<Reading>,
    /// What is worth saying about it.
    pub(super) notes: Vec<String>,
}

impl Survey {
    /// Goes over the rows.
    pub(super) fn of(text: &Text, columns: &Columns, options: &CsvOptions) -> Result<Self> {
        let mut dates = Dates::new("line");
        let mut marks = Marks::new(columns.place.separator);
        let mut scratch = String::new();
        let mut records = text.records(&columns.place);
        let mut rows = 0;
        while records.advance()? {
            let (record, line) = (records.record(), records.line());
            if let Some(column) = columns.time {
                dates.look(stamp(record, column, &mut scratch), line);
            }
            // A price that was cut off would tell a wrong mark.
            if rows == 0 || !text.is_unfinished(line) {
                for column in columns.prices {
                    marks.look(field(record, column), line);
                }
            }
            rows += 1;
        }
        let refuse = |(line, reason): (u64, String)| Error::line(text.path(), line, reason);
        let (mark, mark_note) = marks.decide(options.decimal_mark).map_err(refuse)?;
        let stamps = dates.decide(options.date_order, true).map_err(refuse)?;
        let mut notes: Vec<String> = mark_note.into_iter().collect();
        if let Some(reading) = &stamps {
            notes.extend(reading.note.clone());
            if reading.newest_first {
                notes.push("the file runs from newest to oldest and was turned round".into());
            }
        }
        Ok(Self {
            mark,
            stamps,
            notes,
        })
    }
}

/// The text of a row's time stamp. `scratch` only saves an allocation per row.
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

/// A field without the blanks around it, empty if the row is too short.
pub(in crate::expansion) fn field(record: &StringRecord, index: usize) -> &str {
    record.get(index).unwrap_or_default().trim()
}
