//! Reads the records of a text that may have quotes.
//!
//! The automaton of a CSV reader takes longer to build than a line takes to read, and bars may come line by line. So a
//! thread keeps those it has built, for short texts. (A copy of one would not do: `csv_core` 0.1.13 leaves out which states are final.)

use std::cell::RefCell;
use std::rc::Rc;
use std::str::Utf8Error;

use ::csv::{ErrorKind, StringRecord};
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

/// The most automata that a thread keeps, and the longest buffers that it keeps with an automaton: bytes, and fields.
const KEPT: usize = 16;
const LONGEST: (usize, usize) = (1 << 16, 1 << 12);
/// The length of a long text, in bytes.
const LONG: usize = 1 << 12;

thread_local! {
    static BUILT: RefCell<Vec<Rc<RefCell<Automaton>>>> = const { RefCell::new(Vec::new()) };
}

/// An automaton with its buffers.
struct Automaton {
    separator: u8,
    /// Whether it reads one line, which ends at a carriage return. Else fields keep a carriage return at their end: a
    /// record of a CRLF file would end between the two bytes, so the line count would be off by one.
    of_line: bool,
    reader: Reader,
    fields: Vec<u8>,
    ends: Vec<usize>,
}

impl Automaton {
    /// Returns an automaton that no other text is read with.
    fn of(separator: u8, of_line: bool) -> Rc<RefCell<Self>> {
        BUILT.with_borrow_mut(|built| {
            let is_free = |one: &&Rc<RefCell<Self>>| {
                let fits = |one: &Self| (one.separator, one.of_line) == (separator, of_line);
                Rc::strong_count(one) == 1 && fits(&one.borrow())
            };
            if let Some(free) = built.iter().find(is_free) {
                free.borrow_mut().reader.reset();
                return Rc::clone(free);
            }
            let new = Rc::new(RefCell::new(Self::new(separator, of_line)));
            if built.len() < KEPT {
                built.push(Rc::clone(&new));
            }
            new
        })
    }

    fn new(separator: u8, of_line: bool) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(separator);
        if !of_line {
            builder.terminator(Terminator::Any(b'\n'));
        }
        Self {
            separator,
            of_line,
            reader: builder.build(),
            fields: vec![0; 1024],
            ends: vec![0; 32],
        }
    }

    /// Returns whether a long record left long buffers.
    fn is_large(&self) -> bool {
        self.fields.len() > LONGEST.0 || self.ends.len() > LONGEST.1
    }

    /// Reads the fields of the next record, without quotes and one behind the other, and where each ends. Returns their
    /// number, or `None` at the end of the text.
    fn advance(&mut self, rest: &mut &[u8]) -> Option<usize> {
        let (mut bytes, mut count) = (0, 0);
        loop {
            let (fields, ends) = (&mut self.fields[bytes..], &mut self.ends[count..]);
            let (result, read, written, ended) = self.reader.read_record(rest, fields, ends);
            *rest = &rest[read..];
            bytes += written;
            count += ended;
            match result {
                // The next call has no input, which ends the last record.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.fields.resize(2 * self.fields.len(), 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                ReadRecordResult::Record => return Some(count),
                ReadRecordResult::End => return None,
            }
        }
    }
}

/// A field that is not UTF-8.
#[derive(Debug)]
pub(super) struct NotText {
    /// The column, from 0.
    pub(super) column: usize,
    /// The first byte of the field that is invalid, from 0.
    pub(super) byte: usize,
}

/// The records of a text that may have quotes.
pub(super) enum Quoted<'a> {
    /// Of a short text, with an automaton that is kept.
    Short(Short<'a>),
    /// Of a long text. The reader of `csv` splits rows with less work, because it need not copy them into the record.
    Long(Box<::csv::Reader<&'a [u8]>>),
}

impl<'a> Quoted<'a> {
    /// Returns the records of the rows of a file.
    pub(super) fn of(rows: &'a [u8], separator: u8) -> Self {
        if rows.len() < LONG {
            return Self::Short(Short::of(rows, separator, false));
        }
        let reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .terminator(::csv::Terminator::Any(b'\n'))
            .buffer_capacity(rows.len().min(1 << 16))
            .from_reader(rows);
        Self::Long(Box::new(reader))
    }

    /// Returns the record of a line.
    pub(super) fn of_line(line: &'a [u8], separator: u8) -> Self {
        Self::Short(Short::of(line, separator, true))
    }

    /// Returns the number of lines read.
    pub(super) fn lines(&self) -> u64 {
        match self {
            Self::Short(short) => short.automaton.borrow().reader.line() - 1,
            Self::Long(reader) => reader.position().line() - 1,
        }
    }

    /// Reads the next record. Returns `false` at the end of the text.
    pub(super) fn read(&mut self, record: &mut StringRecord) -> Result<bool, NotText> {
        match self {
            Self::Short(short) => short.read(record),
            Self::Long(reader) => reader.read_record(record).map_err(|error| {
                let (column, byte) = match error.kind() {
                    ErrorKind::Utf8 { err, .. } => (err.field(), err.valid_up_to()),
                    // Reading from memory fails in no other way, and records may have any length.
                    _ => (0, 0),
                };
                NotText { column, byte }
            }),
        }
    }
}

/// The records of a short text.
pub(super) struct Short<'a> {
    automaton: Rc<RefCell<Automaton>>,
    rest: &'a [u8],
}

