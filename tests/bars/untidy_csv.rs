//! Files as people have them are read where they can be read one way only, with a note on what was told from the file;
//! where they can be read two ways, the message shows both and names the flag. Whatever a file looks like, no bar comes
//! out that was not in it.

use std::fs;

use equipoise::expansion::bars::{
    Bar, Bars, CsvOptions, CsvReport, DateOrder, DecimalMark, read_csv,
};
use jiff::Timestamp;
use proptest::prelude::*;

fn read(content: impl AsRef<[u8]>, options: &CsvOptions) -> Result<(Bars, CsvReport), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    fs::write(&path, content).unwrap();
    let remove = format!("{}, ", path.display());
    read_csv(&path, options).map_err(|error| error.to_string().replace(&remove, ""))
}

fn plain() -> CsvOptions {
    CsvOptions::default()
}

fn flat(price: f64) -> Bar {
    Bar {
        open: price,
        high: price,
        low: price,
        close: price,
    }
}

/// The stamps of a file with these stamps, each as RFC 3339; and the notes.
fn stamps_with(
    stamps: &[&str],
    options: &CsvOptions,
) -> Result<(Vec<String>, Vec<String>), String> {
    let rows: String = stamps
        .iter()
        .enumerate()
        .map(|(index, stamp)| format!("\"{stamp}\",{0},{0},{0},{0}\n", index + 1))
        .collect();
    let (bars, report) = read(format!("date,open,high,low,close\n{rows}"), options)?;
    let seconds = bars.timestamps().unwrap().iter();
    let read = seconds.map(|s| Timestamp::from_second(*s).unwrap().to_string());
    Ok((read.collect(), report.notes))
}

fn stamps(stamps: &[&str]) -> (Vec<String>, Vec<String>) {
    stamps_with(stamps, &plain()).unwrap()
}

/// What one stamp is read as.
fn stamp(text: &str) -> String {
    stamps(&[text]).0.remove(0)
}

#[test]
fn dates_and_times_that_can_be_read_one_way() {
    let cases = [
        ("2024/01/31", "2024-01-31T00:00:00Z"),
        ("2024.01.31 09:30", "2024-01-31T09:30:00Z"),
        ("2024-1-3 9:05", "2024-01-03T09:05:00Z"),
        ("20240131", "2024-01-31T00:00:00Z"),
        ("20240131 093015", "2024-01-31T09:30:15Z"),
        ("20240131T0930Z", "2024-01-31T09:30:00Z"),
        ("20240131 09:30", "2024-01-31T09:30:00Z"),
        ("202401310930", "2024-01-31T09:30:00Z"),
        ("20240131093015", "2024-01-31T09:30:15Z"),
        ("31-Jan-2024", "2024-01-31T00:00:00Z"),
        ("31 January 2024 21:00", "2024-01-31T21:00:00Z"),
        ("Jan 31, 2024", "2024-01-31T00:00:00Z"),
        ("31/01/2024", "2024-01-31T00:00:00Z"),
        ("01/31/2024", "2024-01-31T00:00:00Z"),
        ("31.01.2024 09:30:15.250", "2024-01-31T09:30:15Z"),
        ("31.01.2024 09:30:00.000 GMT+0100", "2024-01-31T08:30:00Z"),
        ("31.01.2024 09:30:00.000 GMT", "2024-01-31T09:30:00Z"),
        ("5/5/2024 0:00", "2024-05-05T00:00:00Z"),
        ("2024-01-31 09:30:00 UTC", "2024-01-31T09:30:00Z"),
        ("2024-01-31 09:30:00-0500", "2024-01-31T14:30:00Z"),
        ("2024-01-31 09:30:00+05:30", "2024-01-31T04:00:00Z"),
        ("2024-01-31 09:30:00+00", "2024-01-31T09:30:00Z"),
        ("2024-01-31 09-AM", "2024-01-31T09:00:00Z"),
        ("2024-01-31 12-AM", "2024-01-31T00:00:00Z"),
        ("2024-01-31 12-PM", "2024-01-31T12:00:00Z"),
        ("2024-01-31 11 pm", "2024-01-31T23:00:00Z"),
        ("01/31/2024 9:30 PM", "2024-01-31T21:30:00Z"),
        ("01/31/2024, 12:30:15 a.m.", "2024-01-31T00:30:15Z"),
        ("1706693400", "2024-01-31T09:30:00Z"),
        ("1706693400.75", "2024-01-31T09:30:00Z"),
        ("1706693400000", "2024-01-31T09:30:00Z"),
        ("1706693400000000", "2024-01-31T09:30:00Z"),
        ("1706693400000000000", "2024-01-31T09:30:00Z"),
        ("-86400", "1969-12-31T00:00:00Z"),
    ];
    for (text, expected) in cases {
        assert_eq!(stamp(text), expected, "{text}");
    }
}

