//! What a file does not say can be said: the columns, the form and the zone of the stamps, the instrument. A message
//! that refuses a file shows the setting that reads it.

use equipoise::expansion::bars::{Bar, ColumnMap, CsvOptions, read_instruments};

use super::exporters::{bars, read, stream};

fn plain() -> CsvOptions {
    CsvOptions::default()
}

fn map(text: &str) -> CsvOptions {
    plain().with_columns(ColumnMap::parse(text).unwrap())
}

/// Returns the texts between backquotes of a message that are maps of columns.
pub fn maps(message: &str) -> Vec<String> {
    let quoted = message.split('`').skip(1).step_by(2);
    quoted
        .filter(|text| text.contains('='))
        .map(str::to_owned)
        .collect()
}

/// A file with the prices of `bars` in the columns o, h, l, c of a row, which `row` writes.
fn file(header: &str, bars: &[Bar], row: impl Fn(usize, &Bar) -> String) -> String {
    let rows = bars.iter().enumerate();
    let rows: String = rows.map(|(index, bar)| row(index, bar) + "\n").collect();
    format!("{header}\n{rows}")
}

fn day(index: usize) -> String {
    let date = jiff::civil::date(2024, 1, 2);
    (date + jiff::Span::new().days(index as i64)).to_string()
}

