//! Parquet files that claim more than they hold: refused in seconds, in memory bounded by the size of the file.
#![cfg(feature = "expansion")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use equipoise::expansion::bars::{CsvOptions, read_parquet};
use equipoise::expansion::label::Classes;
use equipoise::expansion::window::{WindowOptions, holds_windows, read_windows};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::DoubleType;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What may be held beside ten times the file.
const BESIDE: usize = 64 << 20;

/// Reads a file as bars and as windows, and checks time and memory. Returns the message, if the bars are refused.
fn read(path: &Path, bytes: &[u8]) -> Option<String> {
    fs::write(path, bytes).unwrap();
    let (began, before) = (Instant::now(), MEMORY.current_usage());
    MEMORY.reset_peak_usage();
    let bars = read_parquet(path, &CsvOptions::default());
    let _ = holds_windows(path);
    let options = WindowOptions {
        length: 3,
        classes: Classes::default(),
        skip_bad_rows: false,
        at_most: None,
        date_order: None,
    };
    let _ = read_windows(path, &options);
    let (took, held) = (began.elapsed(), MEMORY.peak_usage().saturating_sub(before));
    let message = bars.err().map(|error| error.to_string());
    println!(
        "{} bytes, {took:?}, {held} bytes held: {message:?}",
        bytes.len()
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(
        held <= 10 * bytes.len() + BESIDE,
        "{held} bytes for a file of {}",
        bytes.len()
    );
    if let Some(message) = &message {
        let one_line = message.len() < 5000 && !message.contains('\n');
        assert!(message.contains("bomb.parquet") && one_line, "{message}");
    }
    message
}

fn refusal(path: &Path, bytes: &[u8]) -> String {
    read(path, bytes).expect("it is refused")
}

/// A number of seven bits a byte, the lowest first.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// An element of a schema: its name and the number of its members.
fn element(name: &str, members: u64) -> Vec<u8> {
    let name = [&[name.len() as u8], name.as_bytes()].concat();
    let members = if members == 0 {
        // A column of doubles has no members and a type instead.
        return [&[0x15, 10, 0x25, 0, 0x18][..], &name, &[0]].concat();
    } else {
        varint(2 * members)
    };
    [&[0x35, 0, 0x18][..], &name, &[0x15], &members, &[0]].concat()
}

/// A file with a schema, no rows, and further fields of its metadata.
fn file(schema: &[Vec<u8>], further: &[u8]) -> Vec<u8> {
    file_of(schema, 0, further)
}

/// The same with a number of rows that it claims.
fn file_of(schema: &[Vec<u8>], rows: u64, further: &[u8]) -> Vec<u8> {
    let mut metadata = vec![0x15, 2, 0x19, 0xfc];
    metadata.extend(varint(schema.len() as u64));
    metadata.extend(schema.concat());
    // The rows, and no groups of them.
    metadata.push(0x16);
    metadata.extend(varint(2 * rows));
    metadata.extend([0x19, 0x0c]);
    metadata.extend(further);
    metadata.push(0);
    let length = metadata.len() as u32;
    [b"PAR1", &metadata[..], &length.to_le_bytes(), b"PAR1"].concat()
}

/// One test, because the memory is measured for the whole process.
#[test]
fn every_bomb_is_refused_in_seconds_and_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.parquet");
    schemas(&path);
    metadata(&path);
    unions(&path);
    pages(&path);
    dictionaries(&path);
    columns_beside_the_prices(&path);
    ends(&path);
}