#[test]
fn numbers_are_told_by_their_size_and_it_is_said() {
    let (read, notes) = stamps(&["1706693400000", "1706693460000"]);
    assert_eq!(read, ["2024-01-31T09:30:00Z", "2024-01-31T09:31:00Z"]);
    assert_eq!(
        notes,
        ["time stamps are milliseconds since 1970; the first is 2024-01-31T09:30:00Z"]
    );
}

#[test]
fn a_row_that_can_only_be_read_one_way_tells_for_all() {
    let (read, notes) = stamps(&["01/02/2024", "02/02/2024", "13/02/2024"]);
    assert_eq!(read[0], "2024-02-01T00:00:00Z");
    assert_eq!(
        notes,
        ["dates are day-first, as line 4 shows: `13/02/2024`"]
    );
    let (read, notes) = stamps(&["01/02/2024", "01/03/2024", "01/13/2024"]);
    assert_eq!(read[0], "2024-01-02T00:00:00Z");
    assert_eq!(
        notes,
        ["dates are month-first, as line 4 shows: `01/13/2024`"]
    );
}

#[test]
fn rows_that_run_one_way_only_under_one_reading_tell() {
    // Day-first these are the 11th and 12th of January and the first of February.
    let (read, notes) = stamps(&["11/01/2024", "12/01/2024", "01/02/2024"]);
    assert_eq!(read[2], "2024-02-01T00:00:00Z");
    assert_eq!(
        notes,
        [
            "dates are day-first: `11/01/2024`, line 2, is 11 January 2024, because only so do the rows run in one direction"
        ]
    );
    let (read, _) = stamps(&["02/01/2024", "01/12/2024", "01/11/2024"]);
    assert_eq!(read[0], "2024-01-11T00:00:00Z");
    assert_eq!(read[2], "2024-02-01T00:00:00Z");
}

#[test]
fn hours_that_follow_one_another_tell() {
    let hours = |dates: [&str; 3]| -> Vec<String> {
        dates
            .iter()
            .flat_map(|date| (0..24).map(move |hour| format!("{date} {hour:02}:00")))
            .collect()
    };
    let day_first = hours(["01/02/2024", "02/02/2024", "03/02/2024"]);
    let day_first: Vec<&str> = day_first.iter().map(String::as_str).collect();
    let (read, notes) = stamps(&day_first);
    assert_eq!(read[71], "2024-02-03T23:00:00Z");
    assert!(
        notes[0].ends_with("only so do the rows follow one another without holes of weeks"),
        "{notes:?}"
    );
    let month_first = hours(["02/01/2024", "02/02/2024", "02/03/2024"]);
    let month_first: Vec<&str> = month_first.iter().map(String::as_str).collect();
    assert_eq!(stamps(&month_first).0[71], "2024-02-03T23:00:00Z");
}

#[test]
fn dates_that_can_be_read_two_ways_are_refused_with_both() {
    let both = "is 1 February 2024 day-first and 2 January 2024 month-first, and no \
                other row tells which; set `data.date_order` to `day-first` or `month-first`";
    // A row; days or months; the hours of one day.
    let files: [&[&str]; 3] = [
        &["01/02/2024"],
        &["01/02/2024", "02/02/2024", "03/02/2024", "04/02/2024"],
        &["01/02/2024 09:00", "01/02/2024 10:00", "01/02/2024 11:00"],
    ];
    for file in files {
        let message = stamps_with(file, &plain()).unwrap_err();
        assert_eq!(
            message,
            format!("line 2: the time stamp `{}` {both}", file[0])
        );
        for (order, first) in [
            (DateOrder::DayFirst, "2024-02-01T"),
            (DateOrder::MonthFirst, "2024-01-02T"),
        ] {
            let (read, _) = stamps_with(file, &plain().with_date_order(order)).unwrap();
            assert!(read[0].starts_with(first), "{read:?}");
        }
    }
}

