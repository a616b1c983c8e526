//! A bad CSV file is refused with its path, the line, and a reason that says what was found and what to do.

use std::fs;
use std::path::{Path, PathBuf};

use equipoise::Error;
use equipoise::expansion::bars::{CsvOptions, read_csv};
use proptest::prelude::*;
use tempfile::TempDir;

/// A file that exists as long as the test runs.
struct Fixture {
    path: PathBuf,
    _folder: TempDir,
}

fn file(content: impl AsRef<[u8]>) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    fs::write(&path, content).unwrap();
    Fixture {
        path,
        _folder: folder,
    }
}

fn skip() -> CsvOptions {
    CsvOptions::default().with_skip_bad_rows(true)
}

fn error(path: &Path, options: &CsvOptions) -> Error {
    match read_csv(path, options) {
        Err(error) => error,
        Ok((bars, report)) => panic!("{} bars were accepted: {report:?}", bars.len()),
    }
}

/// Asserts that the file is refused at a line, and that the whole message is as given after path and line.
fn refused_with(options: &CsvOptions, content: impl AsRef<[u8]>, line: u64, expected: &str) {
    let file = file(content);
    let error = error(&file.path, options);
    match &error {
        Error::Line { path, line: at, .. } => assert_eq!((path, *at), (&file.path, line)),
        other => panic!("expected an error at a line, got: {other}"),
    }
    let message = format!("{}, line {line}: {expected}", file.path.display());
    assert_eq!(error.to_string(), message);
}

fn refused(content: impl AsRef<[u8]>, line: u64, expected: &str) {
    refused_with(&CsvOptions::default(), content, line, expected);
}

/// The end of a message: dropping is proposed where it costs at most a twentieth of the rows.
fn remedy(bad: usize, rows: usize) -> String {
    if bad * 20 <= rows {
        format!(
            "; correct the row, or drop such rows with `data.skip_bad_rows` ({bad} of {rows} rows)"
        )
    } else {
        format!("; correct the row ({bad} of {rows} rows cannot be used)")
    }
}

/// A bad row: refused as it stands, dropped and counted where bad rows are skipped.
fn bad_row(content: &str, line: u64, reason: &str) {
    let written = file(content);
    let (bars, report) = read_csv(&written.path, &skip()).unwrap();
    assert_eq!(report.dropped, 1);
    assert_eq!(bars.len(), report.rows - 1);
    assert_eq!(report.first_dropped, Some((line, reason.to_owned())));
    let remedy = remedy(1, report.rows);
    refused(content, line, &format!("{reason}{remedy}"));
}

#[test]
fn dropping_is_proposed_where_it_costs_little_and_how_much_is_said() {
    let row = |hour: usize| format!("2024-01-{:02}T00:00:00Z,10,12,9,11\n", hour + 1);
    let bad = "2024-01-31T00:00:00Z,10,x,9,11\n";
    for (good, offered) in [(19, true), (18, false)] {
        let rows: String = (0..good).map(row).collect();
        let file = file(format!("{HEADER}\n{rows}{bad}"));
        let message = error(&file.path, &CsvOptions::default()).to_string();
        assert!(message.ends_with(&remedy(1, good + 1)), "{message}");
        assert_eq!(message.contains("data.skip_bad_rows"), offered);
    }
}

/// A fault of the file as a whole: refused in the same words with and without skipping.
fn refused_whole(content: impl AsRef<[u8]>, expected: &str) {
    let file = file(content);
    for options in [CsvOptions::default(), skip()] {
        let error = error(&file.path, &options);
        assert!(matches!(error, Error::File { .. }), "{error:?}");
        let message = format!("{}: {expected}", file.path.display());
        assert_eq!(error.to_string(), message);
    }
}

fn refused_always(content: impl AsRef<[u8]>, line: u64, expected: &str) {
    for options in [CsvOptions::default(), skip()] {
        refused_with(&options, content.as_ref(), line, expected);
    }
}

const HEADER: &str = "timestamp,open,high,low,close";

fn with_row(row: &str) -> String {
    format!("{HEADER}\n2024-01-01T00:00:00Z,10,12,9,11\n{row}\n2024-01-01T02:00:00Z,10,12,9,11\n")
}

