//! Checks the sizes that a Parquet file claims, before the Parquet library allocates memory of these sizes.
//!
//! The library (60.1) believes the number of columns in a group and the size of a page when it is unpacked: a few bytes
//! would allocate gigabytes, and a schema of groups in groups would overflow the stack, which ends the process.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use ::parquet::file::metadata::ColumnChunkMetaData;

use super::parquet_shapes::{check_file, check_page_field};
use super::thrift::{Compact, Kind, broken};

/// The most groups of columns in one another.
const DEEPEST: usize = 32;
/// The end of a file: the length of its metadata and `PAR1`.
const END: u64 = 8;

/// Checks the kinds of the metadata of a file, and its schema. A file that ends like no Parquet file passes, since the library says so.
pub(super) fn check_schema(file: &File) -> io::Result<()> {
    let mut file = file;
    let length = file.metadata()?.len();
    let Some(before) = length.checked_sub(END) else {
        return Ok(());
    };
    file.seek(SeekFrom::Start(before))?;
    let mut end = [0; END as usize];
    file.read_exact(&mut end)?;
    let [a, b, c, d, magic @ ..] = end;
    let metadata = u64::from(u32::from_le_bytes([a, b, c, d]));
    if magic != *b"PAR1" || metadata > before {
        return Ok(());
    }
    file.seek(SeekFrom::Start(before - metadata))?;
    check_file(BufReader::new(file), metadata)?;
    file.seek(SeekFrom::Start(before - metadata))?;
    check_metadata(BufReader::new(file), metadata)
}

/// Checks the schema in the metadata of a file.
fn check_metadata(metadata: impl Read, length: u64) -> io::Result<()> {
    const SCHEMA: i16 = 2;
    let mut input = Compact::new(metadata, length);
    input.structure(|input, field, kind| match (field, kind) {
        (SCHEMA, Kind::List) => {
            let mut members = Vec::new();
            input.list(|input, kind| {
                members.push(members_of(input, kind)?);
                Ok(())
            })?;
            check_tree(&members)
        }
        (SCHEMA, _) => Err(broken("its schema is no list")),
        _ => input.skip(kind),
    })
}

/// Reads an element of a schema and returns the number of its members, 0 for a column.
fn members_of<R: Read>(input: &mut Compact<R>, kind: Kind) -> io::Result<u64> {
    const MEMBERS: i16 = 5;
    if kind != Kind::Structure {
        return Err(broken("its schema is no list of columns"));
    }
    let mut members = 0;
    input.structure(|input, field, kind| match (field, kind) {
        (MEMBERS, Kind::Whole32) => {
            let claimed = input.whole()?;
            members = u64::try_from(claimed)
                .map_err(|_| broken(format!("a group of {claimed} columns")))?;
            Ok(())
        }
        (MEMBERS, _) => Err(broken("a group without a number of columns")),
        _ => input.skip(kind),
    })?;
    Ok(members)
}

/// Checks the tree of a schema, whose elements stand before their members.
fn check_tree(members: &[u64]) -> io::Result<()> {
    // The members that are still to come, for each group around.
    let mut around: Vec<u64> = Vec::new();
    for (place, claimed) in members.iter().enumerate() {
        let left = (members.len() - place - 1) as u64;
        if *claimed > left {
            let reason = format!("a group of {claimed} columns where {left} are left");
            return Err(broken(reason));
        }
        if let Some(group) = around.last_mut() {
            *group -= 1;
        }
        if *claimed == 0 {
            while around.last() == Some(&0) {
                around.pop();
            }
            continue;
        }
        around.push(*claimed);
        if around.len() > DEEPEST {
            return Err(broken(format!("more than {DEEPEST} groups in one another")));
        }
    }
    Ok(())
}

/// Returns the most memory that the pages of one column take when they are unpacked: one page and one dictionary at a
/// time.
pub(super) fn largest_pages<'a>(
    file: &File,
    chunks: impl Iterator<Item = &'a ColumnChunkMetaData>,
) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let mut input = BufReader::new(file);
    let (mut page, mut dictionary) = (0, 0);
    for chunk in chunks {
        let (mut at, size) = chunk.byte_range();
        let end = at.saturating_add(size);
        if end > length {
            let reason = format!("a column that ends at byte {end} of {length}");
            return Err(broken(reason));
        }
        while at < end {
            let head = PageHead::read(&mut input, at, end)?;
            let largest = if head.is_dictionary {
                &mut dictionary
            } else {
                &mut page
            };
            *largest = head.unpacked.max(*largest);
            at = head.end;
        }
    }
    Ok(page + dictionary)
}

/// What a page says of itself.
struct PageHead {
    is_dictionary: bool,
    /// The number of bytes when it is unpacked.
    unpacked: u64,
    /// The place behind the page.
    end: u64,
}

impl PageHead {
    /// Reads the head of the page at `at`, which lies before `end`.
    fn read(file: &mut BufReader<&File>, at: u64, end: u64) -> io::Result<Self> {
        const DICTIONARY: i32 = 2;
        let from = file.stream_position()?;
        // Keeps what is in the buffer, where it can.
        match i64::try_from(at).ok().zip(i64::try_from(from).ok()) {
            Some((at, from)) => file.seek_relative(at - from)?,
            None => return Err(broken("a page beyond any file")),
        }
        let mut input = Compact::new(file, end - at);
        let [mut kind, mut unpacked, mut stored] = [None; 3];
        input.structure(|input, field, value| {
            let place = match field {
                1 => &mut kind,
                2 => &mut unpacked,
                3 => &mut stored,
                _ => return check_page_field(input, field, value),
            };
            if value != Kind::Whole32 {
                return Err(broken("a page without its sizes"));
            }
            *place = Some(input.whole()?);
            Ok(())
        })?;
        let (Some(kind), Some(unpacked), Some(stored)) = (kind, unpacked, stored) else {
            return Err(broken("a page without its sizes"));
        };
        let size = |claimed: i32| {
            u64::try_from(claimed).map_err(|_| broken(format!("a page of {claimed} bytes")))
        };
        let after = at + input.taken() + size(stored)?;
        if after > end {
            let reason = format!("a page that ends at byte {after}, behind its column");
            return Err(broken(reason));
        }
        Ok(Self {
            is_dictionary: kind == DICTIONARY,
            unpacked: size(unpacked)?,
            end: after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_has_the_columns_that_it_claims() {
        let good: [&[u64]; 4] = [&[], &[0], &[2, 0, 0], &[2, 2, 0, 0, 1, 0]];
        for members in good {
            check_tree(members).unwrap();
        }
        let claims = check_tree(&[2, 0, i32::MAX as u64, 0]).unwrap_err();
        let expected = "a group of 2147483647 columns where 1 are left";
        assert_eq!(claims.to_string(), expected);
        let mut deep = vec![1; DEEPEST];
        deep.push(0);
        check_tree(&deep).unwrap();
        deep.insert(0, 1);
        assert!(check_tree(&deep).is_err());
        // A long row of groups is not a deep one.
        let wide: Vec<u64> = std::iter::once(500).chain([1, 0].repeat(500)).collect();
        check_tree(&wide).unwrap();
    }
}
