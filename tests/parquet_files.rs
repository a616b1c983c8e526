//! Parquet files, written here with the library's own writer: bars and labelled windows come out as they went in,
//! whatever the types, codecs and row groups; a bad value is refused by its row, a damaged file as a whole.
#![cfg(feature = "expansion")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use equipoise::Error;
use equipoise::expansion::bars::{Bar, Bars, CsvOptions, CsvReport, DateOrder, read_parquet};
use equipoise::expansion::label::{Classes, ExpansionType, WindowLabel};
use equipoise::expansion::model::ExpansionModelConfig;
use equipoise::expansion::run;
use equipoise::expansion::run::{DataConfig, ExpansionConfig};
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::window::{WindowOptions, Windows, holds_windows, read_windows};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use tempfile::TempDir;

#[path = "parquet/columns.rs"]
mod columns;

/// The values of one column of one row group: values, definition levels, repetition levels.
enum Values {
    Double(Vec<f64>),
    Float(Vec<f32>),
    Long(Vec<i64>),
    Int(Vec<i32>),
    Text(Vec<String>),
    /// Doubles with their levels.
    Levels(Vec<f64>, Vec<i16>, Vec<i16>),
    /// Optional doubles.
    Optional(Vec<Option<f64>>),
}

fn write(path: &Path, schema: &str, compression: Compression, groups: &[Vec<Values>]) {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    let file = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    for group in groups {
        let mut row_group = writer.next_row_group().unwrap();
        for values in group {
            let mut column = row_group.next_column().unwrap().unwrap();
            let written =
                match values {
                    Values::Double(v) => column.typed::<DoubleType>().write_batch(v, None, None),
                    Values::Float(v) => column.typed::<FloatType>().write_batch(v, None, None),
                    Values::Long(v) => column.typed::<Int64Type>().write_batch(v, None, None),
                    Values::Int(v) => column.typed::<Int32Type>().write_batch(v, None, None),
                    Values::Text(v) => {
                        let v: Vec<ByteArray> = v.iter().map(|text| text.as_str().into()).collect();
                        column.typed::<ByteArrayType>().write_batch(&v, None, None)
                    }
                    Values::Levels(v, defined, repeated) => column
                        .typed::<DoubleType>()
                        .write_batch(v, Some(defined), Some(repeated)),
                    Values::Optional(v) => {
                        let defined: Vec<i16> = v.iter().map(|v| i16::from(v.is_some())).collect();
                        let v: Vec<f64> = v.iter().copied().flatten().collect();
                        column
                            .typed::<DoubleType>()
                            .write_batch(&v, Some(&defined), None)
                    }
                };
            written.unwrap();
            column.close().unwrap();
        }
        row_group.close().unwrap();
    }
    writer.close().unwrap();
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    (folder, path)
}

const PLAIN: Compression = Compression::UNCOMPRESSED;
/// 2024-01-31T09:30:00Z.
const HALF_PAST_NINE: i64 = 1_706_693_400;

fn series(count: usize) -> Vec<Bar> {
    let simulator = Simulator::new(SimulatorConfig::default(), 4).unwrap();
    let bars = simulator.simulate_windows(count.div_ceil(105)).bars;
    bars.bars()[..count].to_vec()
}

fn prices(bars: &[Bar]) -> Vec<Values> {
    let column = |value: fn(&Bar) -> f64| Values::Double(bars.iter().map(value).collect());
    vec![
        column(|bar| bar.open),
        column(|bar| bar.high),
        column(|bar| bar.low),
        column(|bar| bar.close),
    ]
}

const PRICES: &str =
    "required double Open; required double high; required double LOW; required double close;";

fn with_time(time: &str) -> String {
    format!("message m {{ {time} {PRICES} required double volume; }}")
}

fn read(path: &Path) -> Result<(Bars, CsvReport), String> {
    let remove = path.display().to_string();
    read_parquet(path, &CsvOptions::default())
        .map_err(|error| error.to_string().replace(&remove, "FILE"))
}

#[test]
fn bars_come_out_as_they_went_in() {
    let bars = series(500);
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let gzip = Compression::GZIP(Default::default());
    for codec in [PLAIN, Compression::SNAPPY, zstd, gzip] {
        for groups in [1, 3] {
            let (_folder, path) = place();
            let stamps: Vec<i64> = (0..500).map(|index| HALF_PAST_NINE + 60 * index).collect();
            let size = bars.len().div_ceil(groups);
            let groups: Vec<Vec<Values>> = bars
                .chunks(size)
                .zip(stamps.chunks(size))
                .map(|(bars, stamps)| {
                    let millis = stamps.iter().map(|second| second * 1000).collect();
                    let mut columns = vec![Values::Long(millis)];
                    columns.extend(prices(bars));
                    columns.push(Values::Double(vec![0.0; bars.len()]));
                    columns
                })
                .collect();
            let schema = with_time("required int64 Time (TIMESTAMP(MILLIS,true));");
            write(&path, &schema, codec, &groups);
            assert!(!holds_windows(&path).unwrap());
            let (found, report) = read(&path).unwrap();
            assert_eq!(found.bars(), bars);
            assert_eq!(found.timestamps(), Some(&stamps[..]));
            assert_eq!((report.rows, report.copies, report.dropped), (500, 0, 0));
            assert_eq!(report.notes, [""; 0]);
        }
    }
}