fn schemas(path: &Path) {
    const MOST: u64 = i32::MAX as u64;
    let columns: Vec<_> = ["open", "high", "low", "close"]
        .map(|name| element(name, 0))
        .into();
    let small = file(&[vec![element("m", 4)], columns.clone()].concat(), &[]);
    let message = refusal(path, &small);
    assert!(
        message.contains("row") || message.contains("no bars"),
        "{message}"
    );
    for claimed in [5, 1 << 20, MOST] {
        let bomb = file(
            &[vec![element("m", claimed)], columns.clone()].concat(),
            &[],
        );
        let message = refusal(path, &bomb);
        let expected = format!("a group of {claimed} columns where 4 are left");
        assert!(message.contains(&expected), "{message}");
    }
    for rows in [4_100_000, MOST, i64::MAX as u64] {
        let schema = [vec![element("m", 4)], columns.clone()].concat();
        let message = refusal(path, &file_of(&schema, rows, &[]));
        assert!(message.contains(&format!("{rows} rows in")), "{message}");
    }
    let mut deep = vec![element("m", 1); 200_000];
    deep.push(element("open", 0));
    let message = refusal(path, &file(&deep, &[]));
    assert!(message.contains("groups in one another"), "{message}");
}

/// Fields of unions that the Parquet library reads without a look at their kind: a truth value takes no byte in the metadata,
/// but one of the library, which then takes what follows for a group of 2^31 columns.
fn unions(path: &Path) {
    let bytes = [
        0x15, 0x02, 0x19, 0x4c, 0x48, 0x01, 0x6d, 0x15, 0x06, 0x5c, 0x01, 0x26, 0x00, 0x00, 0x00,
        0x15, 0x0a, 0x25, 0x00, 0x18, 0x01, 0x61, 0x6c, 0x01, 0x26, 0x00, 0x00, 0x00, 0x15, 0x0a,
        0x38, 0x01, 0x62, 0x05, 0x06, 0x00, 0x00, 0x48, 0x01, 0x63, 0x15, 0xfe, 0xff, 0xff, 0xff,
        0x0f, 0x00, 0x00,
    ];
    let length = bytes.len() as u32;
    let file = [b"PAR1", &bytes[..], &length.to_le_bytes(), b"PAR1"].concat();
    let message = refusal(path, &file);
    assert!(message.contains("of another kind"), "{message}");
}

/// Fields that nobody knows, and which are passed over.
fn metadata(path: &Path) {
    let columns: Vec<_> = ["open", "high", "low", "close"]
        .map(|name| element(name, 0))
        .into();
    let schema = [vec![element("m", 4)], columns].concat();
    let most = varint(i32::MAX as u64);
    // A list of a thousand lists of two thousand million truth values each.
    let lists = [
        &[0x09, 80, 0xf9][..],
        &varint(1000),
        &[&[0xf1][..], &most].concat().repeat(1000),
    ]
    .concat();
    let text = [&[0x08, 80][..], &varint(u64::MAX >> 1)].concat();
    let deep = [&[0x09, 80][..], &[0x19; 100_000]].concat();
    for further in [lists, text, deep] {
        let message = refusal(path, &file(&schema, &further));
        assert!(message.contains("Parquet"), "{message}");
    }
}

/// Bars whose prices are all the same, each column in one page.
fn constant(rows: usize, codec: Compression) -> Vec<u8> {
    bars(&vec![1.0; rows], codec, false)
}

/// Bars whose four prices are equal, each column in one page, perhaps behind a dictionary.
fn bars(prices: &[f64], codec: Compression, dictionary: bool) -> Vec<u8> {
    columns(&["open", "high", "low", "close"], prices, codec, dictionary)
}

