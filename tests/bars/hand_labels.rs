//! Expansions marked by hand label exactly the windows that hold one of them whole; what cannot be meant is refused by
//! line.

use std::fs;
use std::path::PathBuf;

use equipoise::expansion::bars::{Bar, Bars, DateOrder};
use equipoise::expansion::label::{Classes, ExpansionType, Mark, Marks, WindowLabel};
use equipoise::expansion::run;
use equipoise::expansion::run::{DataConfig, ExpansionConfig};
use equipoise::expansion::window::{WindowGrid, Windows};
use proptest::prelude::*;
use tempfile::TempDir;

/// 2024-01-01T00:00:00Z.
const FIRST: i64 = 1_704_067_200;

fn prices(count: usize) -> Vec<Bar> {
    let price = |index: usize| 100.0 + (index as f64 * 0.7).sin();
    (0..count)
        .map(|index| {
            let (open, close) = (price(index), price(index + 1));
            Bar {
                open,
                high: open.max(close),
                low: open.min(close),
                close,
            }
        })
        .collect()
}

/// Hourly bars.
fn hourly(count: usize) -> Bars {
    let stamps = (0..count as i64).map(|index| FIRST + 3600 * index);
    Bars::new(prices(count), Some(stamps.collect()), "a test").unwrap()
}

fn bare(count: usize) -> Bars {
    Bars::new(prices(count), None, "a test").unwrap()
}

fn file(content: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.csv");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn read_with(content: &str, bars: &Bars, order: Option<DateOrder>) -> Result<Vec<Mark>, String> {
    let (_folder, path) = file(content);
    let remove = format!("{}, ", path.display());
    Marks::read_csv(&path, bars, &Classes::default(), order)
        .map(|marks| marks.iter().copied().collect())
        .map_err(|error| error.to_string().replace(&remove, ""))
}

fn read(content: &str, bars: &Bars) -> Result<Vec<Mark>, String> {
    read_with(content, bars, None)
}

fn mark(start: usize, end: usize, kind: usize) -> Mark {
    Mark {
        start,
        end,
        kind: ExpansionType::OF_RULE[kind],
    }
}

#[test]
fn bars_by_number_and_by_stamp() {
    let expected = [mark(5, 9, 0), mark(10, 10, 2), mark(30, 44, 1)];
    let by_number = "start,end,type\n30,44,continuation\n5,9,Breakout\n10,10,2\n";
    assert_eq!(read(by_number, &bare(100)).unwrap(), expected);
    assert_eq!(read(by_number, &hourly(100)).unwrap(), expected);
    let by_stamp = "\u{feff}note;Label;End;Start\n\
                    a;continuation;2024-01-02 20:00;2024-01-02 06:00\n\
                    b;breakout;2024-01-01T09:00:00Z;2024-01-01 5:00 AM\n\n\
                    c;REVERSAL;2024-01-01T11:00:00+01:00;2024-01-01T10:00\n";
    assert_eq!(read(by_stamp, &hourly(100)).unwrap(), expected);
    let by_second = format!("start,end,class\n{},{},1\n", FIRST + 36_000, FIRST + 43_200);
    assert_eq!(read(&by_second, &hourly(100)).unwrap(), [mark(10, 12, 1)]);
}

#[test]
fn day_and_month_are_told_by_the_bars() {
    // Only in January are there bars, so the first of February is none.
    let content = "start,end,type\n02/01/2024 03:00,02/01/2024 05:00,0\n";
    assert_eq!(read(content, &hourly(100)).unwrap(), [mark(27, 29, 0)]);
    // With bars in both months both readings are possible.
    let message = read(content, &hourly(2000)).unwrap_err();
    assert!(message.starts_with("line 2: the time stamp `02/01/2024 03:00` is 2 January 2024 day-first and 1 February 2024"), "{message}");
    assert!(message.contains("`data.date_order`"), "{message}");
    let read = read_with(content, &hourly(2000), Some(DateOrder::MonthFirst)).unwrap();
    assert_eq!(read, [mark(31 * 24 + 3, 31 * 24 + 5, 0)]);
}

