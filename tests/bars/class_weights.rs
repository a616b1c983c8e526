//! Types that are rare in the training windows count as much as frequent ones, where that is asked for.

use burn::data::dataloader::batcher::Batcher;
use burn::module::Module;
use equipoise::expansion::label::ExpansionType;
use equipoise::expansion::model::{ExpansionModelConfig, baselines};
use equipoise::expansion::run::{self, ClassWeights, ExpansionConfig, RunOptions};
use equipoise::expansion::window::{Window, Windows};
use equipoise::history::{Split, quantity};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::Progress;

use crate::support::{assert_close, values};

fn config(weights: ClassWeights) -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.data.class_weights = weights;
    config.data.max_samples = Some(60);
    config.model.window = 40;
    config.model.hidden = 4;
    config.train.epochs = 1;
    config.train.batch_size = 8;
    (config.model.input_dropout, config.model.head_dropout) = (0.0, 0.0);
    config.resolved()
}

fn counts(windows: &Windows) -> [f64; 3] {
    let mut counts = [0.0; 3];
    windows
        .labels()
        .for_each(|label| counts[label.kind.index()] += 1.0);
    counts
}

/// Against the definition: the mean of the negative log probabilities, each with the weight of its type.
#[test]
fn the_loss_is_the_weighted_mean() {
    let config = config(ClassWeights::None);
    let data = run::Data::load(&config).unwrap();
    let device = config.backend.device().unwrap();
    let weights = [0.5, 0.0, 3.0];
    let (plain, _) = config.build(&device).unwrap();
    let mut weighted = config.clone();
    weighted.model.class_weights = Some(weights.to_vec());
    let (network, _) = weighted.build(&device).unwrap();
    let chosen: Vec<Window> = data.train.iter().copied().take(20).collect();
    let batch = config
        .batcher(data.train.bars())
        .batch(chosen.clone(), &device);
    let losses = |network: &equipoise::expansion::model::ExpansionModel| {
        let shared = Branches::together(network.represent(&batch), 4);
        network.task_losses(shared, &batch)
    };
    let logits = values(&network.heads(network.represent(&batch)).kinds);
    let (mut sum, mut all) = (0.0, 0.0);
    for (logits, window) in logits.chunks(3).zip(&chosen) {
        let kind = window.label.kind.index();
        let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
        sum += weights[kind] * (total.ln() - logits[kind]);
        all += weights[kind];
    }
    let (found, usual) = (losses(&network), losses(&plain));
    let (of, before) = (values(&found.values()), values(&usual.values()));
    assert_close("type", of[0], sum / all, 1e-5, 0.0);
    assert_eq!(of[1..], before[1..], "the other tasks stay as they are");
    assert_ne!(of[0], before[0]);
    let counted = values(&found.counts(20));
    assert_close("weight", counted[0], all, 1e-5, 0.0);
    assert_eq!(counted[1..], [20.0; 3]);
}

/// Only the ratios of the weights matter: loss and best constant are means, so the skill is the same.
#[test]
fn the_scale_of_the_weights_does_not_change_the_skill() {
    let config = config(ClassWeights::None);
    let data = run::Data::load(&config).unwrap();
    let device = config.backend.device().unwrap();
    let (plain, _) = config.build(&device).unwrap();
    let skill = |scale: f64| {
        let mut scaled = config.clone();
        scaled.model.class_weights = Some([0.5, 2.0, 1.0].map(|weight| scale * weight).to_vec());
        let network = scaled.model.init(&device).unwrap();
        let network = network
            .try_load_record(plain.clone().into_record())
            .unwrap();
        // As an epoch does: the mean over batches, by the weight of their labels.
        let (mut sum, mut all) = (0.0, 0.0);
        let valid: Vec<Window> = data.valid.iter().copied().collect();
        assert!(valid.len() > 5);
        for windows in valid.chunks(5) {
            let batcher = scaled.batcher(data.valid.bars());
            let batch = batcher.batch(windows.to_vec(), &device);
            let shared = Branches::together(network.represent(&batch), 4);
            let losses = network.task_losses(shared, &batch);
            let weight = values(&losses.counts(windows.len()))[0];
            sum += weight * values(&losses.values())[0];
            all += weight;
        }
        let known = baselines(&data.train, &data.valid, &scaled.model);
        let constant = known
            .iter()
            .find(|b| b.split == Split::Valid && b.task == "type");
        let constant = constant.unwrap().constant.unwrap();
        (constant, 1.0 - sum / all / constant)
    };
    let (constant, expected) = skill(1.0);
    assert!(expected.is_finite() && expected != 0.0);
    for scale in [1e-3, 7.0, 1e6] {
        let (other, found) = skill(scale);
        assert_close("constant", other, constant, 1e-9, 0.0);
        assert_close("skill", found, expected, 1e-4, 1e-5);
    }
}

