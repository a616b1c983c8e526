//! Files of text: bars as a file and as lines, labels, configs, histories.

use equipoise::expansion::bars::{
    Bar, Bars, CsvLines, CsvOptions, CsvReport, Instrument, read_csv, read_instruments,
};
use equipoise::expansion::label::{Classes, Marks};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::history::History;

use super::scratch;

/// A file of bars is read twice the same, and what is read is a series: every bar possible, no time running back.
pub fn csv(bytes: &[u8]) {
    let path = scratch::file("bars.csv", bytes);
    for skip in [false, true] {
        let options = CsvOptions::default().with_skip_bad_rows(skip);
        let read = || told(read_instruments(&path, &options));
        let (first, second) = (read(), read());
        assert_eq!(first, second);
        let Ok((instruments, _)) = first else {
            continue;
        };
        assert!(!instruments.is_empty());
        for (_, bars, times) in instruments {
            let series = Bars::new(bars, times, "read");
            assert!(series.is_ok_and(|series| !series.is_empty()));
        }
    }
}

/// Name, bars and times of every instrument, and the notes; or the message.
type Told = Result<(Vec<(String, Vec<Bar>, Option<Vec<i64>>)>, String), String>;

fn told(read: equipoise::Result<(Vec<Instrument>, CsvReport)>) -> Told {
    let (instruments, report) = read.map_err(|error| error.to_string())?;
    let parts = instruments.into_iter().map(|one| {
        let times = one.bars.timestamps().map(<[i64]>::to_vec);
        (one.name, one.bars.bars().to_vec(), times)
    });
    Ok((parts.collect(), format!("{report:?}")))
}

/// Lines that are all accepted are the bars of the file, if the file is accepted.
pub fn csv_lines(bytes: &[u8]) {
    let options = CsvOptions::default();
    let mut lines = CsvLines::new("bars.csv", &options);
    let (mut bars, mut times, mut refused) = (Vec::new(), Vec::new(), false);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match lines.take(line) {
            Ok(Some((bar, time))) => {
                assert!(bar.check().is_ok());
                bars.push(bar);
                times.push(time);
            }
            Ok(None) => {}
            Err(_) => refused = true,
        }
        let _ = lines.take_notes();
    }
    if lines.finish().is_err() || refused {
        return;
    }
    let path = scratch::file("lines.csv", bytes);
    let Ok((series, _)) = read_csv(&path, &options) else {
        return;
    };
    let of_file = series
        .timestamps()
        .map(|times| times.iter().map(|time| Some(*time)).collect());
    let of_file: Vec<Option<i64>> = of_file.unwrap_or_else(|| vec![None; series.len()]);
    // A stream cannot be turned round.
    let turned = || bars.iter().rev().eq(series.bars()) && times.iter().rev().eq(&of_file);
    assert!(
        (bars == series.bars() && times == of_file) || turned(),
        "lines {bars:?} {times:?}, file {:?} {of_file:?}",
        series.bars()
    );
}

/// Expansions marked by hand are read twice the same, in order, and none shares a bar with another.
pub fn labels(bytes: &[u8]) {
    let path = scratch::file("labels.csv", bytes);
    let flat = Bar {
        open: 1.0,
        high: 1.0,
        low: 1.0,
        close: 1.0,
    };
    let hourly = (0..500).map(|hour| 1_706_693_400 + 3600 * hour).collect();
    let series = |times| Bars::new(vec![flat; 500], times, "bars").expect("possible bars");
    for series in [series(None), series(Some(hourly))] {
        let read = || {
            let read = Marks::read_csv(&path, &series, &Classes::default(), None);
            read.map_err(|error| error.to_string())
        };
        let first = read();
        assert_eq!(first, read());
        let Ok(marks) = first else { continue };
        let mut next = 0;
        for mark in marks.iter() {
            assert!(next <= mark.start && mark.start <= mark.end && mark.end < 500);
            assert!(mark.kind.index() < 3);
            next = mark.end + 1;
        }
    }
}

/// A config that is read and valid is written and read back equal.
pub fn config(bytes: &[u8]) {
    let path = scratch::file("config.json", bytes);
    let Ok(config) = ExpansionConfig::read(&path) else {
        return;
    };
    let valid = config.validate().is_ok();
    let resolved = config.clone().resolved();
    let _ = resolved.validate();
    if valid {
        // Numbers that are not finite are valid nowhere, and JSON has none.
        let again = scratch::file("again.json", config.to_json().as_bytes());
        assert_eq!(
            ExpansionConfig::read(again).expect("as it was written"),
            config
        );
    }
}

/// A history that is read is written and read back equal, and its questions have answers.
pub fn history(bytes: &[u8]) {
    let path = scratch::file("history.csv", bytes);
    let Ok(history) = History::read_csv(&path) else {
        return;
    };
    ask(&history);
    let again = scratch::folder().join("again.csv");
    history.write_csv(&again).expect("a folder to write to");
    let back = History::read_csv(&again).expect("as it was written");
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    assert_eq!(history.records().len(), back.records().len());
    for (one, other) in history.records().iter().zip(back.records()) {
        assert!(same(one.value, other.value), "{one:?} is {other:?}");
        assert_eq!(
            (one.epoch, one.split, &one.task, &one.quantity),
            (other.epoch, other.split, &other.task, &other.quantity)
        );
    }
}

fn ask(history: &History) {
    let _ = (history.last_epoch(), history.best_epoch());
    let quantities: Vec<&str> = history.quantities().collect();
    for task in history.tasks() {
        for quantity in &quantities {
            let _ = history.last(equipoise::history::Split::Valid, task, quantity);
        }
    }
}
