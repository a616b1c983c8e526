//! Reads bars from lines that arrive one at a time.

use std::path::PathBuf;

use ::csv::StringRecord;
use jiff::Timestamp;

use super::columns::{BarColumns, usable_map};
use super::file::format_left_aside;
use super::head::{Head, most_fields};
use super::options::CsvOptions;
use super::survey::{CsvForm, FormEvidence};
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::expansion::bars::columns::look::is_number;
use crate::expansion::bars::{Bar, ColumnMap};
use crate::expansion::table::header::{LOOK_AHEAD, is_row};
use crate::expansion::table::reading::{StampSettings, TimeFormat};
use crate::expansion::table::text::Text;

/// A reader of bars from the lines of a file of separated values that arrive one at a time.
///
/// The lines have the form of [`read_csv`](super::read_csv), with these differences, because later lines are unknown:
///
/// * the text is UTF-8, and the bars come oldest first;
/// * the form of columns, dates and prices is inferred from the rows so far; a row that has two readings then is an
///   error that names the option that chooses. Without a header, the rows must be in the order open, high, low, close,
///   which is an error as soon as they show another one, or after 40 rows that do not tell the open from the close;
/// * a row is left out as a copy if it repeats the prices of the row before it and its stamp is not later. Until a row has
///   come with a later stamp than the row before it, an earlier stamp is an error, because the lines may come newest first;
/// * lines of text are skipped wherever they are;
/// * a second value in a column that names instruments is an error. [`CsvOptions::instrument`] is looked for in the
///   first such column;
/// * a time that the first row does not show, in a column or in its digits, is an error where a later row shows it. Counts
///   under an unknown name are looked at after 20 and 200 rows and by [`finish`](Self::finish).
#[derive(Debug)]
pub struct CsvLines {
    pub(super) origin: PathBuf,
    pub(super) options: CsvOptions,
    settings: Option<StampSettings>,
    /// The number of lines taken.
    pub(super) line: u64,
    above: Above,
    table: Option<BelowHeader>,
    /// Whether an error prevents the reading of later lines.
    pub(super) lost: bool,
    pub(super) last: Option<(Bar, Option<Timestamp>)>,
    /// Whether a bar came with a later time than the bar before it.
    pub(super) forward: bool,
    /// The further columns of the last bar.
    pub(super) further: Vec<f64>,
    pub(super) rows: usize,
    pub(super) bad: usize,
    pub(super) mended: bool,
    pub(super) notes: Vec<String>,
    pub(super) scratch: String,
}

/// The lines that are searched for the header.
#[derive(Debug, Default)]
struct Above {
    bytes: Vec<u8>,
    /// The number of lines that are not blank.
    lines: usize,
}

/// The rows below the header.
#[derive(Debug)]
enum BelowHeader {
    /// No row has come yet, so the columns are not known.
    Head(Box<Head>, ColumnMap),
    /// The rows so far.
    Rows(Box<Table>),
}

/// The columns and the form of the rows.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: BarColumns,
    pub(super) evidence: FormEvidence,
    /// The form inferred from the rows so far.
    pub(super) survey: Option<CsvForm>,
    /// Whether later rows cannot change the form.
    pub(super) told: bool,
    /// What the first row could not show.
    pub(super) watch: Watch,
}

impl CsvLines {
    /// Creates a reader. `origin` names the source of the lines in messages.
    ///
    /// [`skip_bad_rows`](CsvOptions::skip_bad_rows) has no effect: the caller may continue after an error.
    pub fn new(origin: impl Into<PathBuf>, options: &CsvOptions) -> Self {
        Self {
            origin: origin.into(),
            options: options.clone(),
            settings: None,
            line: 0,
            above: Above::default(),
            table: None,
            lost: false,
            last: None,
            forward: false,
            further: Vec::new(),
            rows: 0,
            bad: 0,
            mended: false,
            notes: Vec::new(),
            scratch: String::new(),
        }
    }

    /// Reads the next line, with or without its line feed.
    ///
    /// Returns the bar of a row and its time in seconds since 1970-01-01 00:00 UTC, or `None` for the header, a line of
    /// text, a blank line, a copy or a row of another instrument.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] if the line is a bad row; the row is ignored, and the next line may follow. Also if there is no
    /// header, rows can be read in two ways or belong to several instruments, and [`Error::Setting`] for the options;
    /// then no later line is read, see [`can_go_on`](Self::can_go_on).
    pub fn take(&mut self, line: &[u8]) -> Result<Option<(Bar, Option<i64>)>> {
        self.line += 1;
        if self.lost {
            let reason = "not read, because of what is wrong with the lines before it";
            return Err(self.refuse(reason.into()));
        }
        let whole = line.ends_with(b"\n");
        let mut line = without_end(line);
        if self.table.is_none() {
            let looked = self.look_for_header(line);
            self.lost = looked.is_err();
            let Some(row) = looked? else {
                return Ok(None);
            };
            line = row;
        }
        match self.table.take() {
            None => Ok(None),
            Some(table) => self.record(line, whole, table),
        }
    }

    /// Returns the further columns ([`CsvOptions::features`]) of the last bar that [`take`](Self::take) returned.
    pub fn columns(&self) -> &[f64] {
        &self.further
    }

