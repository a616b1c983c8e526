//! Names and values that were made to do harm: in pages, on terminals, in CSV and as names of files.
#![cfg(all(feature = "expansion", feature = "flex"))]

#[path = "support/many.rs"]
mod many;

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Distribution, Tensor};
use equipoise::comparison::{Compare, Prepared, Results, Run};
use equipoise::diagnosis::diagnose;
use equipoise::expansion::bars::{CsvOptions, read_csv, read_instruments};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::history::{ALL_TASKS, History, Record, Split, quantity};
use equipoise::report::{Report, write_index};
use equipoise::train::{Data, TrainConfig};
use equipoise::weighting::StrategyConfig;
use equipoise::{Error, Task, TaskSet};
use many::{Many, numbered};

/// Names that are markup, sequences of a terminal, ends of lines, formulas of a spreadsheet, paths, devices, or long.
fn names() -> Vec<String> {
    let long = "x".repeat(10_000);
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</title></svg><b>&amp;",
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "two\nlines\r\n",
        "\u{202e}desrever\u{2028}",
        "c1 \u{9b}31m",
        "nul\0",
        "=HYPERLINK(\"http://x\")",
        "a,b\"c",
        " blank ",
        "../../x",
        "/etc/x",
        "a/b",
        "CON",
        "`code`",
        &long,
    ]
    .map(String::from)
    .to_vec()
}

/// Characters that act on a terminal, without the ends of lines that a text of several lines has.
fn acts(c: char) -> bool {
    let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c != '\n' && (c.is_control() || reorders)
}

fn history() -> History {
    let mut history = History::new();
    let names = names();
    for (at, name) in names.iter().enumerate() {
        for epoch in 1..=3 {
            let loss = 1.0 / (epoch + at) as f64;
            history.record(epoch, Split::Train, name, quantity::LOSS, loss);
            history.record(epoch, Split::Valid, name, quantity::LOSS, loss);
            history.record(epoch, Split::Valid, name, quantity::SKILL, 0.001);
            history.record(epoch, Split::Train, name, quantity::WEIGHT, 1.0);
            let share = if at == 0 { 0.9 } else { 0.001 };
            history.record(epoch, Split::Train, name, quantity::GRADIENT_SHARE, share);
            // As the name of a metric and in a pair.
            history.record(epoch, Split::Valid, name, name, 0.5);
            history.record(epoch, Split::Valid, ALL_TASKS, name, 0.5);
            let with_first = quantity::cosine_with(&names[0]);
            history.record(epoch, Split::Train, name, &with_first, -0.9);
        }
    }
    history
}

#[test]
fn a_task_has_a_name_that_can_be_shown() {
    for name in names() {
        let made = TaskSet::new([Task::regression(name.clone(), 1)]);
        let harmful = name.contains(acts) || name.contains(['\n', '/']) || name.len() > 200;
        assert_eq!(made.is_err(), harmful, "{name:?}");
        if let Err(error) = made {
            let message = error.to_string();
            assert!(
                !message.contains(acts) && message.len() < 5000,
                "{message:?}"
            );
        }
    }
}

#[test]
fn a_history_reads_back_every_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.csv");
    let history = history();
    history.write_csv(&path).unwrap();
    let read = History::read_csv(&path).unwrap();
    assert_eq!(read.records(), history.records());
    assert_eq!(read.tasks(), history.tasks());
    let records: Vec<Record> = read.records().to_vec();
    assert_eq!(records.into_iter().collect::<History>(), history);
}