/// Columns of equal numbers.
fn columns(names: &[&str], numbers: &[f64], codec: Compression, dictionary: bool) -> Vec<u8> {
    let fields = names.iter().map(|name| format!("required double {name}; "));
    let schema = format!("message m {{ {} }}", fields.collect::<String>());
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_dictionary_enabled(dictionary)
        .set_dictionary_page_size_limit(1 << 30)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_size_limit(1 << 30)
        .set_data_page_row_count_limit(usize::MAX)
        .build();
    let mut bytes = Vec::new();
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    while let Some(mut column) = group.next_column().unwrap() {
        column
            .typed::<DoubleType>()
            .write_batch(numbers, None, None)
            .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

fn pages(path: &Path) {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let gzip = Compression::GZIP(Default::default());
    for codec in [Compression::SNAPPY, zstd, gzip] {
        // A page of a megabyte is none too large.
        let rows = 140_000;
        let good = constant(rows, codec);
        assert_eq!(read(path, &good), None, "{codec}");
        // The head of the first page: its kind, and its sizes unpacked and stored.
        let unpacked = varint(2 * 8 * rows as u64);
        assert_eq!(good[4..7], [0x15, 0, 0x15]);
        assert_eq!(good[7..7 + unpacked.len()], unpacked);
        let claim = |claimed: u64| {
            let mut bomb = good.clone();
            let claimed = varint(2 * claimed);
            assert_eq!(claimed.len(), unpacked.len());
            bomb[7..7 + claimed.len()].copy_from_slice(&claimed);
            bomb
        };
        let message = refusal(path, &claim((1 << 27) - 1));
        assert!(
            message.contains("bytes of memory at a time"),
            "{codec}: {message}"
        );
        // A smaller claim is allowed, and found not to be so.
        let message = refusal(path, &claim((1 << 20) + 8));
        assert!(message.contains("Parquet"), "{codec}: {message}");
        // The claim of what is stored goes beyond the column.
        let at = 7 + unpacked.len() + 1;
        let mut bomb = good.clone();
        let stored = bomb[at..]
            .iter()
            .take_while(|byte| **byte & 0x80 != 0)
            .count()
            + 1;
        bomb[at..at + stored].fill(0xff);
        bomb[at + stored - 1] = 0x7e;
        let message = refusal(path, &bomb);
        assert!(message.contains("page"), "{codec}: {message}");
    }
    // Truly a hundred megabytes in a few kilobytes, which would be held whole.
    let message = refusal(path, &constant(3_400_000, zstd));
    assert!(message.contains("bytes of memory at a time"), "{message}");
}

/// A dictionary is held beside a page, so what it claims counts too.
fn dictionaries(path: &Path) {
    // A megabyte of different prices.
    let prices: Vec<f64> = (0..140_000).map(|index| 1.0 + f64::from(index)).collect();
    let good = bars(&prices, Compression::SNAPPY, true);
    assert_eq!(read(path, &good), None);
    let unpacked = varint(2 * 8 * prices.len() as u64);
    assert_eq!(good[4..7], [0x15, 4, 0x15], "the head of a dictionary");
    assert_eq!(good[7..7 + unpacked.len()], unpacked);
    let mut bomb = good;
    let claimed = varint(2 * ((1 << 27) - 1));
    bomb[7..7 + claimed.len()].copy_from_slice(&claimed);
    let message = refusal(path, &bomb);
    assert!(message.contains("bytes of memory at a time"), "{message}");
}

/// A column that no price needs is looked at for the time. What its page claims is not unpacked, and the bars are read.
fn columns_beside_the_prices(path: &Path) {
    let prices = vec![1.0; 140_000];
    let names = ["open", "high", "low", "close", "beside"];
    let mut bomb = columns(&names, &prices, Compression::SNAPPY, false);
    let unpacked = varint(2 * 8 * prices.len() as u64);
    let head = [&[0x15, 0, 0x15][..], &unpacked].concat();
    let at = bomb.windows(head.len()).rposition(|part| part == head);
    let at = at.expect("a head of a page") + 3;
    let claimed = varint(2 * ((1 << 27) - 1));
    assert_eq!(claimed.len(), unpacked.len());
    bomb[at..at + claimed.len()].copy_from_slice(&claimed);
    assert_eq!(read(path, &bomb), None);
}

/// The length of the metadata, and every byte of a small file.
fn ends(path: &Path) {
    let good = constant(20, Compression::SNAPPY);
    let length = good.len();
    for claimed in [0, 1, length as u32, u32::MAX] {
        let mut bomb = good.clone();
        bomb[length - 8..length - 4].copy_from_slice(&claimed.to_le_bytes());
        refusal(path, &bomb);
    }
    for at in 0..length {
        for byte in [0, 0x7f, 0xff] {
            let mut damaged = good.clone();
            damaged[at] = byte;
            read(path, &damaged);
        }
    }
}
