//! Strategies side by side on a network that is not ours: the same runs again where nothing changed, failed runs
//! counted, fixed weights searched for, differences paired by seed.
#![cfg(all(feature = "expansion", feature = "flex"))]

mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::optim::SgdConfig;
use burn::tensor::Device;
use equipoise::comparison::SearchConfig;
use equipoise::comparison::{Compare, Prepared, Results, Run, TUNED_FIXED};
use equipoise::history::{ALL_TASKS, History, Split, quantity};
use equipoise::train::TrainConfig;
use equipoise::weighting::StrategyConfig;
use support::assert_close;
use support::program::example;
use support::tabular::{Network, Says, all, data, network, rows};

fn compare(folder: &Path, epochs: usize) -> Compare<Network> {
    let config = TrainConfig::default()
        .with_epochs(epochs)
        .with_audit_every(None)
        .with_learning_rate(1e-2);
    Compare::new(config, folder)
        .with_seeds(2)
        .with_strategy("upgrad", StrategyConfig::named("upgrad").unwrap())
}

fn prepare(_seed: u64) -> equipoise::Result<Prepared<Network>> {
    Ok(Prepared {
        network: network(Says::Nothing, &Device::flex()),
        train: Box::new(data(rows(64, all), 16).shuffled()),
        valid: Box::new(data(rows(32, all), 32)),
        baselines: Vec::new(),
    })
}

fn losses(results: &Results) -> Vec<(String, u64, f64)> {
    let own = |value: &&equipoise::comparison::RunValue| value.quantity == quantity::LOSS;
    let values = results.values().iter().filter(own);
    values
        .map(|v| (format!("{} {}", v.strategy, v.task), v.seed, v.value))
        .collect()
}

/// Runs a comparison. Returns its losses and the number of runs that were trained.
fn counted(comparison: Compare<Network>) -> (Vec<(String, u64, f64)>, usize) {
    let trained = Arc::new(Mutex::new(0));
    let seen = trained.clone();
    let results = comparison
        .on_run(move |run| *seen.lock().unwrap() += usize::from(!run.took.is_zero()))
        .run(prepare, &Device::flex())
        .unwrap();
    (losses(&results), *trained.lock().unwrap())
}

#[test]
fn a_comparison_goes_on_where_it_was_and_repeats_nothing() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let first = compare(folder.path(), 2).run(prepare, &device).unwrap();
    assert_eq!(losses(&first).len(), 2 * 2 * 2);
    assert_eq!(first.strategies(), ["sum", "upgrad"]);
    let took = Arc::new(Mutex::new(Vec::new()));
    let seen = took.clone();
    let again = compare(folder.path(), 2)
        .with_strategy("mgda", StrategyConfig::named("mgda").unwrap())
        .on_run(move |run| {
            seen.lock()
                .unwrap()
                .push((run.ended, run.all, !run.took.is_zero()));
        })
        .run(prepare, &device)
        .unwrap();
    let expected: Vec<_> = (1..=6).map(|ended| (ended, 6, ended > 4)).collect();
    assert_eq!(
        *took.lock().unwrap(),
        expected,
        "only the new row was trained"
    );
    assert_eq!(losses(&again)[..8], losses(&first)[..]);
    // Seconds per step are measured and shown.
    assert!(again.table().contains("seconds of a training step"));
}

/// That a run has ended is written after its last checkpoint. Without the checkpoint, its last epoch is trained again.
#[test]
fn a_run_without_its_last_checkpoint_has_not_ended() {
    let folder = tempfile::tempdir().unwrap();
    let run = || counted(compare(folder.path(), 2));
    let (first, trained) = run();
    assert_eq!(trained, 4);
    let run_of_one = folder.path().join("upgrad/seed-2");
    assert!(run_of_one.join("ended.json").exists());
    std::fs::remove_file(run_of_one.join("checkpoint/epoch-2.json")).unwrap();
    assert_eq!(run(), (first, 1));
    assert!(run_of_one.join("checkpoint/epoch-2.json").exists());
}