#[test]
fn dates_that_contradict_each_other_are_refused_with_both_lines() {
    let rows = ["13/02/2024", "01/02/2024", "02/14/2024"];
    let message = stamps_with(&rows, &plain()).unwrap_err();
    assert_eq!(
        message,
        "line 2: the time stamp `13/02/2024` can only be read day-first, but `02/14/2024` on line 4 only month-first; \
         set `data.date_order` to `day-first` or `month-first`, and correct or drop the rows that do not fit"
    );
    let message = stamps_with(&rows, &plain().with_date_order(DateOrder::MonthFirst)).unwrap_err();
    assert_eq!(
        message,
        "line 2: the time stamp `13/02/2024` is not a date month-first; correct the row (1 of 3 rows cannot be used)"
    );
}

#[test]
fn prices_with_thousands_and_decimal_commas() {
    let cases = [
        // Columns separated by, price as written, what it is, what the note says.
        (
            ',',
            "\"1,234.50\"",
            1234.5,
            Some("prices have thousands separators: `1,234.50`, line 2, is 1234.5"),
        ),
        (
            ',',
            "\"1,234,567\"",
            1_234_567.0,
            Some("prices have thousands separators: `1,234,567`, line 2, is 1234567"),
        ),
        (
            ',',
            "\"12,5\"",
            12.5,
            Some("prices have a decimal comma: `12,5`, line 2, is 12.5"),
        ),
        (
            ';',
            "1234,5",
            1234.5,
            Some("prices have a decimal comma: `1234,5`, line 2, is 1234.5"),
        ),
        (
            ';',
            "1.234,567",
            1234.567,
            Some("prices have a decimal comma: `1.234,567`, line 2, is 1234.567"),
        ),
        ('\t', "1'234.5", 1234.5, None),
        (
            ';',
            "1 234,50",
            1234.5,
            Some("prices have a decimal comma: `1 234,50`, line 2, is 1234.5"),
        ),
        (';', "1\u{202f}234.5", 1234.5, None),
        (';', "1.08455", 1.08455, None),
        (',', "1.084", 1.084, None),
        ('|', "1234", 1234.0, None),
    ];
    for (separator, price, expected, note) in cases {
        let row = [price; 4].join(&separator.to_string());
        let header = ["open", "high", "low", "close"].join(&separator.to_string());
        let (bars, report) = read(format!("{header}\n{row}\n"), &plain()).unwrap();
        assert_eq!(bars.bars(), [flat(expected)], "{price}");
        let found = report.notes.iter().find(|note| note.starts_with("prices"));
        assert_eq!(found.map(String::as_str), note, "{price}");
    }
}

#[test]
fn prices_that_can_be_read_two_ways_are_refused_with_both() {
    let file = |separator: &str, price: &str| {
        let header = ["open", "high", "low", "close"].join(separator);
        let row = [price; 4].join(separator);
        format!("{header}\n{row}\n{row}\n")
    };
    for (content, price, point, comma) in [
        (file(",", "\"1,084\""), "1,084", 1084.0, 1.084),
        (file(";", "1,084"), "1,084", 1084.0, 1.084),
        (file(";", "1.084"), "1.084", 1.084, 1084.0),
    ] {
        assert_eq!(
            read(&content, &plain()).unwrap_err(),
            format!(
                "line 2: the price `{price}` is {point} with a decimal point and {comma} with a decimal comma, and no \
                 other price tells which; set `data.decimal_mark` to `point` or `comma`"
            )
        );
        for (mark, expected) in [(DecimalMark::Point, point), (DecimalMark::Comma, comma)] {
            let (bars, _) = read(&content, &plain().with_decimal_mark(mark)).unwrap();
            assert_eq!(bars.bars()[0], flat(expected));
        }
    }
    // One price tells for all.
    let content = file(";", "1,084") + "1,0845;1,0845;1,0845;1,0845\n";
    assert_eq!(read(content, &plain()).unwrap().0.bars()[0], flat(1.084));
}

