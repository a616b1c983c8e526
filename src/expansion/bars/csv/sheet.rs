//! Splits a file whose instruments have columns side by side into the text of each instrument, so that not every row is
//! parsed for every instrument.

use std::ops::Range;

use ::csv::StringRecord;

use super::file::CsvFile;
use super::head::Head;
use super::intakes::Instrument;
use super::options::{CsvOptions, CsvReport};
use crate::error::Result;
use crate::expansion::bars::Bars;
use crate::expansion::table::records::{DataStart, Records};
use crate::expansion::table::text::Text;

/// How many times the bytes of the file the texts that are held together may have. A column of all instruments, such as
/// the dates, is copied for each, so that all texts together have no bound.
const HELD: usize = 2;

/// A file whose instruments have columns side by side.
pub(super) struct Sheet<'a> {
    text: &'a Text,
    head: Head,
    instruments: Vec<String>,
    /// The place of each column's instrument. Columns without one, such as the dates, belong to all.
    owners: Vec<Option<usize>>,
    /// The bytes of each column, or `None` if only the whole file can be read: a row has more or fewer fields, or the
    /// options name columns by their numbers.
    widths: Option<Vec<usize>>,
}

impl<'a> Sheet<'a> {
    /// Returns the sheet of a file, or `None` if its instruments do not stand side by side.
    pub(super) fn of(text: &'a Text, options: &CsvOptions) -> Result<Option<Self>> {
        let Some(mut head) = Head::find(text, &options.columns)? else {
            return Ok(None);
        };
        let mut records = text.records(&head.header.rows);
        while let Ok(true) = records.advance() {
            if !head.take(records.record(), records.line()) {
                break;
            }
        }
        let instruments = head.side_by_side();
        if instruments.len() < 2 {
            return Ok(None);
        }
        let owners = head.owners(&instruments);
        let mut sheet = Self {
            text,
            head,
            instruments,
            owners,
            widths: None,
        };
        let numbers = |name: &str| name.starts_with('#');
        let mut names = options.columns.named().map(|(_, name)| name);
        if !names.any(numbers) && !options.features.iter().any(|name| numbers(name)) {
            sheet.widths = sheet.measured();
        }
        Ok(Some(sheet))
    }

    /// Reads the bars of every instrument.
    pub(super) fn read(&self, options: &CsvOptions) -> Result<(Vec<Instrument>, CsvReport)> {
        let mut instruments = Vec::with_capacity(self.instruments.len());
        let mut all = CsvReport::default();
        while instruments.len() < self.instruments.len() {
            let first = instruments.len();
            let batch = first..first + self.fitting(first);
            for (name, text) in self.instruments[batch.clone()]
                .iter()
                .zip(self.texts(batch))
            {
                let read = text.and_then(|text| self.narrow(name, text, options));
                let (bars, report) = match read {
                    Some(read) => read,
                    None => self.wide(name, options)?,
                };
                all.add(report, name);
                let name = name.clone();
                instruments.push(Instrument { name, bars });
            }
        }
        Ok((instruments, all))
    }

    /// Reads an instrument from the whole file.
    fn wide(&self, name: &str, options: &CsvOptions) -> Result<(Bars, CsvReport)> {
        let options = options.clone().with_instrument(name.to_owned());
        CsvFile::open(self.text.path(), &options)?.series()
    }

    /// Reads an instrument from its own text. Returns `None` for what only the whole file can tell: a fault, or the
    /// number of a column.
    fn narrow(&self, name: &str, text: Vec<u8>, options: &CsvOptions) -> Option<(Bars, CsvReport)> {
        let text = Text::of(self.text.path(), text);
        let mut file = CsvFile::of(text, options).ok()?;
        if file.columns.header.line != self.head.header.line {
            return None;
        }
        let note = format!("the columns are those of `{name}`");
        file.columns.notes.push(note);
        let (bars, report) = file.series().ok()?;
        let numbered = report.notes.iter().any(|note| note.contains('#'));
        (!numbered).then_some((bars, report))
    }

    /// Returns the bytes of each column, if every record has as many fields as the header and can be read.
    fn measured(&self) -> Option<Vec<usize>> {
        let mut widths = vec![0; self.owners.len()];
        let mut records = self.records();
        while records.advance().ok()? {
            if records.record().len() != widths.len() {
                return None;
            }
            for (width, field) in widths.iter_mut().zip(records.record()) {
                *width += field.len() + 1;
            }
        }
        Some(widths)
    }

