//! Reads bars from lines that come one at a time, where nobody can look ahead.

use std::path::PathBuf;

use jiff::Timestamp;

use super::CsvOptions;
use super::columns::Columns;
use super::header::{LOOK_AHEAD, SEPARATORS, fields, is_data};
use super::intake::REMEDY;
use super::row::Row;
use super::survey::Survey;
use super::text::Text;
use crate::error::{Error, Result};
use crate::expansion::bars::Bar;

/// Turns the lines of a file of separated values into bars as they come.
///
/// The file is written as for [`read_csv`](super::read_csv), with these differences, because a stream ends nowhere: bars
/// come oldest first; how dates and prices are written is told from the first row alone, and what that leaves open is an
/// error that names the option which chooses; and only a row that repeats the row before is left out as a copy.
#[derive(Debug)]
pub struct CsvLines {
    origin: PathBuf,
    options: CsvOptions,
    /// The lines taken so far.
    line: u64,
    above: Above,
    columns: Option<Columns>,
    /// What the first row told.
    survey: Option<Survey>,
    last: Option<(Bar, Option<Timestamp>)>,
    scratch: String,
}

/// The lines among which the header is looked for.
#[derive(Debug, Default)]
struct Above {
    bytes: Vec<u8>,
    /// Those that are not blank.
    lines: usize,
}

impl CsvLines {
    /// Nothing read yet. `origin` says in messages where the lines come from.
    /// [`skip_bad_rows`](CsvOptions::skip_bad_rows) is left to the caller, who may go on after an error.
    pub fn new(origin: impl Into<PathBuf>, options: &CsvOptions) -> Self {
        Self {
            origin: origin.into(),
            options: *options,
            line: 0,
            above: Above::default(),
            columns: None,
            survey: None,
            last: None,
            scratch: String::new(),
        }
    }

    /// Takes the next line, with or without its line feed; a bar and its time in seconds since 1970-01-01 00:00 UTC if the
    /// line is a row of them. The header, lines above it, blank lines and copies give none.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] if the line is a bad row; it is not taken, and the next one may follow. Where there is no header
    /// ([`has_header`](Self::has_header)), nothing that follows can be read.
    pub fn take(&mut self, line: &[u8]) -> Result<Option<(Bar, Option<i64>)>> {
        self.line += 1;
        match self.columns.take() {
            None => self.look_for_header(line).map(|()| None),
            Some(mut columns) => {
                columns.place.line = self.line;
                let row = self.row(line, &mut columns);
                self.columns = Some(columns);
                row
            }
        }
    }

    /// Whether the header was found.
    pub fn has_header(&self) -> bool {
        self.columns.is_some()
    }

    /// Sees at the end of the lines that there was a header.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] or [`Error::File`] if there was none, as [`read_csv`](super::read_csv).
    pub fn finish(&self) -> Result<()> {
        match self.columns {
            Some(_) => Ok(()),
            None => Columns::find(&self.text(&self.above.bytes)).map(|_| ()),
        }
    }

    /// One sentence for everything that had to be told from the first lines; complete after the first row.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().flat_map(|columns| &columns.notes);
        let survey = self.survey.iter().flat_map(|survey| &survey.notes);
        columns.chain(survey).map(String::as_str)
    }

    fn text(&self, bytes: &[u8]) -> Text {
        Text::of(&self.origin, bytes.to_vec())
    }

    fn look_for_header(&mut self, line: &[u8]) -> Result<()> {
        let line = line.trim_ascii_end();
        self.above.bytes.extend_from_slice(line);
        self.above.bytes.push(b'\n');
        if line.is_empty() {
            return Ok(());
        }
        self.above.lines += 1;
        let text = self.text(&self.above.bytes);
        if let Some(mut columns) = Columns::look(&text)? {
            // Every row is a text of its own.
            columns.place.offset = 0;
            self.columns = Some(columns);
            return Ok(());
        }
        let data = SEPARATORS
            .iter()
            .map(|(separator, _)| fields(line, *separator))
            .any(|fields| fields.len() >= 4 && is_data(&fields));
        match data || self.above.lines == LOOK_AHEAD {
            true => self.finish(),
            false => Ok(()),
        }
    }

    fn row(&mut self, line: &[u8], columns: &mut Columns) -> Result<Option<(Bar, Option<i64>)>> {
        let text = self.text(line.trim_ascii_end());
        let mut records = text.records(&columns.place);
        if !records.advance()? {
            return Ok(None);
        }
        let first = match self.survey {
            Some(_) => None,
            None => {
                columns.look_at_index(records.record());
                Some(Survey::of(&text, columns, &self.options)?)
            }
        };
        let Some(survey) = first.as_ref().or(self.survey.as_ref()) else {
            return Ok(None);
        };
        let row = Row::read(records.record(), columns, survey, &mut self.scratch);
        let row = row.and_then(|row| Ok(self.is_new(&row)?.then_some(row)));
        let row = row.map_err(|reason| {
            Error::line(&self.origin, self.line, format!("{reason}; {REMEDY}"))
        })?;
        self.survey = first.or(self.survey.take());
        Ok(row.map(|row| {
            self.last = Some((row.bar, row.time));
            (row.bar, row.time.map(|time| time.as_second()))
        }))
    }

    /// Whether a row says something new; the reason if it is out of place.
    fn is_new(&self, row: &Row) -> Result<bool, String> {
        match (&self.last, row.time) {
            (Some((_, Some(last))), Some(time)) if time > *last => Ok(true),
            (Some((before, Some(_))), Some(_)) if *before == row.bar => Ok(false),
            (Some((_, Some(last))), Some(time)) if time == *last => Err(format!(
                "the time stamp {time} repeats that of the bar before"
            )),
            (Some((_, Some(last))), Some(time)) => Err(format!(
                "the time stamp {time} is earlier than {last} of the bar before, but bars that come one at a time come \
                 oldest first"
            )),
            _ => Ok(true),
        }
    }
}