#[test]
fn which_column_is_the_close() {
    let cases = [
        (
            "date,open,high,low,last",
            Some("the close is column `last`"),
        ),
        (
            "date,open,high,low,Close/Last",
            Some("the close is column `close/last`"),
        ),
        (
            "Date,Open,High,Low,Adj Close",
            Some("the close is column `adj close`"),
        ),
        ("<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>", None),
        ("Date,Open,High,Low,Close*", None),
        ("date,o,h,l,c", None),
    ];
    for (header, note) in cases {
        let row = "2024-01-31,1,2,1,2".replace(',', if header.contains('\t') { "\t" } else { "," });
        let (bars, report) = read(format!("{header}\n{row}\n"), &plain()).unwrap();
        assert_eq!(bars.bars()[0].close, 2.0);
        let found = report
            .notes
            .iter()
            .find(|note| note.starts_with("the close"));
        assert_eq!(found.map(String::as_str), note, "{header}");
    }
    let content = "Date,Open,High,Low,Close,Adj Close,Last\n2024-01-31,10,12,9,11,8,7\n";
    let (bars, report) = read(content, &plain()).unwrap();
    assert_eq!(bars.bars()[0].close, 11.0);
    assert_eq!(
        report.notes,
        ["the close is column `close`; `last`, `adj close` left aside"]
    );
}

#[test]
fn text_around_the_data_is_passed_over() {
    let content = "\u{feff}sep=;\r\nExported by \"someone, on a Monday\r\n\r\nDate;Open;High;Low;Close;\r\n\
                   2024-01-01;1;1;1;1;\r\n;;;;;\r\n2024-01-02;2;2;2;2;\r\n;;;;;\r\n\r\nTotal;;;;;\r\nSource: an exchange\r\n";
    let (bars, report) = read(content, &plain()).unwrap();
    assert_eq!(bars.bars(), [flat(1.0), flat(2.0)]);
    assert_eq!((report.rows, report.dropped), (2, 0));
    assert_eq!(
        report.notes,
        [
            "passed over 2 lines above the header, which is line 4",
            "columns are separated by semicolons",
            "passed over 2 lines of text at the end, from line 10 on"
        ]
    );
    // A row that was cut off is not text, and neither is text with rows below it.
    let cut = "date,open,high,low,close\n2024-01-01,1,1,1,1\n2024-01-0";
    assert!(
        read(cut, &plain())
            .unwrap_err()
            .starts_with("line 3: the row has 1 column")
    );
    let between = "date,open,high,low,close\n2024-01-01,1,1,1,1\nTotal,,,,\n2024-01-02,1,1,1,1\n";
    assert!(
        read(between, &plain())
            .unwrap_err()
            .starts_with("line 3: the time stamp `Total`")
    );
    // More than a few lines are not a footer.
    let many = format!(
        "date,open,high,low,close\n2024-01-01,1,1,1,1\n{}",
        "Total,,,,\n".repeat(11)
    );
    assert!(
        read(many, &plain())
            .unwrap_err()
            .starts_with("line 3: the time stamp `Total`")
    );
}

