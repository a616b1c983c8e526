//! The programs write every file under another name, bring it to the disk and move it to its place, so that neither a
//! kill nor a loss of power leaves half of one. Only where they have been built, as `cargo test` does.
#![cfg(target_os = "linux")]

use crate::disk::{self, rules};
use crate::support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use support::program::{example, outputs};

/// A folder whose name has no links in it, as the log writes names.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().canonicalize().unwrap().join("place");
    std::fs::create_dir(&place).unwrap();
    let mut config = ExpansionConfig::default();
    config.data.max_samples = Some(40);
    config.model.hidden = 4;
    config.train.epochs = 3;
    config.train.batch_size = 8;
    config.resolved().write(place.join("small.json")).unwrap();
    (folder, place)
}

/// A program, where it has been built and its operations can be seen.
fn watched(name: &str) -> Option<PathBuf> {
    disk::library()?;
    example(name)
}

/// Runs a program in `place` and returns what it wrote there.
fn log(program: &Path, arguments: &[&str], place: &Path) -> Vec<disk::Operation> {
    let log = place.with_file_name("log");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(place)
        .stdin(Stdio::null());
    disk::watch(&mut command, place, Some(&log), None);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", outputs(&output).1);
    disk::read(&log)
}

/// A lock has no content, and a log grows line by line.
fn in_place(file: &Path) -> bool {
    file.file_name()
        .is_some_and(|name| name == "lock" || name == "log.txt")
}

fn moved(log: &[disk::Operation]) -> usize {
    let moved = |operation: &&disk::Operation| {
        matches!(
            operation,
            disk::Operation::Rename { .. } | disk::Operation::Link { .. }
        )
    };
    log.iter().filter(moved).count()
}

#[test]
fn a_training_writes_whole_files() {
    let Some(program) = watched("train_expansion") else {
        return;
    };
    let (_folder, place) = folder();
    let log = log(
        &program,
        &[
            "--config",
            "small.json",
            "--out",
            &place.join("run").display().to_string(),
        ],
        &place,
    );
    rules::files_appear_whole(&log, in_place);
    rules::epochs_are_sealed_last(&log);
    rules::folders_are_safe_before_their_files(&log);
    assert!(moved(&log) > 20, "{} files", moved(&log));
}

/// Without `--out`, the program makes `runs` and a folder in it.
#[test]
fn a_training_makes_folders_that_last() {
    let Some(program) = watched("train_expansion") else {
        return;
    };
    let (_folder, place) = folder();
    let arguments = ["--config", "small.json", "--epochs", "1"];
    let log = log(&program, &arguments, &place);
    assert!(place.join("runs").is_dir());
    rules::folders_are_safe_before_their_files(&log);
}

#[test]
fn a_comparison_writes_whole_files() {
    let Some(program) = watched("compare_strategies") else {
        return;
    };
    let (_folder, place) = folder();
    let out = place.join("comparison").display().to_string();
    let arguments = [
        "--config",
        "small.json",
        "--strategies",
        "sum",
        "--jobs",
        "1",
        "--out",
        &out,
    ];
    let log = log(&program, &arguments, &place);
    rules::files_appear_whole(&log, in_place);
    rules::epochs_are_sealed_last(&log);
    rules::folders_are_safe_before_their_files(&log);
    let settings = Path::new(&out).join("comparison.json");
    rules::settings_are_safe_before_their_runs(&log, &settings);
}

#[test]
fn a_prediction_writes_a_whole_table() {
    let (Some(program), Some(train)) = (watched("predict"), watched("train_expansion")) else {
        return;
    };
    let (_folder, place) = folder();
    log(
        &train,
        &["--config", "small.json", "--epochs", "1", "--out", "run"],
        &place,
    );
    std::fs::remove_file(place.with_file_name("log")).unwrap();
    let simulator = Simulator::new(SimulatorConfig::default(), 1).unwrap();
    let mut text = String::from("open,high,low,close\n");
    for bar in simulator.simulate_windows(4).bars.bars() {
        text += &format!("{},{},{},{}\n", bar.open, bar.high, bar.low, bar.close);
    }
    std::fs::write(place.join("bars.csv"), text).unwrap();
    let out = place.join("table.csv").display().to_string();
    let log = log(&program, &["run", "bars.csv", "--out", &out], &place);
    rules::files_appear_whole(&log, |_| false);
    assert_eq!(moved(&log), 1);
}
