//! Walks the records of a file that have text, and knows the line each one is on.

use std::fs::File;
use std::io::{Chain, Read};
use std::path::{Path, PathBuf};

use ::csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Terminator};

use crate::error::{Error, Result};

/// A file with a line feed appended, so that the last line ends like every other; one too many is a blank line.
type Text = Chain<File, &'static [u8]>;

/// The records of one file, read one at a time into the same buffer.
pub(super) struct Records {
    path: PathBuf,
    reader: Reader<Text>,
    record: StringRecord,
}

impl Records {
    /// Opens a file; nothing is read yet.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        // A folder opens like a file and only fails, less clearly, when it is read.
        if file.metadata().map_err(Error::io("read", path))?.is_dir() {
            return Err(Error::file(path, "a folder, but a CSV file is expected"));
        }
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // With the default terminator a record of a CRLF file ends between the two bytes, which puts the
            // line count off by one. The carriage return left in the last field goes when fields are trimmed.
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(1 << 16)
            .from_reader(file.chain(b"\n".as_slice()));
        Ok(Self {
            path: path.to_path_buf(),
            reader,
            record: StringRecord::new(),
        })
    }

    /// Reads the next record that is not blank; false at the end of the file.
    pub(super) fn advance(&mut self) -> Result<bool> {
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

    /// The record that [`advance`](Self::advance) found.
    pub(super) fn record(&self) -> &StringRecord {
        &self.record
    }

    /// The line of that record, from 1. The reader stands on the line after it.
    pub(super) fn line(&self) -> u64 {
        self.reader.position().line().saturating_sub(1).max(1)
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn is_blank(&self) -> bool {
        self.record.len() <= 1 && self.record.as_slice().trim().is_empty()
    }

    /// A missing quote swallows rows up to the next one or the end of the file. No column that matters spans
    /// lines, so this is refused even where bad rows are skipped: the loss would be counted as a single row.
    fn refuse_several_lines(&self) -> Result<()> {
        if !self.record.as_slice().contains('\n') {
            return Ok(());
        }
        let first = self
            .record
            .position()
            .map_or(self.line(), ::csv::Position::line);
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
