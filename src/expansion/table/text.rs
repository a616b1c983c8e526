//! Holds a file's text while it is read: the header is looked for line by line, and the rows are gone over twice.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::records::{DataStart, Records};
use crate::error::{Error, Result};

/// The bytes of one file, without a byte order mark, every line ended by a line feed.
pub(crate) struct Text {
    path: PathBuf,
    bytes: Vec<u8>,
    /// The line the file ends in the middle of, if it does not end with a line feed.
    unfinished: Option<u64>,
}

impl Text {
    /// Reads a whole file; `wanted` says in messages what it should be.
    pub(crate) fn read(path: &Path, wanted: &str) -> Result<Self> {
        let mut file = File::open(path).map_err(Error::io("read", path))?;
        let about = file.metadata().map_err(Error::io("read", path))?;
        // A folder opens like a file and only fails, less clearly, when it is read.
        if about.is_dir() {
            let reason = format!("a folder, but a {wanted} is expected");
            return Err(Error::file(path, reason));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes)
            .map_err(Error::io("read", path))?;
        if let Some(what) = packed(&bytes) {
            let reason =
                format!("{what}, but a {wanted} is expected; unpack or save it as one first");
            return Err(Error::file(path, reason));
        }
        Ok(Self::of(path, utf8(bytes)))
    }

    /// Text that is there already.
    pub(crate) fn of(path: &Path, mut bytes: Vec<u8>) -> Self {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        let unfinished = (bytes.last() != Some(&b'\n')).then(|| {
            let before = bytes.iter().filter(|byte| **byte == b'\n').count();
            before as u64 + 1
        });
        // The last line ends like every other; one line feed too many is a blank line.
        bytes.push(b'\n');
        Self {
            path: path.to_path_buf(),
            bytes,
            unfinished,
        }
    }

    /// Returns the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether a line may have been cut off: it is the last one, and nothing ends it.
    pub(crate) fn is_unfinished(&self, line: u64) -> bool {
        self.unfinished == Some(line)
    }

    /// Returns the records from a place on.
    pub(crate) fn records(&self, place: &DataStart) -> Records<'_> {
        Records::new(&self.path, &self.bytes[place.offset..], place)
    }

    /// Returns the lines that are not blank, each with its first byte and its number from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, u64, &[u8])> {
        let mut next = 0;
        self.bytes
            .split_inclusive(|byte| *byte == b'\n')
            .zip(1..)
            .map(move |(line, number)| {
                let first = next;
                next += line.len();
                // Not tabs: they separate columns.
                let edge = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n');
                let before = line.iter().take_while(|byte| edge(byte)).count();
                let after = line[before..].iter().rev().take_while(|b| edge(b)).count();
                (first + before, number, &line[before..line.len() - after])
            })
            .filter(|(_, _, line)| !line.trim_ascii().is_empty())
    }
}

/// By its first bytes.
fn packed(bytes: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], _); 3] = [
        (b"\x1f\x8b", "a gzip archive"),
        (b"PK\x03\x04", "a zip archive or an Excel workbook"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    ];
    let found = known.iter().find(|(start, _)| bytes.starts_with(start));
    found.map(|(_, name)| *name)
}

/// From UTF-16, which its first two bytes tell. What is no text stays as it is, to be refused where it is.
fn utf8(bytes: Vec<u8>) -> Vec<u8> {
    let unit: fn([u8; 2]) -> u16 = match bytes[..] {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return bytes,
    };
    let (pairs, rest) = bytes[2..].as_chunks();
    let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    match text.collect::<Result<String, _>>() {
        Ok(text) if rest.is_empty() => text.into_bytes(),
        _ => bytes,
    }
}
