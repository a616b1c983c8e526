//! Files and settings that claim more than they hold, or ask for more than a machine has: each ends in seconds, in memory
//! bounded by the size of the file, with an error that says why.
#![cfg(all(feature = "expansion", feature = "flex"))]

#[path = "support/many.rs"]
mod many;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use equipoise::expansion::bars::{CsvOptions, read_csv, read_instruments};
use equipoise::expansion::run::{Data, ExpansionConfig};
use equipoise::history::History;
use equipoise::report::Report;
use equipoise::train::{TrainConfig, checkpoint};
use equipoise::weighting::StrategyConfig;
use many::{Many, numbered, train};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What may be held beside ten times the file.
const BESIDE: usize = 64 << 20;

/// Calls a function on a file, and checks time and memory.
fn bounded<T>(path: &Path, read: impl FnOnce(&Path) -> T) -> T {
    let size = fs::metadata(path).map_or(0, |file| file.len() as usize);
    let (began, before) = (Instant::now(), MEMORY.current_usage());
    MEMORY.reset_peak_usage();
    let result = read(path);
    let (took, held) = (began.elapsed(), MEMORY.peak_usage().saturating_sub(before));
    println!(
        "{}: {size} bytes, {took:?}, {held} bytes held",
        path.display()
    );
    let most = Duration::from_secs(if cfg!(debug_assertions) { 100 } else { 10 });
    assert!(took < most, "{took:?}");
    assert!(
        held <= 10 * size + BESIDE,
        "{held} bytes for a file of {size}"
    );
    result
}

/// Returns the message about a file, which must be one line of bounded length with the name of the file.
fn refusal<T>(path: &Path, read: impl FnOnce(&Path) -> equipoise::Result<T>) -> String {
    let error = bounded(path, read).err().expect("it is refused");
    let message = error.to_string();
    assert!(
        message.len() < 5000 && !message.contains('\n'),
        "{}",
        &message[..300]
    );
    message
}

fn config(settings: &str) -> impl FnOnce(&Path) -> equipoise::Result<ExpansionConfig> {
    move |path| {
        fs::write(path, settings).unwrap();
        let config = ExpansionConfig::read(path)?;
        config.validate()?;
        Ok(config)
    }
}

/// One test, because the memory is measured for the whole process.
#[test]
fn every_bomb_is_refused_in_seconds_and_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| -> PathBuf {
        fs::write(place(name), text).unwrap();
        place(name)
    };
    the_bound_can_be_broken(&place("small"));
    json(&place("config.json"));
    histories(&write);
    tables(&write);
    sheets(&write);
    checkpoints(folder.path());
    trainings(folder.path());
}

fn the_bound_can_be_broken(path: &Path) {
    fs::write(path, "small").unwrap();
    std::panic::set_hook(Box::new(|_| ()));
    let greedy = std::panic::catch_unwind(|| bounded(path, |_| vec![1u8; 100 << 20]));
    let _ = std::panic::take_hook();
    assert!(greedy.is_err());
}

