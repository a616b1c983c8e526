//! Lines that come one at a time are read as the file of them is, wherever the first row tells how; and no line makes
//! the reader panic.

use equipoise::expansion::bars::{Bar, CsvLines, CsvOptions, DateOrder, DecimalMark, read_csv};
use proptest::prelude::*;

type Taken = Vec<(Bar, Option<i64>)>;

fn line_by_line(text: &[u8], options: &CsvOptions) -> equipoise::Result<Taken> {
    let mut lines = CsvLines::new("lines", options);
    let mut taken = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        taken.extend(lines.take(line)?);
    }
    lines.finish()?;
    Ok(taken)
}

fn whole(text: &[u8], options: &CsvOptions) -> equipoise::Result<Taken> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lines");
    std::fs::write(&file, text).unwrap();
    let (bars, _) = read_csv(&file, options)?;
    let stamp = |index: usize| Some(bars.timestamps()?[index]);
    let all = bars.bars().iter().enumerate();
    Ok(all.map(|(index, bar)| (*bar, stamp(index))).collect())
}

#[test]
fn it_reads_what_the_file_holds() {
    let files = [
        "open,high,low,close\n1,2,0.5,1.5\n1.5,3,1,2\n",
        "time;open;high;low;close\r\n2024-01-31 09:30;1;2;0.5;1.5\r\n\r\n2024-01-31 09:31;1.5;3;1;2\r\n",
        "\u{feff}A title\n\nand, more\ndate\ttime\tlow\thigh\topen\tlast\tvolume\n13/01/2024\t9:30 PM\t1\t2\t1\t2\t7\n14/01/2024\t9:30 PM\t1\t2\t1\t2\t8",
        "unix,open,high,low,close\n1706693400000,1,2,0.5,1.5\n1706693460000,1,2,0.5,1.5\n1706693460000,1,2,0.5,1.5\n",
        ",open,high,low,close\n2024-01-31 09:30,1,2,0.5,1.5\n2024-01-31 09:31,1,2,0.5,1.5\n",
        // A last column that is empty, and text at the end.
        "date\topen\thigh\tlow\tclose\tnote\n2024-01-31\t1\t2\t1\t2\t\n2024-02-01\t1\t2\t1\t2\t \nSource: nobody\n",
        // The first rows leave open what a later one tells.
        "date;open;high;low;close\n01/01/2024;1;2;1;2\n13/01/2024;1;2;1;2\n01/02/2024;1,5;2,5;1,5;2\n02/02/2024;1,084;2,5;1,084;2\n",
        "timestamp,open,high,low,close,\n2024-01-31T09:30:00+01:00,\"1,084.5\",2000,1,3,\n",
    ];
    for text in files {
        let options = CsvOptions::default();
        let found = line_by_line(text.as_bytes(), &options).unwrap();
        assert!(!found.is_empty());
        assert_eq!(found, whole(text.as_bytes(), &options).unwrap(), "{text}");
    }
}

#[test]
fn what_had_to_be_told_is_said() {
    let mut lines = CsvLines::new("lines", &CsvOptions::default());
    for line in [
        "Prices of a day",
        "date;open;high;low;last",
        "13/01/2024;1;2;1;2",
    ] {
        lines.take(line.as_bytes()).unwrap();
    }
    assert_eq!(
        lines.take_notes(),
        [
            "passed over 1 line above the header, which is line 2",
            "columns are separated by semicolons",
            "the close is column `last`",
            "dates are day-first, as line 3 shows: `13/01/2024`"
        ]
    );
}

