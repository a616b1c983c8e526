//! Parquet files of bars and of labelled windows.

use std::path::Path;
use std::sync::Arc;

use equipoise::expansion::bars::{Bar, CsvOptions, read_instruments, read_parquet};
use equipoise::expansion::label::Classes;
use equipoise::expansion::window::{WindowOptions, holds_windows, read_windows};
use parquet::basic::Compression;
use parquet::data_type::{DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::scratch;
use super::tape::Tape;

/// A file of bars is read twice the same.
pub fn parquet(bytes: &[u8]) {
    let path = scratch::file("bars.parquet", bytes);
    let read = || {
        let (instruments, report) =
            read_instruments(&path, &CsvOptions::default()).map_err(|error| error.to_string())?;
        let bars: Vec<Vec<Bar>> = instruments
            .iter()
            .map(|one| one.bars.bars().to_vec())
            .collect();
        Ok::<_, String>((bars, format!("{report:?}")))
    };
    assert_eq!(read(), read());
}

/// A file of windows is read twice the same, and every label lies in its window.
pub fn windows(bytes: &[u8]) {
    let path = scratch::file("windows.parquet", bytes);
    let options = WindowOptions {
        length: 5,
        classes: Classes::default(),
        skip_bad_rows: true,
        at_most: None,
        date_order: None,
    };
    let holds = holds_windows(&path).map_err(|error| error.to_string());
    assert_eq!(
        holds,
        holds_windows(&path).map_err(|error| error.to_string())
    );
    let read = || {
        let (windows, notes) = read_windows(&path, &options).map_err(|error| error.to_string())?;
        let labels: Vec<_> = windows.labels().collect();
        Ok::<_, String>((windows.bars().bars().to_vec(), labels, notes))
    };
    let first = read();
    assert_eq!(first, read());
    if let Ok((bars, labels, _)) = first {
        assert_eq!(bars.len(), 5 * labels.len());
        assert!(
            labels
                .iter()
                .all(|label| label.start <= label.end && label.end < 5)
        );
    }
}

/// Bars that are written in columns are read back, or refused where one of them cannot be.
pub fn parquet_rows(bytes: &[u8]) {
    let mut tape = Tape(bytes);
    let plain = tape.byte() % 2 == 0;
    let unit = tape.one_of(&["", "(TIMESTAMP_MILLIS)", "(TIMESTAMP_MICROS)"]);
    let per_second = match unit {
        "" => 1,
        "(TIMESTAMP_MILLIS)" => 1000,
        _ => 1_000_000,
    };
    let mut time = 1_500_000_000 + i64::from(tape.word() % 200_000_000);
    let (mut bars, mut times) = (Vec::new(), Vec::new());
    while bars.is_empty() || (tape.goes_on() && bars.len() < 60) {
        let price = |tape: &mut Tape<'_>| match tape.byte() {
            255 => f64::from_bits(u64::from(tape.word()) << 32),
            near => 100.0 + f64::from(near),
        };
        let mut four: [f64; 4] = std::array::from_fn(|_| price(&mut tape));
        if plain {
            four.sort_by(f64::total_cmp);
        }
        let [low, open, close, high] = four;
        bars.push(Bar {
            open,
            high,
            low,
            close,
        });
        times.push(time);
        time += (1 + i64::from(tape.byte())) * 60;
    }
    let path = scratch::folder().join("rows.parquet");
    write(
        &path,
        unit,
        &times
            .iter()
            .map(|time| time * per_second)
            .collect::<Vec<_>>(),
        &bars,
    );
    let possible = bars.iter().all(|bar| bar.check().is_ok());
    match read_parquet(&path, &CsvOptions::default()) {
        Ok((series, report)) => {
            assert!(possible || report_tells(&report), "{bars:?}");
            if possible {
                assert_eq!(series.bars(), bars);
                assert_eq!(series.timestamps(), Some(&times[..]));
            }
        }
        Err(error) => assert!(!possible, "{error}: {bars:?} {times:?}"),
    }
}

/// Returns whether the reader said that it changed something.
fn report_tells(report: &impl std::fmt::Debug) -> bool {
    format!("{report:?}").contains("mended")
}

fn write(path: &Path, unit: &str, times: &[i64], bars: &[Bar]) {
    let schema = format!(
        "message m {{ required int64 time {unit}; required double open; required double high; required double low; \
         required double close; }}"
    );
    let schema = Arc::new(parse_message_type(&schema).expect("a schema"));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let file = std::fs::File::create(path).expect("a file");
    let mut writer =
        SerializedFileWriter::new(file, schema, Arc::new(properties)).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let mut column = group.next_column().expect("columns").expect("a column");
    column
        .typed::<Int64Type>()
        .write_batch(times, None, None)
        .expect("values");
    column.close().expect("a column");
    let prices: [fn(&Bar) -> f64; 4] = [|b| b.open, |b| b.high, |b| b.low, |b| b.close];
    for price in prices {
        let values: Vec<f64> = bars.iter().map(price).collect();
        let mut column = group.next_column().expect("columns").expect("a column");
        column
            .typed::<DoubleType>()
            .write_batch(&values, None, None)
            .expect("values");
        column.close().expect("a column");
    }
    group.close().expect("a group");
    writer.close().expect("a file");
}