#[test]
fn balanced_weights_follow_from_the_training_labels() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(ClassWeights::Balanced);
    let data = run::Data::load(&config).unwrap();
    let counts = counts(&data.train);
    let expected = counts.map(|count| counts.iter().sum::<f64>() / (3.0 * count));
    let note = data
        .notes
        .iter()
        .find(|note| note.starts_with("weights of the types"));
    assert!(note.unwrap().contains(" breakout, "), "{note:?}");
    let (train, valid) = (data.train.clone(), data.valid.clone());
    let options = RunOptions {
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let outcome = run::train(&config, data, folder.path(), options).unwrap();
    let found = outcome
        .model
        .network
        .config()
        .class_weights
        .clone()
        .unwrap();
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    let text = std::fs::read_to_string(folder.path().join("class_weights.json")).unwrap();
    let stored: serde_json::Value = serde_json::from_str(&text).unwrap();
    for kind in ExpansionType::OF_RULE {
        let row = &stored["types"][ExpansionType::RULE_NAMES[kind.index()]];
        assert_eq!(row["windows"].as_f64().unwrap(), counts[kind.index()]);
        assert!((row["weight"].as_f64().unwrap() - expected[kind.index()]).abs() < 1e-12);
    }
    // The config says how, not which numbers, so that a run can be resumed and compared.
    let stored = ExpansionConfig::read(folder.path().join("config.json")).unwrap();
    assert_eq!(stored, config);
    assert!(stored.model.class_weights.is_none());

    // All types count the same, so the best constant knows nothing: ln 3 on the training windows.
    let model = &outcome.model.network.config().clone();
    let known = baselines(&train, &valid, model);
    let constant = |split| {
        let found = known.iter().find(|b| b.split == split && b.task == "type");
        found.unwrap().constant.unwrap()
    };
    assert!((constant(Split::Train) - 3f64.ln()).abs() < 1e-9);
    let usual = baselines(
        &train,
        &valid,
        &ExpansionModelConfig {
            class_weights: None,
            ..model.clone()
        },
    );
    let plain = usual
        .iter()
        .find(|b| b.split == Split::Train && b.task == "type");
    assert!(plain.unwrap().constant.unwrap() <= 3f64.ln());
    let losses = outcome.history.series(Split::Valid, "type", quantity::LOSS);
    assert!(losses.at(1).unwrap().is_finite());
}

#[test]
fn without_them_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(ClassWeights::None);
    let data = run::Data::load(&config).unwrap();
    assert!(
        !data
            .notes
            .iter()
            .any(|note| note.starts_with("weights of the types"))
    );
    let options = RunOptions {
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    run::train(&config, data, folder.path(), options).unwrap();
    assert!(!folder.path().join("class_weights.json").exists());
}

#[test]
fn weights_that_cannot_be_are_refused() {
    let refused = |weights: &[f64], how: ClassWeights| {
        let mut config = config(how);
        config.model.class_weights = Some(weights.to_vec());
        config.validate().unwrap_err().to_string()
    };
    for (weights, expected) in [
        (
            &[1.0, 2.0][..],
            "`model.class_weights` is a list of 2, but it must be a list of 3 weights",
        ),
        (&[1.0, -2.0, 1.0], "`model.class_weights` is -2"),
        (&[0.0, 0.0, 0.0], "`model.class_weights` is 0 everywhere"),
    ] {
        let said = refused(weights, ClassWeights::None);
        assert!(said.starts_with(expected), "{said}");
    }
    let both = refused(&[1.0, 1.0, 1.0], ClassWeights::Balanced);
    assert!(
        both.starts_with("`data.class_weights` is balanced, but it must be none"),
        "{both}"
    );
    let error = serde_json::from_str::<ClassWeights>("\"equal\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("expected `none` or `balanced`"), "{error}");
}