#[test]
fn every_kind_of_time_stamp() {
    let two = |unit: i64| Values::Long(vec![HALF_PAST_NINE * unit, (HALF_PAST_NINE + 60) * unit]);
    let text = |texts: [&str; 2]| Values::Text(texts.map(str::to_owned).to_vec());
    let day = HALF_PAST_NINE / 86_400;
    let minute = [HALF_PAST_NINE, HALF_PAST_NINE + 60];
    let days = [day * 86_400, (day + 1) * 86_400];
    let cases = [
        (
            "required int64 timestamp (TIMESTAMP(MILLIS,false));",
            two(1000),
            minute,
        ),
        (
            "required int64 timestamp (TIMESTAMP(MICROS,true));",
            two(1_000_000),
            minute,
        ),
        (
            "required int64 timestamp (TIMESTAMP(NANOS,true));",
            two(1_000_000_000),
            minute,
        ),
        (
            "required int64 __index_level_0__ (TIMESTAMP(NANOS,true));",
            two(1_000_000_000),
            minute,
        ),
        ("required int64 date;", two(1), minute),
        ("required int64 date;", two(1000), minute),
        ("required int64 date;", two(1_000_000_000), minute),
        (
            "required int32 Date (DATE);",
            Values::Int(vec![day as i32, day as i32 + 1]),
            days,
        ),
        (
            "required int32 Date;",
            Values::Int(vec![20_240_131, 20_240_201]),
            days,
        ),
        (
            "required binary Date (UTF8);",
            text(["2024-01-31 09:30", "2024-01-31 09:31"]),
            minute,
        ),
        (
            "required binary Date (UTF8);",
            text(["31/01/2024 9:30 AM", "31/01/2024 9:31 AM"]),
            minute,
        ),
    ];
    let bars = series(2);
    for (schema, stamps, expected) in cases {
        let (_folder, path) = place();
        let mut columns = vec![stamps];
        columns.extend(prices(&bars));
        write(
            &path,
            &format!("message m {{ {schema} {PRICES} }}"),
            PLAIN,
            &[columns],
        );
        let (found, _) = read(&path).unwrap();
        assert_eq!(found.timestamps(), Some(&expected[..]), "{schema}");
        assert_eq!(found.bars(), bars);
    }
    // A date and a time of day in two columns.
    let (_folder, path) = place();
    let mut columns = vec![
        Values::Int(vec![day as i32; 2]),
        Values::Int(vec![34_200_000, 34_260_000]),
    ];
    columns.extend(prices(&bars));
    let schema = format!(
        "message m {{ required int32 date (DATE); required int32 time (TIME(MILLIS,true)); {PRICES} }}"
    );
    write(&path, &schema, PLAIN, &[columns]);
    assert_eq!(read(&path).unwrap().0.timestamps(), Some(&minute[..]));
    // The time of day as Polars writes it.
    let mut columns = vec![
        Values::Int(vec![day as i32; 2]),
        Values::Long(vec![34_200_000_000_000, 34_260_000_000_000]),
    ];
    columns.extend(prices(&bars));
    let schema = schema.replace(
        "int32 time (TIME(MILLIS,true))",
        "int64 time (TIME(NANOS,true))",
    );
    write(&path, &schema, PLAIN, &[columns]);
    assert_eq!(read(&path).unwrap().0.timestamps(), Some(&minute[..]));
    // None at all.
    let (_folder, path) = place();
    write(
        &path,
        &format!("message m {{ {PRICES} }}"),
        PLAIN,
        &[prices(&bars)],
    );
    let (found, report) = read(&path).unwrap();
    assert_eq!(found.timestamps(), None);
    assert_eq!(
        report.notes,
        ["no column with time stamps was found, so gaps between bars cannot be seen"]
    );
}

#[test]
fn other_kinds_of_numbers() {
    let (_folder, path) = place();
    let schema = "message m { required float open; required int32 high (DECIMAL(6,2)); required int32 low; required int64 last (DECIMAL(12,4)); }";
    let columns = vec![
        Values::Float(vec![1.25]),
        Values::Int(vec![250]),
        Values::Int(vec![1]),
        Values::Long(vec![15_000]),
    ];
    write(&path, schema, PLAIN, &[columns]);
    let (found, report) = read(&path).unwrap();
    let expected = Bar {
        open: 1.25,
        high: 2.5,
        low: 1.0,
        close: 1.5,
    };
    assert_eq!(found.bars(), [expected]);
    assert_eq!(report.notes[0], "the close is column `last`");
}

