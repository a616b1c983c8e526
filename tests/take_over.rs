//! A trained network and strategy are taken over when a task is added, renamed, or gets another number of classes.
#![cfg(all(feature = "expansion", feature = "flex"))]

mod support;

use std::path::{Path, PathBuf};

use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::Device;
use equipoise::train::{MultiTask, TrainConfig, checkpoint, take_over};
use equipoise::weighting::{Strategy, StrategyConfig};
use equipoise::{Task, TaskSet};
use support::tabular::{Says, ToBatch, all, network, parameters, rows, strategy, trainer};

/// The network of two tasks, trained for two epochs under a strategy: its last checkpoint.
fn trained(folder: &Path, json: &str) -> (PathBuf, MultiTask<support::tabular::Network>) {
    let device = Device::flex();
    let config = TrainConfig::default()
        .with_epochs(2)
        .with_learning_rate(1e-2);
    let (train, valid) = (rows(64, all), rows(32, all));
    let outcome = trainer(config, folder)
        .fit(
            network(Says::Nothing, &device),
            strategy(json, &device),
            InMemDataset::new(train),
            InMemDataset::new(valid),
            ToBatch,
            &device,
        )
        .unwrap();
    (checkpoint::model_file(folder, 2), outcome.model)
}

/// The same trunk; `sign` is called `mood`, `level` has two outputs more, `width` is new.
#[derive(Module, Debug)]
struct Other {
    width: Linear,
    trunk: Linear,
    level: Linear,
    mood: Linear,
}

fn other(json: &str, levels: usize) -> MultiTask<Other> {
    let device = Device::flex();
    let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
    let network = Other {
        width: linear(8, 1),
        trunk: linear(4, 8),
        level: linear(8, levels),
        mood: linear(8, 1),
    };
    let tasks = TaskSet::new([
        Task::regression("width", 1),
        Task::regression("level", levels),
        Task::binary("mood", 1),
    ]);
    let config = StrategyConfig::from_json(json).unwrap();
    let strategy: Strategy = config.init(&tasks.unwrap(), &device).unwrap();
    MultiTask::new(network, strategy)
}

const RENAMED: [(&str, &str); 1] = [("sign", "mood")];

#[test]
fn what_both_have_goes_on_and_the_rest_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    for json in [
        r#"{"strategy": "uncertainty"}"#,
        r#"{"strategy": "running-mean"}"#,
    ] {
        let run = folder.path().join(if json.contains("uncertainty") {
            "a"
        } else {
            "b"
        });
        let (file, before) = trained(&run, json);
        let fresh = other(json, 1);
        let own = parameters(&fresh);
        let (model, taken) = take_over(fresh, &file, &RENAMED).unwrap();
        assert_eq!(taken.tasks, ["level", "mood"]);
        assert_eq!(taken.anew, ["width.weight", "width.bias"]);
        let (old, new) = (parameters(&before), parameters(&model));
        for (to, from) in [
            ("network.trunk.weight", "network.trunk.weight"),
            ("network.level.bias", "network.level.bias"),
            ("network.mood.weight", "network.sign.weight"),
        ] {
            assert_eq!(new[to], old[from], "{to} under {json}");
        }
        assert_eq!(new["network.width.weight"], own["network.width.weight"]);
        // What the strategy remembers, by task.
        let state = |model: &[equipoise::weighting::StateValue]| -> Vec<Vec<f64>> {
            let by_task = model.iter().filter(|value| value.is_per_task());
            by_task.map(|value| value.read()).collect()
        };
        let (old, new) = (
            state(&before.weighting.state()),
            state(&model.weighting.state()),
        );
        assert!(!old.is_empty());
        for (old, new) in old.iter().zip(&new) {
            assert_eq!(new[1..], old[..], "{json}");
        }
        assert!(
            taken.to_string().contains("goes on for level, mood"),
            "{taken}"
        );
    }
}

/// `level` is what `sign` was, and `sign` is a new head.
#[test]
fn a_name_that_was_given_away_is_a_new_field() {
    let folder = tempfile::tempdir().unwrap();
    let json = r#"{"strategy": "uncertainty"}"#;
    let (file, before) = trained(folder.path(), json);
    let device = Device::flex();
    let fresh = MultiTask::new(network(Says::Nothing, &device), strategy(json, &device));
    let own = parameters(&fresh);
    let renamed = [("sign", "level")];
    let (model, taken) = take_over(fresh, &file, &renamed).unwrap();
    assert_eq!(taken.anew, ["sign.weight", "sign.bias"]);
    assert_eq!(taken.tasks, ["level"]);
    let (old, new) = (parameters(&before), parameters(&model));
    assert_eq!(new["network.level.weight"], old["network.sign.weight"]);
    assert_eq!(new["network.sign.weight"], own["network.sign.weight"]);
    // What was taken over before can be taken over again.
    let (_, again) = take_over(model, &file, &[]).unwrap();
    assert!(again.anew.is_empty(), "{again}");
}

#[test]
fn a_head_of_another_shape_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let json = r#"{"strategy": "sum"}"#;
    let (file, _) = trained(folder.path(), json);
    let (model, taken) = take_over(other(json, 3), &file, &RENAMED).unwrap();
    let expected = ["width.weight", "width.bias", "level.weight", "level.bias"];
    assert_eq!(taken.anew, expected);
    assert_eq!(parameters(&model)["network.level.bias"].len(), 3);
}

#[test]
fn a_run_goes_on_from_what_was_taken_over() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let json = r#"{"strategy": "uncertainty"}"#;
    let (file, before) = trained(first.path(), json);
    let device = Device::flex();
    let fresh = MultiTask::new(network(Says::Nothing, &device), strategy(json, &device));
    let (model, taken) = take_over(fresh, &file, &[]).unwrap();
    assert!(taken.anew.is_empty(), "{taken}");
    assert_eq!(parameters(&model), parameters(&before));
    let config = TrainConfig::default()
        .with_epochs(1)
        .with_learning_rate(1e-2);
    let outcome = trainer(config, second.path())
        .fit(
            model.network,
            model.weighting,
            InMemDataset::new(rows(64, all)),
            InMemDataset::new(rows(32, all)),
            ToBatch,
            &device,
        )
        .unwrap();
    assert_ne!(
        parameters(&outcome.model),
        parameters(&before),
        "it was trained"
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = trained(folder.path(), r#"{"strategy": "uncertainty"}"#);
    let foreign = other(r#"{"strategy": "running-mean"}"#, 1);
    let message = take_over(foreign, &file, &RENAMED).unwrap_err().to_string();
    assert!(message.contains("Uncertainty"), "{message}");
    let device = Device::flex();
    let nothing = MultiTask::new(
        LinearConfig::new(3, 3).init(&device),
        strategy(r#"{"strategy": "uncertainty"}"#, &device),
    );
    let message = take_over(nothing, &file, &[]).unwrap_err().to_string();
    assert!(
        message.contains("holds no parameter of this network"),
        "{message}"
    );
    std::fs::write(&file, b"damaged").unwrap();
    let again = other(r#"{"strategy": "uncertainty"}"#, 1);
    assert!(take_over(again, &file, &RENAMED).is_err());
}
