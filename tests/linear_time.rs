//! Reading takes time in proportion to the file: eight times the rows, not sixty-four times the time.
#![cfg(feature = "expansion")]

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use equipoise::expansion::bars::{CsvLines, CsvOptions, read_csv, read_instruments};
use equipoise::expansion::label::{Classes, Marks};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::history::{ALL_TASKS, History, Split};

/// How much more rows the longer file has.
const TIMES: usize = 8;
/// How much more time it may take: room for caches that no longer hold everything, and far from `TIMES` squared.
const MOST: f64 = 3.0 * TIMES as f64;

/// The least time of several runs, in milliseconds: what other work on the machine lengthens least.
fn least(mut work: impl FnMut()) -> f64 {
    let once = |_| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64() * 1e3
    };
    (0..5).map(once).fold(f64::INFINITY, f64::min)
}

/// Checks how the time grows of reading a text of a number of rows.
fn grows_with(what: &str, rows: usize, text: impl Fn(usize) -> String, read: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let time = |rows: usize| {
        let file = folder.path().join(format!("{rows}"));
        std::fs::write(&file, text(rows)).unwrap();
        least(|| read(&file))
    };
    let (short, long) = (time(rows), time(TIMES * rows));
    println!(
        "{what}: {rows} rows {:.2} ms, {TIMES} times as many {:.1} times as long",
        short,
        long / short
    );
    assert!(
        long <= MOST * short,
        "{what}: {TIMES} times the rows take {:.1} times as long",
        long / short
    );
}

fn bars(rows: usize) -> String {
    let mut text = String::from("timestamp,open,high,low,close\n");
    for row in 0..rows {
        writeln!(text, "{},1,2,0.5,1.5", 1_700_000_000 + 60 * row).unwrap();
    }
    text
}

#[test]
fn bars_take_time_in_proportion_to_their_number() {
    let options = CsvOptions::default();
    grows_with("bars", 4_000, bars, |file| {
        read_csv(file, &options).unwrap();
    });
}

#[test]
fn lines_take_time_in_proportion_to_their_number() {
    let options = CsvOptions::default();
    grows_with("lines", 4_000, bars, |file| {
        let text = std::fs::read(file).unwrap();
        let mut lines = CsvLines::new("bars.csv", &options);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            lines.take(line).unwrap();
        }
        lines.finish().unwrap();
    });
}

/// A refused row is described after the file was read, and so are its neighbours.
#[test]
fn bad_rows_take_time_in_proportion_to_their_number() {
    let options = CsvOptions::default().with_skip_bad_rows(true);
    let text = |rows: usize| {
        let mut text = bars(rows);
        for row in 0..rows / 50 {
            writeln!(text, "{},1,2,x,1.5", 1_900_000_000 + 60 * row).unwrap();
        }
        text
    };
    grows_with("bad rows", 4_000, text, |file| {
        read_csv(file, &options).unwrap();
    });
}

#[test]
fn marks_take_time_in_proportion_to_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bars.csv");
    std::fs::write(&file, bars(TIMES * 4_000)).unwrap();
    let (series, _) = read_csv(&file, &CsvOptions::default()).unwrap();
    let text = |rows: usize| {
        let mut text = String::from("start,end,type\n");
        for row in 0..rows {
            writeln!(text, "{},{},0", 10 * row, 10 * row + 3).unwrap();
        }
        text
    };
    grows_with("marks", 400, text, |file| {
        Marks::read_csv(file, &series, &Classes::default(), None).unwrap();
    });
}

#[test]
fn epochs_take_time_in_proportion_to_their_number() {
    let folder = tempfile::tempdir().unwrap();
    let text = |epochs: usize| {
        let mut history = History::new();
        for epoch in 1..=epochs {
            for (task, value) in [("a", 1.0), ("b", 2.0), (ALL_TASKS, 3.0)] {
                history.record(epoch, Split::Valid, task, "loss", value);
            }
        }
        let file = folder.path().join("history.csv");
        history.write_csv(&file).unwrap();
        std::fs::read_to_string(file).unwrap()
    };
    grows_with("epochs", 500, text, |file| {
        let history = History::read_csv(file).unwrap();
        assert!(history.best_epoch().is_some() || history.last_epoch() > 0);
    });
}

#[test]
fn a_config_takes_time_in_proportion_to_its_length() {
    let text = |names: usize| {
        let mut config = ExpansionConfig::default();
        let names = (0..names).map(|name| format!("type {name}"));
        config.model.types = names.collect();
        serde_json::to_string(&config).unwrap()
    };
    grows_with("config", 100, text, |file| {
        // Accepted or not, it was read.
        let _ = ExpansionConfig::read(file);
    });
}