#[test]
fn names_of_ones_own() {
    let (_folder, path) = file("start,end,type\n1,2,burst\n5,6,fade\n8,9,Fade\n10,11,0\n");
    let classes = Classes::default().with_aliases([("burst", 1), ("fade", 2)]);
    classes.validate().unwrap();
    let marks = Marks::read_csv(&path, &bare(100), &classes, None).unwrap();
    let kinds: Vec<usize> = marks.iter().map(|mark| mark.kind.index()).collect();
    assert_eq!(kinds, [1, 2, 2, 0]);
    let error = Classes::default().with_aliases([("burst", 3)]);
    assert_eq!(
        error.validate().unwrap_err().to_string(),
        "`data.classes.burst` is 3, but it must be 0 to 2, a class of `model.types`"
    );
}

#[test]
fn what_cannot_be_meant_is_refused_by_line() {
    let header = "start,end,type\n3,4,0\n";
    let names = "expected breakout, continuation, reversal or a number from 0 to 2; correct the type, or give the name its class in `data.classes`, or list the names of all types in `model.types`";
    let cases = [
        ("9,8,0\n", "line 3: the start `9` is after the end `8`".to_owned()),
        ("5,100,0\n", "line 3: `end` is `100`, expected the number of a bar from 0 to 99; the series has no time stamps".into()),
        ("5,2024-01-01,0\n", "line 3: `end` is `2024-01-01`, expected the number of a bar from 0 to 99; the series has no time stamps".into()),
        ("-5,7,0\n", "line 3: `start` is `-5`, expected the number of a bar from 0 to 99; the series has no time stamps".into()),
        ("5,,0\n", "line 3: `end` is empty".into()),
        ("5,6,7\n", "line 3: the type is `7`, expected breakout, continuation, reversal or a number from 0 to 2; if all types of the file are meant, list them in `model.types`: 0,7".into()),
        ("5,6,jump\n", format!("line 3: the type is `jump`, {names}")),
        ("5,6\n", format!("line 3: the type is ``, {names}")),
        ("8,9,0\n\n4,6,0\n", "line 5: the expansion, bars 4 to 6, shares bars with that of line 2, 3 to 4; expansions may not overlap".into()),
        ("0,9,0\n", "line 3: the expansion, bars 0 to 9, shares bars with that of line 2, 3 to 4; expansions may not overlap".into()),
    ];
    for (rows, expected) in cases {
        assert_eq!(
            read(&format!("{header}{rows}"), &bare(100)).unwrap_err(),
            expected
        );
    }
    let header = "start,end,type\n2024-01-01 03:00,2024-01-01 04:00,0\n";
    let cases = [
        (
            "2024-01-01 05:30,2024-01-01 06:00,0\n",
            "line 3: no bar has the time stamp 2024-01-01T05:30:00Z; the nearest are those of 2024-01-01T05:00:00Z and 2024-01-01T06:00:00Z",
        ),
        (
            "2024-01-05 03:00,2024-01-06,0\n",
            "line 3: no bar has the time stamp 2024-01-06T00:00:00Z; the last is that of 2024-01-05T03:00:00Z",
        ),
        (
            "2023-12-31,2024-01-01,0\n",
            "line 3: no bar has the time stamp 2023-12-31T00:00:00Z; the first is that of 2024-01-01T00:00:00Z",
        ),
        (
            "2024-01-01 06:00,2024-01-01 05:00,0\n",
            "line 3: the start `2024-01-01 06:00` is after the end `2024-01-01 05:00`",
        ),
        (
            "5,6,0\n",
            "line 3: the time stamp `5` is not written like the rest, which are dates like `2024-01-31`",
        ),
    ];
    for (rows, expected) in cases {
        assert_eq!(
            read(&format!("{header}{rows}"), &hourly(100)).unwrap_err(),
            expected
        );
    }
    let message = read("start,end,type\n5,600,0\n", &hourly(100)).unwrap_err();
    assert_eq!(
        message,
        "line 2: no bar has the time stamp 1970-01-01T00:00:05Z (read as a time stamp, because the bars have the numbers 0 to 99); \
         the first is that of 2024-01-01T00:00:00Z"
    );
    // One number beyond the last bar does not make time stamps of the others.
    for wrong in ["100", "-1", "12.5"] {
        let rows = format!("start,end,type\n1,2,0\n5,6,0\n{wrong},20,0\n");
        let expected =
            format!("line 4: `start` is `{wrong}`, expected the number of a bar from 0 to 99");
        assert_eq!(read(&rows, &hourly(100)).unwrap_err(), expected);
    }
    // A day is not a bar of an hour, but one of a day.
    let message = read("start,end,type\n2024-01-02,2024-01-03,0\n", &hourly(100)).unwrap_err();
    assert_eq!(
        message,
        "line 2: `2024-01-02` is a day, and the series has a bar every 1h; write the time of the bar too"
    );
    // Digits alone can be a time of day, or a day.
    let digits = "start,end,type\n20240102 050000,20240102 070000,0\n";
    assert_eq!(read(digits, &hourly(100)).unwrap(), [mark(29, 31, 0)]);
    let message = read("start,end,type\n20240102,20240103,0\n", &hourly(100)).unwrap_err();
    assert!(
        message.starts_with("line 2: `20240102` is a day"),
        "{message}"
    );
    let midnight = "start,end,type\n2024-01-02 00:00,2024-01-02 12 AM,0\n";
    assert_eq!(read(midnight, &hourly(100)).unwrap(), [mark(24, 24, 0)]);
    let daily: Vec<i64> = (0..100).map(|day| FIRST + 86_400 * day).collect();
    let daily = Bars::new(prices(100), Some(daily), "a test").unwrap();
    let days = "start,end,type\n2024-01-02,2024-01-03,0\n";
    assert_eq!(read(days, &daily).unwrap(), [mark(1, 2, 0)]);
    let message = read("begin,kind\n5,0\n", &bare(100)).unwrap_err();
    assert_eq!(
        message,
        "line 1: expected a header with the columns `start`, `end` and `type`, found `begin,kind`"
    );
    let message = read("start,end,type\n", &bare(100)).unwrap_err();
    assert!(
        message.ends_with("a header, but no expansion below it"),
        "{message}"
    );
}

