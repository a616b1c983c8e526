//! Rows of several instruments are never one series, whatever the name of the column that tells them apart; and a column
//! of text beside one series is no instrument.

use equipoise::expansion::bars::{Bar, ColumnMap, CsvOptions, read_instruments};

use super::exporters::{bars, read, stream};

fn plain() -> CsvOptions {
    CsvOptions::default()
}

fn prices(bar: &Bar, factor: f64) -> String {
    let all = [bar.open, bar.high, bar.low, bar.close];
    let all = all.map(|price| format!("{:.4}", price * factor));
    all.join(",")
}

/// A minute after the first, without an offset.
fn minute(index: usize) -> String {
    format!("2024-01-02 {:02}:{:02}", index / 60, index % 60)
}

/// Rows of two instruments in turn, `count` of each, with their factors of the price.
fn in_turn(count: usize, factors: [f64; 2], timed: bool) -> String {
    let all = bars(2 * count);
    let (a, b) = all.split_at(count);
    let rows = a.iter().zip(b).enumerate().map(|(index, (a, b))| {
        let time = |more: usize| {
            if timed {
                minute(2 * index + more) + ","
            } else {
                String::new()
            }
        };
        format!(
            "{}{},x1\n{}{},x2\n",
            time(0),
            prices(a, factors[0]),
            time(1),
            prices(b, factors[1])
        )
    });
    let header = if timed { "time," } else { "" };
    format!(
        "{header}open,high,low,close,papier\n{}",
        rows.collect::<String>()
    )
}

#[test]
fn prices_show_several_instruments() {
    let turns = in_turn(12, [1.0, 1.5], true);
    let timeless = in_turn(12, [1.0, 1.5], false);
    let blocks = {
        let all = bars(60);
        let rows = all.iter().enumerate().map(|(index, bar)| {
            let place = index / 20;
            format!("{},y{place}\n", prices(bar, [1.0, 3.0, 0.2][place]))
        });
        format!("open,high,low,close,papier\n{}", rows.collect::<String>())
    };
    for (text, count) in [(&turns, 2), (&timeless, 2), (&blocks, 3)] {
        for skip in [false, true] {
            let error = read(text, &plain().with_skip_bad_rows(skip)).unwrap_err();
            let expected = format!("column `papier` has {count} values (");
            assert!(error.contains(&expected), "{error}");
            assert!(error.contains("`data.instrument`"), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("both.csv");
        std::fs::write(&path, text).unwrap();
        let (all, report) = read_instruments(&path, &plain()).unwrap();
        assert_eq!(all.len(), count);
        assert!(
            report
                .notes
                .iter()
                .any(|note| note.contains("column `papier` names the instruments")),
            "{:?}",
            report.notes
        );
        let none = ColumnMap::parse("instrument=").unwrap();
        let (found, _) = read(text, &plain().with_columns(none.clone())).unwrap();
        assert_eq!(found.len(), text.lines().count() - 1);
        assert_eq!(
            stream(text, &plain().with_columns(none)).unwrap().len(),
            found.len()
        );
    }
    for text in [turns, timeless] {
        let error = stream(&text, &plain()).unwrap_err();
        assert!(
            error.contains("column `papier`") && error.contains("`data.instrument`"),
            "{error}"
        );
        let chosen = plain().with_instrument("x2".to_owned());
        assert_eq!(read(&text, &chosen).unwrap().0.len(), 12);
        assert_eq!(stream(&text, &chosen).unwrap().len(), 12);
    }
}

#[test]
fn columns_of_text_beside_one_series_are_no_instruments() {
    let all = bars(80);
    let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri"];
    let texts: [&dyn Fn(usize) -> String; 5] = [
        &|index| weekdays[index % 5].into(),
        &|index| if index % 24 < 9 { "night" } else { "day" }.into(),
        &|index| if index % 10 == 9 { "note" } else { "" }.into(),
        &|index| if index < 40 { "no" } else { "yes" }.into(),
        &|index| format!("row {index}"),
    ];
    for (kind, text) in texts.iter().enumerate() {
        for timed in [true, false] {
            // A split of the share, and nights over which the price changes.
            let factor = |index: usize| {
                let split = if timed && index >= 40 { 0.25 } else { 1.0 };
                split * (1.0 + 0.03 * (index / 24) as f64)
            };
            let rows = all.iter().enumerate().map(|(index, bar)| {
                let time = if timed {
                    minute(index) + ","
                } else {
                    String::new()
                };
                format!("{time}{},{}\n", prices(bar, factor(index)), text(index))
            });
            let header = if timed { "time," } else { "" };
            let rows: String = rows.collect();
            let content = format!("{header}open,high,low,close,status\n{rows}");
            let (found, _) =
                read(&content, &plain()).unwrap_or_else(|error| panic!("{kind} {timed}: {error}"));
            assert_eq!(found.len(), 80);
            assert_eq!(stream(&content, &plain()).unwrap().len(), 80);
        }
    }
}

#[test]
fn another_symbol_in_every_row_is_no_series() {
    let rows = |timed: bool| -> String {
        let row = |(index, bar): (usize, &Bar)| {
            let time = if timed { "2024-01-02," } else { "" };
            format!(
                "{time}{},S{index}\n",
                prices(bar, (index * 7 % 11 + 1) as f64)
            )
        };
        bars(30).iter().enumerate().map(row).collect()
    };
    for (header, timed) in [("time,open", true), ("open", false)] {
        let text = format!("{header},high,low,close,symbol\n{}", rows(timed));
        for skip in [false, true] {
            let error = read(&text, &plain().with_skip_bad_rows(skip)).unwrap_err();
            assert!(error.contains("column `symbol` has 30 values"), "{error}");
            assert!(error.contains("`instrument=`"), "{error}");
        }
    }
    // The name of every bar of one series.
    let row =
        |(index, bar): (usize, &Bar)| format!("{},{},N{index}\n", minute(index), prices(bar, 1.0));
    let named: String = bars(30).iter().enumerate().map(row).collect();
    let (found, report) =
        read(&format!("time,open,high,low,close,name\n{named}"), &plain()).unwrap();
    assert_eq!(found.len(), 30);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("column `name` has another value in nearly every row")),
        "{report:?}"
    );
}

