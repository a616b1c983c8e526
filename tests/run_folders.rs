//! The folder of a run belongs to one training at a time, and a run is resumed only from files that belong together.
#![cfg(all(feature = "expansion", feature = "flex"))]

mod support;

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use burn::data::dataset::InMemDataset;
use burn::tensor::Device;
use equipoise::comparison::{Compare, Prepared};
use equipoise::history::History;
use equipoise::probe::ProbeConfig;
use equipoise::train::{FolderLock, Outcome, Schedule, TrainConfig, Trainer, checkpoint};
use equipoise::weighting::StrategyConfig;
use equipoise::{Error, Result};
use support::tabular::{Network, Says, ToBatch, all, data, network, rows, strategy, trainer};

/// The variable that names the folder for the process that holds a lock.
const FOLDER: &str = "EQUIPOISE_TEST_FOLDER";

fn config(epochs: usize) -> TrainConfig {
    TrainConfig::default()
        .with_epochs(epochs)
        .with_learning_rate(1e-2)
        .with_schedule(Schedule::Cosine)
        .with_baseline(false)
}

fn fit(trainer: Trainer<Network>) -> Result<Outcome<Network>> {
    let device = Device::flex();
    trainer.fit(
        network(Says::Nothing, &device),
        strategy(r#"{"strategy": "running-mean"}"#, &device),
        InMemDataset::new(rows(64, all)),
        InMemDataset::new(rows(32, all)),
        ToBatch,
        &device,
    )
}

/// Trains a new run.
fn trained(folder: &Path, epochs: usize) -> Outcome<Network> {
    fit(trainer(config(epochs), folder)).unwrap()
}

fn resumed(folder: &Path, epochs: usize) -> Result<Outcome<Network>> {
    fit(trainer(config(epochs), folder).resume(true))
}

fn part(folder: &Path, name: &str) -> PathBuf {
    checkpoint::folder(folder).join(name)
}

#[track_caller]
fn is_refused<T>(result: Result<T>, folder: &Path) {
    let Err(error) = result else {
        panic!("a second holder was let in");
    };
    assert!(matches!(error, Error::File { .. }), "{error}");
    let message = error.to_string();
    let process = format!("process {} (for ", std::process::id());
    for expected in [&folder.display().to_string(), &process, "is at work in"] {
        assert!(message.contains(expected), "no {expected} in: {message}");
    }
}

#[test]
fn a_folder_in_training_takes_no_second_training() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().to_path_buf();
    let (began, until) = (channel(), channel::<()>());
    let place = run.clone();
    let (tell, wait) = (began.0, until.1);
    let first = std::thread::spawn(move || {
        let mut epochs = 0;
        let trainer = trainer(config(3), &place).on_epoch(move |_| {
            epochs += 1;
            if epochs == 2 {
                tell.send(()).unwrap();
                wait.recv().unwrap();
            }
            ControlFlow::Continue(())
        });
        fit(trainer).unwrap()
    });
    began.1.recv().unwrap();
    is_refused(fit(trainer(config(3), &run)), &run);
    is_refused(resumed(&run, 3), &run);
    is_refused(fit(trainer(config(3), &run).new_or_resume()), &run);
    is_refused(trainer(config(3), &run).resume(true).claim(), &run);
    is_refused(FolderLock::take(&run), &run);
    is_refused(FolderLock::check_free(&run), &run);
    let probed = trainer(config(3), &run).probe(
        (
            network(Says::Nothing, &Device::flex()),
            strategy(r#"{"strategy": "running-mean"}"#, &Device::flex()),
        ),
        InMemDataset::new(rows(64, all)),
        InMemDataset::new(rows(32, all)),
        ToBatch,
        &Device::flex(),
        &ProbeConfig::default(),
    );
    is_refused(probed, &run);
    // Who only reads is let in.
    // The checkpoint of the second epoch may still be being written.
    assert!(checkpoint::latest(&run).unwrap() >= 1);
    assert_eq!(
        History::read_csv(run.join("history.csv"))
            .unwrap()
            .last_epoch(),
        2
    );
    until.0.send(()).unwrap();
    let outcome = first.join().unwrap();
    assert_eq!(outcome.history.last_epoch(), 3);
    assert!(!run.join("lock-holder.json").exists());
    // The lock ends with the training, whoever keeps its outcome.
    assert_eq!(resumed(&run, 4).unwrap().history.last_epoch(), 4);
}

#[test]
fn a_program_holds_the_lock_before_and_after_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("new");
    FolderLock::check_free(&run).unwrap();
    assert!(!run.exists(), "a check leaves nothing");
    let lock = FolderLock::take(&run).unwrap();
    fit(trainer(config(1), &run).with_lock(lock.clone())).unwrap();
    is_refused(resumed(&run, 2), &run);
    drop(lock);
    resumed(&run, 2).unwrap();
}