/// Reads bars as one series, as several and as lines, whether they are refused or not.
fn read_in_every_way(file: &Path) {
    let options = CsvOptions::default();
    let _ = read_csv(file, &options);
    let _ = read_instruments(file, &options);
    let text = std::fs::read(file).unwrap();
    let mut lines = CsvLines::new("bars.csv", &options);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let _ = lines.take(line);
    }
    let _ = lines.finish();
}

/// A header of other names before those of the prices, and two rows.
fn below_header(names: &str, values: &str) -> String {
    format!("{names}timestamp,open,high,low,close\n{values}0,1,2,0.5,1.5\n{values}60,1,2,0.5,1.5\n")
}

#[test]
fn columns_take_time_in_proportion_to_their_number() {
    for (what, name) in [
        ("o", "o,"),
        ("open", "open,"),
        ("ohlc", "o,h,l,c,"),
        ("symbol", "symbol,"),
        ("a mark", "bid open,ask high,"),
    ] {
        let text = |count: usize| {
            let columns = name.matches(',').count() * count;
            below_header(&name.repeat(count), &"7,".repeat(columns))
        };
        grows_with(
            &format!("columns named {what}"),
            1_000,
            text,
            read_in_every_way,
        );
    }
    let unlike = |count: usize| {
        let names: String = (0..count).map(|column| format!("open {column},")).collect();
        below_header(&names, &"7,".repeat(count))
    };
    grows_with("columns of other names", 1_000, unlike, read_in_every_way);
    let values = |count: usize| format!("{}\n", "7,".repeat(count)).repeat(3);
    grows_with("columns without names", 1_000, values, read_in_every_way);
}

#[test]
fn names_take_time_in_proportion_to_their_length() {
    for part in [
        "o.", "open ", "o", "\u{130}", "1. ", "é", "\"\"", " ", "<", ".",
    ] {
        let text = |length: usize| below_header(&format!("\"{}\",", part.repeat(length)), "7,");
        grows_with(
            &format!("a name of many {part:?}"),
            2_000,
            text,
            read_in_every_way,
        );
        let plain = |length: usize| below_header(&format!("{},", part.repeat(length)), "7,");
        grows_with(
            &format!("a plain name of many {part:?}"),
            2_000,
            plain,
            read_in_every_way,
        );
        let value = |length: usize| below_header("note,", &format!("\"{}\",", part.repeat(length)));
        grows_with(
            &format!("a value of many {part:?}"),
            2_000,
            value,
            read_in_every_way,
        );
        let stamp = |length: usize| {
            format!(
                "time,open,high,low,close\n{},1,2,0.5,1.5\n",
                part.repeat(length)
            )
        };
        grows_with(
            &format!("a stamp of many {part:?}"),
            2_000,
            stamp,
            read_in_every_way,
        );
    }
    for digit in ["1", "0", ".", ",", "-", "1:", "1-", "T", "+", "e", "a/"] {
        let stamp = |length: usize| {
            format!(
                "time;open;high;low;close\n{};1;2;0.5;1.5\n",
                digit.repeat(length)
            )
        };
        grows_with(
            &format!("a stamp of many {digit:?}"),
            4_000,
            stamp,
            read_in_every_way,
        );
        let price = |length: usize| {
            format!(
                "time;open;high;low;close\n0;{};2;0.5;1.5\n",
                digit.repeat(length)
            )
        };
        grows_with(
            &format!("a price of many {digit:?}"),
            4_000,
            price,
            read_in_every_way,
        );
    }
}

#[test]
fn instruments_take_time_in_proportion_to_their_number() {
    let text = |count: usize| {
        let mut text = String::from("timestamp,symbol,open,high,low,close\n");
        for time in 0..2 {
            for symbol in 0..count {
                writeln!(text, "{},S{symbol},1,2,0.5,1.5", 60 * time).unwrap();
            }
        }
        text
    };
    grows_with("instruments", 1_000, text, read_in_every_way);
}

#[test]
fn instruments_side_by_side_take_time_in_proportion_to_their_number() {
    let text = |count: usize| {
        let row = |first: &str, cells: &str| format!("{first},{}\n", cells.repeat(count));
        let tickers: String = (0..count).map(|one| format!(",S{one}").repeat(4)).collect();
        let mut text = row("Price", "Open,High,Low,Close,");
        text += &format!("Ticker{tickers},\n");
        for day in 1..=4 {
            text += &row(&format!("2024-01-{day:02}"), "1,2,0.5,1.5,");
        }
        text
    };
    let read = |file: &Path| {
        let (instruments, _) = read_instruments(file, &CsvOptions::default()).unwrap();
        assert!(instruments.len() >= 50 && instruments[7].bars.len() == 4);
    };
    grows_with("instruments side by side", 50, text, read);
}
