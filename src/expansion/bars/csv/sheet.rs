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
    /// The columns of each instrument.
    own: Vec<Vec<usize>>,
    /// The columns that belong to all, such as the dates.
    shared: Vec<usize>,
    /// `None` if only the whole file can be read: a row has more or fewer fields, or the options name columns by their
    /// numbers.
    sizes: Option<Sizes>,
}

/// The bytes of the texts.
struct Sizes {
    /// In the columns of each instrument.
    own: Vec<usize>,
    /// In every text: the shared columns and the ends of lines.
    shared: usize,
    /// Whether there are blank lines between rows.
    blank: bool,
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
        let (mut own, mut shared) = (vec![Vec::new(); instruments.len()], Vec::new());
        for (column, owner) in head.owners(&instruments).into_iter().enumerate() {
            owner.map_or(&mut shared, |one| &mut own[one]).push(column);
        }
        let mut sheet = Self {
            text,
            head,
            instruments,
            own,
            shared,
            sizes: None,
        };
        let numbers = |name: &str| name.starts_with('#');
        let mut names = options.columns.named().map(|(_, name)| name);
        if !names.any(numbers) && !options.features.iter().any(|name| numbers(name)) {
            sheet.sizes = sheet.measured();
        }
        Ok(Some(sheet))
    }

    /// Reads the bars of every instrument.
    pub(super) fn read(&self, options: &CsvOptions) -> Result<(Vec<Instrument>, CsvReport)> {
        let mut instruments = Vec::with_capacity(self.instruments.len());
        let mut all = CsvReport::default();
        while instruments.len() < self.instruments.len() {
            let first = instruments.len();
            let texts = self.texts(first..first + self.fitting(first));
            for (name, text) in self.instruments[first..].iter().zip(texts) {
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

    /// Reads an instrument from its own text. Returns `None` for what only the whole file can tell: a fault, a header of
    /// other lines, or the number of a line or a column.
    fn narrow(&self, name: &str, text: Vec<u8>, options: &CsvOptions) -> Option<(Bars, CsvReport)> {
        let text = Text::of(self.text.path(), text);
        let mut file = CsvFile::of(text, options).ok()?;
        let lines = (file.columns.header.line, file.columns.place.line);
        if lines != (self.head.header.line, self.head.last) {
            return None;
        }
        file.part = true;
        // Behind the notes on the header.
        let place = self.head.header.notes().len() + usize::from(lines.1 > lines.0);
        let notes = &mut file.columns.notes;
        let note = format!("the columns are those of `{name}`");
        notes.insert(place.min(notes.len()), note);
        let (bars, report) = file.series().ok()?;
        let says = |what: &str| report.notes.iter().any(|note| note.contains(what));
        // The lines have their numbers unless blank lines were left out.
        let blank = self.sizes.as_ref().is_some_and(|sizes| sizes.blank);
        let line = blank && (report.first_dropped.is_some() || says("line "));
        (!line && !says("#")).then_some((bars, report))
    }

    /// Returns the bytes of the columns, if every record has as many fields as the header and can be read.
    fn measured(&self) -> Option<Sizes> {
        let columns = self.head.header.names.len();
        let mut widths = vec![0; columns];
        let mut records = self.records();
        let (mut count, mut line, mut blank) = (0, self.start().line, false);
        while records.advance().ok()? {
            if records.record().len() != columns {
                return None;
            }
            blank |= records.line() - line > self.lines_between(line, records.line());
            line = records.line();
            count += 1;
            for (width, field) in widths.iter_mut().zip(records.record()) {
                *width += field.len() + 1;
            }
        }
        let of = |columns: &Vec<usize>| columns.iter().map(|column| widths[*column]).sum();
        // The lines of the header and above it have two bytes at most where they are no records.
        let lines = count + 2 * self.head.last as usize;
        let shared: usize = of(&self.shared);
        Some(Sizes {
            own: self.own.iter().map(of).collect(),
            shared: shared + lines,
            blank,
        })
    }

    /// Returns how many instruments' texts may be held together, from `first` on.
    fn fitting(&self, first: usize) -> usize {
        let Some(sizes) = &self.sizes else {
            return 1;
        };
        let room = HELD * self.text.len();
        let mut held = 0;
        let fits = sizes.own[first..].iter().take_while(|own| {
            held += sizes.shared + **own;
            held <= room
        });
        fits.count().max(1)
    }

    /// Returns the texts of some instruments, `None` where the whole file is needed.
    fn texts(&self, batch: Range<usize>) -> Vec<Option<Vec<u8>>> {
        if self.sizes.is_none() {
            return batch.map(|_| None).collect();
        }
        let start = self.start();
        let above = above(self.text.before(&start));
        let mut parts: Vec<Part> = batch
            .map(|instrument| {
                let mut columns = [&self.shared[..], &self.own[instrument]].concat();
                columns.sort_unstable();
                Part::new(columns, &above)
            })
            .collect();
        let mut records = self.records();
        let mut line = start.line;
        let mut single = false;
        while let Ok(true) = records.advance() {
            let record = records.record();
            let mut filled = record.iter().filter(|field| !field.trim().is_empty());
            single |= records.line() > self.head.last && filled.by_ref().take(2).count() == 1;
            let lines = self.lines_between(line, records.line());
            for part in &mut parts {
                part.end_lines(lines);
                part.add(record, start.separator);
            }
            line = records.line();
        }
        let ended = !self.text.is_unfinished(line);
        let texts = parts.into_iter().map(|part| part.finish(ended));
        // A single value may be no row, which is told from the whole row.
        texts.map(|text| text.filter(|_| !single)).collect()
    }

    /// Returns the number of lines from one record to the next in a text. Blank lines between rows are left out: very many
    /// would be copied for every instrument.
    fn lines_between(&self, line: u64, next: u64) -> u64 {
        let most = if line < self.head.last { u64::MAX } else { 1 };
        (next - line).min(most)
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

/// Returns a short text of as many lines, for the lines of text above the header. The whole file was searched for the
/// header, so what they say is known to be no data.
fn above(lines: &[u8]) -> Vec<u8> {
    let mut short = Vec::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        if !line.trim_ascii().is_empty() {
            short.push(b'-');
        }
        if line.ends_with(b"\n") {
            short.push(b'\n');
        }
    }
    short
}

/// The text of one instrument.
struct Part {
    columns: Vec<usize>,
    text: Vec<u8>,
    /// Whether a row would be blank without the columns of the other instruments.
    blank: bool,
}

impl Part {
    fn new(columns: Vec<usize>, above: &[u8]) -> Self {
        Self {
            columns,
            text: above.to_vec(),
            blank: false,
        }
    }

    fn end_lines(&mut self, lines: u64) {
        self.text.extend((0..lines).map(|_| b'\n'));
    }

    fn add(&mut self, record: &StringRecord, separator: u8) {
        let mut blank = true;
        for (place, column) in self.columns.iter().enumerate() {
            if place > 0 {
                self.text.push(separator);
            }
            let field = record[*column].trim();
            blank &= field.is_empty();
            push_field(&mut self.text, field, separator);
        }
        self.blank |= blank;
    }

    /// Returns the text, unless it has a blank row, which would be passed over.
    fn finish(mut self, ended: bool) -> Option<Vec<u8>> {
        if ended {
            self.text.push(b'\n');
        }
        (!self.blank).then_some(self.text)
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
