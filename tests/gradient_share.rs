//! `GradientShare` gives every task the share of the shared gradient it is meant to have: the weights follow the
//! measured norms by the formula, and in a training the audit finds the shares where they should be.
#![cfg(feature = "expansion")]

mod support;

use burn::tensor::{Bool, Device, Tensor};
use equipoise::expansion::run::{self, ExpansionConfig, RunOptions};
use equipoise::history::{History, Split, quantity};
use equipoise::loss::TaskLosses;
use equipoise::train::Progress;
use equipoise::weighting::{BuiltIn, GradientShare, Strategy, StrategyConfig, TaskValues};
use equipoise::{Error, Task, TaskSet};
use support::{devices, observe};

fn tasks() -> TaskSet {
    TaskSet::new(["a", "b", "c", "d"].map(|name| Task::regression(name, 1))).unwrap()
}

/// Intended shares of 0.1, 0.2, 0.3, 0.4, given as weights that do not sum to 1.
fn strategy(device: &Device) -> Strategy {
    let config = GradientShare::default().with_weights([1.0, 2.0, 3.0, 4.0]);
    config.init(&tasks(), device).unwrap()
}

fn floats(values: [f32; 4], device: &Device) -> Tensor<1> {
    Tensor::from_floats(values, device)
}

fn weights(strategy: &Strategy, losses: TaskLosses) -> Vec<f64> {
    let weights = strategy.weigh(&losses).weights.into_data();
    weights.convert::<f64>().iter().collect()
}

fn close(found: &[f64], expected: [f64; 4], place: &str) {
    for (found, expected) in found.iter().zip(expected) {
        let bound = 1e-6 * expected.abs();
        assert!(
            (found - expected).abs() <= bound,
            "{place}: {found}, not {expected}"
        );
    }
}

#[test]
fn weights_are_shares_over_the_mean_of_the_norms() {
    for (backend, device) in devices() {
        let losses = || TaskLosses::from_values(floats([1.0, 5.0, 0.0, 1e-3], &device));
        let strategy = strategy(&device);
        close(&weights(&strategy, losses()), [0.1, 0.2, 0.3, 0.4], backend);
        observe(&strategy, floats([2.0, 0.5, 4e-6, 100.0], &device));
        close(
            &weights(&strategy, losses()),
            [0.05, 0.4, 75_000.0, 0.004],
            backend,
        );
        // The mean of both measurements; nothing happens in a step without one.
        observe(&strategy, floats([4.0, 0.5, 2e-6, 300.0], &device));
        for _ in 0..2 {
            close(
                &weights(&strategy, losses()),
                [0.1 / 3.0, 0.4, 1e5, 0.002],
                backend,
            );
        }
    }
}

#[test]
fn after_the_warm_up_old_measurements_fade() {
    let device = Device::default();
    let config = GradientShare {
        momentum: 0.5,
        warmup: 2,
        ..GradientShare::default()
    };
    let strategy = config.init(&tasks(), &device).unwrap();
    for norm in [1.0, 3.0, 6.0, 10.0] {
        observe(&strategy, floats([norm; 4], &device));
    }
    // Means 1 and 2, then (2 + 6) / 2 = 4 and (4 + 10) / 2 = 7.
    let losses = TaskLosses::from_values(floats([1.0; 4], &device));
    close(
        &weights(&strategy, losses),
        [0.25 / 7.0; 4],
        "four measurements",
    );
}

#[test]
fn a_norm_that_says_nothing_changes_nothing() {
    for (backend, device) in devices() {
        let losses = || TaskLosses::from_values(floats([1.0; 4], &device));
        let strategy = strategy(&device);
        observe(
            &strategy,
            floats([0.5, f32::NAN, f32::INFINITY, 0.0], &device),
        );
        close(&weights(&strategy, losses()), [0.2, 0.2, 0.3, 0.4], backend);
        observe(&strategy, floats([f32::NAN, 0.5, 0.5, 0.5], &device));
        close(&weights(&strategy, losses()), [0.2, 0.4, 0.6, 1.6], backend);
    }
}

#[test]
fn an_absent_task_has_no_weight() {
    let device = Device::default();
    let strategy = strategy(&device);
    observe(&strategy, floats([0.5; 4], &device));
    let present = Tensor::<1, Bool>::from_data([true, false, true, true], &device);
    let losses = TaskLosses::from_values(floats([1.0, 2.0, f32::NAN, 3.0], &device));
    let found = weights(&strategy, losses.with_present(present));
    close(&found, [0.2, 0.0, 0.0, 0.8], "absent and not finite");
}

#[test]
fn all_weights_zero_is_refused() {
    let config = GradientShare::default().with_weights([0.0; 4]);
    let error = config.init(&tasks(), &Device::default()).unwrap_err();
    assert!(error.to_string().contains("weights"), "{error}");
}

/// Simulated windows, small enough for seconds.
fn run_config(strategy: StrategyConfig) -> ExpansionConfig {
    let mut config = ExpansionConfig {
        weighting: strategy,
        ..ExpansionConfig::default()
    };
    config.data.max_samples = Some(160);
    config.model.hidden = 16;
    config.train.epochs = 4;
    config.train.audit_every = Some(2);
    config.resolved()
}

fn train(config: &ExpansionConfig) -> Result<History, Error> {
    let folder = tempfile::tempdir().unwrap();
    let options = RunOptions {
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let data = run::Data::load(config)?;
    Ok(run::train(config, data, folder.path(), options)?.history)
}

const NAMES: [&str; 4] = ["type", "pointers", "binary", "countdown"];

/// How far the shares of the last epoch are from `intended`, the largest of the tasks.
fn distance(history: &History, intended: [f64; 4]) -> f64 {
    let far = NAMES.iter().zip(intended).map(|(task, share)| {
        let found = history.last(Split::Train, task, quantity::GRADIENT_SHARE);
        (found.unwrap() - share).abs()
    });
    far.fold(0.0, f64::max)
}

#[test]
fn in_a_training_the_measured_shares_are_the_intended_ones() {
    let intended = [0.1, 0.2, 0.3, 0.4];
    let share = GradientShare::default().with_weights(intended);
    let history = train(&run_config(StrategyConfig::new(share))).unwrap();
    let found = distance(&history, intended);
    assert!(found < 0.08, "{found} from the intended shares");
    let known = history.get(0, Split::Train, "binary", quantity::INTENDED_SHARE);
    assert!((known.unwrap() - 0.3).abs() < 1e-6);

    let weights = TaskValues::from(intended);
    let baseline = ExpansionConfig::preset("running-mean")
        .unwrap()
        .with_weights(weights)
        .unwrap();
    let far = distance(&train(&run_config(baseline)).unwrap(), intended);
    assert!(
        far > 0.2,
        "the normalised losses are {far} from the intended shares"
    );
}

#[test]
fn without_audits_it_is_refused() {
    let mut config = run_config(ExpansionConfig::preset("gradient-share").unwrap());
    config.train.audit_every = None;
    let error = config.validate().unwrap_err().to_string();
    assert!(error.contains("audit_every"), "{error}");
}
