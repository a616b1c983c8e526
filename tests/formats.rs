//! Files carry the number of their form. What version 0.1.0 wrote before there were numbers (format 1) is read, resumed,
//! compared and reported; a file of a later version is refused by its number; every file that is written has one.
#![cfg(all(feature = "expansion", feature = "flex"))]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::data::dataset::InMemDataset;
use burn::tensor::Device;
use burn::train::Interrupter;
use equipoise::comparison::{Compare, Prepared, SearchConfig};
use equipoise::diagnosis::{Trials, diagnose_with};
use equipoise::expansion::comparison::{Comparison, ComparisonConfig};
use equipoise::expansion::predictor::Predictor;
use equipoise::expansion::run::{self, Data, ExpansionConfig, RunOptions};
use equipoise::history::History;
use equipoise::probe::ProbeConfig;
use equipoise::report::{Report, write_index};
use equipoise::train::{FolderLock, Outcome, Progress, TrainConfig, checkpoint};
use equipoise::weighting::StrategyConfig;
use equipoise::{Error, Result};
use serde_json::{Value, json};
use support::tabular::{Network, Says, ToBatch, all, data, network, rows, strategy, trainer};
use tempfile::TempDir;

const FIXTURES: &str = "tests/fixtures/format-1";
/// The newest form of every kind of file.
const NEWEST: u32 = 2;
/// A number that this version does not know.
const LATER: u32 = 7;