#[test]
fn prices_that_are_not_finite() {
    let at = "2024-01-01T01:00:00Z";
    let reason = "column `high` is NaN, which is not finite";
    bad_row(&with_row(&format!("{at},10,nan,9,11")), 3, reason);
    let reason = "column `open` is inf, which is not finite";
    bad_row(&with_row(&format!("{at},1e999,12,9,11")), 3, reason);
}

#[test]
fn prices_that_are_not_positive() {
    let at = "2024-01-01T01:00:00Z";
    let reason = "column `low` is 0, but prices are above zero";
    bad_row(&with_row(&format!("{at},10,12,0,11")), 3, reason);
    let reason = "column `close` is -11, but prices are above zero";
    bad_row(&with_row(&format!("{at},10,12,9,-11")), 3, reason);
}

#[test]
fn lows_and_highs_out_of_order() {
    let at = "2024-01-01T01:00:00Z";
    let cases = [
        ("10,12,10.5,11", "column `low` is 10.5, above `open` 10"),
        ("11,12,10.5,10", "column `low` is 10.5, above `close` 10"),
        ("12.5,12,9,11", "column `high` is 12, below `open` 12.5"),
        ("11,12,9,12.5", "column `high` is 12, below `close` 12.5"),
    ];
    for (prices, reason) in cases {
        bad_row(&with_row(&format!("{at},{prices}")), 3, reason);
    }
}

#[test]
fn text_where_a_number_should_be() {
    let at = "2024-01-01T01:00:00Z";
    let reason = "column `open` is `ten`, not a number";
    bad_row(&with_row(&format!("{at},ten,12,9,11")), 3, reason);
    let reason = "column `close` is empty";
    bad_row(&with_row(&format!("{at},10,12,9, ")), 3, reason);
    let long = "x".repeat(1000);
    let reason = format!("column `close` is `{}...`, not a number", &long[..40]);
    bad_row(&with_row(&format!("{at},10,12,9,{long}")), 3, &reason);
}

#[test]
fn control_characters_do_not_reach_the_message() {
    let reason = r"column `close` is `\u{1b}[31m`, not a number";
    bad_row(
        &with_row("2024-01-01T01:00:00Z,10,12,9,\u{1b}[31m"),
        3,
        reason,
    );
}

#[test]
fn rows_of_another_width() {
    let at = "2024-01-01T01:00:00Z";
    let reason = "the row has 4 columns, but the header has 5";
    bad_row(&with_row(&format!("{at},10,12,9")), 3, reason);
    let reason = "the row has 6 columns, but the header has 5";
    bad_row(&with_row(&format!("{at},10,12,9,1,100")), 3, reason);
    let reason = "the row has 1 column, but the header has 5";
    bad_row(&with_row("-- end of day --"), 3, reason);
}

#[test]
fn time_stamps_that_cannot_be_read() {
    let forms = "; expected RFC 3339 (`2024-01-31T09:30:00Z`), a date, alone or before a time of day \
                 (`2024-01-31 09:30[:00]`, `01/31/2024 9:30 PM`, `31-Jan-2024`), or seconds or milliseconds since 1970; \
                 another form is read with `data.time_format` (such as `%d.%m.%Y %Hh%M`)";
    let stamps = [
        "2019-10-17 09-11",
        "2019-10-17 13-PM",
        "2019-10-17 00:30 AM",
        "2024-01-01T01",
        "12.31",
        "2024-13-01",
        "2024-02-30T00:00:00Z",
        "",
        "ääääääääääääää",
        "2024-01-01\u{e9}01:00",
    ];
    for stamp in stamps {
        let reason = format!("the time stamp `{stamp}` cannot be read{forms}");
        bad_row(&with_row(&format!("{stamp},10,12,9,11")), 3, &reason);
    }
    let others = [
        "20240131",
        "1704070800",
        "1704070800.5",
        "1704070800000000",
        "01/02/2024",
        "31.01.2024 09:30",
        "31.01.24",
        "45322.375",
    ];
    for stamp in others {
        let reason = format!(
            "the time stamp `{stamp}` is not written like the rest, which are dates like `2024-01-31`"
        );
        bad_row(&with_row(&format!("{stamp},10,12,9,11")), 3, &reason);
    }
}