#[test]
fn what_the_first_row_leaves_open_is_asked() {
    let dates = b"date,open,high,low,close\n01/02/2024,1,2,1,2\n13/02/2024,1,2,1,2\n";
    let error = line_by_line(dates, &CsvOptions::default()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("lines, line 2: ") && error.contains("`data.date_order`"),
        "{error}"
    );
    let options = CsvOptions::default().with_date_order(DateOrder::DayFirst);
    assert_eq!(
        line_by_line(dates, &options).unwrap(),
        whole(dates, &options).unwrap()
    );

    let prices = b"open;high;low;close\n1,084;1,085;1,083;1,084\n1084,5;1085;1083;1084\n";
    let error = line_by_line(prices, &CsvOptions::default()).unwrap_err();
    assert!(error.to_string().contains("`data.decimal_mark`"), "{error}");
    let options = CsvOptions::default().with_decimal_mark(DecimalMark::Comma);
    assert_eq!(
        line_by_line(prices, &options).unwrap(),
        whole(prices, &options).unwrap()
    );
}

/// Nothing is decided by a row that can be read only one way under both orders, and nothing is guessed afterwards.
#[test]
fn a_first_row_that_tells_nothing_decides_nothing() {
    for (rows, flag) in [
        (
            [
                "01/01/2024,1,2,1,2",
                "01/02/2024,1,2,1,2",
                "13/02/2024,1,2,1,2",
            ],
            "`data.date_order`",
        ),
        (
            [
                "2024-01-01,1,2,1,2",
                "2024-01-02,\"1,084\",\"2,000\",1,2",
                "2024-01-03,1,2,1,2",
            ],
            "`data.decimal_mark`",
        ),
    ] {
        let mut lines = CsvLines::new("lines", &CsvOptions::default());
        assert!(lines.take(b"date,open,high,low,close").unwrap().is_none());
        assert!(lines.take(rows[0].as_bytes()).unwrap().is_some());
        let error = lines.take(rows[1].as_bytes()).unwrap_err().to_string();
        assert!(
            error.starts_with("lines, line 3: ") && error.contains(flag),
            "{error}"
        );
        // It is not to be taken for a bad row that may be dropped.
        assert!(!lines.can_go_on());
        let error = lines.take(rows[2].as_bytes()).unwrap_err().to_string();
        assert!(
            error.contains("because of what is wrong with the lines before"),
            "{error}"
        );
    }
}

/// Nothing is turned round here, so nothing says so, whatever the rows do before all is told.
#[test]
fn a_stream_is_not_turned_round() {
    let mut lines = CsvLines::new("lines", &CsvOptions::default());
    for line in ["date;open;high;low;close", "2024-01-03;1;2;1;2"] {
        lines.take(line.as_bytes()).unwrap();
    }
    for line in ["2024-01-02;1;3;1;3", "2024-01-01;1;4;1;4"] {
        let error = lines.take(line.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("come oldest first"), "{error}");
    }
    let notes = lines.take_notes();
    assert!(
        !notes.iter().any(|note| note.contains("turned round")),
        "{notes:?}"
    );
}

#[test]
fn text_is_passed_over_and_said() {
    let mut lines = CsvLines::new("lines", &CsvOptions::default());
    for line in ["open,high,low,close", "1,2,1,2", "a word,,,", "1,2,1,2"] {
        lines.take(line.as_bytes()).unwrap();
    }
    lines.finish().unwrap();
    let notes = lines.take_notes();
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[1], "passed over line 3, which is text");
    assert!(lines.take_notes().is_empty());
}