#[test]
#[should_panic(expected = "the lock is of another folder")]
fn the_lock_of_another_folder_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let lock = FolderLock::take(folder.path().join("one")).unwrap();
    let _ = trainer(config(1), &folder.path().join("two")).with_lock(lock);
}

/// Holds a lock until the process is killed.
fn hold_a_lock(folder: OsString) {
    let _lock = FolderLock::take(folder).unwrap();
    println!("held");
    std::thread::sleep(Duration::from_secs(60));
}

/// Starts this test program once more, with only the test that holds a lock there.
fn holder(folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_killed_process_holds_nothing", "--nocapture"]);
    command.env(FOLDER, folder).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    let held = said.lines().map_while(std::result::Result::ok);
    assert!(held.take(20).any(|line| line.contains("held")));
    child
}

#[test]
fn a_killed_process_holds_nothing() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return hold_a_lock(folder);
    }
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path(), 1);
    let mut other = holder(folder.path());
    let error = resumed(folder.path(), 2).unwrap_err().to_string();
    let process = format!("process {} (for ", other.id());
    assert!(error.contains(&process), "{error}");
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(folder.path().join("lock-holder.json").exists(), "killed");
    resumed(folder.path(), 2).unwrap();
    assert!(!folder.path().join("lock-holder.json").exists());
}

#[test]
fn a_folder_takes_one_comparison_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let compare = || {
        let sum = StrategyConfig::named("sum").unwrap();
        let config = TrainConfig::default().with_epochs(1).with_audit_every(None);
        Compare::new(config, folder.path()).with_strategy("sum", sum)
    };
    let prepare = |_| {
        Ok(Prepared {
            network: network(Says::Nothing, &Device::flex()),
            train: Box::new(data(rows(32, all), 16)),
            valid: Box::new(data(rows(16, all), 16)),
            baselines: Vec::new(),
        })
    };
    let lock = FolderLock::take(folder.path()).unwrap();
    is_refused(compare().run(prepare, &device), folder.path());
    drop(lock);
    compare().run(prepare, &device).unwrap();
}