#[test]
fn time_stamps_that_repeat_or_decrease() {
    let reason = "the time stamp 2024-01-01T00:00:00Z repeats that of the bar before";
    bad_row(&with_row("2024-01-01T00:00:00Z,10,13,9,11"), 3, reason);
    let reason = "the time stamp 2023-12-31T23:00:00Z is earlier than 2024-01-01T00:00:00Z of the bar before";
    // A third row in order keeps this from being a file that runs backwards.
    let content = with_row("2023-12-31T23:00:00Z,10,13,9,11") + "2024-01-01T03:00:00Z,10,12,9,11\n";
    bad_row(&content, 3, reason);
}

#[test]
fn a_row_out_of_order_in_a_file_that_is_newest_first() {
    let rows = "2024-01-09,1,1,1,1\n2024-01-08,2,2,2,2\n2024-01-10,3,3,3,3\n2024-01-06,1,1,1,1\n2024-01-05,1,1,1,1\n";
    let reason = "the time stamp 2024-01-10T00:00:00Z is later than 2024-01-08T00:00:00Z of the bar before, in a file \
                  that runs from newest to oldest";
    bad_row(&format!("{HEADER}\n{rows}"), 4, reason);
}

#[test]
fn of_several_bad_rows_the_first_is_named() {
    let rows = "2024-01-02,1,1,1,1\n2024-01-03,2,2,2,2\n2024-01-01,1,1,1,1\n2024-01-04,x,1,1,1\n";
    let reason = "the time stamp 2024-01-01T00:00:00Z is earlier than 2024-01-03T00:00:00Z of the bar before; \
                  correct the row (2 of 5 rows cannot be used)";
    refused(format!("{HEADER}\n{rows}2024-01-05,1,1,1,1\n"), 4, reason);
}

#[test]
fn missing_columns() {
    refused_always(
        "\n\nDate, Open ,High,Last\n2024-01-01,1,1,1\n",
        3,
        "the header has no column `low`; it has `Date,Open,High,Last`; if it has them under other names, say which with \
         `data.columns`: `open=Open,high=High,low=COLUMN,close=Last`",
    );
}

#[test]
fn a_column_given_twice() {
    for name in ["close", "CLOSE"] {
        refused_always(
            format!("timestamp,open,high,low,close,{name}\n2024-01-01,1,1,1,1,1\n"),
            1,
            "the header has two columns `close` (columns 5 and 6); remove or rename one",
        );
    }
}

#[test]
fn data_above_the_header() {
    let row = "2024-01-01,1,1,1,1";
    refused_always(
        format!("some text\n{row}\n{HEADER}\n{row}\n"),
        2,
        "data above the header, which is on line 3: `2024-01-01,1,1,1,1`",
    );
}

#[test]
fn no_header_at_all() {
    let expected = "expected column names with at least `open`, `high`, `low` and `close`, separated by commas, semicolons, tabs or `|`";
    // No order of the prices fits both rows alone.
    refused_always(
        "2024-01-01,10;10,10,10\n2024-01-02,10,10,10,10\n".replace(';', ","),
        1,
        "there is no header, and no single order of the prices fits all rows; write a line such as \
         `time,open,high,low,close` above it, in the order of this file, or name the columns with `data.columns`: \
         `time=#1,open=#2,high=#3,low=#4,close=#5`",
    );
    // There is no time.
    refused_always(
        "1;2;1;2;7\n2;3;2;3;7\n",
        1,
        &format!(
            "data where the header should be: `1;2;1;2;7`; {expected}; write a line with the names of the 5 columns above \
             it, in the order of this file, such as `time;open;high;low;close`"
        ),
    );
    refused_always(
        "<html>\n<body>not found</body>\n",
        1,
        &format!("not a header: `<html>`; {expected}"),
    );
}

