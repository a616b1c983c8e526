//! Real files differ in column order, letter case, line ends, and time stamps; all of these are read.

use std::fs;

use equipoise::Result;
use equipoise::expansion::bars::{Bar, Bars, CsvOptions, CsvReport, read_csv};

fn read(content: &str, options: &CsvOptions) -> Result<(Bars, CsvReport)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    fs::write(&path, content).unwrap();
    read_csv(&path, options)
}

fn stamps(content: &str) -> Vec<i64> {
    let (bars, _) = read(content, &CsvOptions::default()).unwrap();
    bars.timestamps().unwrap().to_vec()
}

const FIRST: Bar = Bar {
    open: 10.0,
    high: 12.5,
    low: 9.0,
    close: 11.0,
};
const SECOND: Bar = Bar {
    open: 11.0,
    high: 11.0,
    low: 11.0,
    close: 11.0,
};
/// 2024-01-31T09:30:00Z.
const HALF_PAST_NINE: i64 = 1_706_693_400;

#[test]
fn columns_in_any_order_and_case_among_others() {
    let plain = "Symbol, CLOSE ,Low,volume,\"Open\",DateTime,hIgH,note\n\
                 X,11, 9 ,5,10,2024-01-31T09:30:00Z,12.5,\"a, b\"\n\
                 X,11,11,5,\"11\",2024-01-31T09:31:00Z,1.1e1,\n";
    let variants = [
        plain.to_owned(),
        plain.replace('\n', "\r\n"),
        format!("\u{feff}{plain}"),
        format!("\u{feff}{}", plain.replace('\n', "\r\n")),
        plain.trim_end().to_owned(),
        plain.replace('\n', "\n\n"),
        plain.replace('\n', "\r\n \r\n"),
    ];
    for content in variants {
        let (bars, report) = read(&content, &CsvOptions::default()).unwrap();
        assert_eq!(bars.bars(), [FIRST, SECOND]);
        assert_eq!(
            bars.timestamps(),
            Some([HALF_PAST_NINE, HALF_PAST_NINE + 60].as_slice())
        );
        assert_eq!(
            (report.rows, report.dropped, report.first_dropped),
            (2, 0, None)
        );
    }
}

#[test]
fn a_byte_order_mark_before_a_column_that_is_needed() {
    for header in ["open,high,low,close", "\"open\",high,low,close"] {
        let content = format!("\u{feff}{header}\n10,12.5,9,11\n");
        let (bars, _) = read(&content, &CsvOptions::default()).unwrap();
        assert_eq!(bars.bars(), [FIRST]);
    }
}

#[test]
fn without_time_stamps() {
    let (bars, _) = read(
        "open,high,low,close\n10,12.5,9,11\n",
        &CsvOptions::default(),
    )
    .unwrap();
    assert_eq!(bars.bars(), [FIRST]);
    assert_eq!(bars.timestamps(), None);
    assert!(bars.origin().ends_with("bars.csv"));
}

#[test]
fn every_form_of_time_stamp() {
    let forms = [
        "2024-01-31T09:30:00Z",
        "2024-01-31t09:30:00z",
        "2024-01-31T10:30:00+01:00",
        "2024-01-31 04:30:00-05:00",
        "2024-01-31T09:30:00.250Z",
        "2024-01-31T09:30",
        "2024-01-31 09:30",
        "2024-01-31 09:30:00",
        "2024-01-31 09:30:00.123",
        "1706693400",
        "1706693400000",
        " 1706693400999 ",
    ];
    for form in forms {
        let content = format!("time,open,high,low,close\n{form},1,1,1,1\n");
        assert_eq!(stamps(&content), [HALF_PAST_NINE], "{form}");
    }
    let content = "date,open,high,low,close\n1969-12-31,1,1,1,1\n2024-01-31,1,1,1,1\n";
    assert_eq!(stamps(content), [-86_400, HALF_PAST_NINE - 34_200]);
}

#[test]
fn date_and_time_in_two_columns() {
    let content =
        "Time,Open,High,Low,Close,Date\n09:30,1,1,1,1,2024-01-31\n09:30:01.5,1,1,1,1,2024-01-31\n";
    assert_eq!(stamps(content), [HALF_PAST_NINE, HALF_PAST_NINE + 1]);
}

#[test]
fn one_whole_time_stamp_is_preferred_to_parts() {
    let content = "date,time,open,high,low,close,timestamp\nx,y,1,1,1,1,1706693400\n";
    assert_eq!(stamps(content), [HALF_PAST_NINE]);
}

#[test]
fn stamps_within_a_second_are_in_order() {
    let content = "timestamp,open,high,low,close\n1706693400100,1,1,1,1\n1706693400900,1,1,1,1\n";
    assert_eq!(stamps(content), [HALF_PAST_NINE, HALF_PAST_NINE]);
}

#[test]
fn skipped_rows_are_counted_and_the_first_is_named() {
    let content = "timestamp,open,high,low,close\n\
                   2024-01-01,10,12.5,9,11\n\
                   2024-01-02,10,8,9,11\n\
                   2024-01-01,10,12.5,9,10\n\
                   2024-01-03,10,12.5,9\n\
                   nonsense,10,12.5,9,11\n\
                   \n\
                   2024-01-04,11,11,11,11\n";
    let options = CsvOptions::default().with_skip_bad_rows(true);
    let (bars, report) = read(content, &options).unwrap();
    assert_eq!(bars.bars(), [FIRST, SECOND]);
    assert_eq!(bars.timestamps().map(<[i64]>::len), Some(2));
    assert_eq!((report.rows, report.dropped), (6, 4));
    let first = report.first_dropped.unwrap();
    assert_eq!(first, (3, "column `high` is 8, below `open` 10".to_owned()));
}

#[test]
fn clones_share_the_bars() {
    let (bars, _) = read(
        "open,high,low,close\n10,12.5,9,11\n",
        &CsvOptions::default(),
    )
    .unwrap();
    assert!(std::ptr::eq(bars.bars(), bars.clone().bars()));
    assert_eq!(bars.len(), 1);
    assert!(!bars.is_empty());
}

#[test]
fn a_series_from_memory_is_checked() {
    let bars = Bars::new(vec![FIRST, SECOND], Some(vec![0, 60]), "memory").unwrap();
    assert_eq!(bars.len(), 2);
    let bad = Bar { low: 20.0, ..FIRST };
    let cases = [
        (
            vec![FIRST, bad],
            None,
            "memory: bar 1: column `low` is 20, above `open` 10",
        ),
        (
            vec![FIRST],
            Some(vec![]),
            "memory: 0 time stamps for 1 bars",
        ),
        (
            vec![FIRST, FIRST],
            Some(vec![60, 0]),
            "memory: bar 1: time stamp 0 is earlier than 60 of the bar before it",
        ),
    ];
    for (bars, stamps, message) in cases {
        let error = Bars::new(bars, stamps, "memory").unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}