/// Version 0.1.0 gave rows folders with capital letters.
#[test]
fn a_row_in_the_folder_of_an_earlier_version_is_not_trained_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        let mean = StrategyConfig::named("running-mean").unwrap();
        counted(compare(folder.path(), 1).with_strategy("Mean", mean))
    };
    let (first, trained) = run();
    assert_eq!(trained, 6);
    let row = |name: &str| folder.path().join(name);
    std::fs::rename(row("%4dean"), row("Mean")).unwrap();
    assert_eq!(run(), (first, 0));
    assert!(!row("%4dean").exists());
}

#[test]
fn other_settings_in_the_same_folder_are_refused_by_name() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    compare(folder.path(), 1).run(prepare, &device).unwrap();
    let error = compare(folder.path(), 2).run(prepare, &device).unwrap_err();
    assert!(
        error.to_string().contains("`config.epochs` is 2"),
        "{error}"
    );
    let other = StrategyConfig::named("mgda").unwrap();
    let error = compare(folder.path(), 1)
        .with_strategy("upgrad", other)
        .run(prepare, &device)
        .unwrap_err();
    assert!(error.to_string().contains("upgrad"), "{error}");
}

#[test]
fn a_strategy_that_cannot_do_it_is_counted_and_not_repeated() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let failures = Arc::new(Mutex::new(Vec::new()));
        let seen = failures.clone();
        // The tasks have other names than those that the weights are for.
        let weights = r#"{"strategy": "manual", "weights": {"height": 1.0, "width": 2.0}}"#;
        let results = compare(folder.path(), 1)
            .with_strategy("foreign", StrategyConfig::from_json(weights).unwrap())
            .on_run(move |run| seen.lock().unwrap().extend(run.failure.map(String::from)))
            .run(prepare, &device)
            .unwrap();
        assert_eq!(results.counts("foreign"), (0, 2));
        assert_eq!(results.counts("upgrad"), (2, 0));
        let failures = failures.lock().unwrap();
        assert!(
            failures.len() == 2 && failures[0].contains("weights"),
            "{failures:?}"
        );
    }
}

/// A rate at which the weights leave all bounds: `sum` diverges, what came after it does not.
#[test]
fn a_row_that_diverges_does_not_end_the_comparison() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default().with_epochs(2).with_audit_every(None);
    let huge = r#"{"strategy": "manual", "weights": [1e30, 1e30], "normalise": false}"#;
    let results = Compare::<Network>::new(config, folder.path())
        .with_strategy("diverging", StrategyConfig::from_json(huge).unwrap())
        .with_strategy("upgrad", StrategyConfig::named("upgrad").unwrap())
        .with_trainer(|trainer| trainer.with_optimizer(SgdConfig::new().init()))
        .with_seeds(2)
        .run(prepare, &device)
        .unwrap();
    assert_eq!(results.counts("diverging"), (0, 2));
    assert_eq!(results.counts("upgrad"), (2, 0));
    let told = std::fs::read_to_string(folder.path().join("diverging/seed-1/ended.json")).unwrap();
    assert!(told.contains("was not finite"), "{told}");
}

#[test]
fn an_interrupted_comparison_goes_on() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let interrupter = burn::train::Interrupter::new();
    let stop = interrupter.clone();
    let error = compare(folder.path(), 2)
        .with_interrupter(interrupter)
        .on_run(move |_| stop.stop(None))
        .run(prepare, &device)
        .unwrap_err();
    assert!(
        error.to_string().contains("the same call goes on"),
        "{error}"
    );
    let results = compare(folder.path(), 2).run(prepare, &device).unwrap();
    assert_eq!(results.counts("upgrad"), (2, 0));
    let whole = tempfile::tempdir().unwrap();
    let expected = compare(whole.path(), 2).run(prepare, &device).unwrap();
    assert_eq!(losses(&results), losses(&expected));
}