#[test]
fn a_window_is_labelled_by_the_only_expansion_that_lies_in_it_whole() {
    let bars = bare(100);
    let (_folder, path) = file("start,end,type\n20,24,1\n40,41,2\n");
    let marks = Marks::read_csv(&path, &bars, &Classes::default(), None).unwrap();
    let windows = Windows::by_hand(&bars, &WindowGrid::new(20, 1), &marks).unwrap();
    // Until 24 a window still has bars of the first expansion, and from 21 on bars of the second.
    let firsts: Vec<usize> = windows.iter().map(|window| window.first).collect();
    assert_eq!(firsts, (5..=20).chain(25..=40).collect::<Vec<_>>());
    let labels: Vec<WindowLabel> = windows.labels().collect();
    assert_eq!(
        labels[0],
        WindowLabel {
            start: 15,
            end: 19,
            kind: ExpansionType::CONTINUATION
        }
    );
    assert_eq!(
        labels[16],
        WindowLabel {
            start: 15,
            end: 16,
            kind: ExpansionType::REVERSAL
        }
    );
    let out = windows.left_out();
    // 1 to 4 and 41 cut one, 21 to 24 hold bars of both, 0 and 42 to 80 have none.
    assert_eq!(
        out.unlabelled + out.several + out.partial + windows.len(),
        81
    );
    assert_eq!((out.unlabelled, out.several, out.partial), (40, 4, 5));
    let thinned = WindowGrid {
        at_most: Some(8),
        ..WindowGrid::new(20, 1)
    };
    assert_eq!(Windows::by_hand(&bars, &thinned, &marks).unwrap().len(), 8);
    let error = Windows::by_hand(&bars, &WindowGrid::new(3, 1), &marks).map(|w| w.len());
    assert_eq!(
        error.unwrap(),
        2,
        "the expansion of two bars still fits twice"
    );
    let error = Windows::by_hand(&bars, &WindowGrid::new(60, 45), &marks)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "a test: none of 1 windows of 60 bars has exactly one whole marked expansion: 0 have none, 1 several, 0 cut one; \
         shorter windows (`model.window` in a config) have fewer"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against the definition, bar by bar.
    #[test]
    fn labels_are_what_the_definition_says(
        pieces in prop::collection::vec((0usize..12, 1usize..9, 0usize..3), 1..12),
        length in 5usize..40,
        stride in 1usize..5,
    ) {
        let bars = bare(150);
        let mut at = 0;
        let mut expansions = Vec::new();
        for (skipped, long, kind) in pieces {
            at += skipped;
            if at + long <= bars.len() {
                expansions.push(mark(at, at + long - 1, kind));
            }
            at += long;
        }
        prop_assume!(!expansions.is_empty());
        let rows: String = expansions.iter().rev().map(|m| format!("{},{},{}\n", m.start, m.end, m.kind.index())).collect();
        let (_folder, path) = file(&format!("start,end,type\n{rows}"));
        let marks = Marks::read_csv(&path, &bars, &Classes::default(), None).unwrap();
        let mut expected = Vec::new();
        for first in (0..=bars.len() - length).step_by(stride) {
            let window = first..first + length;
            let touching: Vec<&Mark> = expansions.iter().filter(|m| (m.start..=m.end).any(|bar| window.contains(&bar))).collect();
            if let [only] = touching[..] && window.contains(&only.start) && window.contains(&only.end) {
                expected.push((first, only.start - first, only.end - first, only.kind));
            }
        }
        match Windows::by_hand(&bars, &WindowGrid::new(length, stride), &marks) {
            Ok(windows) => {
                let found: Vec<_> = windows.iter().map(|w| (w.first, w.label.start, w.label.end, w.label.kind)).collect();
                prop_assert_eq!(found, expected);
            }
            Err(_) => prop_assert!(expected.is_empty()),
        }
    }

    #[test]
    fn any_text_is_refused_or_read(content in r#"(start,end,type\n)?([0-9T:Z,\n"/ -]|breakout|é){0,80}"#) {
        for bars in [bare(60), hourly(60)] {
            if let Ok(marks) = read(&content, &bars) {
                prop_assert!(marks.iter().all(|m| m.start <= m.end && m.end < 60));
                prop_assert!(marks.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
        }
    }
}

#[test]
fn a_run_with_marks_tells_what_it_made_of_them() {
    let bars = hourly(3000);
    let rows = bars.bars().iter().zip(bars.timestamps().unwrap());
    let rows: String = rows
        .map(|(bar, at)| format!("{at},{},{},{},{}\n", bar.open, bar.high, bar.low, bar.close))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let (data, labels) = (
        folder.path().join("bars.csv"),
        folder.path().join("labels.csv"),
    );
    fs::write(&data, format!("time,open,high,low,close\n{rows}")).unwrap();
    // One expansion of four bars every 130 bars, all but the second breakouts.
    let rows: String = (0..20)
        .map(|index| {
            format!(
                "{},{},{}\n",
                60 + 130 * index,
                63 + 130 * index,
                usize::from(index == 1)
            )
        })
        .collect();
    fs::write(&labels, format!("start,end,type\n{rows}")).unwrap();
    let config = ExpansionConfig {
        data: DataConfig {
            path: Some(data.into()),
            marks: Some(labels.clone()),
            ..DataConfig::default()
        },
        ..ExpansionConfig::default()
    };
    config.validate().unwrap();
    let data = run::Data::load(&config.clone().resolved()).unwrap();
    assert!(
        data.train
            .labels()
            .all(|label| label.end == label.start + 3)
    );
    let said = |start: &str| data.notes.iter().any(|note| note.starts_with(start));
    assert!(
        said(&format!(
            "read 20 marked expansions from {}",
            labels.display()
        )),
        "{:#?}",
        data.notes
    );
    assert!(
        said("a window is labelled by the one expansion that lies in it whole: left out "),
        "{:#?}",
        data.notes
    );
    assert!(said("types of the training windows: "), "{:#?}", data.notes);
    assert!(said("warning: "), "{:#?}", data.notes);
    // Windows that are shown twice are not twice as many examples.
    let mut twice = config.clone();
    twice.data.mirror = true;
    assert_eq!(
        run::Data::load(&twice.resolved()).unwrap().notes,
        data.notes
    );
    let no_bars = ExpansionConfig {
        data: DataConfig {
            path: None,
            ..config.data
        },
        ..config
    };
    let error = no_bars.validate().unwrap_err().to_string();
    assert!(
        error.starts_with("`data.marks` is given, but it must be left out: the simulator"),
        "{error}"
    );
}