#[test]
fn files_of_two_epochs_or_runs_are_no_checkpoint() {
    let (run, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    trained(run.path(), 2);
    fit(trainer(config(2).with_learning_rate(1e-3), other.path())).unwrap();
    let whole = |name: &str| std::fs::read(part(run.path(), name)).unwrap();
    for kind in ["optim", "scheduler"] {
        let name = format!("{kind}-2.bpk");
        let (good, sum) = (whole(&name), whole(&format!("{name}.crc32")));
        let write = |from: &Path, with: &str| {
            std::fs::copy(part(from, with), part(run.path(), &name)).unwrap();
            let sum = part(from, &format!("{with}.crc32"));
            std::fs::copy(sum, part(run.path(), &format!("{name}.crc32"))).unwrap();
            let error = resumed(run.path(), 3).unwrap_err();
            assert!(matches!(error, Error::Checkpoint { .. }), "{error}");
            let message = error.to_string();
            for expected in [name.as_str(), "other files of epoch 2", "epoch-2.json"] {
                assert!(message.contains(expected), "no {expected} in: {message}");
            }
        };
        // Each with the checksum of its own, so that only their belonging together is wrong.
        write(run.path(), &format!("{kind}-1.bpk"));
        if kind == "optim" {
            write(other.path(), &name);
        }
        // Shorter, and without a checksum.
        std::fs::write(part(run.path(), &name), &good[..good.len() - 7]).unwrap();
        std::fs::remove_file(part(run.path(), &format!("{name}.crc32"))).unwrap();
        let message = resumed(run.path(), 3).unwrap_err().to_string();
        assert!(message.contains(&name), "{message}");
        std::fs::write(part(run.path(), &name), good).unwrap();
        std::fs::write(part(run.path(), &format!("{name}.crc32")), sum).unwrap();
    }
    std::fs::write(part(run.path(), "epoch-2.json"), "{").unwrap();
    let message = resumed(run.path(), 3).unwrap_err().to_string();
    assert!(message.contains("epoch-2.json"), "{message}");
    // As the message advises.
    for name in [
        "model-2.bpk",
        "optim-2.bpk",
        "scheduler-2.bpk",
        "epoch-2.json",
    ] {
        std::fs::rename(part(run.path(), name), run.path().join(name)).unwrap();
    }
    assert_eq!(checkpoint::latest(run.path()).unwrap(), 1);
    resumed(run.path(), 3).unwrap();
}

#[test]
fn an_epoch_whose_writing_was_interrupted_does_not_count() {
    let run = tempfile::tempdir().unwrap();
    trained(run.path(), 2);
    std::fs::remove_file(part(run.path(), "epoch-2.json")).unwrap();
    assert_eq!(checkpoint::latest(run.path()).unwrap(), 1);
    // A run of an earlier version has no seal at all.
    std::fs::remove_file(part(run.path(), "epoch-1.json")).unwrap();
    assert_eq!(checkpoint::latest(run.path()).unwrap(), 2);
    resumed(run.path(), 3).unwrap();
    assert_eq!(checkpoint::latest(run.path()).unwrap(), 3);
    assert!(part(run.path(), "epoch-3.json").exists());
}

#[test]
fn a_history_with_a_gap_is_not_continued() {
    let run = tempfile::tempdir().unwrap();
    trained(run.path(), 4);
    let file = run.path().join("history.csv");
    let whole = std::fs::read_to_string(&file).unwrap();
    let without = |gone: &[&str]| {
        let begins = |line: &str| gone.iter().any(|epoch| line.starts_with(epoch));
        let rows = whole.lines().filter(|line| !begins(line));
        let text: String = rows.flat_map(|line| [line, "\n"]).collect();
        std::fs::write(&file, text).unwrap();
        let error = resumed(run.path(), 5).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
        error.to_string()
    };
    for (gone, first) in [
        (&["2,", "3,", "4,"][..], "epoch 2"),
        (&["4,"], "epoch 4"),
        (&["1,"], "epoch 1"),
    ] {
        let message = without(gone);
        for expected in [
            "history.csv",
            first,
            "checkpoint of epoch 4",
            "bring the whole file back",
        ] {
            assert!(message.contains(expected), "no {expected} in: {message}");
        }
        // Nor does a history without the last epoch tell the best.
        if gone.contains(&"4,") {
            let message = checkpoint::best(run.path()).unwrap_err().to_string();
            let expected = "there is a checkpoint of epoch 4: it is not whole";
            assert!(message.contains(expected), "{message}");
        }
    }
    std::fs::write(&file, whole).unwrap();
    checkpoint::best(run.path()).unwrap();
    resumed(run.path(), 5).unwrap();
}

/// A flipped bit in a tensor gives other numbers, and nothing else would tell.
#[test]
fn a_flipped_bit_in_a_checkpoint_is_refused() {
    let run = tempfile::tempdir().unwrap();
    trained(run.path(), 1);
    let load = || {
        let fresh = network(Says::Nothing, &Device::flex());
        checkpoint::load_network(fresh, checkpoint::model_file(run.path(), 1), &[])
    };
    load().unwrap();
    for name in ["model-1.bpk", "optim-1.bpk", "scheduler-1.bpk"] {
        let file = part(run.path(), name);
        let good = std::fs::read(&file).unwrap();
        // The last byte is the highest of a number.
        for at in [good.len() / 2, good.len() - 2] {
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&file, bytes).unwrap();
            // The seal says the same of a run that is resumed.
            let is_model = name.starts_with("model");
            let found = if is_model {
                load().map(|_| ())
            } else {
                resumed(run.path(), 2).map(|_| ())
            };
            let message = found.unwrap_err().to_string();
            for expected in [name, "is damaged", "CRC-32"] {
                assert!(message.contains(expected), "no {expected} in: {message}");
            }
        }
        std::fs::write(&file, good).unwrap();
    }
    resumed(run.path(), 2).unwrap();
}

#[test]
fn remains_of_a_killed_process_are_removed() {
    let run = tempfile::tempdir().unwrap();
    trained(run.path(), 2);
    let remains = [
        run.path().join(".unfinished-AbCdEf"),
        part(run.path(), ".unfinished-AbCdEf"),
        part(run.path(), ".model-3.bpk"),
        part(run.path(), ".scheduler-12.bpk"),
        // The other parts of this epoch are gone.
        part(run.path(), "optim-1.bpk"),
    ];
    std::fs::remove_file(part(run.path(), "model-1.bpk")).unwrap();
    let kept = [
        run.path().join("notes.txt"),
        part(run.path(), ".model-a.bpk"),
    ];
    for file in remains.iter().chain(&kept) {
        std::fs::write(file, "half").unwrap();
    }
    // A training that is refused removes nothing.
    let lock = FolderLock::take(run.path()).unwrap();
    assert!(resumed(run.path(), 4).is_err());
    assert!(remains[0].exists());
    drop(lock);
    resumed(run.path(), 4).unwrap();
    for file in remains {
        assert!(!file.exists(), "{}", file.display());
    }
    assert!(kept.iter().all(|file| file.exists()));
}