#[test]
fn other_data_in_the_same_folder_are_refused() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    compare(folder.path(), 1).run(prepare, &device).unwrap();
    let more = |seed| {
        let mut prepared = prepare(seed)?;
        prepared.train = Box::new(data(rows(96, all), 16).shuffled());
        Ok(prepared)
    };
    let error = compare(folder.path(), 1).run(more, &device).unwrap_err();
    assert!(
        error.to_string().contains("train_batches_and_samples"),
        "{error}"
    );
}

#[test]
fn fixed_weights_are_searched_for_first() {
    let device = Device::flex();
    let folder = tempfile::tempdir().unwrap();
    let search = SearchConfig { runs: 6, epochs: 1 };
    let results = compare(folder.path(), 2)
        .with_tuned_fixed(search)
        .run(prepare, &device)
        .unwrap();
    assert_eq!(results.strategies(), ["sum", "upgrad", TUNED_FIXED]);
    let searched = std::fs::read_dir(folder.path().join("search")).unwrap();
    assert_eq!(searched.count(), 6);
    let text = results.differences(TUNED_FIXED);
    assert!(
        text.contains("paired by seed") && text.contains("upgrad"),
        "{text}"
    );
}

/// Two seeds: 10 against 8 and 12 against 8 are +25 and +50 percent.
#[test]
fn differences_are_paired_by_seed() {
    let run = |strategy: &str, seed: u64, loss: f64| {
        let mut history = History::new();
        history.record(1, Split::Valid, "level", quantity::LOSS, loss);
        history.record(1, Split::Valid, ALL_TASKS, quantity::RELATIVE_LOSS, loss);
        Run {
            strategy: strategy.into(),
            seed,
            history: Some(history),
            seconds_per_step: None,
        }
    };
    let results = Results::new(vec![
        run("sum", 1, 8.0),
        run("sum", 2, 8.0),
        run("mgda", 2, 12.0),
        run("mgda", 1, 10.0),
    ]);
    let found = results
        .paired("mgda", "sum", "level", quantity::LOSS)
        .unwrap();
    assert_close("mean", found.mean, 37.5, 1e-12, 0.0);
    // Student's t of one degree of freedom times 12.5.
    assert_close("half", found.half(), 12.706_205 * 12.5, 1e-3, 0.0);
    assert!(
        results
            .paired("mgda", "none", "level", quantity::LOSS)
            .is_none()
    );
    let text = results.differences("sum");
    assert!(text.contains("+37.5 ±158.8"), "{text}");
}

#[test]
fn the_example_compares_strategies_on_drawn_digits() {
    let Some(program) = example("two_digits") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(program)
        .args([
            "--pairs",
            "0.03",
            "--epochs",
            "1",
            "--seeds",
            "2",
            "--search-runs",
            "3",
        ])
        .args(["--strategies", "upgrad,uncertainty", "--out"])
        .arg(folder.path())
        .output()
        .unwrap();
    let (told, shown) = (
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout),
    );
    assert!(output.status.success(), "{told}");
    assert!(told.contains("11/11 tuned-fixed seed 2"), "{told}");
    assert!(
        shown.contains("left error") && shown.contains("paired by seed"),
        "{shown}"
    );
    assert!(folder.path().join("report.html").exists());
}

#[test]
fn the_example_says_what_is_wrong_with_a_file_of_digits() {
    let Some(program) = example("two_digits") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("digits.csv");
    for (text, words) in [
        (
            "label,pixels\n",
            "holds 0 images, but at least 30 are needed",
        ),
        ("label,pixels\n3,12\n", "line 2: expected a digit, a comma"),
    ] {
        std::fs::write(&file, text).unwrap();
        let mut run = std::process::Command::new(&program);
        run.arg("--digits")
            .arg(&file)
            .arg("--out")
            .arg(folder.path());
        let output = run.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(words), "{told}");
    }
}