#[test]
fn newest_first_and_copies_as_in_a_csv_file() {
    let (_folder, path) = place();
    let mut bars = series(5);
    bars.push(bars[4]);
    let stamps = [4, 3, 2, 1, 0, 0].map(|index| (HALF_PAST_NINE + 60 * index) * 1000);
    let mut columns = vec![Values::Long(stamps.to_vec())];
    columns.extend(prices(&bars));
    let schema = format!("message m {{ required int64 date (TIMESTAMP(MILLIS,true)); {PRICES} }}");
    write(&path, &schema, PLAIN, &[columns]);
    let (found, report) = read(&path).unwrap();
    assert_eq!(found.len(), 5);
    assert_eq!(found.bars()[4], bars[0]);
    assert_eq!(found.timestamps().unwrap()[0], HALF_PAST_NINE);
    assert_eq!(
        report.notes,
        [
            "the file runs from newest to oldest and was turned round",
            "left out 1 row that repeat another; the first, row 5: it repeats the bar of 2024-01-31T09:30:00Z"
        ]
    );
}

/// The volume, whole numbers, and a column of optional numbers, in a file that runs backwards.
#[test]
fn further_columns_are_read_beside_the_prices() {
    let (_folder, path) = place();
    let bars = series(5);
    let stamps = [4, 3, 2, 1, 0].map(|index| (HALF_PAST_NINE + 60 * index) * 1000);
    let with = |rsi: [Option<f64>; 5]| {
        let mut columns = vec![Values::Long(stamps.to_vec())];
        columns.extend(prices(&bars));
        columns.push(Values::Long(vec![50, 40, 30, 20, 10]));
        columns.push(Values::Optional(rsi.to_vec()));
        let schema = format!(
            "message m {{ required int64 date (TIMESTAMP(MILLIS,true)); {PRICES} required int64 Volume; \
             optional double rsi; }}"
        );
        write(&path, &schema, PLAIN, &[columns]);
    };
    let read = |names: &[&str], skip: bool| {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let options = CsvOptions::default()
            .with_features(names)
            .with_skip_bad_rows(skip);
        let found = read_parquet(&path, &options);
        found
            .map(|(bars, _)| bars)
            .map_err(|error| error.to_string())
    };
    with([0.5, 0.4, 0.3, 0.2, 0.1].map(Some));
    let found = read(&["rsi", "volume"], false).unwrap();
    assert_eq!(found.column_names(), ["rsi", "volume"]);
    let rows = [0.1, 10.0, 0.2, 20.0, 0.3, 30.0, 0.4, 40.0, 0.5, 50.0];
    assert_eq!(found.columns(0, 5), rows);
    assert_eq!(found.bars()[4], bars[0]);
    assert!(read(&[], false).unwrap().column_names().is_empty());
    let missing = read(&["trades"], false).unwrap_err();
    assert!(
        missing.contains("no column `trades`") && missing.contains("`data.features_from`"),
        "{missing}"
    );
    with([Some(0.5), Some(0.4), None, Some(f64::NAN), Some(0.1)]);
    let empty = read(&["rsi"], false).unwrap_err();
    assert!(
        empty.contains("row 2") && empty.contains("column `rsi` is null"),
        "{empty}"
    );
    assert_eq!(read(&["rsi"], true).unwrap().columns(0, 3), [0.1, 0.4, 0.5]);
    assert_eq!(read(&["volume"], false).unwrap().len(), 5);
}

