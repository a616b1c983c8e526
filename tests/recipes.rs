//! Recipes are complete, checked settings under a name; and the one that learns keeps the promises of any other run.
#![cfg(feature = "expansion")]

mod support;

use std::path::Path;

use equipoise::expansion::model::ExpansionModelConfig;
use equipoise::expansion::run::{self, ExpansionConfig, RunOptions};
use equipoise::history::{ALL_TASKS, History, Split, quantity};
use equipoise::train::{Progress, Schedule, TrainConfig, checkpoint};

#[test]
fn every_recipe_is_valid_and_survives_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ExpansionConfig::RECIPES {
        let config = ExpansionConfig::recipe(name).unwrap().resolved();
        config.validate().unwrap();
        let file = folder.path().join(format!("{name}.json"));
        config.write(&file).unwrap();
        assert_eq!(ExpansionConfig::read(&file).unwrap(), config, "{name}");
    }
}

#[test]
fn an_unknown_recipe_is_refused_with_those_there_are() {
    let message = ExpansionConfig::recipe("magic").unwrap_err().to_string();
    assert!(message.contains("magic"), "{message}");
    assert!(
        ExpansionConfig::RECIPES
            .iter()
            .all(|name| message.contains(name)),
        "{message}"
    );
}

/// The settings that the design states for the network and the optimizer.
#[test]
fn the_original_is_that_of_the_design() {
    let config = ExpansionConfig::recipe("original").unwrap();
    assert_eq!(config.model, ExpansionModelConfig::default());
    assert_eq!(config.train, TrainConfig::default());
    assert_eq!(config.weighting.name(), "running-mean");
}

/// A run that starts from a checkpoint has its network, unless another one was asked for.
#[test]
fn a_network_of_no_settings_is_that_of_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let file = checkpoint::model_file(folder.path(), 3);
    std::fs::create_dir(checkpoint::folder(folder.path())).unwrap();
    std::fs::write(&file, "").unwrap();
    let usual = || ExpansionConfig::default().resolved();
    let follow = |config: ExpansionConfig| config.follow_init(Some(&file)).unwrap();
    assert_eq!(follow(usual()), (usual(), vec![]), "in no run");

    let stored = ExpansionConfig::recipe("learn").unwrap().resolved();
    stored.write(folder.path().join("config.json")).unwrap();
    let (config, notes) = follow(usual());
    assert_eq!(config.model, stored.model);
    assert!(config.data.position && config.data.moves && notes.len() == 1);
    assert_eq!(config.train, usual().train, "nothing but the network");
    config.validate().unwrap();
    assert_eq!(follow(stored.clone()), (stored.clone(), vec![]));

    let mut short = stored;
    short.model.window = 60;
    short.write(folder.path().join("config.json")).unwrap();
    let (config, _) = follow(usual());
    assert_eq!(
        (config.model.window, config.data.simulator.window),
        (60, 60)
    );
    config.validate().unwrap();

    let mut asked = usual();
    asked.model.hidden = 7;
    assert_eq!(follow(asked.clone()), (asked, vec![]));
    std::fs::write(folder.path().join("config.json"), "{").unwrap();
    assert!(usual().follow_init(Some(&file)).is_err());
}

/// The recipe that learns, small enough for seconds. Its random state is the device's, so only one such run goes on at
/// a time: these tests share one function.
fn small() -> ExpansionConfig {
    let mut config = ExpansionConfig::recipe("learn").unwrap();
    config.data.max_samples = Some(100);
    config.model.hidden = 12;
    // The rate rises over the first ten of a hundred steps.
    config.train.epochs = 20;
    config.train.steps_per_epoch = Some(5);
    config.resolved()
}

fn fit(config: &ExpansionConfig, folder: &Path, resume: bool) -> History {
    let options = RunOptions {
        progress: Progress::Silent,
        resume,
        ..RunOptions::default()
    };
    let data = run::Data::load(config).unwrap();
    run::train(config, data, folder, options).unwrap().history
}

#[test]
fn learn_resumes_to_the_bit_and_its_rate_rises_and_falls() {
    let folder = tempfile::tempdir().unwrap();
    let config = small();
    assert_eq!(config.train.schedule, Schedule::OneCycle);
    let whole = fit(&config, folder.path(), false);
    let parts = checkpoint::folder(folder.path());
    for part in ["model", "optim", "scheduler"] {
        std::fs::remove_file(parts.join(format!("{part}-20.bpk"))).unwrap();
    }
    assert_eq!(fit(&config, folder.path(), true), whole);

    let rates = whole.series(Split::Train, ALL_TASKS, quantity::LEARNING_RATE);
    let rates: Vec<f64> = rates.into_iter().map(|(_, rate)| rate).collect();
    let full = config.train.learning_rate;
    let fractions: Vec<f64> = rates.iter().map(|rate| rate / full).collect();
    assert_eq!(fractions.len(), 20);
    // After 5, 10, 50 and 100 steps.
    for (epoch, least, most) in [
        (1, 0.3, 0.6),
        (2, 0.85, 1.0),
        (10, 0.45, 0.55),
        (20, 0.0, 0.01),
    ] {
        let found = fractions[epoch - 1];
        assert!(
            (least..=most).contains(&found),
            "epoch {epoch}: {fractions:?}"
        );
    }
    for record in whole.records() {
        assert!(record.value.is_finite(), "{record:?}");
    }
}
