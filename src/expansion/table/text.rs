//! Holds the text of a file, because the header is searched line by line and the rows are read twice.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::records::{DataStart, Records};
use crate::error::{Error, Result};

/// The longest line, in bytes. Every line is looked at in several ways, which takes ten times its memory.
const LONGEST: usize = 1 << 20;

/// Returns the number and the length of the first line that is too long.
fn too_long(bytes: &[u8]) -> Option<(u64, usize)> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::len);
    (1..).zip(lines).find(|(_, length)| *length > LONGEST)
}

/// The bytes of one file, without a byte order mark, every line ended by a line feed.
pub(crate) struct Text {
    path: PathBuf,
    bytes: Vec<u8>,
    /// The number of the last line if the file does not end with a line feed.
    unfinished: Option<u64>,
    /// Whether a quote is in it.
    quoted: bool,
}

impl Text {
    /// Reads a whole file. `wanted` names the expected kind of file in messages.
    pub(crate) fn read(path: &Path, wanted: &str) -> Result<Self> {
        let mut file = File::open(path).map_err(Error::io("read", path))?;
        let about = file.metadata().map_err(Error::io("read", path))?;
        // A folder can be opened; reading it would fail with a less clear message.
        if about.is_dir() {
            let reason = format!("a folder, but a {wanted} is expected");
            return Err(Error::file(path, reason));
        }
        let mut bytes = Vec::new();
        // A sparse file can be longer than any memory, which is an error and no reason to abort.
        let length = usize::try_from(about.len()).unwrap_or(usize::MAX);
        bytes
            .try_reserve_exact(length.saturating_add(1))
            .map_err(|error| Error::io("read", path)(error.into()))?;
        file.read_to_end(&mut bytes)
            .map_err(Error::io("read", path))?;
        if let Some(what) = packed(&bytes) {
            let reason =
                format!("{what}, but a {wanted} is expected; unpack or save it as one first");
            return Err(Error::file(path, reason));
        }
        let bytes = utf8(bytes);
        if let Some((line, length)) = too_long(&bytes) {
            let reason = format!(
                "{length} bytes long, but at most {LONGEST} bytes of a line are read; is this a {wanted}?"
            );
            return Err(Error::line(path, line, reason));
        }
        Ok(Self::of(path, bytes))
    }

    /// Creates a text from bytes.
    pub(crate) fn of(path: &Path, mut bytes: Vec<u8>) -> Self {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        let unfinished = (bytes.last() != Some(&b'\n')).then(|| {
            let before = bytes.iter().filter(|byte| **byte == b'\n').count();
            before as u64 + 1
        });
        // Now every line ends with a line feed. An extra line feed is only a blank line.
        bytes.push(b'\n');
        Self {
            path: path.to_path_buf(),
            quoted: bytes.contains(&b'"'),
            bytes,
            unfinished,
        }
    }

    /// Returns the path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether a line may have been cut off: the last line, without a line feed.
    pub(crate) fn is_unfinished(&self, line: u64) -> bool {
        self.unfinished == Some(line)
    }

    /// Returns the number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the bytes before a place.
    pub(crate) fn before(&self, place: &DataStart) -> &[u8] {
        &self.bytes[..place.offset]
    }

    /// Returns the records from `place` on.
    pub(crate) fn records(&self, place: &DataStart) -> Records<'_> {
        Records::new(&self.path, &self.bytes[place.offset..], place, self.quoted)
    }

    /// Returns the place behind the line of another place, whose offset is at or above the line.
    pub(crate) fn below(&self, place: &DataStart) -> DataStart {
        let line = self.lines().find(|(_, line, _)| *line == place.line);
        let end = line.map_or(place.offset, |(offset, _, bytes)| offset + bytes.len());
        DataStart {
            offset: end.max(place.offset),
            ..place.clone()
        }
    }

    /// Returns the lines that are not blank, each with the index of its first byte and its number from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, u64, &[u8])> {
        let mut next = 0;
        self.bytes
            .split_inclusive(|byte| *byte == b'\n')
            .zip(1..)
            .map(move |(line, number)| {
                let first = next;
                next += line.len();
                // Tabs stay, because they separate columns.
                let edge = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n');
                let before = line.iter().take_while(|byte| edge(byte)).count();
                let after = line[before..].iter().rev().take_while(|b| edge(b)).count();
                (first + before, number, &line[before..line.len() - after])
            })
            .filter(|(_, _, line)| !line.trim_ascii().is_empty())
    }
}

/// Returns the kind of a packed file, recognised by its first bytes.
fn packed(bytes: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], _); 3] = [
        (b"\x1f\x8b", "a gzip archive"),
        (b"PK\x03\x04", "a zip archive or an Excel workbook"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    ];
    let found = known.iter().find(|(start, _)| bytes.starts_with(start));
    found.map(|(_, name)| *name)
}

/// Converts UTF-16 with a byte order mark to UTF-8. Invalid text stays unchanged and is refused when its record is
/// read.
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
