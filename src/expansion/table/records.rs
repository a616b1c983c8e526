//! Iterates over the records of a text that are not blank, with their line numbers.

use std::path::{Path, PathBuf};

use ::csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Terminator};

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
    reader: Reader<&'a [u8]>,
    record: StringRecord,
    /// The number of lines above the first record.
    above: u64,
}

impl<'a> Records<'a> {
    /// Creates the records of `bytes`, which begin at `place` in the file.
    pub(crate) fn new(path: &Path, bytes: &'a [u8], place: &DataStart) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(place.separator)
            // With the default terminator a record of a CRLF file ends between the two bytes, so the line count is
            // off by one. The carriage return in the last field is removed when fields are trimmed.
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(bytes.len().clamp(1, 1 << 16))
            .from_reader(bytes);
        Self {
            path: path.to_path_buf(),
            reader,
            record: StringRecord::new(),
            // Without a header, on line 0, the first row is on line 1.
            above: place.line.saturating_sub(1),
        }
    }

    /// Reads the next record that is not blank. Returns `false` at the end of the text.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        loop {
            let before = self.reader.position().line();
            let more = self
                .reader
                .read_record(&mut self.record)
                .map_err(|error| self.unreadable(error))?;
            if !more {
                return Ok(false);
            }
            if self.reader.position().line() > before + 1 {
                self.refuse_several_lines()?;
            }
            if !self.is_blank() {
                return Ok(true);
            }
        }
    }

    /// Returns the record that [`advance`](Self::advance) read.
    pub(crate) fn record(&self) -> &StringRecord {
        &self.record
    }

    /// Returns the line of the record, from 1. The reader is already on the next line.
    pub(crate) fn line(&self) -> u64 {
        self.above + self.reader.position().line().saturating_sub(1).max(1)
    }

    /// Returns whether the record is blank. A row of separators alone, as at the end of a sheet, is blank too.
    fn is_blank(&self) -> bool {
        self.record.as_slice().trim().is_empty()
    }

    /// Refuses a record over several lines. A missing quote swallows rows up to the next quote or the end of the file,
    /// and skipping would count the loss as a single bad row. No required column spans lines.
    fn refuse_several_lines(&self) -> Result<()> {
        if !self.record.as_slice().contains('\n') {
            return Ok(());
        }
        let first = self
            .record
            .position()
            .map_or(self.line(), |position| self.above + position.line());
        let reason = "a quoted value runs on over the end of the line; is a closing `\"` missing?";
        Err(Error::line(&self.path, first, reason))
    }

    fn unreadable(&self, error: ::csv::Error) -> Error {
        let text = error.to_string();
        match error.into_kind() {
            ErrorKind::Io(source) => Error::io("read", &self.path)(source),
            ErrorKind::Utf8 { err, .. } => {
                let reason = format!(
                    "not UTF-8 text: byte {} of column {} is invalid; save the file as UTF-8",
                    err.valid_up_to() + 1,
                    err.field() + 1
                );
                Error::line(&self.path, self.line(), reason)
            }
            _ => Error::line(&self.path, self.line(), text),
        }
    }
}

/// Returns a trimmed field, empty if the row is too short.
pub(crate) fn field(record: &StringRecord, index: usize) -> &str {
    record.get(index).unwrap_or_default().trim()
}