/// A few rows out of order are their own fault and not that of a column of text.
#[test]
fn a_bad_row_does_not_make_instruments() {
    let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri"];
    let row = |(index, bar): (usize, &Bar)| {
        let time = minute(if index == 30 { 12 } else { index });
        format!("{time},{},{}\n", prices(bar, 1.0), weekdays[index % 5])
    };
    let rows: String = bars(60).iter().enumerate().map(row).collect();
    let error = read(
        &format!("time,open,high,low,close,day\n{rows}").replace("day", "wochentag"),
        &plain(),
    )
    .unwrap_err();
    assert!(
        error.contains("line 32") && error.contains("is earlier than"),
        "{error}"
    );
}

#[test]
fn the_instrument_of_a_stream_is_that_of_the_file() {
    let rows = |names: [&str; 2]| -> String {
        let row = |(index, bar): (usize, &Bar)| {
            let name = names[index % 2];
            format!(
                "{},{},{name},{}\n",
                minute(index),
                prices(bar, 1.0),
                names[1]
            )
        };
        bars(30).iter().enumerate().map(row).collect()
    };
    let text = format!(
        "time,open,high,low,close,symbol,market\n{}",
        rows(["btc", "eth"])
    );
    let chosen = |name: &str| plain().with_instrument(name.to_owned());
    for name in ["btc", "BTC"] {
        let (found, _) = read(&text, &chosen(name)).unwrap();
        assert_eq!(found.len(), 15);
        let lines = stream(&text, &chosen(name)).unwrap();
        assert_eq!(
            lines.iter().map(|(bar, _)| *bar).collect::<Vec<_>>(),
            found.bars(),
            "{name}"
        );
    }
    // A value of another column may be meant, which only a file shows.
    let error = stream(&text, &chosen("eth")).unwrap_err();
    assert!(error.contains("`instrument=market`"), "{error}");
    let market = ColumnMap::parse("instrument=market").unwrap();
    let options = chosen("eth").with_columns(market);
    assert_eq!(stream(&text, &options).unwrap().len(), 30);
    assert_eq!(read(&text, &options).unwrap().0.len(), 30);
    // The exact name goes before another case; lines that came before cannot be taken back.
    let both = format!(
        "time,open,high,low,close,symbol,market\n{}",
        rows(["btc", "BTC"])
    );
    assert_eq!(read(&both, &chosen("btc")).unwrap().0.len(), 15);
    let lines = stream(&both, &chosen("btc")).unwrap();
    assert_eq!(lines.len(), 15);
    // An instrument that was chosen for another file is left aside, and then a second one is refused.
    let other = chosen("xrp").with_of_another_file(true);
    let error = stream(&text, &other).unwrap_err();
    assert!(
        error.contains("column `symbol` is `eth` after `btc`"),
        "{error}"
    );
}

/// A few rows of a second instrument below many of the first are its rows, and not bad rows.
#[test]
fn a_small_second_instrument_is_seen() {
    let all = bars(220);
    let (many, few) = all.split_at(210);
    let row = |name: &str, index: usize, bar: &Bar| {
        format!("{},{},{name}\n", minute(index), prices(bar, 1.0))
    };
    let first = many
        .iter()
        .enumerate()
        .map(|(index, bar)| row("a", index, bar));
    let second = few
        .iter()
        .enumerate()
        .map(|(index, bar)| row("b", 20 + index, bar));
    let rows: String = first.chain(second).collect();
    let text = format!("time,open,high,low,close,kennung\n{rows}");
    let error = read(&text, &plain().with_skip_bad_rows(true)).unwrap_err();
    assert!(
        error.contains("column `kennung` has 2 values (`a`, `b`)"),
        "{error}"
    );
}