/// The first bar as exporters write it: MetaTrader 5, Stooq, Nasdaq, Investing.com, TradingView, CryptoDataDownload,
/// Binance, Yahoo, Polygon, and pandas with an index that has no name. The numbers are made up.
#[test]
fn files_of_many_exporters() {
    let files = [
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n\
         2024.01.31\t00:00:00\t1.5\t3\t1.25\t2\t1520\t0\t4\n",
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n\
         EURUSD,60,20240131,000000,1.5,3,1.25,2,0,0\n",
        "Date,Close/Last,Volume,Open,High,Low\n01/31/2024,$2.00,55467800,$1.50,$3.000,$1.25\n",
        "\"Date\",\"Price\",\"Open\",\"High\",\"Low\",\"Vol.\",\"Change %\"\n\
         \"01/31/2024\",\"2.00\",\"1.50\",\"3.00\",\"1.25\",\"55.46K\",\"-1.94%\"\n",
        "time,open,high,low,close,Volume\n1706659200,1.5,3,1.25,2,1520\n",
        "time,open,high,low,close\n2024-01-30T19:00:00-05:00,1.5,3,1.25,2\n",
        "https://www.example.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n\
         1706659200000,2024-01-31 00:00:00,BTC/USD,1.5,3,1.25,2,1,2\n",
        "open_time,open,high,low,close,volume,close_time,quote_volume,count\n\
         1706659200000,1.5,3,1.25,2,227,1706662799999,9640,83\n",
        "Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-31,1.5,3,1.25,2,1.9,824\n",
        "v,vw,o,c,h,l,t,n\n1,1,1.5,2,3,1.25,1706659200000,3\n",
        ",open,high,low,close\n2024-01-31 00:00:00+00:00,1.5,3,1.25,2\n",
        ",Open,High,Low,Close\n31/01/2024,1.5,3,1.25,2\n",
    ];
    let expected = Bar {
        open: 1.5,
        high: 3.0,
        low: 1.25,
        close: 2.0,
    };
    for file in files {
        let (bars, _) = read(file, &plain()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(bars.bars(), [expected], "{file}");
        assert_eq!(bars.timestamps(), Some(&[1_706_659_200][..]), "{file}");
    }
}

#[test]
fn a_column_without_a_name_that_counts_is_no_time() {
    for file in [
        ",open,high,low,close\n0,1,1,1,1\n1,2,2,2,2\n",
        ",open,high,low,close\n100,1,1,1,1\n101,2,2,2,2\n",
        "open,high,low,close,\n1,1,1,1,\n2,2,2,2,\n",
    ] {
        let (bars, report) = read(file, &plain()).unwrap();
        assert_eq!(bars.timestamps(), None, "{file}");
        assert!(report.notes[0].starts_with("no column with time stamps"));
    }
    // A column that has the name goes before it.
    let (bars, _) = read(
        ",open,high,low,close,time\n2024-01-31,1,1,1,1,2024-02-01\n",
        &plain(),
    )
    .unwrap();
    assert_eq!(bars.timestamps(), Some(&[1_706_745_600][..]));
}

/// As Excel saves Unicode text, and some terminals export.
#[test]
fn utf16_is_told_by_its_first_bytes() {
    let text = "\u{feff}time\topen\thigh\tlow\tclose\tNotiz\r\n2024-01-31\t1\t2\t1\t2\tÄ\r\n";
    let plain_text = read(text, &plain()).unwrap();
    let of =
        |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
    for file in [of(u16::to_le_bytes), of(u16::to_be_bytes)] {
        let (bars, report) = read(file, &plain()).unwrap();
        assert_eq!(bars.bars(), plain_text.0.bars());
        assert_eq!(bars.timestamps(), Some(&[1_706_659_200][..]));
        assert_eq!(report, plain_text.1);
    }
}

#[test]
fn a_currency_before_a_price_is_no_part_of_it() {
    let (bars, _) = read("open,high,low,close\n$1.5,$ 1.5,€1.5,£1.5\n", &plain()).unwrap();
    assert_eq!(bars.bars(), [flat(1.5)]);
    let (bars, _) = read(
        "open;high;low;close\n€1.084,5;€1.084,5;€1.084,5;€1.084,5\n",
        &plain(),
    )
    .unwrap();
    assert_eq!(bars.bars(), [flat(1084.5)]);
    for wrong in ["$", "$$1", "1$", "$x"] {
        let error = read(format!("open,high,low,close\n{wrong},1,1,1\n"), &plain()).unwrap_err();
        assert!(
            error.contains("column `open` is") && error.contains("not a number"),
            "{error}"
        );
    }
}

#[test]
fn copies_are_left_out_and_contradictions_are_not() {
    let day = |day: u32, price: u32| format!("2024-01-0{day},{price},{price},{price},{price}\n");
    // A whole day again, and a bar again under a stamp that is out of order.
    let rows = [
        day(1, 1),
        day(2, 2),
        day(3, 3),
        day(1, 1),
        day(2, 2),
        day(3, 3),
        day(2, 3),
        day(4, 4),
    ];
    let header = "date,open,high,low,close\n";
    let (bars, report) = read(header.to_owned() + &rows.concat(), &plain()).unwrap();
    assert_eq!(bars.bars(), [1.0, 2.0, 3.0, 4.0].map(flat));
    assert_eq!((report.rows, report.copies, report.dropped), (8, 4, 0));
    assert_eq!(
        report.notes,
        [
            "left out 4 rows that repeat another; the first, line 5: it repeats the bar of 2024-01-01T00:00:00Z"
        ]
    );
    let rows = [day(1, 1), day(2, 2), day(3, 3), day(2, 5), day(4, 4)];
    let message = read(header.to_owned() + &rows.concat(), &plain()).unwrap_err();
    assert!(
        message.starts_with("line 5: the time stamp 2024-01-02T00:00:00Z is earlier than"),
        "{message}"
    );
}

#[test]
fn a_file_without_time_stamps_says_so() {
    let (_, report) = read("open,high,low,close\n1,1,1,1\n", &plain()).unwrap();
    assert_eq!(
        report.notes,
        ["no column with time stamps was found, so gaps between bars cannot be seen"]
    );
}

/// By its name or by its first bytes; with the feature, tests/parquet_files.rs reads such files.
#[cfg(not(feature = "parquet"))]
#[test]
fn a_parquet_file_asks_for_the_feature() {
    use equipoise::expansion::run::{DataConfig, ExpansionConfig};
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("bars.Parquet", "?"), ("bars.csv", "PAR1...")] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let config = ExpansionConfig {
            data: DataConfig {
                path: Some(path.clone().into()),
                ..DataConfig::default()
            },
            ..ExpansionConfig::default()
        };
        let message = equipoise::expansion::run::Data::load(&config)
            .unwrap_err()
            .to_string();
        let reason = "a Parquet file; this program reads those if it is built with Cargo's feature `parquet`";
        assert_eq!(message, format!("{}: {reason}", path.display()));
    }
}

