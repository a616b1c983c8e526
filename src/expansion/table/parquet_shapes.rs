//! Checks that the fields of Parquet's metadata have the kinds that the format gives them.
//!
//! The Parquet library (60.1) reads a field that it knows without a look at the kind that the file gives it, takes no
//! byte for a truth value in a list, and accepts fewer bytes in the head of a page than a text claims that it passes
//! over. A file that uses one of these would show this crate's checks other sizes than the library reads, or keep the
//! library at work on elements that are not there. So every field that the library knows must be in these tables.
//!
//! The format: <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>.

use std::io::{self, Read};

use super::thrift::{Compact, Kind, broken};

/// What a field holds.
enum Holds {
    /// A whole number of any width; all are written alike.
    Whole,
    Byte,
    Bool,
    Double,
    Binary,
    Structure(&'static [Field]),
    List(&'static Holds),
}

/// The number of a field, and what it holds.
type Field = (i16, Holds);

use Holds::{Binary, Bool, Byte, Double, List, Structure, Whole};

/// `FileMetaData`. Unions have one of their fields.
const FILE: &[Field] = &[
    (1, Whole),
    (2, List(&Structure(SCHEMA_ELEMENT))),
    (3, Whole),
    (4, List(&Structure(ROW_GROUP))),
    (5, List(&Structure(KEY_VALUE))),
    (6, Binary),
    (7, List(&Structure(COLUMN_ORDER))),
    (
        8,
        Structure(&[(1, Structure(ENCRYPTION)), (2, Structure(ENCRYPTION))]),
    ),
    (9, Binary),
];
const COLUMN_ORDER: &[Field] = &[
    (1, Structure(&[])),
    (2, Structure(&[])),
    (3, Structure(&[])),
];
const ENCRYPTION: &[Field] = &[(1, Binary), (2, Binary), (3, Bool)];
const SCHEMA_ELEMENT: &[Field] = &[
    (1, Whole),
    (2, Whole),
    (3, Whole),
    (4, Binary),
    (5, Whole),
    (6, Whole),
    (7, Whole),
    (8, Whole),
    (9, Whole),
    (10, Structure(LOGICAL_TYPE)),
];
const LOGICAL_TYPE: &[Field] = &[
    (1, Structure(&[])),
    (2, Structure(&[])),
    (3, Structure(&[])),
    (4, Structure(&[])),
    // Decimal: scale and precision.
    (5, Structure(&[(1, Whole), (2, Whole)])),
    (6, Structure(&[])),
    (7, Structure(TIME)),
    (8, Structure(TIME)),
    // Whole numbers: width and sign.
    (10, Structure(&[(1, Byte), (2, Bool)])),
    (11, Structure(&[])),
    (12, Structure(&[])),
    (13, Structure(&[])),
    (14, Structure(&[])),
    (15, Structure(&[])),
    (16, Structure(&[(1, Byte)])),
    (17, Structure(&[(1, Binary)])),
    (18, Structure(&[(1, Binary), (2, Whole)])),
    (19, Structure(&[])),
];
const TIME: &[Field] = &[
    (1, Bool),
    (
        2,
        Structure(&[
            (1, Structure(&[])),
            (2, Structure(&[])),
            (3, Structure(&[])),
        ]),
    ),
];
const KEY_VALUE: &[Field] = &[(1, Binary), (2, Binary)];
const ROW_GROUP: &[Field] = &[
    (1, List(&Structure(COLUMN_CHUNK))),
    (2, Whole),
    (3, Whole),
    // Sorting columns.
    (4, List(&Structure(&[(1, Whole), (2, Bool), (3, Bool)]))),
    (5, Whole),
    (6, Whole),
    (7, Whole),
];
const COLUMN_CHUNK: &[Field] = &[
    (1, Binary),
    (2, Whole),
    (3, Structure(COLUMN)),
    (4, Whole),
    (5, Whole),
    (6, Whole),
    (7, Whole),
    // Keys of encrypted columns.
    (
        8,
        Structure(&[
            (1, Structure(&[])),
            (2, Structure(&[(1, List(&Binary)), (2, Binary)])),
        ]),
    ),
    (9, Binary),
];
const COLUMN: &[Field] = &[
    (1, Whole),
    (2, List(&Whole)),
    (3, List(&Binary)),
    (4, Whole),
    (5, Whole),
    (6, Whole),
    (7, Whole),
    (8, List(&Structure(KEY_VALUE))),
    (9, Whole),
    (10, Whole),
    (11, Whole),
    (12, Structure(STATISTICS)),
    // How many pages have which encoding.
    (13, List(&Structure(&[(1, Whole), (2, Whole), (3, Whole)]))),
    (14, Whole),
    (15, Whole),
    (
        16,
        Structure(&[(1, Whole), (2, List(&Whole)), (3, List(&Whole))]),
    ),
    (17, Structure(&[(1, Structure(BOX)), (2, List(&Whole))])),
];
const STATISTICS: &[Field] = &[
    (1, Binary),
    (2, Binary),
    (3, Whole),
    (4, Whole),
    (5, Binary),
    (6, Binary),
    (7, Bool),
    (8, Bool),
    (9, Whole),
];
/// The box around geometries.
const BOX: &[Field] = &[
    (1, Double),
    (2, Double),
    (3, Double),
    (4, Double),
    (5, Double),
    (6, Double),
    (7, Double),
    (8, Double),
];
/// `PageHeader`.
const PAGE: &[Field] = &[
    (1, Whole),
    (2, Whole),
    (3, Whole),
    (4, Whole),
    (
        5,
        Structure(&[
            (1, Whole),
            (2, Whole),
            (3, Whole),
            (4, Whole),
            (5, Structure(STATISTICS)),
        ]),
    ),
    (6, Structure(&[])),
    (7, Structure(&[(1, Whole), (2, Whole), (3, Bool)])),
    (8, Structure(DATA_PAGE_2)),
];
const DATA_PAGE_2: &[Field] = &[
    (1, Whole),
    (2, Whole),
    (3, Whole),
    (4, Whole),
    (5, Whole),
    (6, Whole),
    (7, Bool),
    (8, Structure(STATISTICS)),
];

/// Checks the metadata of a file.
pub(super) fn check_file(metadata: impl Read, length: u64) -> io::Result<()> {
    structure(&mut Compact::new(metadata, length), FILE)
}

/// Checks a field in the head of a page.
pub(super) fn check_page_field<R: Read>(
    input: &mut Compact<R>,
    number: i16,
    kind: Kind,
) -> io::Result<()> {
    field(input, PAGE, number, kind)
}

fn structure<R: Read>(input: &mut Compact<R>, fields: &'static [Field]) -> io::Result<()> {
    input.structure(|input, number, kind| field(input, fields, number, kind))
}

fn field<R: Read>(
    input: &mut Compact<R>,
    fields: &'static [Field],
    number: i16,
    kind: Kind,
) -> io::Result<()> {
    match fields.iter().find(|(known, _)| *known == number) {
        Some((_, holds)) => value(input, holds, kind),
        None => input.skip(kind),
    }
}

fn value<R: Read>(input: &mut Compact<R>, holds: &'static Holds, kind: Kind) -> io::Result<()> {
    match (holds, kind) {
        (Structure(fields), Kind::Structure) => structure(input, fields),
        (List(element), Kind::List) => input.list(|input, kind| value(input, element, kind)),
        (Whole, Kind::Whole | Kind::Whole32)
        | (Byte, Kind::Byte)
        | (Bool, Kind::Bool)
        | (Double, Kind::Double)
        | (Binary, Kind::Binary) => input.skip(kind),
        _ => Err(broken("a field of its metadata is of another kind")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(bytes: &[u8], fields: &'static [Field]) -> Result<u64, String> {
        let mut input = Compact::new(bytes, bytes.len() as u64);
        structure(&mut input, fields).map_err(|error| error.to_string())?;
        Ok(input.taken())
    }

    /// The head of a dictionary: kind 2, 80 bytes, 40 when packed, and its own structure.
    const HEAD: [u8; 6] = [0x15, 4, 0x15, 160, 1, 0x15];

    fn head(more: &[u8]) -> Vec<u8> {
        [&HEAD[..], &[80], more, &[0]].concat()
    }

    #[test]
    fn a_field_has_its_kind() {
        // Ten values, plain, sorted.
        let dictionary = [0x4c, 0x15, 20, 0x15, 0, 0x11, 0];
        let good = head(&dictionary);
        assert_eq!(checked(&good, PAGE), Ok(good.len() as u64));
        // A field of a later version: a text of three bytes.
        let later = head(&[&dictionary[..], &[0x58, 3, b'a', b'b', b'c']].concat());
        assert_eq!(checked(&later, PAGE), Ok(later.len() as u64));
        let of_another_kind = "a field of its metadata is of another kind";
        for wrong in [
            // The structure as a text of 2 bytes.
            &[0x48, 2, 0x15, 20][..],
            // The number of values as a text, and whether it is sorted as a number.
            &[0x4c, 0x18, 0, 0x15, 0, 0x11, 0],
            &[0x4c, 0x15, 20, 0x15, 0, 0x15, 2, 0],
        ] {
            let error = checked(&head(wrong), PAGE).unwrap_err();
            assert_eq!(error, of_another_kind, "{wrong:?}");
        }
        // A list of columns whose elements are numbers, and a schema that is none.
        for wrong in [&[0x29, 0x15, 2, 0][..], &[0x28, 0, 0]] {
            assert_eq!(checked(wrong, FILE).unwrap_err(), of_another_kind);
        }
    }

    #[test]
    fn a_field_of_a_union_is_no_truth_value() {
        for union in [LOGICAL_TYPE, COLUMN_ORDER] {
            for (number, _) in union {
                // The number in the long form.
                let bytes = [0x01, 2 * *number as u8, 0];
                let error = checked(&bytes, union).unwrap_err();
                assert_eq!(
                    error, "a field of its metadata is of another kind",
                    "{number}"
                );
            }
        }
    }

    #[test]
    fn no_list_of_truth_values_hides_what_follows() {
        // A field of a later version: three truth values, or a map of them.
        for hiding in [&[0xc9, 0x31, 1, 1, 1][..], &[0xcb, 1, 0x11, 1, 1]] {
            let error = checked(&head(hiding), PAGE).unwrap_err();
            assert_eq!(error, "truth values in a list");
        }
    }
}