#[test]
fn a_bad_row_is_named_and_the_next_one_is_read() {
    let mut lines = CsvLines::new("standard input", &CsvOptions::default());
    let mut take = |line: &str| {
        lines
            .take(line.as_bytes())
            .map_err(|error| error.to_string())
    };
    assert_eq!(take("time,open,high,low,close"), Ok(None));
    let bad = [
        ("x,1,2,1,2", "line 2: "),
        (
            "2024-01-31,1,two,1,2",
            "line 3: column `high` is `two`, not a number",
        ),
    ];
    for (line, expected) in bad {
        let error = take(line).unwrap_err();
        assert!(
            error.starts_with(&format!("standard input, {expected}")),
            "{error}"
        );
        assert!(error.contains("; correct the row ("), "{error}");
    }
    assert!(take("2024-01-31,1,2,1,2").unwrap().is_some());
    for (line, expected) in [
        ("2024-01-31,1,2,1", "line 5: the row has 4 columns"),
        ("1706693400,1,2,1,2", "is not written like the rest"),
        (
            "2024-01-30,1,3,1,2",
            "is earlier than 2024-01-31T00:00:00Z of the bar before",
        ),
        ("2024-01-31,1,3,1,2", "repeats that of the bar before"),
        ("2024-02-01,\"1,2,1,2", "the row has 2 columns"),
    ] {
        let error = take(line).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(take("2024-01-31,1,2,1,2"), Ok(None), "a copy");
    assert!(take("2024-02-01,1,2,1,2").unwrap().is_some());
}

/// A file of two equal bars from newest to oldest has two bars; in a stream, the second is no copy of the first.
#[test]
fn an_earlier_row_is_a_copy_only_where_time_runs_forward() {
    let mut lines = CsvLines::new("standard input", &CsvOptions::default());
    assert!(lines.take(b"date,open,high,low,close").unwrap().is_none());
    assert!(lines.take(b"2024-01-31,1,2,1,2").unwrap().is_some());
    let error = lines.take(b"2024-01-30,1,2,1,2").unwrap_err().to_string();
    assert!(
        error.contains("is earlier than 2024-01-31T00:00:00Z of the bar before"),
        "{error}"
    );
    assert_eq!(lines.take(b"2024-01-31,1,2,1,2").unwrap(), None, "a copy");
    assert!(lines.take(b"2024-02-01,1,2,1,2").unwrap().is_some());
    assert_eq!(lines.take(b"2024-01-31,1,2,1,2").unwrap(), None, "a copy");
}

/// In a file, blanks before the first field of a file without a header are passed over, so a quote there encloses the field.
#[test]
fn an_indented_first_row_is_read_as_in_a_file() {
    let row = b"   \"a;b;c;d;e;f\";2024-01-31;1.1;1.2;1.0;1.15\n";
    let options = CsvOptions::default();
    assert_eq!(
        line_by_line(row, &options).unwrap(),
        whole(row, &options).unwrap()
    );
}

#[test]
fn without_a_header_it_is_said_at_once() {
    let mut lines = CsvLines::new("standard input", &CsvOptions::default());
    let error = lines.take(b"2024-01-31,1,2,1,2\n").unwrap_err().to_string();
    assert!(
        error.starts_with("standard input, line 1: there is no header, and no single order"),
        "{error}"
    );
    assert!(!lines.can_go_on());
    assert!(lines.take(b"open,high,low,close\n").is_err());

    let mut lines = CsvLines::new("standard input", &CsvOptions::default());
    assert!(lines.take(b"open,high,open,low,close").unwrap().is_none());
    assert!(
        lines
            .take(b"1,2,1,1,2")
            .unwrap_err()
            .to_string()
            .contains("two columns `open`")
    );

    for (text, expected) in [
        ("", "the file is empty"),
        (
            "a title\nopen,high,low\n",
            "the header has no column `close`",
        ),
    ] {
        let error = line_by_line(text.as_bytes(), &CsvOptions::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let title = "a title\n".repeat(60);
    assert!(line_by_line(title.as_bytes(), &CsvOptions::default()).is_err());
}

proptest! {
    #[test]
    fn no_line_makes_it_panic(
        lines in proptest::collection::vec(
            prop_oneof![
                "[0-9.,;:/ T\"-]{0,40}",
                Just("open,high,low,close,time".to_owned()),
                Just("1,2,1,2,2024-01-31".to_owned()),
                ".{0,30}",
            ],
            0..20,
        ),
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut reader = CsvLines::new("lines", &CsvOptions::default());
        for line in &lines {
            if let Ok(Some((bar, _))) = reader.take(line.as_bytes()) {
                prop_assert!(bar.check().is_ok());
            }
            let _ = reader.take(&bytes);
        }
        let _ = reader.finish();
        prop_assert!(reader.take_notes().len() < 100);
    }
}