/// How the rows of a file may be written.
#[derive(Debug, Clone)]
struct Style {
    separator: char,
    date: &'static str,
    comma: bool,
    thousands: bool,
    decimals: usize,
    newest_first: bool,
    above: usize,
    crlf: bool,
}

fn styles() -> impl Strategy<Value = Style> {
    let dates = prop::sample::select(vec![
        "%Y-%m-%dT%H:%M:%SZ",
        "%d/%m/%Y %H:%M",
        "%m/%d/%Y %H:%M",
        "%d.%m.%Y %I:%M %p",
        "%m-%d-%Y %H:%M:%S",
        "%Y%m%d %H%M%S",
        "%Y%m%d%H%M",
        "%d-%b-%Y %H:%M",
        "%s",
    ]);
    let separators = prop::sample::select(vec![',', ';', '\t', '|']);
    (separators, dates, any::<[bool; 4]>(), 0usize..4, 0usize..3).prop_map(
        |(separator, date, [comma, thousands, newest_first, crlf], decimals, above)| Style {
            separator,
            date,
            comma,
            // Between commas `1.084` is taken for what it looks like.
            thousands: thousands && !(comma && separator == ',' && decimals == 0),
            decimals,
            newest_first,
            above,
            crlf,
        },
    )
}

/// A price with this many decimals, written in a style.
fn written(price: u64, style: &Style) -> String {
    let scale = 10u64.pow(style.decimals as u32);
    let mut whole = (price / scale).to_string();
    let (thousand, decimal) = if style.comma { ('.', ',') } else { (',', '.') };
    if style.thousands {
        for place in (1..whole.len())
            .rev()
            .filter(|at| (whole.len() - at).is_multiple_of(3))
            .collect::<Vec<_>>()
        {
            whole.insert(place, thousand);
        }
    }
    if style.decimals > 0 {
        whole += &format!("{decimal}{:0width$}", price % scale, width = style.decimals);
    }
    if whole.contains(style.separator) {
        format!("\"{whole}\"")
    } else {
        whole
    }
}

