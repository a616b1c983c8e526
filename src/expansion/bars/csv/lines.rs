//! Reads bars from lines that arrive one at a time.

use std::path::PathBuf;

use ::csv::StringRecord;
use jiff::Timestamp;

use super::columns::BarColumns;
use super::intake::REMEDY;
use super::options::CsvOptions;
use super::row::BarRow;
use super::survey::{CsvForm, FormEvidence};
use crate::error::{Error, Result};
use crate::expansion::bars::Bar;
use crate::expansion::table::header::{LOOK_AHEAD, is_row};
use crate::expansion::table::text::Text;

/// A reader of bars from the lines of a file of separated values that arrive one at a time.
///
/// The lines have the form of [`read_csv`](super::read_csv), with these differences, because later lines are unknown:
///
/// * the text is UTF-8, and the bars come oldest first;
/// * the form of dates and prices is inferred from the rows so far; a row that has two readings then is an error that
///   names the option that chooses;
/// * a row is left out as a copy if it repeats the prices of the row before it and its stamp is not later; lines of
///   text are skipped wherever they are.
#[derive(Debug)]
pub struct CsvLines {
    origin: PathBuf,
    options: CsvOptions,
    /// The number of lines taken.
    line: u64,
    above: Above,
    table: Option<BelowHeader>,
    /// Whether an error prevents the reading of later lines.
    lost: bool,
    last: Option<(Bar, Option<Timestamp>)>,
    notes: Vec<String>,
    scratch: String,
}

/// The lines that are searched for the header.
#[derive(Debug, Default)]
struct Above {
    bytes: Vec<u8>,
    /// The number of lines that are not blank.
    lines: usize,
}

/// The columns and the form of the rows below the header.
#[derive(Debug)]
struct BelowHeader {
    columns: BarColumns,
    evidence: FormEvidence,
    /// The form inferred from the rows so far.
    survey: Option<CsvForm>,
    /// Whether later rows cannot change the form.
    told: bool,
}

impl CsvLines {
    /// Creates a reader. `origin` names the source of the lines in messages.
    ///
    /// [`skip_bad_rows`](CsvOptions::skip_bad_rows) has no effect: the caller may continue after an error.
    pub fn new(origin: impl Into<PathBuf>, options: &CsvOptions) -> Self {
        Self {
            origin: origin.into(),
            options: *options,
            line: 0,
            above: Above::default(),
            table: None,
            lost: false,
            last: None,
            notes: Vec::new(),
            scratch: String::new(),
        }
    }

    /// Reads the next line, with or without its line feed.
    ///
    /// Returns the bar of a row and its time in seconds since 1970-01-01 00:00 UTC, or `None` for the header, a line of
    /// text, a blank line or a copy.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] if the line is a bad row; the row is ignored, and the next line may follow. Also if there is no
    /// header or rows can be read in two ways; then no later line is read, see [`can_go_on`](Self::can_go_on).
    pub fn take(&mut self, line: &[u8]) -> Result<Option<(Bar, Option<i64>)>> {
        self.line += 1;
        if self.lost {
            let reason = "not read, because of what is wrong with the lines before it";
            return Err(self.refuse(reason.into()));
        }
        let line = without_end(line);
        match self.table.take() {
            None => {
                let looked = self.look_for_header(line);
                self.lost = looked.is_err();
                looked.map(|()| None)
            }
            Some(mut table) => {
                let row = self.row(line, &mut table);
                self.table = Some(table);
                row
            }
        }
    }

    /// Returns whether later lines can be read: `false` after an error about the header or the form of the rows.
    pub fn can_go_on(&self) -> bool {
        !self.lost
    }

    /// Checks at the end of the lines that there was a header and a row.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] or [`Error::File`] if not, as in [`read_csv`](super::read_csv).
    pub fn finish(&self) -> Result<()> {
        match (&self.table, &self.last) {
            (None, _) => BarColumns::find(&self.text(&self.above.bytes)).map(|_| ()),
            (Some(_), Some(_)) => Ok(()),
            (Some(_), None) => Err(Error::file(
                &self.origin,
                "there is a header, but no row of data below it",
            )),
        }
    }

    /// Returns one sentence for each property inferred from the lines since the last call, and forgets it.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn text(&self, bytes: &[u8]) -> Text {
        Text::of(&self.origin, bytes.to_vec())
    }

    fn refuse(&self, reason: String) -> Error {
        Error::line(&self.origin, self.line, reason)
    }

    fn look_for_header(&mut self, line: &[u8]) -> Result<()> {
        self.above.bytes.extend_from_slice(line);
        self.above.bytes.push(b'\n');
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        self.above.lines += 1;
        let text = self.text(&self.above.bytes);
        if let Some(mut columns) = BarColumns::look(&text)? {
            // Every row is parsed as a separate text.
            columns.place.offset = 0;
            self.table = Some(BelowHeader {
                evidence: FormEvidence::new(&columns),
                columns,
                survey: None,
                told: false,
            });
            return Ok(());
        }
        if is_row(line) || self.above.lines == LOOK_AHEAD {
            self.finish()
        } else {
            Ok(())
        }
    }

    fn row(&mut self, line: &[u8], table: &mut BelowHeader) -> Result<Option<(Bar, Option<i64>)>> {
        table.columns.place.line = self.line;
        let text = self.text(line);
        let mut records = text.records(&table.columns.place);
        if !records.advance()? {
            return Ok(None);
        }
        let record = records.record();
        self.survey(record, table)?;
        let Some(survey) = &table.survey else {
            return Ok(None);
        };
        let row = BarRow::read(record, &table.columns, survey, &mut self.scratch);
        if row.is_err() && BarRow::is_text(record, &table.columns, &mut self.scratch) {
            let line = self.line;
            self.notes
                .push(format!("passed over line {line}, which is text"));
            return Ok(None);
        }
        let row = row.and_then(|row| Ok(self.is_new(&row)?.then_some(row)));
        let row = row.map_err(|reason| self.refuse(format!("{reason}; {REMEDY}")))?;
        Ok(row.map(|row| {
            self.last = Some((row.bar, row.time));
            (row.bar, row.time.map(|time| time.as_second()))
        }))
    }

    /// Infers the form of the rows with one more row, until later rows cannot change it.
    fn survey(&mut self, record: &StringRecord, table: &mut BelowHeader) -> Result<()> {
        if table.told {
            return Ok(());
        }
        let first = table.survey.is_none();
        if first {
            table.look_at_index(record);
        }
        table.evidence.look(record, &table.columns, self.line, true);
        table.told = table.evidence.is_told(&self.options);
        match table.evidence.decide(&self.origin, &self.options) {
            Ok(survey) => {
                if first {
                    self.notes.extend(table.columns.notes.iter().cloned());
                }
                let before = table.survey.replace(survey);
                let known = before.map_or(Vec::new(), |survey| survey.notes);
                let notes = table.survey.iter().flat_map(|survey| &survey.notes);
                self.notes
                    .extend(notes.filter(|note| !known.contains(note)).cloned());
                Ok(())
            }
            Err(error) => {
                self.lost = true;
                Err(error)
            }
        }
    }

    /// Returns whether a row is kept (`false` for a copy). The error is the reason if it is out of order.
    fn is_new(&self, row: &BarRow) -> Result<bool, String> {
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

impl BelowHeader {
    /// Looks for the time stamp in a column without a name, which only a row shows.
    fn look_at_index(&mut self, record: &StringRecord) {
        self.columns.look_at_index(record);
        self.evidence = FormEvidence::new(&self.columns);
    }
}

/// Removes the end of a line. Tabs and blanks stay, because they may be columns.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