    /// Returns whether later lines can be read: `false` after an error about the header or the form of the rows.
    pub fn can_go_on(&self) -> bool {
        !self.lost
    }

    /// Checks at the end of the lines that there was a header and a row, and that no column of counts was the time.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] or [`Error::File`] if not, as in [`read_csv`](super::read_csv).
    pub fn finish(&self) -> Result<()> {
        match (&self.table, &self.last) {
            (None, _) => BarColumns::find(&self.text(&self.above.bytes), &self.options).map(|_| ()),
            (Some(BelowHeader::Rows(table)), Some(_)) => {
                let found = table.watch.check_time(&table.columns);
                found.map_err(|reason| self.refuse(reason))
            }
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

    pub(super) fn refuse(&self, reason: String) -> Error {
        Error::line(&self.origin, self.line, reason)
    }

    /// Looks for the header in the lines so far. Returns the text of the last of them if it is a row already.
    fn look_for_header<'a>(&mut self, line: &'a [u8]) -> Result<Option<&'a [u8]>> {
        if self.settings.is_none() {
            self.options.check()?;
            self.settings = Some(self.options.stamps()?);
        }
        self.above.bytes.extend_from_slice(line);
        self.above.bytes.push(b'\n');
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        self.above.lines += 1;
        let text = self.text(&self.above.bytes);
        let (map, left_aside) = usable_map(&text, &self.options)?;
        // As in a file: a quote behind blanks at the beginning encloses a field.
        let blank = |byte: &&u8| matches!(**byte, b' ' | b'\r');
        let unindented = &line[line.iter().take_while(blank).count()..];
        let first =
            self.above.lines == 1 && is_row(unindented) && !self.options.columns.has_prices();
        if let Some(mut head) = Head::find(&text, &map)? {
            head.notes.extend(left_aside);
            let is_row = head.last < self.line;
            self.table = Some(BelowHeader::Head(Box::new(head), map));
            return Ok(is_row.then_some(line));
        }
        if first {
            let head = Head::without_names(&text, most_fields(unindented));
            let mut records = text.records(&head.header.rows);
            records.advance()?;
            let columns = BarColumns::by_values(head, &self.options, &[records.record().clone()]);
            let columns = columns.map_err(|reason| self.refuse(reason))?;
            self.table = Some(self.table_of(columns, &map));
            return Ok(Some(unindented));
        }
        if is_row(unindented) || self.above.lines == LOOK_AHEAD {
            self.finish()?;
        }
        Ok(None)
    }

    /// Returns the table of some columns. `map` are the columns that the options name, if they were not left aside.
    fn table_of(&self, mut columns: BarColumns, map: &ColumnMap) -> BelowHeader {
        // Every row is parsed as a separate text.
        columns.place.offset = 0;
        let settings = self.settings.clone().unwrap_or_default();
        BelowHeader::Rows(Box::new(Table {
            evidence: FormEvidence::new(&columns, &settings),
            watch: Watch::of(&columns, map.time.is_some() || map.date.is_some()),
            columns,
            survey: None,
            told: false,
        }))
    }

    /// Drops the format of the time stamps if it was made for another file and does not fit the first row.
    fn drop_format(&mut self, record: &StringRecord, columns: &BarColumns) {
        let (Some(settings), Some(time)) = (&mut self.settings, columns.time) else {
            return;
        };
        let text = columns.stamp(record, time, &mut self.scratch);
        let fits = |format: &TimeFormat| format.read(text, &settings.zones).is_some();
        if self.options.of_another_file.time_format
            && settings.format.as_ref().is_some_and(|format| !fits(format))
        {
            settings.format = None;
            self.notes.push(format_left_aside(&self.options));
        }
    }

    fn record(
        &mut self,
        line: &[u8],
        whole: bool,
        table: BelowHeader,
    ) -> Result<Option<(Bar, Option<i64>)>> {
        let mut place = match &table {
            BelowHeader::Head(head, _) => head.header.rows.clone(),
            BelowHeader::Rows(table) => table.columns.place.clone(),
        };
        (place.offset, place.line) = (0, self.line);
        let text = self.text(line);
        let mut records = text.records(&place);
        let more = records.advance();
        let mut table = match table {
            BelowHeader::Head(mut head, map) => {
                if !matches!(more, Ok(true)) || head.take(records.record(), self.line) {
                    self.table = Some(BelowHeader::Head(head, map));
                    return more.map(|_| None);
                }
                if !records.record().iter().any(|field| is_number(field.trim())) {
                    self.table = Some(BelowHeader::Head(head, map));
                    return Ok(self.pass_over("is text"));
                }
                let sample = [records.record().clone()];
                let columns = BarColumns::of(*head, &map, &self.options, &sample);
                let columns = columns.map_err(|(line, reason)| {
                    self.lost = true;
                    Error::line(&self.origin, line, reason)
                })?;
                self.drop_format(records.record(), &columns);
                self.table_of(columns, &map)
            }
            rows @ BelowHeader::Rows(_) => rows,
        };
        let BelowHeader::Rows(rows) = &mut table else {
            return Ok(None);
        };
        let row = match more {
            Ok(true) => self.row(records.record(), whole, rows),
            other => other.map(|_| None),
        };
        self.table = Some(table);
        row
    }
}

/// Removes the end of a line. Tabs and blanks stay, because they may be columns.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