    /// Returns how many instruments' texts may be held together, from `first` on.
    fn fitting(&self, first: usize) -> usize {
        let Some(widths) = &self.widths else {
            return 1;
        };
        let mut own = vec![0; self.instruments.len()];
        let mut shared = 0;
        for (width, owner) in widths.iter().zip(&self.owners) {
            match owner {
                Some(owner) => own[*owner] += width,
                None => shared += width,
            }
        }
        let room = HELD * self.text.len();
        let mut held = 0;
        let fits = own[first..].iter().take_while(|own| {
            held += shared + **own;
            held <= room
        });
        fits.count().max(1)
    }

    /// Returns the texts of some instruments, `None` where the whole file is needed.
    fn texts(&self, batch: Range<usize>) -> Vec<Option<Vec<u8>>> {
        if self.widths.is_none() {
            return batch.map(|_| None).collect();
        }
        let start = self.start();
        let mut parts: Vec<Part> = batch
            .map(|instrument| {
                let of_it = |column: &usize| self.owners[*column].is_none_or(|o| o == instrument);
                let columns = (0..self.owners.len()).filter(of_it).collect();
                Part::new(columns, self.text.before(&start))
            })
            .collect();
        let mut records = self.records();
        let mut line = start.line;
        while let Ok(true) = records.advance() {
            for part in &mut parts {
                part.skip_lines(records.line() - line);
                part.add(records.record(), start.separator);
            }
            line = records.line();
        }
        let ended = !self.text.is_unfinished(line);
        parts.into_iter().map(|part| part.finish(ended)).collect()
    }

    /// Returns the records from the first line of the header on.
    fn records(&self) -> Records<'_> {
        self.text.records(&self.start())
    }

    /// Returns the start of the first line whose fields belong to the columns: the line with the names, or the line
    /// above it with the instruments.
    fn start(&self) -> DataStart {
        let header = &self.head.header;
        let lines = self.text.lines();
        let mut start = (0, 1);
        for (offset, line, _) in lines.take_while(|(_, line, _)| *line <= header.line) {
            if header.above_fields.is_none() || line < header.line {
                start = (offset, line);
            }
        }
        DataStart {
            offset: start.0,
            line: start.1,
            separator: header.rows.separator,
        }
    }
}

/// The text of one instrument.
struct Part {
    columns: Vec<usize>,
    text: Vec<u8>,
    /// The number of fields of the last row that are not empty.
    filled: usize,
    /// Whether a row would be blank without the columns of the other instruments.
    blank: bool,
}

impl Part {
    fn new(columns: Vec<usize>, above: &[u8]) -> Self {
        Self {
            columns,
            text: above.to_vec(),
            filled: 0,
            blank: false,
        }
    }

    /// Keeps the numbers of the lines.
    fn skip_lines(&mut self, lines: u64) {
        self.text.extend((0..lines).map(|_| b'\n'));
    }

    fn add(&mut self, record: &StringRecord, separator: u8) {
        self.filled = 0;
        for (place, column) in self.columns.iter().enumerate() {
            if place > 0 {
                self.text.push(separator);
            }
            let field = record[*column].trim();
            self.filled += usize::from(!field.is_empty());
            push_field(&mut self.text, field, separator);
        }
        self.blank |= self.filled == 0;
    }

    /// Returns the text, unless a row means something else without the columns of the other instruments: a blank row is
    /// passed over, and a single value at the end may be no row.
    fn finish(mut self, ended: bool) -> Option<Vec<u8>> {
        if ended {
            self.text.push(b'\n');
        }
        (!self.blank && self.filled > 1).then_some(self.text)
    }
}

/// Writes a field, in quotes if it needs them.
fn push_field(text: &mut Vec<u8>, field: &str, separator: u8) {
    let quoted = |byte: u8| byte == separator || matches!(byte, b'"' | b'\r' | b'\n');
    if !field.bytes().any(quoted) {
        text.extend_from_slice(field.as_bytes());
        return;
    }
    text.push(b'"');
    for byte in field.bytes() {
        if byte == b'"' {
            text.push(b'"');
        }
        text.push(byte);
    }
    text.push(b'"');
}
