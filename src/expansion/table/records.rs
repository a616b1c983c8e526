//! Iterates over the records of a text that are not blank, with their line numbers.

use std::path::{Path, PathBuf};

use ::csv::StringRecord;

use super::quoted::{NotText, Quoted};
use crate::error::{Error, Result};

/// The start of the records of a file, and the separator of their fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataStart {
    /// The index of the first byte.
    pub(crate) offset: usize,
    /// The line of the first byte, from 1.
    pub(crate) line: u64,
    /// The separator of fields.
    pub(crate) separator: u8,
}

/// The records of one text, read one at a time into the same buffer.
pub(crate) struct Records<'a> {
    path: PathBuf,
    source: Source<'a>,
    record: StringRecord,
    /// The number of lines above the first record.
    above: u64,
}

/// Where the records come from.
enum Source<'a> {
    /// Text without quotes, in which every line is a record.
    Lines(Lines<'a>),
    /// Text that may have quotes.
    Quoted(Quoted<'a>),
}

impl<'a> Records<'a> {
    /// Creates the records of `bytes`, which begin at `place` in the file. `quoted` tells whether they may have quotes.
    pub(crate) fn new(path: &Path, bytes: &'a [u8], place: &DataStart, quoted: bool) -> Self {
        let source = match std::str::from_utf8(bytes) {
            Ok(text) if !quoted => Source::Lines(Lines::of(text, place.separator)),
            _ => Source::Quoted(Quoted::of(bytes, place.separator)),
        };
        Self {
            path: path.to_path_buf(),
            source,
            record: StringRecord::new(),
            // Without a header, on line 0, the first row is on line 1.
            above: place.line.saturating_sub(1),
        }
    }

    /// Reads the next record that is not blank. Returns `false` at the end of the text.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        loop {
            let more = match &mut self.source {
                Source::Lines(lines) => lines.read(&mut self.record),
                Source::Quoted(_) => self.read_quoted()?,
            };
            if !more || !self.is_blank() {
                return Ok(more);
            }
        }
    }

    /// Reads the next record of a text that may have quotes.
    fn read_quoted(&mut self) -> Result<bool> {
        let Source::Quoted(quoted) = &mut self.source else {
            return Ok(false);
        };
        let before = quoted.lines();
        let more = quoted.read(&mut self.record);
        let lines = quoted.lines() - before;
        let more = more.map_err(|error| self.unreadable(&error))?;
        if more && lines > 1 {
            self.refuse_several_lines(before)?;
        }
        Ok(more)
    }

    /// Returns the record that [`advance`](Self::advance) read.
    pub(crate) fn record(&self) -> &StringRecord {
        &self.record
    }

    /// Returns the line of the record, from 1. The reader is already on the next line.
    pub(crate) fn line(&self) -> u64 {
        let read = match &self.source {
            Source::Lines(lines) => lines.read,
            Source::Quoted(quoted) => quoted.lines(),
        };
        self.above + read.max(1)
    }

    /// Returns whether the record is blank. A row of separators alone, as at the end of a sheet, is blank too.
    fn is_blank(&self) -> bool {
        self.record.as_slice().trim().is_empty()
    }

    /// Refuses a record over several lines. A missing quote swallows rows up to the next quote or the end of the file,
    /// and skipping would count the loss as a single bad row. No required column spans lines.
    fn refuse_several_lines(&self, lines_before: u64) -> Result<()> {
        if !self.record.as_slice().contains('\n') {
            return Ok(());
        }
        let reason = "a quoted value runs on over the end of the line; is a closing `\"` missing?";
        Err(Error::line(
            &self.path,
            self.above + lines_before + 1,
            reason,
        ))
    }

    fn unreadable(&self, found: &NotText) -> Error {
        let reason = format!(
            "not UTF-8 text: byte {} of column {} is invalid; save the file as UTF-8",
            found.byte + 1,
            found.column + 1
        );
        Error::line(&self.path, self.line(), reason)
    }
}

/// The lines of a text without quotes, whose fields lie between separators.
struct Lines<'a> {
    rest: &'a str,
    separator: u8,
    /// The number of lines read.
    read: u64,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str, separator: u8) -> Self {
        Self {
            // As the reader of quotes does.
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            separator,
            read: 0,
        }
    }

    /// Reads the fields of the next line. Returns `false` at the end of the text.
    fn read(&mut self, record: &mut StringRecord) -> bool {
        if self.rest.is_empty() {
            return false;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        self.read += 1;
        record.clear();
        let mut start = 0;
        for (at, byte) in line.bytes().enumerate() {
            if byte == self.separator {
                record.push_field(&line[start..at]);
                start = at + 1;
            }
        }
        record.push_field(&line[start..]);
        true
    }
}

/// Returns a trimmed field, empty if the row is too short.
pub(crate) fn field(record: &StringRecord, index: usize) -> &str {
    record.get(index).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The fields and the line of every record.
    fn all(text: &str, quoted: bool) -> Vec<(Vec<String>, u64)> {
        let place = DataStart {
            offset: 0,
            line: 3,
            separator: b';',
        };
        let mut records = Records::new(Path::new("text"), text.as_bytes(), &place, quoted);
        let mut found = Vec::new();
        while records.advance().unwrap() {
            let fields = records.record().iter().map(str::to_owned).collect();
            found.push((fields, records.line()));
        }
        found
    }

    proptest! {
        #[test]
        fn lines_without_quotes_are_the_records_of_the_csv_reader(text in "\u{feff}{0,2}[a1;, \t\r\né\u{feff}]{0,60}") {
            // As in a `Text`, whose lines are ended.
            let text = text + "\n";
            prop_assert_eq!(all(&text, false), all(&text, true));
        }
    }
}
