//! Walks a structure in the compact form of Thrift, in which Parquet keeps its metadata, without keeping any of it.
//!
//! The form: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>. Whatever a structure
//! claims, a walk ends after as many bytes as there are.

use std::io::{self, Error, Read};

/// The deepest structure in a structure. Those of Parquet have a depth of ten.
const DEEPEST: usize = 64;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A truth value. In a structure its field is the value.
    Bool,
    Byte,
    /// A whole number of 16 or 64 bits.
    Whole,
    /// A whole number of 32 bits.
    Whole32,
    Double,
    Binary,
    /// A list or a set.
    List,
    Map,
    Structure,
    Uuid,
}

impl Kind {
    fn of(code: u8) -> io::Result<Self> {
        Ok(match code {
            1 | 2 => Self::Bool,
            3 => Self::Byte,
            4 | 6 => Self::Whole,
            5 => Self::Whole32,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Structure,
            13 => Self::Uuid,
            _ => return Err(broken("a value of an unknown kind")),
        })
    }
}

/// A structure that is being read.
pub(super) struct Compact<R> {
    input: io::Take<R>,
    limit: u64,
    depth: usize,
}

impl<R: Read> Compact<R> {
    /// Begins with a structure of at most `limit` bytes.
    pub(super) fn new(input: R, limit: u64) -> Self {
        Self {
            input: input.take(limit),
            limit,
            depth: 0,
        }
    }

    /// Returns the number of bytes that were read.
    pub(super) fn taken(&self) -> u64 {
        self.limit - self.input.limit()
    }

    /// Reads the fields of a structure. `take` gets the number and the kind of each and reads its value.
    pub(super) fn structure(
        &mut self,
        mut take: impl FnMut(&mut Self, i16, Kind) -> io::Result<()>,
    ) -> io::Result<()> {
        self.deeper(|input| {
            let mut last = 0i16;
            loop {
                let head = input.byte()?;
                if head & 0x0f == 0 {
                    return Ok(());
                }
                let kind = Kind::of(head & 0x0f)?;
                last = match head >> 4 {
                    0 => input.number()? as i16,
                    step => last
                        .checked_add(step.into())
                        .ok_or_else(|| broken("a field of too large a number"))?,
                };
                take(input, last, kind)?;
            }
        })
    }

    /// Reads the elements of a list or a set. `take` gets the kind of each and reads it.
    pub(super) fn list(
        &mut self,
        mut take: impl FnMut(&mut Self, Kind) -> io::Result<()>,
    ) -> io::Result<()> {
        let head = self.byte()?;
        // Some writers give an empty list no kind.
        if head == 0 {
            return Ok(());
        }
        let kind = Kind::of(head & 0x0f)?;
        let count = match head >> 4 {
            15 => self.unsigned()?,
            few => few.into(),
        };
        refuse_truth(&[kind])?;
        self.deeper(|input| (0..count).try_for_each(|_| take(input, kind)))
    }

    /// Reads a whole number of 32 bits.
    pub(super) fn whole(&mut self) -> io::Result<i32> {
        Ok(self.number()? as i32)
    }

    /// Passes over the value of a field.
    pub(super) fn skip(&mut self, kind: Kind) -> io::Result<()> {
        match kind {
            Kind::Bool => Ok(()),
            Kind::Byte => self.byte().map(drop),
            Kind::Whole | Kind::Whole32 => self.unsigned().map(drop),
            Kind::Double => self.pass(8),
            Kind::Uuid => self.pass(16),
            Kind::Binary => {
                let length = self.unsigned()?;
                self.pass(length)
            }
            Kind::List => self.list(Self::skip),
            Kind::Structure => self.structure(|input, _, kind| input.skip(kind)),
            Kind::Map => self.skip_map(),
        }
    }