/// The random numbers of a process have one state, so runs inside this process must not overlap.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns every file below a folder, by its path in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// Copies a folder of format 1, because a resumed run is written to.
fn copied(name: &str) -> TempDir {
    let (from, to) = (Path::new(FIXTURES).join(name), tempfile::tempdir().unwrap());
    for file in files(&from) {
        let place = to.path().join(&file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(from.join(&file), place).unwrap();
    }
    to
}

fn config_of(run: &Path) -> ExpansionConfig {
    ExpansionConfig::read(run.join("config.json")).unwrap()
}

fn trained(config: &ExpansionConfig, folder: &Path, resume: bool) -> Result<History> {
    let options = RunOptions {
        resume,
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let data = Data::load(config)?;
    run::train(config, data, folder, options).map(|outcome| outcome.history)
}

/// The settings of `own-run`.
fn own_config(epochs: usize) -> TrainConfig {
    TrainConfig::default()
        .with_epochs(epochs)
        .with_learning_rate(1e-2)
        .with_keep_checkpoints(2)
}

fn own_trained(folder: &Path, epochs: usize, resume: bool) -> Result<Outcome<Network>> {
    let device = Device::flex();
    trainer(own_config(epochs), folder).resume(resume).fit(
        network(Says::Nothing, &device),
        strategy(r#"{"strategy": "running-mean"}"#, &device),
        InMemDataset::new(rows(64, all)),
        InMemDataset::new(rows(32, all)),
        ToBatch,
        &device,
    )
}

/// The comparison of `own-comparison`.
fn own_comparison(folder: &Path) -> Compare<Network> {
    let config = own_config(1).with_audit_every(None);
    let search = SearchConfig { runs: 1, epochs: 1 };
    ["uncertainty", "famo", "random", "upgrad"]
        .into_iter()
        .fold(
            Compare::new(config, folder).with_tuned_fixed(search),
            |compare, name| compare.with_strategy(name, StrategyConfig::named(name).unwrap()),
        )
}

fn prepare(_seed: u64) -> Result<Prepared<Network>> {
    Ok(Prepared {
        network: network(Says::Nothing, &Device::flex()),
        train: Box::new(data(rows(64, all), 16).shuffled()),
        valid: Box::new(data(rows(32, all), 32)),
        baselines: Vec::new(),
    })
}

/// The comparison of `comparison`.
fn comparison() -> ComparisonConfig {
    let mut config = ExpansionConfig::read(Path::new(FIXTURES).join("config.json")).unwrap();
    config.train.epochs = 1;
    ComparisonConfig::new(config)
        .unwrap()
        .with_strategies(["uncertainty", "sum", "tuned-fixed"])
        .with_seeds(1)
        .with_search(SearchConfig { runs: 1, epochs: 1 })
}

/// Compares all numbers. The files of format 1 may come from another machine, whose last bits differ.
#[track_caller]
fn same(found: &History, expected: &History) {
    assert_eq!(found.records().len(), expected.records().len());
    for (found, expected) in found.records().iter().zip(expected.records()) {
        let same_name = (found.epoch, found.split, &found.task, &found.quantity)
            == (
                expected.epoch,
                expected.split,
                &expected.task,
                &expected.quantity,
            );
        assert!(same_name, "{found:?} {expected:?}");
        let bound = 1e-6 + 1e-4 * expected.value.abs();
        let same = found.value.to_bits() == expected.value.to_bits()
            || (found.value - expected.value).abs() <= bound;
        assert!(same, "{found:?} {expected:?}");
    }
}

#[test]
fn a_run_of_format_1_is_read_predicted_from_and_reported() {
    let run = Path::new(FIXTURES).join("run");
    let config = config_of(&run);
    assert_eq!((config.model.hidden, config.train.epochs), (3, 2));
    assert_eq!(checkpoint::latest(&run).unwrap(), 2);
    assert_eq!(checkpoint::best(&run).unwrap(), 2);
    let history = History::read_csv(run.join("history.csv")).unwrap();
    assert_eq!(history.last_epoch(), 2);
    let trials = Trials::read_csv(run.join("probe.csv")).unwrap();
    assert_eq!(trials.trials.len(), 9);
    assert!(!diagnose_with(&history, &trials).is_empty());
    let predictor = Predictor::from_run(&run).unwrap();
    let bars = Path::new(FIXTURES).join("bars.csv");
    let (bars, _) = config.data.read_bars(&bars).unwrap();
    let first = predictor
        .windows(&bars, 30)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(first.kind_name(), "reversal");
    // As `predict` of version 0.1.0 printed it.
    assert!((f64::from(first.prediction.probability) - 0.447_036_5).abs() < 1e-4);

    let page = Report::new("run").with_history(&history).html();
    assert!(page.contains("<meta name=\"generator\" content=\"equipoise "));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("run");
    fs::create_dir(&place).unwrap();
    fs::copy(run.join("history.csv"), place.join("history.csv")).unwrap();
    assert_eq!(write_index(folder.path()).unwrap(), 1);
}

#[test]
fn a_run_of_format_1_goes_on_as_if_it_had_never_stopped() {
    let _alone = alone();
    let folder = copied("run");
    let begun = History::read_csv(folder.path().join("history.csv")).unwrap();
    let mut config = config_of(folder.path());
    config.train.epochs = 4;
    let resumed = trained(&config, folder.path(), true).unwrap();
    let mut first = resumed.clone();
    first.truncate_after(2);
    assert_eq!(first, begun, "what was written stays, to the bit");
    let whole = Path::new(FIXTURES).join("uninterrupted/history.csv");
    same(&resumed, &History::read_csv(whole).unwrap());
    let now = tempfile::tempdir().unwrap();
    same(&resumed, &trained(&config, now.path(), false).unwrap());
    // The resumed run is one of this version.
    for file in [
        "config.json",
        "train.json",
        "inputs.json",
        "checkpoint/epoch-4.json",
    ] {
        assert_eq!(json_number(&folder.path().join(file)), NEWEST, "{file}");
    }
    // The checkpoint of format 1 that is still there, if it is the best, and those of this version.
    assert_eq!(checkpoint::latest(folder.path()).unwrap(), 4);
    Predictor::from_run(folder.path()).unwrap();
}

#[test]
fn a_run_of_a_network_of_ones_own_goes_on_too() {
    let _alone = alone();
    let folder = copied("own-run");
    let resumed = own_trained(folder.path(), 4, true).unwrap().history;
    let now = tempfile::tempdir().unwrap();
    let whole = own_trained(now.path(), 4, false).unwrap().history;
    same(&resumed, &whole);
}

#[test]
fn a_comparison_of_format_1_is_finished_and_repeats_nothing() {
    let _alone = alone();
    let folder = copied("comparison");
    let collected = Comparison::collect(comparison(), folder.path(), &[]).unwrap();
    assert!(collected.missing().unwrap().is_empty());
    let mut opened = Comparison::open(comparison(), folder.path()).unwrap();
    let worked = opened.run(|jobs| {
        for job in jobs {
            assert_eq!(
                job.state()?,
                equipoise::expansion::comparison::JobState::Finished
            );
        }
        Ok(true)
    });
    assert!(worked.unwrap());
    assert_eq!(
        opened.results().unwrap().strategies(),
        ["uncertainty", "sum", "tuned-fixed"]
    );
    let table = opened.results().unwrap().table();
    assert!(
        table.contains("tuned-fixed") && !table.contains("failed"),
        "{table}"
    );
}

#[test]
fn a_comparison_of_ones_own_of_format_1_takes_a_further_strategy() {
    let _alone = alone();
    let folder = copied("own-comparison");
    let trained = std::sync::Arc::new(Mutex::new(Vec::new()));
    let seen = trained.clone();
    let results = own_comparison(folder.path())
        .with_strategy("mgda", StrategyConfig::named("mgda").unwrap())
        .on_run(move |run| seen.lock().unwrap().push(!run.took.is_zero()))
        .run(prepare, &Device::flex())
        .unwrap();
    assert_eq!(results.strategies().len(), 7);
    let anew = trained
        .lock()
        .unwrap()
        .iter()
        .filter(|trained| **trained)
        .count();
    assert_eq!(anew, 1, "only the new row was trained: {trained:?}");
}

/// A checkpoint of every strategy with a memory of its own form.
#[test]
fn checkpoints_of_format_1_load_with_the_memory_of_their_strategy() {
    let device = Device::flex();
    let runs = Path::new(FIXTURES).join("own-comparison");
    for name in ["sum", "uncertainty", "famo", "random", "upgrad"] {
        let file = checkpoint::model_file(runs.join(name).join("seed-1"), 1);
        let json = format!(r#"{{"strategy": "{name}"}}"#);
        let (network, strategy) = (network(Says::Nothing, &device), strategy(&json, &device));
        let fresh = equipoise::train::MultiTask::new(network.clone(), strategy);
        checkpoint::load_model(fresh, &file).unwrap();
        checkpoint::load_network(network, &file, &[]).unwrap();
    }
}

fn json_number(file: &Path) -> u32 {
    let text = fs::read_to_string(file).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let number = value.get("format").and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("{} has no number", file.display())) as u32
}

/// Sets the number of a JSON file.
fn set_json(file: &Path, number: impl Into<Value>) {
    let text = fs::read_to_string(file).unwrap();
    let mut value: Value = match text.as_str() {
        "" => json!({}),
        text => serde_json::from_str(text).unwrap(),
    };
    value["format"] = number.into();
    // Fields that a later version may have, and without one that it may lack.
    value["of a later version"] = json!([1, 2]);
    fs::write(file, value.to_string()).unwrap();
}

/// Sets the number of a table with a column for it.
fn set_column(file: &Path, number: u32) {
    let text = fs::read_to_string(file).unwrap();
    let rows = text.lines().enumerate().map(|(line, row)| match line {
        0 => format!("{row},format,of a later version"),
        _ => format!("{row},{number},x"),
    });
    fs::write(file, rows.collect::<Vec<_>>().join("\n")).unwrap();
}

#[track_caller]
fn is_refused<T>(result: Result<T>, file: &Path) {
    let error = result.err().expect("a file of a later version was read");
    let message = error.to_string();
    match error {
        Error::Format {
            path,
            found,
            newest,
        } => {
            assert_eq!((found, newest), (LATER.into(), NEWEST), "{message}");
            assert!(path.ends_with(file), "{message}");
        }
        other => panic!("{}: {other}", file.display()),
    }
    let expected = "was written by a later version of equipoise (format 7; this version reads up to 2): update equipoise";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn files_of_a_later_version_are_refused_by_their_number() {
    let _alone = alone();
    type Reads = fn(&Path) -> Result<()>;
    let resumes: Reads = |run| {
        let mut config = ExpansionConfig::read(run.join("config.json"))?;
        config.train.epochs = 3;
        trained(&config, run, true).map(|_| ())
    };
    let resumes_own: Reads = |run| own_trained(run, 3, true).map(|_| ());
    let compares_own: Reads = |folder| {
        own_comparison(folder)
            .run(prepare, &Device::flex())
            .map(|_| ())
    };
    let collects: Reads = |folder| {
        let all = Comparison::collect(comparison(), folder, &[])?;
        all.missing().map(|_| ())
    };
    let predicts: Reads = |run| Predictor::from_run(run).map(|_| ());
    let history: Reads = |run| History::read_csv(run.join("history.csv")).map(|_| ());
    let probe: Reads = |run| Trials::read_csv(run.join("probe.csv")).map(|_| ());
    for (fixture, file, reads) in [
        ("run", "config.json", resumes),
        ("run", "config.json", predicts),
        ("run", "train.json", resumes),
        ("run", "inputs.json", resumes),
        ("run", "checkpoint/epoch-2.json", resumes),
        ("run", "checkpoint/epoch-2.json", predicts),
        ("run", "history.csv", history),
        ("run", "history.csv", resumes),
        ("run", "probe.csv", probe),
        ("own-run", "train.json", resumes_own),
        ("own-run", "history.csv", resumes_own),
        ("own-run", "baselines.csv", resumes_own),
        ("own-run", "checkpoint/epoch-2.json", resumes_own),
        ("comparison", "comparison.json", collects),
        ("comparison", "search/chosen.json", collects),
        ("comparison", "runs/sum-seed1/finished", collects),
        ("comparison", "runs/sum-seed1/config.json", collects),
        ("comparison", "runs/sum-seed1/inputs.json", collects),
        ("own-comparison", "comparison.json", compares_own),
        ("own-comparison", "sum/seed-1/strategy.json", compares_own),
        ("own-comparison", "sum/seed-1/ended.json", compares_own),
        ("own-comparison", "sum/seed-1/history.csv", compares_own),
    ] {
        let folder = copied(fixture);
        let place = folder.path().join(file);
        match place.file_name().unwrap().to_str().unwrap() {
            "history.csv" => {
                let text = fs::read_to_string(&place).unwrap();
                let (header, rows) = text.split_once('\n').unwrap();
                let later = format!("{header},later\n0,valid,all,format,{LATER},x\n{rows}");
                fs::write(&place, later).unwrap();
            }
            name if name.ends_with(".csv") => set_column(&place, LATER),
            _ => set_json(&place, LATER),
        }
        is_refused(reads(folder.path()), Path::new(file));
    }
}

/// Burn writes a number of its own into the head of its files.
#[test]
fn a_checkpoint_of_a_later_burn_is_refused_by_its_number() {
    let folder = copied("run");
    let file = checkpoint::model_file(folder.path(), 2);
    let mut bytes = fs::read(&file).unwrap();
    assert_eq!(bytes[4..6], [1, 0]);
    bytes[4] = 9;
    fs::write(&file, bytes).unwrap();
    fs::remove_file(file.with_extension("bpk.crc32")).unwrap();
    let message = Predictor::from_run(folder.path())
        .err()
        .unwrap()
        .to_string();
    for expected in [
        "model-2.bpk",
        "a later version of Burn (its format 9; this version reads up to 1)",
    ] {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_number_that_is_none_is_refused_and_the_same_number_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let read = |text: &str| {
        fs::write(&file, text).unwrap();
        ExpansionConfig::read(&file)
    };
    for number in ["0", "-1", "1.5", "\"2\"", "[2]"] {
        let message = read(&format!(r#"{{"format": {number}}}"#))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("config.json: its `format` is "),
            "{message}"
        );
    }
    for number in [1, 2] {
        let config = read(&format!(
            r#"{{"train": {{"epochs": 9}}, "format": {number}}}"#
        ));
        assert_eq!(config.unwrap().train.epochs, 9);
    }
    // Other fields are refused as before, with their place.
    let message = read("{\"format\": 2,\n  \"traim\": {}}")
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("unknown field `traim`") && message.contains("line 2"),
        "{message}"
    );
    let message = read("{\"format\": 2,\n  \"train\": {\"epochs\": \"x\"}}")
        .unwrap_err()
        .to_string();
    assert!(message.contains("line 2 column"), "{message}");

    let table = folder.path().join("history.csv");
    fs::write(
        &table,
        "epoch,split,task,quantity,value\n0,valid,all,format,two\n",
    )
    .unwrap();
    let message = History::read_csv(&table).unwrap_err().to_string();
    assert!(
        message.contains("history.csv: its `format` is two"),
        "{message}"
    );
}

#[test]
fn the_number_of_a_history_is_a_row_that_no_reader_sees() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.csv");
    let history = History::read_csv(Path::new(FIXTURES).join("run/history.csv")).unwrap();
    history.write_csv(&file).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("epoch,split,task,quantity,value\n0,valid,all,format,2\n"),
        "{text}"
    );
    assert_eq!(History::read_csv(&file).unwrap(), history);
    // The rest is the file of format 1, to the byte.
    let before = fs::read_to_string(Path::new(FIXTURES).join("run/history.csv")).unwrap();
    assert_eq!(text.replacen("0,valid,all,format,2\n", "", 1), before);
}

/// Where the number of a kind of file is.
enum Number {
    /// In the field `format`.
    Json,
    /// In the first row.
    Row,
    /// In the column `format`.
    Column,
    /// In the seal of its epoch, for parts of a checkpoint and their checksums.
    Seal,
    /// In the head of the page.
    Page,
    /// Nowhere: nothing reads the file back.
    Nothing,
}

/// Every kind of file that the library writes. A new kind needs a row here, and a number.
fn kind(file: &Path) -> Option<Number> {
    let name = file.file_name()?.to_str()?;
    Some(match name {
        "config.json" | "train.json" | "inputs.json" | "class_weights.json" | "comparison.json"
        | "strategy.json" | "ended.json" | "chosen.json" | "finished" | "lock-holder.json" => {
            Number::Json
        }
        "history.csv" => Number::Row,
        "baselines.csv" | "probe.csv" => Number::Column,
        "report.html" | "index.html" => Number::Page,
        // Only the operating system's lock.
        "lock" => Number::Nothing,
        _ if file.parent()?.ends_with("checkpoint") => {
            match (name.starts_with("epoch-"), name.ends_with(".json")) {
                (true, true) => Number::Json,
                _ if name.ends_with(".bpk") || name.ends_with(".bpk.crc32") => Number::Seal,
                _ => return None,
            }
        }
        _ => return None,
    })
}

fn check_numbers(folder: &Path) -> Vec<String> {
    let all = files(folder);
    for file in &all {
        let place = folder.join(file);
        let what = file.display();
        let text = String::from_utf8_lossy(&fs::read(&place).unwrap()).into_owned();
        match kind(file).unwrap_or_else(|| panic!("{what} is of a kind without a number")) {
            Number::Json => assert_eq!(json_number(&place), NEWEST, "{what}"),
            Number::Row => {
                let second = text.lines().nth(1);
                assert_eq!(second, Some("0,valid,all,format,2"), "{what}");
            }
            Number::Column => {
                let mut lines = text.lines();
                assert!(lines.next().unwrap().ends_with(",format"), "{what}");
                assert!(lines.all(|line| line.ends_with(",2")), "{what}");
            }
            Number::Page => assert!(text.contains("<meta name=\"generator\""), "{what}"),
            Number::Seal => {
                let name = file.file_name().unwrap().to_str().unwrap();
                let epoch = name.split(['-', '.']).nth(1).unwrap();
                let seal = place.with_file_name(format!("epoch-{epoch}.json"));
                assert_eq!(json_number(&seal), NEWEST, "{what}");
            }
            Number::Nothing => {}
        }
    }
    all.iter()
        .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_file_that_is_written_has_a_number() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let config = ExpansionConfig::read(Path::new(FIXTURES).join("config.json")).unwrap();
    let history = trained(&config, &place("run"), false).unwrap();
    let options = RunOptions {
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let short = ProbeConfig::default()
        .with_steps(1)
        .with_forks(2)
        .with_tasks(Some(vec!["type".into()]));
    let data = Data::load(&config).unwrap();
    run::probe(&config, data, place("run"), &options, &short).unwrap();
    let report = Report::new("run").with_history(&history);
    report.write(place("run/report.html")).unwrap();
    own_trained(&place("own"), 1, false).unwrap();
    own_comparison(&place("own-comparison"))
        .run(prepare, &Device::flex())
        .unwrap();
    let mut compared = Comparison::open(comparison(), place("comparison")).unwrap();
    let worked = compared.run(|jobs| {
        for job in jobs {
            job.work(Progress::Silent, Interrupter::new())?;
        }
        Ok(true)
    });
    assert!(worked.unwrap() && compared.missing().unwrap().is_empty());
    write_index(folder.path()).unwrap();
    let _held = FolderLock::take(place("own")).unwrap();
    let names = check_numbers(folder.path());
    // Every kind was really there.
    for name in [
        "config.json",
        "train.json",
        "inputs.json",
        "class_weights.json",
        "comparison.json",
        "strategy.json",
        "ended.json",
        "chosen.json",
        "finished",
        "lock-holder.json",
        "history.csv",
        "baselines.csv",
        "probe.csv",
        "report.html",
        "index.html",
        "lock",
        "epoch-1.json",
        "model-1.bpk",
        "optim-1.bpk.crc32",
    ] {
        assert!(names.iter().any(|found| found == name), "no {name}");
    }
}

/// A safetensors file of a later version of this crate, for PyTorch.
#[cfg(feature = "pytorch")]
#[test]
fn an_export_has_a_number_and_one_of_a_later_version_is_refused() {
    use equipoise::pytorch::PytorchFile;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.safetensors");
    let run = Path::new(FIXTURES).join("run");
    run::export_run(&run, 2).unwrap().write(&file).unwrap();
    let read = PytorchFile::read(&file).unwrap();
    assert_eq!(read.metadata("equipoise.format"), Some("2"));
    let mut bytes = fs::read(&file).unwrap();
    let key = b"\"equipoise.format\":\"";
    let at = bytes
        .windows(key.len())
        .position(|part| part == key)
        .unwrap();
    bytes[at + key.len()] = b'7';
    fs::write(&file, bytes).unwrap();
    is_refused(PytorchFile::read(&file), Path::new("network.safetensors"));
}