fn json(path: &Path) {
    let deep = "[".repeat(100_000);
    assert!(!refusal(path, config(&deep)).is_empty());
    for open in ["{\"a\":", "["] {
        let deep = format!("{{\"data\": {{\"features_from\": {}", open.repeat(100_000));
        assert!(!refusal(path, config(&deep)).is_empty());
    }
    let long = format!("{{\"train\": {{\"epochs\": 1{}}}}}", "0".repeat(10_000_000));
    assert!(!refusal(path, config(&long)).is_empty());
    let name = "x".repeat(10_000_000);
    assert!(refusal(path, config(&format!("{{\"{name}\": 1}}"))).contains("characters ..."));
    for (settings, words) in [
        (r#"{"train": {"epochs": 1e18}}"#, "1e+18"),
        (r#"{"train": {"epochs": -1}}"#, "-1"),
        (r#"{"train": {"batch_size": 1e400}}"#, "out of range"),
        (
            r#"{"model": {"hidden": 1099511627776}}"#,
            "`model.hidden` is 1099511627776",
        ),
        (
            r#"{"model": {"layers": 18446744073709551615}}"#,
            "`model.layers`",
        ),
        (
            r#"{"model": {"window": 1152921504606846976}}"#,
            "`model.window`",
        ),
        (
            r#"{"model": {"projection": 1099511627776}}"#,
            "`model.projection`",
        ),
        (
            r#"{"data": {"resampled": 18446744073709551615}}"#,
            "`data.resampled`",
        ),
    ] {
        let message = refusal(path, config(settings));
        assert!(message.contains(words), "{message}");
    }
    // A strategy is read as any JSON first.
    let deep = format!("{{\"strategy\": {}", "[".repeat(100_000));
    let message = StrategyConfig::from_json(&deep).unwrap_err().to_string();
    assert!(message.contains("recursion limit"), "{message}");
}

fn histories(write: &dyn Fn(&str, &str) -> PathBuf) {
    const HEADER: &str = "epoch,split,task,quantity,value\n";
    let rows = |epochs: &[u64]| {
        let rows = epochs
            .iter()
            .map(|epoch| format!("{epoch},valid,a,loss,1\n{epoch},valid,a,skill,0.5\n"));
        HEADER.to_string() + &rows.collect::<String>()
    };
    // An epoch is a number, not a count of anything that is held or walked through.
    for last in [1 << 63, u64::MAX] {
        let path = write("history.csv", &rows(&[1, 2, last]));
        let history = bounded(&path, |path| History::read_csv(path).unwrap());
        assert_eq!(history.last_epoch() as u64, last);
        let page = bounded(&path, |_| {
            Report::new("a run").with_history(&history).html()
        });
        assert!(page.len() < 1 << 20, "{}", page.len());
    }
    let path = write(
        "history.csv",
        &rows(&[1]).replace("1,", "18446744073709551616,"),
    );
    assert!(!refusal(&path, |path| History::read_csv(path)).is_empty());
    // One line, and one field, of 64 MiB.
    let long = format!("{HEADER}1,valid,{},loss,1\n", "x".repeat(64 << 20));
    let path = write("history.csv", &long);
    bounded(&path, |path| History::read_csv(path).unwrap());
    let path = write("history.csv", &format!("{HEADER}{}", "x".repeat(64 << 20)));
    assert!(!refusal(&path, |path| History::read_csv(path)).is_empty());
}

fn tables(write: &dyn Fn(&str, &str) -> PathBuf) {
    let options = CsvOptions::default();
    let bars = |path: &Path| read_csv(path, &options);
    let long = "1".repeat(64 << 20);
    for text in [
        long.clone(),
        format!("time,open,high,low,close\n{long}"),
        format!("time,open,high,low,close\n2020-01-01,{long},1,1,1\n"),
        format!("time,open,high,low,close\n2020-01-01,\"{long}\n"),
        ",".repeat(8 << 20),
        format!("{}\n", ",".repeat(1 << 19)).repeat(8),
        "\n".repeat(16 << 20),
        "\"".repeat(16 << 20),
    ] {
        assert!(!refusal(&write("bars.csv", &text), bars).is_empty());
    }
    let day = |day: usize| format!("2020-01-{day:02},1,1.5,0.5,1\n");
    let good: String = (1..=28).map(day).collect();
    let bars = write("bars.csv", &format!("time,open,high,low,close\n{good}"));
    for row in [
        "0,1152921504606846976,breakout",
        "1152921504606846976,1152921504606846977,breakout",
        "0,18446744073709551615,breakout",
        "0,1,1152921504606846976",
    ] {
        let marks = write("marks.csv", &format!("start,end,type\n{row}\n"));
        let mut config = ExpansionConfig::default();
        config.data.path = Some(bars.clone().into());
        config.data.marks = Some(marks.clone());
        let message = refusal(&marks, |_| Data::load(&config));
        assert!(message.contains("marks.csv"), "{message}");
    }
}

/// Instruments side by side with text that all of them share: a copy for each would be 100 MB.
fn sheets(write: &dyn Fn(&str, &str) -> PathBuf) {
    const INSTRUMENTS: usize = 100;
    let cells = |cell: &str| cell.repeat(INSTRUMENTS);
    let tickers: String = (0..INSTRUMENTS)
        .map(|one| format!(",S{one}").repeat(4))
        .collect();
    let long = "x".repeat(500_000);
    let sheet = |above: &str, between: &str, note: &str| {
        let mut text = format!(
            "{above}Price,note{}\nTicker,{tickers}\n",
            cells(",Open,High,Low,Close")
        );
        for day in [2, 3] {
            text += &format!(
                "2024-01-{day:02},{note}{}\n{between}",
                cells(",1,2,0.5,1.5")
            );
        }
        text
    };
    for text in [
        sheet("", "", &long),
        sheet(&format!("{long}\n{long}\n"), "", "x"),
        sheet("", &"\n".repeat(1_000_000), "x"),
    ] {
        let file = write("sheet.csv", &text);
        let (instruments, _) = bounded(&file, |path| {
            read_instruments(path, &CsvOptions::default()).unwrap()
        });
        assert_eq!(instruments.len(), INSTRUMENTS);
        assert!(instruments.iter().all(|one| one.bars.len() == 2));
    }
}

/// The network of a checkpoint whose lengths, eight bytes at each place of its first bytes, claim more than there is. It has
/// no checksum beside it, which is accepted.
fn checkpoints(folder: &Path) {
    let run = folder.join("checkpoints");
    train(
        &numbered(2),
        TrainConfig::default().with_epochs(1),
        SUM,
        &run,
        |trainer| trainer,
    )
    .unwrap();
    let good = fs::read(checkpoint::model_file(&run, 1)).unwrap();
    let network = || Many::new(numbered(2), &Device::flex());
    let path = folder.join("claims.bpk");
    fs::write(&path, &good).unwrap();
    checkpoint::load_network(network(), &path, &[]).unwrap();
    let mut refused = 0;
    std::panic::set_hook(Box::new(|panic| println!("{panic}")));
    for at in 0..128 {
        for claim in [u64::MAX, 1 << 60, 1 << 40] {
            for bytes in [claim.to_le_bytes(), claim.to_be_bytes()] {
                let mut damaged = good.clone();
                damaged[at..at + 8].copy_from_slice(&bytes);
                fs::write(&path, &damaged).unwrap();
                let began = Instant::now();
                let before = MEMORY.current_usage();
                MEMORY.reset_peak_usage();
                refused += usize::from(checkpoint::load_network(network(), &path, &[]).is_err());
                let held = MEMORY.peak_usage().saturating_sub(before);
                assert!(held < BESIDE, "{held} bytes held, claim at {at}");
                assert!(began.elapsed() < Duration::from_secs(5), "claim at {at}");
            }
        }
    }
    let _ = std::panic::take_hook();
    println!("{refused} of 768 claims were refused");
    assert!(refused > 300, "{refused}");
}

const SUM: &str = r#"{"strategy": "sum"}"#;

/// Settings of any size: what is there is used up, and what cannot be is refused.
fn trainings(folder: &Path) {
    let most = usize::MAX;
    for (number, config) in (0..).zip([
        TrainConfig::default().with_epochs(1_000_000_000_000_000_000),
        TrainConfig::default().with_epochs(most),
        TrainConfig::default().with_batch_size(1 << 63),
        TrainConfig::default().with_accumulate(1 << 63),
        TrainConfig::default()
            .with_accumulate(most)
            .with_epochs(most),
        TrainConfig::default().with_audit_every(Some(most)),
        TrainConfig::default().with_keep_checkpoints(most),
        TrainConfig::default().with_patience(Some(most)),
    ]) {
        let run = folder.join(format!("run-{number}"));
        let outcome = bounded(&run, |run| {
            train(&numbered(2), config, SUM, run, |trainer| {
                trainer.on_epoch(|seen| match seen.epoch {
                    3 => ControlFlow::Break("enough".into()),
                    _ => ControlFlow::Continue(()),
                })
            })
        });
        match outcome {
            Ok(outcome) => assert_eq!(outcome.history.last_epoch(), 3),
            Err(error) => println!("refused: {error}"),
        }
    }
}
