//! Long runs and many tasks: memory and handles stay flat, writing and reading stay fast, pages stay small.
//!
//! Two thousand epochs instead of two hundred: `EPOCHS=2000 cargo test --release --test long_runs flat -- --nocapture`.
#![cfg(all(feature = "expansion", feature = "flex"))]

#[path = "support/many.rs"]
mod many;

use std::fs;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use equipoise::diagnosis::diagnose;
use equipoise::history::{ALL_TASKS, History, Split, quantity};
use equipoise::report::Report;
use equipoise::train::TrainConfig;
use many::{numbered, train};

const SUM: &str = r#"{"strategy": "sum"}"#;

/// One test at a time: they measure the memory and the time of the process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bound in a release build; builds without optimisation are many times slower.
fn seconds(bound: f64) -> Duration {
    Duration::from_secs_f64(if cfg!(debug_assertions) {
        20.0 * bound
    } else {
        bound
    })
}

/// The resident memory in bytes and the number of open files; nothing where there is no `/proc`.
fn held() -> Option<(f64, usize)> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some((4096.0 * pages, fs::read_dir("/proc/self/fd").ok()?.count()))
}

/// The slope of a line through values at 0, 1, 2 and so on, by least squares.
fn slope(values: &[f64]) -> f64 {
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (mut above, mut below) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        let from = at as f64 - middle;
        above += from * (value - mean);
        below += from * from;
    }
    above / below
}

#[test]
fn memory_and_handles_stay_flat() {
    let _alone = alone();
    if held().is_none() {
        println!("skipped: there is no /proc to read the memory from");
        return;
    }
    // Measured: the history and its bytes grow by 6 KiB an epoch.
    const MOST: f64 = 16.0 * 1024.0;
    assert!(slope(&[3.0, 5.0, 7.0, 9.0]) == 2.0);
    let epochs = std::env::var("EPOCHS").map_or(200, |epochs| epochs.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (into, at_start) = (seen.clone(), held().unwrap().1);
    let config = TrainConfig::default()
        .with_epochs(epochs)
        .with_batch_size(2);
    let outcome = train(&numbered(2), config, SUM, folder.path(), |trainer| {
        trainer.on_epoch(move |_| {
            into.lock().unwrap().push(held().unwrap());
            ControlFlow::Continue(())
        })
    });
    drop(outcome.unwrap());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), epochs);
    // The first quarter fills caches and pools.
    let memory: Vec<f64> = seen[epochs / 4..]
        .iter()
        .map(|(memory, _)| *memory)
        .collect();
    let growth = slope(&memory);
    println!(
        "{growth:.0} bytes an epoch from epoch {} to {epochs}",
        epochs / 4
    );
    assert!(growth < MOST, "{growth} bytes an epoch: {memory:?}");
    let handles: Vec<usize> = seen[epochs / 4..]
        .iter()
        .map(|(_, handles)| *handles)
        .collect();
    let (least, most) = (handles.iter().min().unwrap(), handles.iter().max().unwrap());
    // A checkpoint may be in writing.
    assert!(most - least <= 3, "{handles:?}");
    assert!(
        held().unwrap().1 <= at_start + 1,
        "{at_start} before, {:?} after",
        held()
    );
}

#[test]
fn twenty_runs_in_one_process_leave_nothing_open() {
    let _alone = alone();
    if held().is_none() {
        println!("skipped: there is no /proc to count open files in");
        return;
    }
    let threads = || fs::read_dir("/proc/self/task").unwrap().count();
    let mut counts = Vec::new();
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig::default().with_epochs(2);
        train(&numbered(2), config, SUM, folder.path(), |trainer| trainer).unwrap();
        counts.push((held().unwrap().1, threads()));
    }
    println!("open files and threads after each run: {counts:?}");
    let (first, last) = (counts[4], counts[19]);
    assert!(last.0 <= first.0 && last.1 <= first.1 + 2, "{counts:?}");
}