#[test]
fn bad_bars_are_refused_by_row() {
    let remedy = "; correct the row (";
    let schema = "message m { required int64 t; required double open; required double high; required double low; optional double close; }";
    for (close, reason) in [
        (None, "column `close` is null, not a number"),
        (Some(f64::NAN), "column `close` is NaN, which is not finite"),
        (
            Some(-1.0),
            "column `close` is -1, but prices are above zero",
        ),
        (Some(9.0), "column `high` is 2, below `close` 9"),
    ] {
        let (_folder, path) = place();
        let columns = vec![
            Values::Long(vec![1_700_000_000, 1_700_000_060, 1_700_000_120]),
            Values::Double(vec![1.0; 3]),
            Values::Double(vec![2.0; 3]),
            Values::Double(vec![1.0; 3]),
            Values::Optional(vec![Some(1.0), close, Some(2.0)]),
        ];
        write(&path, schema, PLAIN, &[columns]);
        assert_eq!(
            read(&path).unwrap_err(),
            format!(
                "FILE, row 1 (the first is row 0): {reason}{remedy}1 of 3 rows cannot be used)"
            )
        );
        let (bars, report) =
            read_parquet(&path, &CsvOptions::default().with_skip_bad_rows(true)).unwrap();
        assert_eq!((bars.len(), report.dropped), (2, 1));
        assert_eq!(report.first_dropped, Some((1, reason.to_owned())));
    }
    let (_folder, path) = place();
    write(
        &path,
        "message m { required double open; required double high; required double low; }",
        PLAIN,
        &[],
    );
    assert_eq!(
        read(&path).unwrap_err(),
        "FILE: the header has no column `close`; it has `open,high,low`"
    );
    let (_folder, path) = place();
    write(&path, &format!("message m {{ {PRICES} }}"), PLAIN, &[]);
    assert_eq!(read(&path).unwrap_err(), "FILE: there is no row");
    let (_folder, path) = place();
    let schema = format!("message m {{ required binary date (UTF8); {PRICES} }}");
    let mut columns = vec![Values::Text(vec!["01/02/2024".into()])];
    columns.extend(prices(&series(1)));
    write(&path, &schema, PLAIN, &[columns]);
    let message = read(&path).unwrap_err();
    assert!(
        message.starts_with(
            "FILE, row 0 (the first is row 0): the time stamp `01/02/2024` is 1 February 2024"
        ),
        "{message}"
    );
    let options = CsvOptions::default().with_date_order(DateOrder::MonthFirst);
    assert!(read_parquet(&path, &options).is_ok());
    let (_folder, path) = place();
    let mut columns = vec![Values::Text(vec!["01/02/2024".into(), "13/02/2024".into()])];
    columns.extend(prices(&series(2)));
    write(&path, &schema, PLAIN, &[columns]);
    let (_, report) = read(&path).unwrap();
    assert_eq!(
        report.notes,
        ["dates are day-first, as row 1 shows: `13/02/2024`"]
    );
    let (_folder, path) = place();
    let schema = "message m { required binary open (UTF8); required double high; required double low; required double close; }";
    let one = || Values::Double(vec![1.0]);
    write(
        &path,
        schema,
        PLAIN,
        &[vec![Values::Text(vec!["x".into()]), one(), one(), one()]],
    );
    assert_eq!(
        read(&path).unwrap_err(),
        format!(
            "FILE, row 0 (the first is row 0): column `open` is the text `x`, not a number{remedy}1 of 1 rows cannot be used)"
        )
    );
}

/// The prices of the bars of windows.
type Rows = Vec<Vec<Vec<f64>>>;

/// Windows for a file, five bars each.
const T: usize = 5;
const LISTS: &str = "required group features (LIST) { repeated group list { required group element (LIST) { repeated group list { required double element; } } } }";
const LABELS: &str =
    "required binary label (UTF8); required int32 expansion_start; required int64 expansion_end;";

/// The column `features` of windows of bars of numbers.
fn features(windows: &[Vec<Vec<f64>>]) -> Values {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for window in windows {
        let mut level = 0;
        if window.is_empty() {
            defined.push(0);
            repeated.push(0);
        }
        for bar in window {
            if bar.is_empty() {
                defined.push(1);
                repeated.push(level);
            }
            for value in bar {
                values.push(*value);
                defined.push(2);
                repeated.push(level);
                level = 2;
            }
            level = 1;
        }
    }
    Values::Levels(values, defined, repeated)
}

fn four(bar: &Bar) -> Vec<f64> {
    vec![bar.open, bar.high, bar.low, bar.close]
}

fn some_windows(count: usize) -> Rows {
    let bars = series(count * T);
    bars.chunks(T)
        .map(|window| window.iter().map(four).collect())
        .collect()
}

fn labels(rows: &[(&str, i32, i64)]) -> Vec<Values> {
    vec![
        Values::Text(rows.iter().map(|row| row.0.to_owned()).collect()),
        Values::Int(rows.iter().map(|row| row.1).collect()),
        Values::Long(rows.iter().map(|row| row.2).collect()),
    ]
}

fn options() -> WindowOptions {
    WindowOptions {
        length: T,
        classes: Classes::default(),
        skip_bad_rows: false,
        at_most: None,
        date_order: None,
    }
}

fn windows_of(path: &Path, options: &WindowOptions) -> Result<(Windows, Vec<String>), String> {
    let remove = path.display().to_string();
    read_windows(path, options).map_err(|error| error.to_string().replace(&remove, "FILE"))
}

fn label(start: usize, end: usize, kind: usize) -> WindowLabel {
    WindowLabel {
        start,
        end,
        kind: ExpansionType::OF_RULE[kind],
    }
}