#[test]
fn text_that_is_not_utf8() {
    let mut content = format!("{HEADER},note\n2024-01-01,1,1,1,1,a\n\n").into_bytes();
    content.extend(b"2024-01-02,1,1,1,1,caf\xe9\n");
    let reason = "not UTF-8 text: byte 4 of column 6 is invalid; save the file as UTF-8";
    refused_always(content, 4, reason);
    // Half a character at the end.
    let mut utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(HEADER.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    utf16.push(b'1');
    let reason = "not UTF-8 text: byte 1 of column 1 is invalid; save the file as UTF-8";
    refused_always(utf16, 1, reason);
}

#[test]
fn archives_are_called_by_their_name() {
    for (start, what) in [
        (&b"\x1f\x8b\x08\x00"[..], "a gzip archive"),
        (b"PK\x03\x04\x14", "a zip archive or an Excel workbook"),
        (b"\x28\xb5\x2f\xfd\x04", "a zstd archive"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bars.csv");
        std::fs::write(&path, start).unwrap();
        let message = read_csv(&path, &CsvOptions::default())
            .unwrap_err()
            .to_string();
        let expected =
            format!("{what}, but a CSV file is expected; unpack or save it as one first");
        assert!(message.ends_with(&expected), "{message}");
    }
}

#[test]
fn a_quote_that_is_never_closed() {
    let rows = "2024-01-01,1,1,1,1,ok\n2024-01-02,1,1,1,1,\"oops\n2024-01-03,1,1,1,1,ok\n";
    refused_always(
        format!("{HEADER},note\n{rows}"),
        3,
        "a quoted value runs on over the end of the line; is a closing `\"` missing?",
    );
}

#[test]
fn files_without_bars() {
    let empty = "the file is empty; expected a header and rows of prices";
    for content in ["", "\n", "\r\n \r\n", "\u{feff}"] {
        refused_whole(content, empty);
    }
    let header_only = "there is a header, but no row of data below it";
    for end in ["", "\n", "\r\n\r\n"] {
        refused_whole(format!("{HEADER}{end}"), header_only);
    }
}

#[test]
fn files_whose_rows_are_all_bad() {
    let file = file(format!("{HEADER}\n2024-01-01,1,1,1,x\n2024-01-02,1,1,1,\n"));
    let message = error(&file.path, &skip()).to_string();
    let expected =
        "none of the 2 rows can be used; the first, on line 2: column `close` is `x`, not a number";
    assert_eq!(message, format!("{}: {expected}", file.path.display()));
}

#[test]
fn paths_that_are_not_files() {
    let folder = tempfile::tempdir().unwrap();
    let message = error(folder.path(), &CsvOptions::default()).to_string();
    let expected = "a folder, but a CSV file is expected";
    assert_eq!(message, format!("{}: {expected}", folder.path().display()));

    let missing = folder.path().join("missing.csv");
    let error = error(&missing, &CsvOptions::default());
    match &error {
        Error::Io { path, .. } => assert_eq!(*path, missing),
        other => panic!("expected an input error, got: {other}"),
    }
    let start = format!("cannot read {}: ", missing.display());
    assert!(error.to_string().starts_with(&start), "{error}");
}

#[test]
fn line_numbers_count_every_line() {
    for end in ["\n", "\r\n"] {
        let lines = [
            "",
            HEADER,
            "",
            "2024-01-01,1,1,1,1",
            "",
            "",
            "2024-01-02,1,1,1,x",
        ];
        let reason =
            "column `close` is `x`, not a number; correct the row (1 of 2 rows cannot be used)";
        refused(lines.join(end), 7, reason);
        refused(lines.join(end) + end, 7, reason);
    }
}

fn read_both_ways(content: &[u8]) {
    let file = file(content);
    for options in [CsvOptions::default(), skip()] {
        if let Ok((bars, report)) = read_csv(&file.path, &options) {
            assert_eq!(bars.len(), report.rows - report.dropped - report.copies);
            assert!(bars.bars().iter().all(|bar| bar.check().is_ok()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..400)) {
        read_both_ways(&content);
    }

    #[test]
    fn arbitrary_rows_never_panic(
        rows in r#"([0-9T:Z+.,"\r\n -]|nan|inf|1e9|é|2024-01-0[1-9]){0,200}"#,
    ) {
        read_both_ways(format!("timestamp,open,high,low,close\n{rows}").as_bytes());
        read_both_ways(format!("close,date,time,high,low,open\n{rows}").as_bytes());
    }

    #[test]
    fn arbitrary_fields_never_panic(
        stamp in r"([0-9]{1,19}|-?[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.+Z\[\]-]{0,20})?|\PC{0,20})",
        price in r"(-?[0-9]{0,400}(\.[0-9]{1,9})?(e-?[0-9]{1,4})?|\PC{0,9})",
    ) {
        let row = format!("{stamp},{price},{price},{price},{price}");
        read_both_ways(format!("timestamp,open,high,low,close\n{row}\n").as_bytes());
    }
}