    fn skip_map(&mut self) -> io::Result<()> {
        let count = self.unsigned()?;
        if count == 0 {
            return Ok(());
        }
        let kinds = self.byte()?;
        let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0f)?);
        refuse_truth(&[key, value])?;
        self.deeper(|input| {
            (0..count).try_for_each(|_| {
                input.skip(key)?;
                input.skip(value)
            })
        })
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        if self.depth == DEEPEST {
            return Err(broken("too many structures in one another"));
        }
        self.depth += 1;
        let done = read(self);
        self.depth -= 1;
        done
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// Reads a number of seven bits a byte, the lowest first.
    fn unsigned(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(broken("a number of more than 64 bits"))
    }

    /// Reads a number whose lowest bit is the sign.
    fn number(&mut self) -> io::Result<i64> {
        let number = self.unsigned()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn pass(&mut self, count: u64) -> io::Result<()> {
        let passed = io::copy(&mut (&mut self.input).take(count), &mut io::sink())?;
        if passed < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// Refuses truth values in a list or a map, which the metadata of no file has. In the format each takes a byte; the
/// Parquet library (60.1) passes over none, and would read what follows as something else.
fn refuse_truth(kinds: &[Kind]) -> io::Result<()> {
    if kinds.contains(&Kind::Bool) {
        return Err(broken("truth values in a list"));
    }
    Ok(())
}

/// Returns an error about the bytes.
pub(super) fn broken(reason: impl Into<String>) -> Error {
    Error::new(io::ErrorKind::InvalidData, reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(bytes: &[u8], kind: Kind) -> io::Result<u64> {
        let mut input = Compact::new(bytes, bytes.len() as u64);
        input.skip(kind)?;
        Ok(input.taken())
    }

    /// The bytes are those of the specification of the form.
    #[test]
    fn values_end_where_the_form_says() {
        // Field 1: 7, field 2: true, field 4: "ab", the end.
        let structure = [0x15, 14, 0x11, 0x28, 2, b'a', b'b', 0, 99];
        assert_eq!(skipped(&structure, Kind::Structure).unwrap(), 8);
        // Field 300 in the long form.
        assert_eq!(
            skipped(&[0x05, 0xd8, 0x04, 1, 0], Kind::Structure).unwrap(),
            5
        );
        // Three numbers; twenty bytes; a list without a kind.
        assert_eq!(skipped(&[0x35, 2, 0x80, 1, 6, 9], Kind::List).unwrap(), 5);
        let twenty = [&[0xf3, 20][..], &[1; 20]].concat();
        assert_eq!(skipped(&twenty, Kind::List).unwrap(), 22);
        assert_eq!(skipped(&[0, 7], Kind::List).unwrap(), 1);
        // Two keys of text with numbers.
        let map = [2, 0x85, 1, b'a', 2, 1, b'b', 4, 7];
        assert_eq!(skipped(&map, Kind::Map).unwrap(), 8);
        assert_eq!(skipped(&[0; 20], Kind::Uuid).unwrap(), 16);
        assert_eq!(skipped(&[0; 20], Kind::Double).unwrap(), 8);
    }

    #[test]
    fn whole_numbers_have_their_sign() {
        for (bytes, expected) in [
            (&[0][..], 0),
            (&[1], -1),
            (&[2], 1),
            (&[0xfe, 0xff, 0xff, 0xff, 0x0f], i32::MAX),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], i32::MIN),
        ] {
            let mut input = Compact::new(bytes, bytes.len() as u64);
            assert_eq!(input.whole().unwrap(), expected);
        }
    }

    #[test]
    fn a_walk_ends_with_the_bytes() {
        let most = [0xff, 0xff, 0xff, 0xff, 0x0f];
        for (kind, head) in [
            (Kind::List, &[0xf1][..]),
            (Kind::List, &[0xf8]),
            (Kind::Binary, &[]),
            (Kind::Map, &[]),
        ] {
            let bytes = [head, &most, &[0x11; 50]].concat();
            assert!(skipped(&bytes, kind).is_err(), "{kind:?}");
        }
        let deep = [[0x19, 0x1c]; 1 << 16].concat();
        let error = skipped(&deep, Kind::List).unwrap_err().to_string();
        assert!(error.contains("in one another"), "{error}");
        assert!(skipped(&[0xff; 12], Kind::Whole).is_err());
        assert!(skipped(&[0x1f, 0], Kind::Structure).is_err());
    }
}