fn file(bars: &[(i64, u64)], style: &Style) -> String {
    let end = if style.crlf { "\r\n" } else { "\n" };
    let between = style.separator.to_string();
    let mut rows: Vec<String> = bars
        .iter()
        .map(|(second, price)| {
            let stamp = Timestamp::from_second(*second)
                .unwrap()
                .strftime(style.date)
                .to_string();
            let price = written(*price, style);
            [&stamp, &price, &price, &price, &price]
                .map(String::as_str)
                .join(&between)
        })
        .collect();
    if style.newest_first {
        rows.reverse();
    }
    let mut lines = vec!["Some words".to_owned(); style.above];
    lines.push(["date", "open", "high", "low", "close"].join(&between));
    lines.extend(rows);
    lines.join(end) + end
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The promise of the whole reader: what was written is what is read, or the file is refused because it can be read
    /// two ways, and then the flags make it what was written.
    #[test]
    fn what_is_read_is_what_was_written(
        style in styles(),
        first in 1_000_000_000i64..1_700_000_000,
        step in prop::sample::select(vec![60, 900, 3600, 14_400, 86_400, 604_800]),
        prices in prop::collection::vec(1u64..3_000_000, 1..60),
        skipped in prop::collection::vec(any::<bool>(), 60),
    ) {
        let first = first / 86_400 * 86_400;
        let bars: Vec<(i64, u64)> = prices
            .iter()
            .zip(0..)
            .filter(|(_, index)| *index == 0 || !skipped[*index as usize] || index % 5 > 0)
            .map(|(price, index)| (first + step * index, *price))
            .collect();
        let content = file(&bars, &style);
        let scale = 10f64.powi(style.decimals as i32);
        let expected: Vec<Bar> = bars.iter().map(|(_, price)| flat(*price as f64 / scale)).collect();
        let stamps: Vec<i64> = bars.iter().map(|(second, _)| *second).collect();
        let order = if style.date.starts_with("%m") { DateOrder::MonthFirst } else { DateOrder::DayFirst };
        let mark = if style.comma { DecimalMark::Comma } else { DecimalMark::Point };
        let told = plain().with_date_order(order).with_decimal_mark(mark);
        // A single row, or two, do not say that they run backwards.
        let same = |bars: &Bars| {
            let (mut found, mut at) = (bars.bars().to_vec(), bars.timestamps().unwrap().to_vec());
            if found.len() < 2 { found.sort_by(|a, b| a.open.total_cmp(&b.open)); at.sort(); }
            found.iter().zip(&expected).all(|(a, b)| (a.open - b.open).abs() <= 1e-12 * b.open)
                && found.len() == expected.len() && at == stamps
        };
        match read(&content, &plain()) {
            Ok((bars, _)) => prop_assert!(same(&bars), "{content}"),
            Err(message) => prop_assert!(
                message.contains("`data.date_order`") || message.contains("`data.decimal_mark`") || message.contains("prices are above zero"),
                "{message}\n{content}"
            ),
        }
        if expected.iter().all(|bar| bar.low > 0.0) {
            let (bars, _) = read(&content, &told).unwrap();
            prop_assert!(same(&bars), "{content}");
        }
    }

    /// A file that was cut off gives the bars before the cut, the last of them perhaps with fewer digits.
    #[test]
    fn a_truncated_file_gives_the_bars_before_the_cut(style in styles(), share in 0.0..1.0f64) {
        let bars: Vec<(i64, u64)> = (0..40).map(|i| (1_706_000_400 + 3600 * i, 10_000 + 7 * i as u64)).collect();
        let style = Style { newest_first: false, ..style };
        let content = file(&bars, &style);
        let order = if style.date.starts_with("%m") { DateOrder::MonthFirst } else { DateOrder::DayFirst };
        let mark = if style.comma { DecimalMark::Comma } else { DecimalMark::Point };
        let told = plain().with_date_order(order).with_decimal_mark(mark);
        let (whole, _) = read(&content, &told).unwrap();
        let cut = (content.len() as f64 * share) as usize;
        if let Ok((some, _)) = read(&content.as_bytes()[..cut], &plain()) {
            let sure = some.len() - 1;
            if some.len() > 1 {
                prop_assert_eq!(&some.bars()[..sure], &whole.bars()[..sure]);
                prop_assert_eq!(&some.timestamps().unwrap()[..sure], &whole.timestamps().unwrap()[..sure]);
            }
        }
    }

    #[test]
    fn damaged_bytes_never_panic(
        style in styles(),
        damage in prop::collection::vec((0.0..1.0f64, 0u8..8), 1..20),
    ) {
        let bars: Vec<(i64, u64)> = (0..30).map(|i| (1_706_000_400 + 3600 * i, 10_000 + 7 * i as u64)).collect();
        let mut content = file(&bars, &style).into_bytes();
        for (share, bit) in damage {
            let at = (content.len() as f64 * share) as usize;
            content[at] ^= 1 << bit;
        }
        for options in [plain(), plain().with_skip_bad_rows(true)] {
            if let Ok((bars, report)) = read(&content, &options) {
                prop_assert_eq!(bars.len(), report.rows - report.dropped - report.copies);
                prop_assert!(bars.bars().iter().all(|bar| bar.check().is_ok()));
                if let Some(stamps) = bars.timestamps() {
                    prop_assert!(stamps.is_sorted());
                }
            }
        }
    }
}
