//! The programs are killed at random moments, as by a machine without memory, and started again: they come to the
//! results of an undisturbed program, and nothing half written is taken for whole.
//!
//! `EQUIPOISE_KILLS=100 EQUIPOISE_KILL_SEED=7 cargo test --release --test programs killed` kills more often, and at
//! other moments. Only where the programs have been built, as `cargo test` does.

use crate::support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::train::checkpoint;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::program::{example, outputs};

fn number(variable: &str, otherwise: u64) -> u64 {
    let asked = std::env::var(variable).ok();
    asked.map_or(otherwise, |asked| asked.parse().expect("a number"))
}

/// Moments within the time of an undisturbed program.
fn moments(whole: Duration) -> Vec<Duration> {
    let mut random = ChaCha8Rng::seed_from_u64(number("EQUIPOISE_KILL_SEED", 1));
    (0..number("EQUIPOISE_KILLS", 3))
        .map(|_| whole.mul_f64(random.random_range(0.0..1.0)))
        .collect()
}

fn small() -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.data.max_samples = Some(40);
    config.model.hidden = 4;
    config.train.epochs = 6;
    config.train.batch_size = 8;
    config.train.keep_checkpoints = 2;
    config.resolved()
}

/// Runs a program to its end and returns the time that it took.
fn undisturbed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", outputs(&output).1);
    began.elapsed()
}

/// Kills a program after some time; it may have ended before.
fn kill(command: &mut Command, after: Duration) {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = quiet.spawn().unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[track_caller]
fn same(one: &Path, other: &Path, files: &[&str], case: &str) {
    for file in files {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(one) == read(other), "{case}: {file} differs");
    }
}

#[test]
fn a_killed_training_is_resumed_to_the_same_numbers() {
    let Some(program) = example("train_expansion") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    small().write(folder.path().join("small.json")).unwrap();
    let run = |out: &str| {
        let mut command = Command::new(&program);
        command
            .args(["--config", "small.json", "--out", out])
            .current_dir(folder.path());
        if checkpoint::latest(folder.path().join(out)).is_ok() {
            command.arg("--resume");
        }
        command
    };
    let whole = undisturbed(&mut run("whole"));
    for (number, moment) in moments(whole).into_iter().enumerate() {
        let (out, case) = (
            format!("killed-{number}"),
            format!("killed after {moment:?}"),
        );
        kill(&mut run(&out), moment);
        // Every second one twice.
        if number % 2 == 1 {
            kill(&mut run(&out), moment / 2);
        }
        let place = folder.path().join(&out);
        let before = checkpoint::latest(&place).unwrap_or(0);
        println!("{case}, with {before} epochs");
        if before < small().train.epochs {
            undisturbed(&mut run(&out));
        }
        same(
            &folder.path().join("whole"),
            &place,
            &["history.csv", "config.json"],
            &case,
        );
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_killed_comparison_is_continued_to_the_same_results() {
    let Some(program) = example("compare_strategies") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    small().write(folder.path().join("small.json")).unwrap();
    let compare = |out: &str| {
        let mut command = Command::new(&program);
        command
            .args([
                "--config",
                "small.json",
                "--seeds",
                "2",
                "--search-runs",
                "2",
            ])
            .args(["--strategies", "uncertainty,tuned-fixed", "--out", out])
            .current_dir(folder.path());
        command
    };
    let whole = undisturbed(&mut compare("whole"));
    for (number, moment) in moments(whole).into_iter().enumerate() {
        let (out, case) = (
            format!("killed-{number}"),
            format!("killed after {moment:?}"),
        );
        println!("{case}");
        kill(&mut compare(&out), moment);
        undisturbed(&mut compare(&out));
        let place = folder.path().join(&out);
        let files = ["comparison.csv", "summary.csv", "verdicts.csv"];
        same(&folder.path().join("whole"), &place, &files, &case);
        std::fs::remove_dir_all(place).unwrap();
    }
}

#[test]
fn a_killed_prediction_leaves_the_old_table_or_the_new_one() {
    let (Some(program), Some(train)) = (example("predict"), example("train_expansion")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut config = small();
    config.train.epochs = 1;
    config.write(folder.path().join("small.json")).unwrap();
    let mut trained = Command::new(train);
    trained
        .args(["--config", "small.json", "--out", "run"])
        .current_dir(folder.path());
    undisturbed(&mut trained);
    let simulator = Simulator::new(SimulatorConfig::default(), 1).unwrap();
    let bars = simulator.simulate_windows(200).bars;
    let mut text = String::from("open,high,low,close\n");
    for bar in bars.bars() {
        text += &format!("{},{},{},{}\n", bar.open, bar.high, bar.low, bar.close);
    }
    std::fs::write(folder.path().join("bars.csv"), text).unwrap();
    let predict = |out: &str| {
        let mut command = Command::new(&program);
        command
            .args(["run", "bars.csv", "--stride", "2", "--out", out])
            .current_dir(folder.path());
        command
    };
    let whole = undisturbed(&mut predict("whole.csv"));
    let good = std::fs::read(folder.path().join("whole.csv")).unwrap();
    let out = folder.path().join("out.csv");
    for moment in moments(whole) {
        println!("killed after {moment:?}");
        std::fs::write(&out, "old\n").unwrap();
        kill(&mut predict("out.csv"), moment);
        let found = std::fs::read(&out).unwrap();
        assert!(
            found == b"old\n" || found == good,
            "half a table after {moment:?}"
        );
        undisturbed(&mut predict("out.csv"));
        assert!(
            std::fs::read(&out).unwrap() == good,
            "another table after {moment:?}"
        );
    }
}