/// A history with the numbers that training records for every task, without cosines.
fn long_history(epochs: usize, tasks: usize) -> History {
    let names: Vec<String> = (1..=tasks).map(|task| format!("task-{task}")).collect();
    let mut history = History::new();
    for name in &names {
        history.record(0, Split::Valid, name, quantity::CONSTANT_LOSS, 1.0);
    }
    for epoch in 1..=epochs {
        for (task, name) in names.iter().enumerate() {
            let noise = ((epoch * 7919 + task * 31) % 97) as f64 / 100.0;
            let loss = 1.0 / (epoch as f64).sqrt() + noise;
            for (split, quantity, value) in [
                (Split::Train, quantity::LOSS, loss),
                (Split::Valid, quantity::LOSS, loss),
                (Split::Train, quantity::SKILL, 1.0 - loss),
                (Split::Valid, quantity::SKILL, 1.0 - loss),
                (Split::Valid, quantity::SKILL_MARGIN, 0.02),
                (Split::Train, quantity::WEIGHT, noise),
                (Split::Train, quantity::GRADIENT_NORM, loss),
                (Split::Train, quantity::GRADIENT_SHARE, noise),
                (Split::Train, quantity::AUDITS, 2.0),
                (Split::Train, "running_mean", loss),
                (Split::Valid, "accuracy", noise),
            ] {
                history.record(epoch, split, name, quantity, value);
            }
        }
        for quantity in [
            quantity::OBJECTIVE,
            quantity::LEARNING_RATE,
            quantity::STEPS,
        ] {
            history.record(epoch, Split::Train, ALL_TASKS, quantity, 1.0);
        }
        let relative = 2.0 - epoch as f64 / epochs as f64;
        history.record(
            epoch,
            Split::Valid,
            ALL_TASKS,
            quantity::RELATIVE_LOSS,
            relative,
        );
    }
    history
}

#[test]
fn ten_thousand_epochs_are_read_and_shown() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.csv");
    let made = long_history(10_000, 4);
    made.write_csv(&file).unwrap();
    let size = fs::metadata(&file).unwrap().len();
    let began = Instant::now();
    let history = History::read_csv(&file).unwrap();
    let read = began.elapsed();
    assert_eq!(history, made);
    let began = Instant::now();
    let page = Report::new("A long run").with_history(&history).html();
    let shown = began.elapsed();
    println!(
        "{} records of {size} bytes read in {read:?}; a page of {} bytes in {shown:?}",
        history.records().len(),
        page.len()
    );
    assert!(
        read < seconds(2.0) && shown < seconds(2.0),
        "{read:?}, {shown:?}"
    );
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
    assert!(
        page.contains("Of 10000 values, the lines show the lowest and the highest at each place.")
    );
    let short = Report::new("A run")
        .with_history(&long_history(100, 4))
        .html();
    assert!(!short.contains("the lines show the lowest"));
}

/// The history of an epoch is written in a time that hardly depends on the epochs before.
#[test]
fn the_ten_thousandth_epoch_is_written_as_fast_as_the_tenth() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.csv");
    let times = |epochs: usize| {
        let times = Arc::new(Mutex::new(vec![Instant::now()]));
        let into = times.clone();
        let config = TrainConfig::default().with_epochs(epochs);
        train(&numbered(2), config, SUM, folder.path(), |trainer| {
            let trainer = trainer.new_or_resume();
            trainer.on_epoch(move |_| {
                into.lock().unwrap().push(Instant::now());
                ControlFlow::Continue(())
            })
        })
        .unwrap();
        let times = times.lock().unwrap();
        let mut each: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        each.sort();
        each[each.len() / 2]
    };
    let early = times(12);
    // As many records as 10,000 epochs of four tasks have.
    let mut history = History::read_csv(&file).unwrap();
    for number in 0..500_000 {
        let task = format!("earlier-{}", number % 1000);
        let quantity = format!("metric_{}", number / 12_000);
        history.record(1 + number / 1000 % 12, Split::Valid, &task, &quantity, 0.5);
    }
    history.write_csv(&file).unwrap();
    let size = fs::metadata(&file).unwrap().len();
    let late = times(24);
    println!("an epoch took {early:?} with a short history, {late:?} with {size} bytes");
    assert!(late < early + seconds(0.15), "{early:?}, then {late:?}");
    let whole = History::read_csv(&file).unwrap();
    assert_eq!(whole.last_epoch(), 24);
    assert!(whole.records().len() > 500_000);
}