impl<'a> Short<'a> {
    fn of(rest: &'a [u8], separator: u8, of_line: bool) -> Self {
        Self {
            automaton: Automaton::of(separator, of_line),
            rest,
        }
    }

    fn read(&mut self, record: &mut StringRecord) -> Result<bool, NotText> {
        record.clear();
        let mut automaton = self.automaton.borrow_mut();
        let Some(count) = automaton.advance(&mut self.rest) else {
            return Ok(false);
        };
        let mut start = 0;
        for (column, end) in automaton.ends[..count].iter().enumerate() {
            let field = std::str::from_utf8(&automaton.fields[start..*end]);
            let not_text = |error: Utf8Error| NotText {
                column,
                byte: error.valid_up_to(),
            };
            record.push_field(field.map_err(not_text)?);
            start = *end;
        }
        Ok(true)
    }
}

impl Drop for Short<'_> {
    fn drop(&mut self) {
        if self.automaton.borrow().is_large() {
            // A thread that ends keeps nothing anyway.
            let _ = BUILT.try_with(|built| {
                let mut built = built.borrow_mut();
                built.retain(|one| !Rc::ptr_eq(one, &self.automaton));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expected(text: &[u8], of_line: bool) -> Vec<(Option<Vec<String>>, u64)> {
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(b';')
            .terminator(if of_line {
                ::csv::Terminator::CRLF
            } else {
                ::csv::Terminator::Any(b'\n')
            })
            .from_reader(text);
        let mut record = StringRecord::new();
        let mut found = Vec::new();
        loop {
            let read = reader.read_record(&mut record);
            let fields = match read {
                Ok(false) => return found,
                Ok(true) => Some(record.iter().map(str::to_owned).collect()),
                Err(_) => None,
            };
            found.push((fields, reader.position().line()));
        }
    }

    #[test]
    fn long_buffers_are_not_kept() {
        let kept =
            || BUILT.with_borrow(|built| built.iter().map(|one| one.borrow().ends.len()).max());
        let read = |text: &str| {
            Quoted::of_line(text.as_bytes(), b';')
                .read(&mut StringRecord::new())
                .unwrap()
        };
        assert!(read(&";".repeat(1 << 16)));
        assert_eq!(kept(), None);
        assert!(read("a;b"));
        assert_eq!(kept(), Some(32));
    }

    proptest! {
        #[test]
        fn records_are_those_of_the_csv_reader(
            parts in prop::collection::vec(prop_oneof![
                "[a1;, \\t\\r\\n\"é\u{feff}]{0,30}".prop_map(String::into_bytes),
                Just(b"\xff\xfe".to_vec()),
                Just(b"\"\";".repeat(700)),
                Just(b"long".repeat(600)),
            ], 0..6),
            of_line in any::<bool>(),
        ) {
            let text = parts.concat();
            let mut quoted = if of_line {
                Quoted::of_line(&text, b';')
            } else {
                Quoted::of(&text, b';')
            };
            let mut record = StringRecord::new();
            for (fields, line) in expected(&text, of_line) {
                match quoted.read(&mut record) {
                    Ok(more) => {
                        prop_assert!(more);
                        let found: Vec<String> = record.iter().map(str::to_owned).collect();
                        prop_assert_eq!(Some(found), fields);
                    }
                    Err(_) => prop_assert_eq!(None, fields),
                }
                prop_assert_eq!(quoted.lines() + 1, line);
            }
            prop_assert!(!quoted.read(&mut record).unwrap());
        }
    }
}
