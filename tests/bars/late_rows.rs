//! What the first rows of a stream or a few prices of a file do not show is never guessed: later rows that contradict
//! are refused.

use equipoise::expansion::bars::{Bar, ColumnMap, CsvOptions, DecimalMark};

use super::exporters::{bars, read, stream};

fn plain() -> CsvOptions {
    CsvOptions::default()
}

fn prices(bar: &Bar) -> String {
    format!("{},{},{},{}", bar.open, bar.high, bar.low, bar.close)
}

fn stamped(stamps: impl Iterator<Item = String>) -> String {
    let bars = bars(100);
    let row = |(stamp, bar): (String, &Bar)| format!("{stamp},{}\n", prices(bar));
    stamps.zip(&bars).map(row).collect()
}

/// Hours, minutes and seconds in digits, whose zeros in front are cut.
#[test]
fn seconds_in_times_of_day_are_seen() {
    let rows = |minutes: std::ops::Range<usize>| {
        let stamp =
            |minute: usize| format!("2024-01-02,{}", minute / 60 * 10_000 + minute % 60 * 100);
        format!(
            "date,time,open,high,low,close\n{}",
            stamped(minutes.map(stamp))
        )
    };
    let text = rows(570..600);
    let (found, _) = read(&text, &plain()).unwrap();
    let lines: Vec<i64> = stream(&text, &plain())
        .unwrap()
        .iter()
        .map(|(_, t)| t.unwrap())
        .collect();
    assert_eq!(lines, found.timestamps().unwrap());
    assert_eq!(lines[0], 1_704_153_600 + 570 * 60);
    // After midnight they look like hours, until a row has seconds.
    let text = rows(0..70);
    let (found, _) = read(&text, &plain()).unwrap();
    assert_eq!(found.timestamps().unwrap()[1], 1_704_153_600 + 60);
    let error = stream(&text, &plain()).unwrap_err();
    assert!(error.contains("has seconds"), "{error}");
}

#[test]
fn a_time_that_the_first_row_does_not_show_is_not_passed_over() {
    for (header, first, hint) in [
        ("when", "", "`time=when`"),
        ("time", "", "the time stamp `` cannot be read"),
        ("date,uhr", "2024-01-02,", "`date=date,time=uhr`"),
    ] {
        let stamps = (0..30).map(|minute| match (minute, header) {
            (0, _) => first.to_owned(),
            (_, "date,uhr") => format!("2024-01-02,00:{minute:02}"),
            _ => format!("2024-01-02 00:{minute:02}"),
        });
        let text = format!("{header},open,high,low,close\n{}", stamped(stamps));
        let error = stream(&text, &plain()).unwrap_err();
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn thirty_seconds_are_no_thousands() {
    let file = |prices: &[&str]| {
        let rows: String = prices
            .iter()
            .map(|price| format!("{price},{price},{price},{price}\n"))
            .collect();
        format!("open,high,low,close\n{rows}")
    };
    let text = file(&["110'100", "110'165", "110'310"]);
    for error in [
        read(&text, &plain()).unwrap_err(),
        stream(&text, &plain()).unwrap_err(),
    ] {
        let expected =
            "the price `110'100` is 110100 with thousands separators and 110.3125 in 32nds";
        assert!(
            error.contains(expected) && error.contains("`data.decimal_mark`"),
            "{error}"
        );
    }
    let given = plain().with_decimal_mark(DecimalMark::Point);
    assert_eq!(read(&text, &given).unwrap().0.bars()[0].open, 110_100.0);
    // A price that cannot be in 32nds tells.
    let text = file(&["38'100", "38'481", "38'525"]);
    assert_eq!(read(&text, &plain()).unwrap().0.bars()[0].open, 38_100.0);
}

#[test]
fn a_few_prices_do_not_decide_the_mark_of_all() {
    let file = |prices: &[&str]| {
        let rows: String = prices
            .iter()
            .map(|price| format!("{price};{price};{price};{price}\n"))
            .collect();
        format!("open;high;low;close\n{rows}")
    };
    let mut fx = vec!["1.084"; 40];
    fx[20] = "1,0845";
    let mut thousands = vec!["1,084"; 40];
    thousands[20] = "1084.5";
    for text in [file(&fx), file(&thousands)] {
        let error = read(&text, &plain()).unwrap_err();
        assert!(
            error.contains("`data.decimal_mark`") && error.contains("line 2"),
            "{error}"
        );
    }
}

/// A file shows the time of counts under any name by their steps; a single row does not.
#[test]
fn a_time_that_only_steps_show_ends_a_stream() {
    let text = |rows: usize, step: fn(usize) -> usize| {
        let rows = (0..rows).map(|row| format!("{},1,2,0.5,1.5\n", 1_704_160_800 + step(row)));
        format!(
            "beginning,open,high,low,close\n{}",
            rows.collect::<String>()
        )
    };
    let expected = "the rows so far show a time that the first row did not, so the bars before were read without a time; name \
                    it with `data.columns`: `time=beginning`, or, if it is no time, say so: `time=`";
    let regular: fn(usize) -> usize = |row| 60 * row;
    // A file needs eight counts to know.
    for rows in [8, 20, 60] {
        let text = text(rows, regular);
        let (file, _) = read(&text, &CsvOptions::default()).unwrap();
        assert_eq!(file.timestamps().unwrap()[1], 1_704_160_860);
        let error = stream(&text, &CsvOptions::default()).unwrap_err();
        // The last row, or the first of those that were counted.
        let line = rows.min(20) + 1;
        assert_eq!(error, format!("FILE, line {line}: {expected}"));
        let map = |map: &str| CsvOptions::default().with_columns(ColumnMap::parse(map).unwrap());
        let named = stream(&text, &map("time=beginning")).unwrap();
        assert_eq!(named[1].1, Some(1_704_160_860));
        assert_eq!(stream(&text, &map("time=")).unwrap().len(), rows);
    }
    // Of two columns of counts a file does not know which is the time, nor does a stream.
    let two = text(60, regular).replace(",1,2,0.5,1.5", ",1,2,0.5,1.5,");
    let (mut lines, mut row) = (String::new(), 0);
    for line in two.lines() {
        let more = if row == 0 {
            "another".into()
        } else {
            (1_704_000_000 + 60 * row).to_string()
        };
        lines += &format!(
            "{}{more}\n",
            if row == 0 {
                format!("{line},")
            } else {
                line.to_owned()
            }
        );
        row += 1;
    }
    let file = read(&lines, &CsvOptions::default()).unwrap_err();
    let error = stream(&lines, &CsvOptions::default()).unwrap_err();
    assert!(
        file.contains("`another`") && error.contains("`another`"),
        "{file}; {error}"
    );
    // Counts without an order are no time, in a file neither.
    let scattered = text(60, |row| 7919 * (row % 7));
    let (file, _) = read(&scattered, &CsvOptions::default()).unwrap();
    assert_eq!(file.timestamps(), None);
    assert_eq!(
        stream(&scattered, &CsvOptions::default()).unwrap().len(),
        60
    );
}