#[test]
fn a_thousand_tasks_train_and_are_shown() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let count = std::env::var("TASKS").map_or(1000, |count| count.parse().unwrap());
    let strategy = std::env::var("STRATEGY").unwrap_or(SUM.into());
    // The baseline differentiates the heads hundreds of times, one by one: minutes for a thousand.
    let baseline = std::env::var("BASELINE").is_ok();
    let config = TrainConfig::default()
        .with_epochs(2)
        .with_audit_every(Some(1))
        .with_baseline(baseline);
    let tasks = numbered(count);
    let began = Instant::now();
    let outcome = train(&tasks, config, &strategy, folder.path(), |trainer| trainer).unwrap();
    let trained = began.elapsed();
    println!("{count} tasks: two epochs of two steps, each audited, in {trained:?}");
    let history = &outcome.history;
    if count != 1000 {
        return;
    }
    // One pair of each task at most, and the same pairs in both epochs.
    let cosines = |epoch: usize| {
        let all = history
            .records()
            .iter()
            .filter(move |record| record.epoch == epoch);
        let all = all.filter(|record| record.quantity.starts_with("cosine_with_"));
        all.map(|record| (&record.task, &record.quantity))
            .collect::<Vec<_>>()
    };
    assert!(
        (500..=1000).contains(&cosines(1).len()),
        "{}",
        cosines(1).len()
    );
    assert_eq!(cosines(1), cosines(2));
    let began = Instant::now();
    let diagnoses = diagnose(history);
    let diagnosed = began.elapsed();
    assert_eq!(diagnoses.len(), 1000);
    let began = Instant::now();
    let page = Report::new("A thousand tasks").with_history(history).html();
    let shown = began.elapsed();
    if let Ok(place) = std::env::var("PAGE") {
        fs::write(place, &page).unwrap();
    }
    println!(
        "two epochs in {trained:?}, diagnosed in {diagnosed:?}, a page of {} bytes in {shown:?}",
        page.len()
    );
    assert!(trained < seconds(60.0), "{trained:?}");
    assert!(
        diagnosed < seconds(2.0) && shown < seconds(2.0),
        "{diagnosed:?}, {shown:?}"
    );
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
    assert!(page.contains("those of the 64 tasks with the lowest skill of 1000."));
    assert!(page.contains("The other 936 tasks"));
    assert_eq!(page.matches("<th scope=\"row\">task-777</th>").count(), 1);
    let cells = page.matches("<td").count();
    assert!(cells < 20_000, "{cells} cells");
}

/// A file of a user may name more tasks and quantities than any run has.
#[test]
fn a_history_of_many_names_is_read_and_shown_in_seconds() {
    let _alone = alone();
    let began = Instant::now();
    let mut history = History::new();
    history.record(1, Split::Valid, "one", quantity::LOSS, 1.0);
    history.record(1, Split::Valid, "one", quantity::SKILL, -1.0);
    for number in 0..100_000 {
        let name = format!("name-{number}");
        history.record(1, Split::Valid, "one", &name, 1.0);
        history.record(1, Split::Valid, &name, quantity::LOSS, 1.0);
    }
    let page = Report::new("Many names").with_history(&history).html();
    println!("a page of {} bytes in {:?}", page.len(), began.elapsed());
    assert!(began.elapsed() < seconds(10.0), "{:?}", began.elapsed());
    assert!(page.len() < 8 << 20, "{} bytes", page.len());
    assert!(page.contains("Only the first tasks of 100001 are listed."));
    assert!(page.contains("The first 60 of 100000 quantities are drawn."));
}