#[test]
fn nothing_leaves_its_place_on_a_page() {
    let history = history();
    let mut report = Report::new("<script>")
        .with_history(&history)
        .with_status("\u{1b}<b>");
    let mut runs = Vec::new();
    for (seed, name) in (1..).zip(names()) {
        report = report.with_fact(&name, &name).with_command(&name, &name);
        runs.push(Run {
            strategy: name,
            seed,
            history: Some(history.clone()),
            seconds_per_step: None,
        });
    }
    let results = Results::new(runs);
    let compared = results.page("<script>", vec![("<b>".into(), "\u{1b}".into())]);
    for page in [report.html(), compared.html()] {
        let lower = page.to_lowercase();
        for harm in ["<script", "<img", "onerror=alert(1)>", "</title></svg>"] {
            assert!(!lower.contains(harm), "{harm}");
        }
        assert!(lower.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(!page.contains(acts));
    }
}

#[test]
fn nothing_acts_on_a_terminal() {
    let history = history();
    for task in diagnose(&history) {
        for text in [&task.sentence, &task.label()] {
            assert!(!text.contains(acts) && !text.contains('\n'), "{text:?}");
        }
    }
    let run = |(seed, strategy): (u64, String)| Run {
        strategy,
        seed,
        history: Some(history.clone()),
        seconds_per_step: Some(0.1),
    };
    let results = Results::new((1..).zip(names()).map(run).collect());
    let table = results.table() + &results.differences("sum");
    assert!(!table.contains(acts));
    assert!(table.contains("\\u{1b}[2J\\u{1b}]0;owned\\u{7}"));
}

/// Every file that users give, with a sequence that clears the screen.
#[test]
fn an_error_shows_what_a_file_holds_and_does_not_obey_it() {
    const CLEAR: &str = "\u{1b}[2J\u{202e}";
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let bars = |cell: &str| {
        format!("time,open,high,low,close\n2020-01-01,1,1,1,1\n2020-01-02,{cell},1,1,1\n")
    };
    let mut errors: Vec<Error> = Vec::new();
    let options = CsvOptions::default();
    let cell = write("cell.csv", bars(CLEAR));
    errors.push(read_csv(cell, &options).unwrap_err());
    let header = write("header.csv", format!("{CLEAR},b,c\n1,2,3\n4,5,6\n"));
    errors.push(read_csv(header, &options).unwrap_err());
    let named = write(&format!("bars{CLEAR}.csv"), bars("x"));
    errors.push(read_csv(named, &options).unwrap_err());
    let several = format!(
        "symbol,time,open,high,low,close\n{CLEAR}a,2020-01-01,1,1,1,1\n{CLEAR}b,2020-01-01,1,1,1,1\n\
         {CLEAR}a,2020-01-02,1,1,1,1\n{CLEAR}b,2020-01-02,1,1,1,1\n"
    );
    let several = write("several.csv", several);
    errors.push(read_csv(&several, &options).unwrap_err());
    let (instruments, _) = read_instruments(&several, &options).unwrap();
    assert!(
        instruments[0].name.contains(CLEAR),
        "the name is data and stays"
    );
    for json in [
        format!("{{\"{}\": 1}}", "\\u001b[2J"),
        format!("{{\"{CLEAR}\": 1}}"),
        "{\"train\": {\"epochs\": \"\\u001b[2J\"}}".to_string(),
    ] {
        let config = write("config.json", json);
        errors.push(ExpansionConfig::read(config).unwrap_err());
    }
    errors.push(StrategyConfig::from_json("{\"strategy\": \"\\u001b[2J\"}").unwrap_err());
    let row = format!("epoch,split,task,quantity,value\n1,{CLEAR},a,loss,1\n");
    errors.push(History::read_csv(write("history.csv", row)).unwrap_err());
    for error in errors {
        let message = error.to_string();
        assert!(
            !message.contains(acts) && !message.contains('\n'),
            "{message:?}"
        );
    }
}

fn compare(folder: &Path) -> Compare<Many> {
    let config = TrainConfig::default().with_epochs(1).with_baseline(false);
    Compare::new(config, folder)
}

fn prepare(_seed: u64) -> equipoise::Result<Prepared<Many>> {
    let device = Device::flex();
    let rows = || Data::from_rows(Tensor::random([16, 4], Distribution::Default, &device), 16);
    Ok(Prepared {
        network: Many::new(numbered(2), &device),
        train: Box::new(rows()?),
        valid: Box::new(rows()?),
        baselines: Vec::new(),
    })
}

/// Returns the files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_row_of_a_comparison_stays_in_its_own_folder() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/b/compared");
    let rows = [
        "../../x",
        "/etc/x",
        "a/b",
        "a\\b",
        "CON",
        "con",
        "..",
        "\u{1b}[2J",
        "A",
        "a",
    ];
    let all = rows.iter().fold(compare(&folder), |all, name| {
        all.with_strategy(*name, StrategyConfig::named("sum").unwrap())
    });
    let results = all.run(prepare, &Device::flex()).unwrap();
    assert_eq!(results.strategies().len(), 1 + rows.len());
    let all = files(outer.path());
    assert!(all.iter().all(|file| file.starts_with(&folder)), "{all:?}");
    let histories = || all.iter().filter(|file| file.ends_with("history.csv"));
    assert_eq!(histories().count(), 1 + rows.len());
    // Also where `A` and `a` are one folder.
    let lower: std::collections::HashSet<String> = histories()
        .map(|file| file.to_string_lossy().to_lowercase())
        .collect();
    assert_eq!(lower.len(), 1 + rows.len());
    for name in ["", "search", "comparison.json", &"x".repeat(10_000)] {
        let sum = StrategyConfig::named("sum").unwrap();
        let folder = outer.path().join("refused");
        let refused = compare(&folder).with_strategy(name, sum);
        let error = refused
            .run(prepare, &Device::flex())
            .unwrap_err()
            .to_string();
        assert!(error.contains("`strategy` is"), "{error}");
        assert!(!folder.exists());
    }
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_the_folder_of_its_run() {
    let runs = tempfile::tempdir().unwrap();
    let mut history = History::new();
    history.record(1, Split::Valid, "a", quantity::LOSS, 1.0);
    for name in [
        "\\\\evil.example",
        "javascript:alert(1)",
        "a#b?c%20d",
        "plain-1",
    ] {
        let run = runs.path().join(name);
        fs::create_dir(&run).unwrap();
        history.write_csv(run.join("history.csv")).unwrap();
        fs::write(run.join("report.html"), "").unwrap();
    }
    assert_eq!(write_index(runs.path()).unwrap(), 4);
    let page = fs::read_to_string(runs.path().join("index.html")).unwrap();
    for link in [
        "%5C%5Cevil.example/report.html",
        "javascript%3Aalert%281%29/report.html",
        "a%23b%3Fc%2520d/report.html",
        "plain-1/report.html",
    ] {
        assert!(page.contains(&format!("<a href=\"{link}\">")), "{link}");
    }
}