#[test]
fn windows_come_out_as_they_went_in() {
    let (_folder, path) = place();
    let mut columns = vec![features(&some_windows(4))];
    columns.extend(labels(&[
        ("breakout", 0, 4),
        ("Reversal", 2, 2),
        ("1", 1, 3),
        ("continuation", 3, 4),
    ]));
    let schema = format!("message m {{ {LISTS} {LABELS} }}");
    write(&path, &schema, Compression::SNAPPY, &[columns]);
    assert!(holds_windows(&path).unwrap());
    let (windows, notes) = windows_of(&path, &options()).unwrap();
    assert_eq!(windows.bars().bars(), series(4 * T));
    assert_eq!(
        windows
            .iter()
            .map(|window| window.first)
            .collect::<Vec<_>>(),
        [0, 5, 10, 15]
    );
    let expected = [
        label(0, 4, 0),
        label(2, 2, 2),
        label(1, 3, 1),
        label(3, 4, 1),
    ];
    assert_eq!(windows.labels().collect::<Vec<_>>(), expected);
    assert_eq!(
        notes[0],
        format!("read 4 labelled windows from {}", path.display())
    );
    assert!(notes[1].starts_with("the windows are split in the order of the rows"));
    // No window is lost between the two sides.
    let (train, valid) = windows.split(0.25).unwrap();
    assert_eq!((train.len(), valid.len()), (3, 1));
    let thinned = WindowOptions {
        at_most: Some(2),
        ..options()
    };
    let (windows, _) = windows_of(&path, &thinned).unwrap();
    assert_eq!(
        windows.labels().collect::<Vec<_>>(),
        [expected[0], expected[2]]
    );
    assert_eq!(windows.bars().bars()[T..], series(4 * T)[2 * T..3 * T]);
}

#[test]
fn windows_with_structs_numbers_and_times() {
    let (_folder, path) = place();
    let schema = "message m { required int64 id; required int64 time (TIMESTAMP(MILLIS,true)); \
                  required group features (LIST) { repeated group list { required group element { required double close; required double open; required double high; required double low; } } } \
                  required int32 label; required int32 expansion_start; required int32 expansion_end; }";
    let bars = series(3 * T);
    let column = |value: fn(&Bar) -> f64| {
        let levels = (0..3 * T).map(|index| i16::from(index % T > 0)).collect();
        Values::Levels(bars.iter().map(value).collect(), vec![1; 3 * T], levels)
    };
    let columns = vec![
        Values::Long(vec![7, 8, 9]),
        Values::Long(vec![3000, 1000, 2000]),
        column(|bar| bar.close),
        column(|bar| bar.open),
        column(|bar| bar.high),
        column(|bar| bar.low),
        Values::Int(vec![0, 1, 2]),
        Values::Int(vec![0, 1, 2]),
        Values::Int(vec![1, 2, 3]),
    ];
    write(&path, schema, PLAIN, &[columns]);
    let (windows, notes) = windows_of(&path, &options()).unwrap();
    assert_eq!(
        windows.labels().collect::<Vec<_>>(),
        [label(1, 2, 1), label(2, 3, 2), label(0, 1, 0)]
    );
    assert_eq!(windows.bars().bars()[..T], bars[T..2 * T]);
    assert_eq!(windows.bars().bars()[2 * T..], bars[..T]);
    assert!(
        notes.contains(&"the rows were put in the order of column `time`".to_owned()),
        "{notes:?}"
    );
}

#[test]
fn windows_beside_a_dropped_row_keep_their_times() {
    let (_folder, path) = place();
    let mut columns = vec![features(&some_windows(4))];
    let rows = [
        ("breakout", 0, 1),
        ("burst", 0, 1),
        ("breakout", 1, 2),
        ("breakout", 2, 3),
    ];
    columns.extend(labels(&rows));
    columns.push(Values::Long(vec![4000, 9000, 1000, 2000]));
    let schema =
        format!("message m {{ {LISTS} {LABELS} required int64 time (TIMESTAMP(MILLIS,true)); }}");
    write(&path, &schema, PLAIN, &[columns]);
    let skip = WindowOptions {
        skip_bad_rows: true,
        ..options()
    };
    let (windows, _) = windows_of(&path, &skip).unwrap();
    assert_eq!(
        windows.labels().collect::<Vec<_>>(),
        [label(1, 2, 0), label(2, 3, 0), label(0, 1, 0)]
    );
    let bars = series(4 * T);
    let expected = [&bars[2 * T..], &bars[..T]].concat();
    assert_eq!(windows.bars().bars(), expected);
}