#[test]
fn a_map_is_read_and_written() {
    let text = "open=bidopen,high=bidhigh,low=bidlow,close=bidclose,date=d,time=t";
    let map = ColumnMap::parse(text).unwrap();
    assert_eq!(map.to_string(), text);
    let json = serde_json::to_string(&map).unwrap();
    assert_eq!(serde_json::from_str::<ColumnMap>(&json).unwrap(), map);
    let quoted = serde_json::to_string(text).unwrap();
    assert_eq!(serde_json::from_str::<ColumnMap>(&quoted).unwrap(), map);
    // A name with a comma, and one with the sign between key and name.
    let map = ColumnMap::parse("time=Date, local,instrument=a=b").unwrap();
    assert_eq!(map.time.as_deref(), Some("Date, local"));
    assert_eq!(map.instrument.as_deref(), Some("a=b"));
    for (wrong, expected) in [
        ("open=a", "all of open, high, low and close"),
        ("when=a", "where KEY is one of open, high"),
        ("time", "where KEY is one of open, high"),
        ("time=a,time=b", "`time` once"),
        ("", "where KEY is one of"),
    ] {
        let error = ColumnMap::parse(wrong).unwrap_err().to_string();
        assert!(
            error.contains("`data.columns`") && error.contains(expected),
            "{error}"
        );
    }
    assert!(serde_json::from_str::<ColumnMap>(r#"{"when": "a"}"#).is_err());
    assert!(serde_json::from_str::<ColumnMap>(r#"{"open": "a"}"#).is_err());
}

#[test]
fn two_sets_of_prices_are_refused_with_the_maps_that_choose() {
    let bars = bars(40);
    let header = "date,bidopen,bidclose,bidhigh,bidlow,askopen,askclose,askhigh,asklow,tickqty";
    let text = file(header, &bars, |index, b| {
        let ask = |price: f64| price + 1.0;
        format!(
            "{},{},{},{},{},{},{},{},{},7",
            day(index),
            b.open,
            b.close,
            b.high,
            b.low,
            ask(b.open),
            ask(b.close),
            ask(b.high),
            ask(b.low)
        )
    });
    for message in [
        read(&text, &plain()).unwrap_err(),
        stream(&text, &plain()).unwrap_err(),
    ] {
        assert!(message.contains("2 sets of prices"), "{message}");
        let maps = maps(&message);
        assert_eq!(maps.len(), 2, "{message}");
        for (chosen, more) in maps.iter().zip([0.0, 1.0]) {
            let (found, _) = read(&text, &map(chosen)).unwrap();
            assert_eq!(found.bars()[3].open, bars[3].open + more);
            // The time is found beside the prices that were named.
            assert_eq!(found.timestamps().unwrap()[0], 1_704_153_600);
            assert_eq!(stream(&text, &map(chosen)).unwrap().len(), 40);
        }
    }
}

#[test]
fn names_in_no_language_are_suggested_from_the_values() {
    let bars = bars(40);
    let text = file("d;anfang;oben;unten;ende;m", &bars, |index, b| {
        format!(
            "{};{};{};{};{};7",
            day(index),
            b.open,
            b.high,
            b.low,
            b.close
        )
    });
    let message = read(&text, &plain()).unwrap_err();
    assert_eq!(
        maps(&message),
        ["open=anfang,high=oben,low=unten,close=ende"],
        "{message}"
    );
    let (found, _) = read(&text, &map(&maps(&message)[0])).unwrap();
    assert_eq!(found.bars(), bars);
    assert_eq!(found.timestamps().unwrap().len(), 40);
    assert_eq!(stream(&text, &map(&maps(&message)[0])).unwrap().len(), 40);
}

#[test]
fn columns_have_numbers_too() {
    let bars = bars(40);
    let row = |index: usize, b: &Bar| {
        format!(
            "x,{},{},{},{},{}",
            b.close,
            b.low,
            b.high,
            b.open,
            day(index)
        )
    };
    let text = "time=#6,open=#5,high=#4,low=#3,close=#2";
    for header in ["a,b,c,d,e,f\n", ""] {
        let rows: String = bars
            .iter()
            .enumerate()
            .map(|(i, b)| row(i, b) + "\n")
            .collect();
        let content = format!("{header}{rows}");
        let (found, _) = read(&content, &map(text)).unwrap();
        assert_eq!(found.bars(), bars);
        assert_eq!(found.timestamps().unwrap()[1], 1_704_153_600 + 86_400);
        assert_eq!(stream(&content, &map(text)).unwrap().len(), 40);
    }
    let error = read("1,2,3,4\n", &map("time=#9,open=#1,high=#2,low=#3,close=#4")).unwrap_err();
    assert!(error.contains("there are 4 columns"), "{error}");
}

#[test]
fn a_column_of_the_map_that_is_not_there_is_named() {
    let text = "begin,open,high,low,close\n2024-01-02,1,2,1,2\n2024-01-03,1,2,1,2\n";
    for (chosen, missing) in [
        ("time=end", "`end`"),
        ("time=begin,open=o,high=high,low=low,close=close", "`o`"),
        ("instrument=ticker", "`ticker`"),
    ] {
        let error = read(text, &map(chosen)).unwrap_err();
        let expected =
            format!("no column {missing} of `data.columns`; it has `begin,open,high,low,close`");
        assert!(
            error.starts_with("FILE, line 1") && error.contains(&expected),
            "{error}"
        );
        // Settings of another file are left aside, which is said.
        let other = map(chosen).with_of_another_file(true);
        let (found, report) = read(text, &other).unwrap();
        assert_eq!(found.len(), 2);
        assert!(
            report
                .notes
                .iter()
                .any(|note| note.contains("does not have the columns")),
            "{report:?}"
        );
        assert_eq!(stream(text, &other).unwrap().len(), 2);
    }
    // An empty name: the file has no time. The order of the rows is then that of the file.
    let (found, _) = read(text, &map("time=")).unwrap();
    assert_eq!(found.timestamps(), None);
}

#[test]
fn a_date_and_a_time_of_day_of_any_name() {
    let text = "tag,uhr2,open,high,low,close\n02.01.2024,9h30,1,2,1,2\n02.01.2024,9h31,1,2,1,2\n";
    let options = map("date=tag,time=uhr2").with_time_format("%d.%m.%Y %Hh%M".to_owned());
    let (found, _) = read(text, &options).unwrap();
    assert_eq!(
        found.timestamps(),
        Some(&[1_704_187_800, 1_704_187_860][..])
    );
    assert_eq!(stream(text, &options).unwrap()[1].1, Some(1_704_187_860));
}

#[test]
fn the_form_of_stamps_is_set() {
    let stamped = |first: &str, second: &str| {
        format!("time;open;high;low;close\n{first};1;2;1;2\n{second};1;2;1;2\n")
    };
    let cases = [
        ("%d.%m.%Y %Hh%M", "02.01.2024 09h30", "02.01.2024 09h31"),
        ("%y%m%d%H%M", "2401020930", "2401020931"),
        ("seconds", "1704187800", "1704187860"),
        ("milliseconds", "1704187800000", "1704187860000"),
        ("%s", "1704187800", "1704187860"),
        (
            "%Y-%m-%dT%H:%M%:z",
            "2024-01-02T10:30+01:00",
            "2024-01-02T10:31+01:00",
        ),
    ];
    for (format, first, second) in cases {
        let options = plain().with_time_format(format.to_owned());
        let text = stamped(first, second);
        let (found, _) = read(&text, &options).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(
            found.timestamps(),
            Some(&[1_704_187_800, 1_704_187_860][..]),
            "{format}"
        );
        assert_eq!(stream(&text, &options).unwrap()[0].1, Some(1_704_187_800));
        // Newest first.
        let (found, _) = read(&stamped(second, first), &options).unwrap();
        assert_eq!(
            found.timestamps(),
            Some(&[1_704_187_800, 1_704_187_860][..]),
            "{format}"
        );
        let error = read(&stamped("x", "y"), &options).unwrap_err();
        assert!(error.contains("`data.time_format`"), "{error}");
    }
    let other = plain()
        .with_time_format("%d/%m/%Y".to_owned())
        .with_of_another_file(true);
    let (found, report) = read(&stamped("2024-01-02", "2024-01-03"), &other).unwrap();
    assert_eq!(found.len(), 2);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("no time stamp fits")),
        "{report:?}"
    );
    for wrong in ["dd.mm.yyyy", "", "%Ö", "%"] {
        let error = read(
            &stamped("1", "2"),
            &plain().with_time_format(wrong.to_owned()),
        )
        .unwrap_err();
        assert!(
            error.contains("`data.time_format` is") && error.contains("%d.%m.%Y"),
            "{error}"
        );
    }
}

#[test]
fn the_zone_of_stamps_is_set() {
    let text = "time,open,high,low,close\n2024-01-02 09:30,1,2,1,2\n2024-07-02 09:30,1,2,1,2\n";
    for (zone, first, second) in [
        ("America/New_York", "14:30", "13:30"),
        ("+01:00", "08:30", "08:30"),
        ("UTC+1", "08:30", "08:30"),
        ("UTC", "09:30", "09:30"),
    ] {
        let options = plain().with_time_zone(zone.to_owned());
        let (found, _) = read(text, &options).unwrap();
        let stamps = found.timestamps().unwrap();
        let clock = |second: i64| second / 60 % 1440;
        let minutes = |text: &str| {
            let (hour, minute) = text.split_once(':').unwrap();
            hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap()
        };
        assert_eq!(
            [clock(stamps[0]), clock(stamps[1])],
            [minutes(first), minutes(second)],
            "{zone}"
        );
        assert_eq!(stream(text, &options).unwrap()[0].1, Some(stamps[0]));
    }
    // An offset or a count goes before the setting.
    let options = plain().with_time_zone("America/New_York".to_owned());
    let text = "time,open,high,low,close\n2024-01-02T09:30Z,1,2,1,2\n";
    assert_eq!(
        read(text, &options).unwrap().0.timestamps(),
        Some(&[1_704_187_800][..])
    );
    for wrong in ["EST", "New York", "Mars/Olympus", "+25:00", ""] {
        let error = read(text, &plain().with_time_zone(wrong.to_owned())).unwrap_err();
        assert!(
            error.contains("`data.time_zone` is") && error.contains("America/New_York"),
            "{error}"
        );
    }
}

#[test]
fn zones_are_read_and_abbreviations_need_the_setting() {
    let file = |zone: &str| {
        format!(
            "date,open,high,low,close\n20240102 09:30:00 {zone},1,2,1,2\n20240702 09:30:00 {zone},1,2,1,2\n"
        )
    };
    for zone in ["US/Eastern", "America/New_York"] {
        let (found, _) = read(&file(zone), &plain()).unwrap();
        assert_eq!(
            found.timestamps(),
            Some(&[1_704_205_800, 1_719_927_000][..])
        );
    }
    let error = read(&file("US/Atlantis"), &plain()).unwrap_err();
    assert!(
        error.contains("`US/Atlantis` is no zone of the tz database"),
        "{error}"
    );
    let winter =
        "date,open,high,low,close\n2024-01-02 09:30 EST,1,2,1,2\n2024-01-02 09:31 EST,1,2,1,2\n";
    for error in [
        read(winter, &plain()).unwrap_err(),
        stream(winter, &plain()).unwrap_err(),
    ] {
        assert!(
            error.contains("`EST` is an abbreviation") && error.contains("`America/New_York`"),
            "{error}"
        );
        assert!(!error.contains("skip_bad_rows"), "{error}");
    }
    let options = plain().with_time_zone("America/New_York".to_owned());
    assert_eq!(
        read(winter, &options).unwrap().0.timestamps().unwrap()[0],
        1_704_205_800
    );
    // The abbreviation tells the two hours of a change of the clocks apart.
    let autumn =
        "date,open,high,low,close\n2024-11-03 01:30 EDT,1,2,1,2\n2024-11-03 01:30 EST,1,2,1,2\n";
    let (found, _) = read(autumn, &options).unwrap();
    let stamps = found.timestamps().unwrap();
    assert_eq!(stamps[1] - stamps[0], 3600);
    // An abbreviation that the zone does not use then is no time of it.
    let error = read(&winter.replace("EST", "EDT"), &options).unwrap_err();
    assert!(error.contains("`EDT`"), "{error}");
}

#[test]
fn columns_that_could_each_be_the_time_are_refused_with_both() {
    let bars = bars(12);
    let text = file("day1,day2,open,high,low,close", &bars, |index, b| {
        format!(
            "{},{},{},{},{},{}",
            day(index),
            day(index + 30),
            b.open,
            b.high,
            b.low,
            b.close
        )
    });
    for error in [
        read(&text, &plain()).unwrap_err(),
        stream(&text, &plain()).unwrap_err(),
    ] {
        assert_eq!(maps(&error), ["time=day1", "time=day2"], "{error}");
    }
    let (found, _) = read(&text, &map("time=day1")).unwrap();
    assert_eq!(found.timestamps().unwrap()[0], 1_704_153_600);
}

#[test]
fn instruments_are_chosen_by_name() {
    let bars = bars(24);
    let row = |name: &str, index: usize, b: &Bar| {
        format!(
            "{name},{},{},{},{},{}\n",
            day(index),
            b.open,
            b.high,
            b.low,
            b.close
        )
    };
    let (a, b) = bars.split_at(12);
    let rows = |name: &str, bars: &[Bar]| -> Vec<String> {
        bars.iter()
            .enumerate()
            .map(|(i, bar)| row(name, i, bar))
            .collect()
    };
    let stacked = rows("A", a).concat() + &rows("B", b).concat();
    let turns: String = rows("A", a)
        .into_iter()
        .zip(rows("B", b))
        .map(|(a, b)| a + &b)
        .collect();
    let backwards: String = {
        let reverse =
            |name: &str, bars: &[Bar]| -> String { rows(name, bars).into_iter().rev().collect() };
        reverse("A", a) + &reverse("B", b)
    };
    // A known name, and a column of text that only the rows show to be one.
    for header in ["Symbol", "kennung"] {
        for content in [&stacked, &turns, &backwards] {
            let text = format!("{header},date,open,high,low,close\n{content}");
            for skip in [false, true] {
                let error = read(&text, &plain().with_skip_bad_rows(skip)).unwrap_err();
                let expected = format!("column `{header}` has 2 values (`A`, `B`)");
                assert!(
                    error.contains(&expected) && error.contains("`data.instrument`"),
                    "{error}"
                );
            }
            for (name, expected) in [("A", a), ("b", b)] {
                let options = plain().with_instrument(name.to_owned());
                let (found, report) = read(&text, &options).unwrap();
                assert_eq!(found.bars(), expected, "{header} {name}");
                assert!(
                    report
                        .notes
                        .iter()
                        .any(|note| note.contains("read the 12 rows")),
                    "{report:?}"
                );
            }
            let error = read(&text, &plain().with_instrument("C".to_owned())).unwrap_err();
            assert!(
                error.contains("has no `C`") && error.contains("`A`, `B`"),
                "{error}"
            );
            if content != &backwards {
                let error = stream(&text, &plain()).unwrap_err();
                assert!(error.contains("`data.instrument`"), "{error}");
                let found = stream(&text, &plain().with_instrument("B".to_owned())).unwrap();
                assert_eq!(found.len(), 12);
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("both.csv");
            std::fs::write(&path, &text).unwrap();
            let (all, _) = read_instruments(&path, &plain()).unwrap();
            let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
            assert_eq!(names, ["A", "B"], "{header}");
            assert_eq!((all[0].bars.bars(), all[1].bars.bars()), (a, b), "{header}");
        }
    }
}

#[test]
fn instruments_side_by_side_are_chosen_by_name() {
    let bars = bars(10);
    let cells = |b: &Bar, more: f64| {
        [b.close, b.high, b.low, b.open].map(|price| (price + more).to_string())
    };
    let row = |index: usize, b: &Bar| {
        let (one, other) = (cells(b, 0.0), cells(b, 500.0));
        let pairs: Vec<String> = one
            .iter()
            .zip(&other)
            .map(|(a, b)| format!("{a},{b}"))
            .collect();
        format!("{},{}", day(index), pairs.join(","))
    };
    let below = "Price,Close,Close,High,High,Low,Low,Open,Open\nTicker,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT\nDate,,,,,,,,";
    let above = "Ticker,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT,AAPL,MSFT\nPrice,Close,Close,High,High,Low,Low,Open,Open\nDate,,,,,,,,";
    for header in [below, above] {
        let text = file(header, &bars, row);
        for error in [
            read(&text, &plain()).unwrap_err(),
            stream(&text, &plain()).unwrap_err(),
        ] {
            assert!(
                error.contains("2 instruments side by side, `AAPL`, `MSFT`"),
                "{error}"
            );
            assert!(error.contains("`data.instrument`"), "{error}");
        }
        let options = plain().with_instrument("MSFT".to_owned());
        let (found, _) = read(&text, &options).unwrap();
        assert_eq!(found.bars()[2].open, bars[2].open + 500.0);
        assert_eq!(found.timestamps().unwrap()[0], 1_704_153_600);
        assert_eq!(stream(&text, &options).unwrap().len(), 10);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("both.csv");
        std::fs::write(&path, &text).unwrap();
        let (all, _) = read_instruments(&path, &plain()).unwrap();
        assert_eq!(all[0].bars.bars(), bars);
        assert_eq!((all.len(), all[1].name.as_str()), (2, "MSFT"));
    }
}

#[test]
fn a_bad_stamp_among_good_ones_is_not_the_fault_of_the_form() {
    let rows: String = (0..40).map(|i| format!("{},1,2,1,2\n", day(i))).collect();
    let text = format!(
        "date,open,high,low,close\n{rows}someday,1,2,1,2\n{},1,2,1,2\n",
        day(50)
    );
    let error = read(&text, &plain()).unwrap_err();
    assert!(
        error.starts_with("FILE, line 42: the time stamp `someday` cannot be read"),
        "{error}"
    );
    assert!(
        error.ends_with("`data.skip_bad_rows` (1 of 42 rows)"),
        "{error}"
    );
}

#[test]
fn dust_is_mended_and_counted_and_more_is_not() {
    let row = |i: usize, high: &str| format!("{},10,{high},9,10\n", day(i));
    let text = |high: &str| format!("date,open,high,low,close\n{}{}", row(0, "11"), row(1, high));
    let (found, report) = read(&text("9.999999999999"), &plain()).unwrap();
    assert_eq!((found.bars()[1].high, report.mended), (10.0, 1));
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("rounding error")),
        "{report:?}"
    );
    assert_eq!(
        stream(&text("9.999999999999"), &plain()).unwrap()[1].0.high,
        10.0
    );
    for high in ["9.9999", "9.99999998"] {
        let error = read(&text(high), &plain()).unwrap_err();
        assert!(
            error.contains("column `high` is") && error.contains("below `open`"),
            "{error}"
        );
    }
}

#[test]
fn units_change_where_the_rows_run_on() {
    let file = |stamps: &[&str]| {
        let rows: String = stamps
            .iter()
            .map(|stamp| format!("{stamp},1,2,1,2\n"))
            .collect();
        format!("open_time,open,high,low,close\n{rows}")
    };
    let text = file(&[
        "1735689480000",
        "1735689540000",
        "1735689600000000",
        "1735689660000000",
    ]);
    let (found, report) = read(&text, &plain()).unwrap();
    assert_eq!(
        found.timestamps(),
        Some(&[1_735_689_480, 1_735_689_540, 1_735_689_600, 1_735_689_660][..])
    );
    assert!(
        report.notes[0].contains("milliseconds since 1970, from line 4 on microseconds"),
        "{report:?}"
    );
    assert_eq!(stream(&text, &plain()).unwrap().len(), 4);
    // One zero too many is no change of the unit.
    let text = file(&[
        "1735689480000",
        "17356895400000000",
        "1735689600000",
        "1735689660000",
    ]);
    let error = read(&text, &plain()).unwrap_err();
    assert!(
        error.contains("line 3") && error.contains("not written like the rest"),
        "{error}"
    );
}

#[test]
fn two_digit_years_need_an_order_that_the_rows_show() {
    let file = |dates: &[&str]| {
        let rows: String = dates
            .iter()
            .map(|date| format!("{date},1,2,1,2\n"))
            .collect();
        format!("date,open,high,low,close\n{rows}")
    };
    let first = |dates: &[&str]| {
        let (bars, report) = read(&file(dates), &plain()).unwrap();
        let first = bars.timestamps().unwrap()[0];
        (
            jiff::Timestamp::from_second(first).unwrap().to_string(),
            report.notes,
        )
    };
    // Only month-first do these run one way.
    let (time, notes) = first(&["02/05/22", "02/06/22", "03/01/22", "12/01/22", "01/02/23"]);
    assert_eq!(time, "2022-02-05T00:00:00Z");
    assert!(
        notes[0].contains("month-first, with two digits for the year"),
        "{notes:?}"
    );
    assert_eq!(
        first(&["30/12/22", "31/12/22", "01/01/23"]).0,
        "2022-12-30T00:00:00Z"
    );
    assert_eq!(
        first(&["22-12-30", "22-12-31", "23-01-01"]).0,
        "2022-12-30T00:00:00Z"
    );
    assert_eq!(first(&["31-Dec-99", "01-Jan-00"]).0, "1999-12-31T00:00:00Z");
    let error = read(&file(&["01/02/22", "02/02/22"]), &plain()).unwrap_err();
    for reading in [
        "1 February 2022 day-first",
        "2 January 2022 month-first",
        "22 February 2001 year-first",
        "`data.date_order`",
    ] {
        assert!(error.contains(reading), "{error}");
    }
}

#[test]
fn lines_that_are_no_rows_are_passed_over_and_said() {
    let text = "date,open,high,low,close\n2024-01-02,1,2,1,2\nDate,Open,High,Low,Close\n2024-01-03,1,2,1,2\n9584\n";
    let (found, report) = read(text, &plain()).unwrap();
    assert_eq!((found.len(), report.rows), (2, 2));
    assert_eq!(
        report.notes,
        [
            "passed over 1 line that repeats the header, from line 3 on",
            "passed over 1 line of text at the end, from line 5 on"
        ]
    );
    assert_eq!(stream(text, &plain()).unwrap().len(), 2);
    // A count of seconds that was cut off is no footer.
    let cut = "time,open,high,low,close\n1704153600,1,2,1,2\n17041";
    assert!(read(cut, &plain()).unwrap_err().contains("line 3"));
}

/// Hours without minutes are told from minutes after midnight by their number: 24 of them, day after day. A stream, which
/// has one row, refuses them.
#[test]
fn an_hour_is_not_minutes() {
    let bars = bars(60);
    let row = |index: usize, b: &Bar| {
        let (day, hour) = (day(index / 24), index % 24);
        format!("{day},{hour},{},{},{},{}", b.open, b.high, b.low, b.close)
    };
    let text = file("date,hour,open,high,low,close", &bars, row);
    for options in [plain(), map("date=date,time=hour")] {
        let (found, _) = read(&text, &options).unwrap();
        let hours: Vec<i64> = (0..60).map(|hour| 1_704_153_600 + 3600 * hour).collect();
        assert_eq!(found.timestamps().unwrap(), hours);
        assert!(stream(&text, &options).is_err());
    }
}

#[test]
fn lines_are_counted_from_one_without_a_header() {
    let bars = bars(12);
    let row = |index: usize, b: &Bar| {
        let close = if index == 7 {
            "abc".into()
        } else {
            b.close.to_string()
        };
        format!("{},{},{},{},{close}", day(index), b.open, b.high, b.low)
    };
    let text = file("", &bars, row);
    let map = map("time=#1,open=#2,high=#3,low=#4,close=#5");
    let error = read(text.trim_start(), &map).unwrap_err();
    assert!(error.contains("line 8"), "{error}");
}