#[test]
fn bad_windows_are_refused_by_row() {
    let good = some_windows(3);
    let spoiled = |spoil: fn(&mut Vec<Vec<f64>>)| {
        let mut windows = good.clone();
        spoil(&mut windows[1]);
        windows
    };
    let usual = ("breakout", 1, 2);
    let names = "expected breakout, continuation, reversal or a number from 0 to 2; correct the type, or give the name its class in `data.classes`, or list the names of all types in `model.types`";
    let cases: Vec<(Rows, (&str, i32, i64), String)> = vec![
        (
            spoiled(|w| {
                w.pop();
            }),
            usual,
            "`features` has 4 bars, expected 5 (`model.window` in the config)".into(),
        ),
        (
            spoiled(Vec::clear),
            usual,
            "`features` has 0 bars, expected 5 (`model.window` in the config)".into(),
        ),
        (
            spoiled(|w| {
                w[3].pop();
            }),
            usual,
            "bar 3 of `features`: 3 numbers, expected 4: open, high, low and close".into(),
        ),
        (
            spoiled(|w| w[3].push(1.0)),
            usual,
            "bar 3 of `features`: 5 numbers, expected 4: open, high, low and close".into(),
        ),
        (
            spoiled(|w| w[0].clear()),
            usual,
            "bar 0 of `features`: 0 numbers, expected 4: open, high, low and close".into(),
        ),
        (
            spoiled(|w| w[2][2] = f64::NAN),
            usual,
            "bar 2 of `features`: column `low` is NaN, which is not finite".into(),
        ),
        (
            spoiled(|w| w[2][0] = 0.0),
            usual,
            "bar 2 of `features`: column `open` is 0, but prices are above zero".into(),
        ),
        (
            good.clone(),
            ("breakout", 3, 2),
            "`expansion_start` is 3, after `expansion_end`, which is 2".into(),
        ),
        (
            good.clone(),
            ("breakout", 3, 5),
            "`expansion_end` is 5, expected a bar of the window, 0 to 4".into(),
        ),
        (
            good.clone(),
            ("breakout", -1, 3),
            "`expansion_start` is -1, expected a bar of the window, 0 to 4".into(),
        ),
        (
            good.clone(),
            ("burst", 1, 2),
            format!("the type is `burst`, {names}"),
        ),
        (
            good.clone(),
            ("3", 1, 2),
            format!("the type is `3`, {names}"),
        ),
    ];
    for (windows, row, reason) in cases {
        let (_folder, path) = place();
        let mut columns = vec![features(&windows)];
        columns.extend(labels(&[usual, row, usual]));
        write(
            &path,
            &format!("message m {{ {LISTS} {LABELS} }}"),
            PLAIN,
            &[columns],
        );
        let remedy = "; correct the row (";
        assert_eq!(
            windows_of(&path, &options()).unwrap_err(),
            format!(
                "FILE, row 1 (the first is row 0): {reason}{remedy}1 of 3 rows cannot be used)"
            )
        );
        let skip = WindowOptions {
            skip_bad_rows: true,
            ..options()
        };
        let (left, notes) = windows_of(&path, &skip).unwrap();
        assert_eq!(left.len(), 2);
        assert!(
            notes.contains(&format!("dropped 1 of 3 rows; the first, row 1: {reason}")),
            "{notes:?}"
        );
    }
}

#[test]
fn nulls_and_wrong_types_in_windows() {
    // A null among the prices: definition level 2 of 3.
    let optional = LISTS.replace("required double", "optional double");
    let (_folder, path) = place();
    let Values::Levels(mut values, defined, repeated) = features(&some_windows(1)) else {
        unreachable!()
    };
    let mut defined: Vec<i16> = defined.iter().map(|_| 3).collect();
    defined[6] = 2;
    values.remove(6);
    let mut columns = vec![Values::Levels(values, defined, repeated)];
    columns.extend(labels(&[("0", 1, 2)]));
    write(
        &path,
        &format!("message m {{ {optional} {LABELS} }}"),
        PLAIN,
        &[columns],
    );
    let message = windows_of(&path, &options()).unwrap_err();
    assert!(
        message.contains(
            "row 0 (the first is row 0): bar 1 of `features`: column `low` is null, not a number"
        ),
        "{message}"
    );

    let (_folder, path) = place();
    let mut columns = vec![Values::Double(vec![1.0])];
    columns.extend(labels(&[("0", 1, 2)]));
    write(
        &path,
        &format!("message m {{ required double features; {LABELS} }}"),
        PLAIN,
        &[columns],
    );
    let message = windows_of(&path, &options()).unwrap_err();
    assert!(
        message.contains("`features` is `1.0`, expected a list of 5 bars"),
        "{message}"
    );

    let (_folder, path) = place();
    let schema = format!(
        "message m {{ {LISTS} required double label; required binary expansion_start (UTF8); required double expansion_end; }}"
    );
    let columns = vec![
        features(&some_windows(1)),
        Values::Double(vec![1.0]),
        Values::Text(vec!["1".into()]),
        Values::Double(vec![2.0]),
    ];
    write(&path, &schema, PLAIN, &[columns]);
    let message = windows_of(&path, &options()).unwrap_err();
    assert!(
        message.contains("`expansion_start` is the text `1`, expected a whole number"),
        "{message}"
    );

    let (_folder, path) = place();
    write(
        &path,
        &format!(
            "message m {{ {LISTS} required binary label (UTF8); required int32 expansion_start; }}"
        ),
        PLAIN,
        &[],
    );
    assert_eq!(
        windows_of(&path, &options()).unwrap_err(),
        "FILE: the header has no column `expansion_end`; it has `features,label,expansion_start`"
    );
    let (_folder, path) = place();
    write(
        &path,
        &format!("message m {{ {LISTS} {LABELS} }}"),
        PLAIN,
        &[],
    );
    assert_eq!(
        windows_of(&path, &options()).unwrap_err(),
        "FILE: there is no row"
    );
}

#[test]
fn a_run_takes_both_kinds_of_file() {
    let simulator = Simulator::new(SimulatorConfig::default(), 3).unwrap();
    let simulation = simulator.simulate_windows(60);
    let (folder, path) = place();
    let windows: Rows = simulation
        .bars
        .bars()
        .chunks(105)
        .map(|w| w.iter().map(four).collect())
        .collect();
    let truth = simulation.windows();
    let rows: Vec<(String, i32, i64)> = truth
        .labels()
        .map(|l| {
            (
                ["burst", "trend", "turn"][l.kind.index()].to_owned(),
                l.start as i32,
                l.end as i64,
            )
        })
        .collect();
    let rows: Vec<(&str, i32, i64)> = rows
        .iter()
        .map(|row| (row.0.as_str(), row.1, row.2))
        .collect();
    let mut columns = vec![features(&windows)];
    columns.extend(labels(&rows));
    write(
        &path,
        &format!("message m {{ {LISTS} {LABELS} }}"),
        Compression::SNAPPY,
        &[columns],
    );
    let config = |path: &Path| ExpansionConfig {
        data: DataConfig {
            path: Some(path.into()),
            ..DataConfig::default()
        },
        model: ExpansionModelConfig {
            types: ["burst", "trend", "turn"].map(String::from).to_vec(),
            ..ExpansionConfig::default().model
        },
        ..ExpansionConfig::default()
    };
    let data = run::Data::load(&config(&path).resolved()).unwrap();
    assert_eq!((data.train.len(), data.valid.len()), (48, 12));
    let expected: Vec<WindowLabel> = truth.labels().collect();
    assert_eq!(data.train.labels().collect::<Vec<_>>(), expected[..48]);
    assert_eq!(data.valid.labels().collect::<Vec<_>>(), expected[48..]);
    println!("{:#?}", data.notes);

    // Bars, under a name that does not say so.
    let path = folder.path().join("bars.data");
    let schema = format!("message m {{ {PRICES} }}");
    write(&path, &schema, PLAIN, &[prices(simulation.bars.bars())]);
    let mut by_rule = config(&path);
    by_rule.model.types = ExpansionModelConfig::default().types;
    let data = run::Data::load(&by_rule.resolved()).unwrap();
    assert!(
        data.notes[0].starts_with("read 6300 bars from "),
        "{:?}",
        data.notes
    );
    let windows = folder.path().join("a.parquet");
    let error = DataConfig::default().read_bars(&windows).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("holds labelled windows, but bars are expected")
    );
    let mut further = config(&windows);
    further.data.features_from = vec!["volume".into()];
    let message = run::Data::load(&further.resolved())
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("`data.features_from` is volume, but it must be left out: the file"),
        "{message}"
    );
    let mut longer = config(&windows);
    longer.model.window = 64;
    let message = run::Data::load(&longer.resolved()).unwrap_err().to_string();
    assert!(
        message.contains("`features` has 105 bars, expected 64 (`model.window` in the config)"),
        "{message}"
    );
    let mut two = config(&windows);
    two.data.path = Some(run::DataFiles::new([windows.clone(), path.clone()]));
    let message = run::Data::load(&two.resolved()).unwrap_err().to_string();
    assert!(
        message.contains("only as the only file of `data.path`"),
        "{message}"
    );
    let mut marked = config(&windows);
    marked.data.marks = Some("marks.csv".into());
    let message = run::Data::load(&marked.resolved()).unwrap_err().to_string();
    assert!(
        message
            .starts_with("`data.marks` is given, but it must be left out: the file of `data.path`"),
        "{message}"
    );
}

fn recorded(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parquet");
    folder.join(format!("{name}.parquet"))
}

/// `tests/fixtures/parquet` was written by pandas 3.1 (pyarrow 26) and Polars 2.1, see the README there.
#[test]
fn files_of_pandas_and_polars() {
    for name in ["pandas_bars", "polars_bars"] {
        let (bars, _) = read_parquet(recorded(name), &CsvOptions::default()).unwrap();
        let last = Bar {
            open: 2.5,
            high: 3.0,
            low: 1.25,
            close: 1.5,
        };
        assert_eq!((bars.len(), bars.bars()[2]), (3, last), "{name}");
        let stamps = [1_706_659_200, 1_706_662_800, 1_706_666_400];
        assert_eq!(bars.timestamps(), Some(&stamps[..]), "{name}");
    }
    for name in ["pandas_windows", "polars_windows"] {
        assert!(holds_windows(recorded(name)).unwrap());
        let (windows, _) = read_windows(recorded(name), &options()).unwrap();
        let labels: Vec<WindowLabel> = windows.labels().collect();
        assert_eq!(
            labels,
            [label(1, 3, 0), label(0, 4, 2), label(2, 2, 0)],
            "{name}"
        );
        let bar = Bar {
            open: 6.0,
            high: 7.0,
            low: 5.5,
            close: 6.5,
        };
        assert_eq!(windows.bars().bars()[14], bar, "{name}");
    }
    let error = read_parquet(recorded("pandas_brotli"), &CsvOptions::default()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.ends_with(
            "column `__index_level_0__` is compressed with BROTLI, expected Snappy, Zstandard, gzip or no compression; write the file \
             anew with one of these"
        ),
        "{error}"
    );
}

#[test]
fn whole_numbers_among_doubles_are_whole_numbers() {
    let schema = format!(
        "message m {{ {LISTS} required double label; required double expansion_start; required float expansion_end; }}"
    );
    let columns = |start: f64| {
        vec![
            features(&some_windows(1)),
            Values::Double(vec![2.0]),
            Values::Double(vec![start]),
            Values::Float(vec![3.0]),
        ]
    };
    let (_folder, path) = place();
    write(&path, &schema, PLAIN, &[columns(1.0)]);
    let (windows, _) = windows_of(&path, &options()).unwrap();
    assert_eq!(windows.labels().next(), Some(label(1, 3, 2)));
    for start in [1.5, f64::NAN, 1e300] {
        write(&path, &schema, PLAIN, &[columns(start)]);
        let message = windows_of(&path, &options()).unwrap_err();
        assert!(message.contains("`expansion_start` is"), "{message}");
        assert!(message.contains("expected a whole number"), "{message}");
    }
}

#[test]
fn what_is_not_parquet_is_refused() {
    let (folder, path) = place();
    for content in [
        &b""[..],
        b"PAR1",
        b"PAR1PAR1",
        b"open,high,low,close\n1,1,1,1\n",
    ] {
        fs::write(&path, content).unwrap();
        let message = read(&path).unwrap_err();
        assert!(
            message.starts_with("FILE: cannot be read as Parquet, so it is damaged"),
            "{message}"
        );
    }
    match read_parquet(folder.path(), &CsvOptions::default()) {
        Err(Error::File { reason, .. }) => {
            assert_eq!(reason, "a folder, but a Parquet file is expected");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        read_parquet(folder.path().join("missing"), &CsvOptions::default()),
        Err(Error::Io { .. })
    ));
}

/// Both kinds of file, small, for damaging.
fn bytes(codec: Compression) -> [Vec<u8>; 2] {
    let (_folder, path) = place();
    let bars = series(40);
    let mut columns = vec![Values::Long(
        (0..40)
            .map(|index| (HALF_PAST_NINE + 60 * index) * 1000)
            .collect(),
    )];
    columns.extend(prices(&bars));
    write(
        &path,
        &format!("message m {{ required int64 date (TIMESTAMP(MILLIS,true)); {PRICES} }}"),
        codec,
        &[columns],
    );
    let first = fs::read(&path).unwrap();
    let mut columns = vec![features(&some_windows(6))];
    columns.extend(labels(&[("breakout", 1, 2); 6]));
    write(
        &path,
        &format!("message m {{ {LISTS} {LABELS} }}"),
        codec,
        &[columns],
    );
    [first, fs::read(&path).unwrap()]
}

fn try_both(content: &[u8]) {
    let (_folder, path) = place();
    fs::write(&path, content).unwrap();
    for skip_bad_rows in [false, true] {
        let csv = CsvOptions::default().with_skip_bad_rows(skip_bad_rows);
        if let Ok((bars, _)) = read_parquet(&path, &csv) {
            assert!(bars.bars().iter().all(|bar| bar.check().is_ok()));
            assert!(bars.timestamps().is_none_or(<[i64]>::is_sorted));
        }
        let options = WindowOptions {
            skip_bad_rows,
            ..options()
        };
        if let Ok((windows, _)) = read_windows(&path, &options) {
            assert_eq!(windows.bars().len(), windows.len() * T);
            assert!(windows.labels().all(|l| l.start <= l.end && l.end < T));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_truncated_file_is_refused(share in 0.0..1.0f64) {
        for content in bytes(Compression::SNAPPY) {
            let (_folder, path) = place();
            fs::write(&path, &content[..(content.len() as f64 * share) as usize]).unwrap();
            prop_assert!(read(&path).is_err());
            prop_assert!(windows_of(&path, &options()).is_err());
        }
    }

    #[test]
    fn damaged_bytes_never_panic(
        damage in prop::collection::vec((0.0..1.0f64, 0u8..8), 1..6),
        compressed: bool,
        at_the_end: bool,
    ) {
        let codec = if compressed { Compression::SNAPPY } else { PLAIN };
        for mut content in bytes(codec) {
            // The index at the end is where damage does most.
            let from = if at_the_end { content.len() * 2 / 3 } else { 0 };
            for (share, bit) in &damage {
                let at = from + ((content.len() - from) as f64 * share) as usize;
                content[at] ^= 1 << bit;
            }
            try_both(&content);
        }
    }
}
