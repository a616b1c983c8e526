//! The same model on the same batch gives the same outputs, losses, gradients and training steps on every backend.
//!
//! A backend is compared with flex where the crate is built with both. When a feature is on, its test runs: on a
//! machine without a GPU, the one of `wgpu` needs a software driver.
#![cfg(all(
    feature = "flex",
    any(feature = "ndarray", feature = "wgpu"),
    feature = "expansion"
))]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::optim::AdamWConfig;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn::train::TrainStep;
use equipoise::expansion::label::{CountdownForm, ExpansionType, WindowLabel};
use equipoise::expansion::model::{ExpansionBatch, ExpansionModel, ExpansionModelConfig};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::gradient::audit;
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::MultiTask;
use equipoise::weighting::{RunningMean, StrategyConfig, Uncertainty};
use support::{
    Noise, assert_all_close, change_parameters, gradients, parameters, quiet, tensor, values,
};

const TOLERANCE: f64 = 1e-4;
const BATCH: usize = 3;

fn config(countdown: CountdownForm) -> ExpansionModelConfig {
    ExpansionModelConfig {
        window: 15,
        features: 5,
        hidden: 8,
        layers: 2,
        projection: 10,
        countdown,
        ..quiet()
    }
}

fn batch(config: &ExpansionModelConfig, device: &Device) -> ExpansionBatch {
    let mut noise = Noise::new(21);
    let labels =
        [(1, 4, 0), (5, 9, 2), (11, 14, 1)].map(|(start, end, kind): (_, _, usize)| WindowLabel {
            start,
            end,
            kind: ExpansionType::OF_RULE[kind],
        });
    let bars = config.window;
    let cells = || {
        labels
            .iter()
            .flat_map(|label| (0..bars).map(move |t| (label, t)))
    };
    let binary: Vec<f64> = cells()
        .map(|(label, t)| f64::from(u8::from((label.start..=label.end).contains(&t))))
        .collect();
    let countdown: Vec<f64> = match config.countdown {
        CountdownForm::PerBar => cells().map(|(l, t)| l.start as f64 - t as f64).collect(),
        CountdownForm::Scalar => labels
            .iter()
            .map(|l| l.start as f64 / bars as f64)
            .collect(),
    };
    let pointers: Vec<f64> = labels
        .iter()
        .flat_map(|l| [(l.start + l.end) as f64 / 2.0, (l.end - l.start) as f64])
        .map(|position| position / bars as f64)
        .collect();
    let shape = [BATCH, bars, config.features];
    let features: Vec<f64> = noise
        .many(shape.iter().product())
        .iter()
        .map(|v| 2.0 * v)
        .collect();
    let kinds = TensorData::new(vec![0i64, 2, 1], [BATCH]);
    ExpansionBatch {
        features: tensor(&features, shape, device),
        kinds: Tensor::<1, Int>::from_data(kinds, device),
        pointers: tensor(&pointers, [BATCH, 2], device),
        binary: tensor(&binary, [BATCH, bars], device),
        countdown: tensor(&countdown, [BATCH, countdown.len() / BATCH], device),
        labels: Arc::from(labels.to_vec()),
    }
}

fn model(config: &ExpansionModelConfig, device: &Device) -> ExpansionModel {
    let mut noise = Noise::new(22);
    change_parameters(config.init(device).unwrap(), &mut |_, old| {
        noise
            .many(old.values.len())
            .iter()
            .map(|v| 0.4 * v)
            .collect()
    })
}

/// Everything that can be compared, by name.
type Answers = BTreeMap<String, Vec<f64>>;

/// Outputs and losses without a graph, and the gradient of every loss.
fn evaluated(config: &ExpansionModelConfig, device: &Device) -> Answers {
    let mut answers = Answers::new();
    let mut answer = |name: &str, found: Vec<f64>| {
        answers.insert(name.into(), found);
    };
    let (plain, given) = (model(config, device), batch(config, device));
    let representation = plain.represent(&given);
    answer("representation", values(&representation));
    let output = plain.heads(representation.clone());
    answer("kinds", values(&output.kinds));
    answer("pointers", values(&output.pointers));
    answer("binary", values(&output.binary));
    answer("countdown", values(&output.countdown));
    answer(
        "losses",
        values(
            &plain
                .task_losses(Branches::together(representation, 4), &given)
                .values(),
        ),
    );
    let device = device.clone().autodiff();
    let (tracked, given) = (model(config, &device), batch(config, &device));
    for (task, name) in tracked.tasks().names().enumerate() {
        let losses = tracked
            .task_losses(Branches::together(tracked.represent(&given), 4), &given)
            .values();
        answer(&format!("losses with a graph, for {name}"), values(&losses));
        let backward = losses.narrow(0, task, 1).backward();
        for (path, table) in gradients(&tracked, &backward) {
            answer(&format!("d {name} / d {path}"), table.values);
        }
    }
    let weights = tensor(&[0.1, 30.0, 1.0, 0.01], [4], &device.inner());
    let audit = audit(&tracked, tracked.represent(&given), &given, weights);
    let audit = audit.read().unwrap();
    answer("gradient norms", audit.norms);
    answer("gradient shares", audit.shares);
    answer("cosines", audit.cosines.concat());
    answers
}

/// Two steps of AdamW. Its step is bounded by the learning rate however small a gradient is, so that with its usual
/// epsilon the noise of a gradient near zero would be seen at full size; with this one it is not.
fn trained(config: &ExpansionModelConfig, strategy: &StrategyConfig, device: &Device) -> Answers {
    let device = device.clone().autodiff();
    let weighting = strategy.init(&config.tasks().unwrap(), &device).unwrap();
    let mut trained = MultiTask::new(model(config, &device), weighting);
    let mut optimizer = AdamWConfig::new()
        .with_epsilon(1e-2)
        .with_weight_decay(0.01)
        .init();
    let mut answers = Answers::new();
    for step in 1..=2 {
        let output = TrainStep::step(&trained, vec![batch(config, &device)]);
        let item = output.item;
        answers.insert(format!("losses of step {step}"), values(&item.losses));
        answers.insert(
            format!("weights of step {step}"),
            values(&item.weights.unwrap()),
        );
        answers.insert(
            format!("objective of step {step}"),
            values(&item.objective.unwrap()),
        );
        trained = trained.optimize(&mut optimizer, 1e-2.into(), output.grads);
        for value in trained.weighting.state() {
            answers.insert(format!("{} after step {step}", value.name()), value.read());
        }
        for (path, table) in parameters(&trained) {
            answers.insert(format!("{path} after step {step}"), table.values);
        }
    }
    answers
}

/// Losses alone, with a state that learns, with one that is measured; and the gradients of all tasks combined.
fn strategies() -> [StrategyConfig; 3] {
    [
        StrategyConfig::new(Uncertainty::default().with_log_sigma([("pointers", -0.3)])),
        StrategyConfig::new(RunningMean::default().with_weights([0.1, 0.7, 0.1, 0.1])),
        ExpansionConfig::preset("upgrad").expect("it has defaults"),
    ]
}

fn compare(place: &str, found: &Answers, expected: &Answers) {
    let names = |answers: &Answers| answers.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{place}");
    for (name, expected) in expected {
        let place = format!("{place}, {name}");
        assert_all_close(&place, &found[name], expected, TOLERANCE, TOLERANCE);
    }
}

fn agrees_with_flex(device: &Device) {
    let flex = Device::flex();
    for form in [CountdownForm::PerBar, CountdownForm::Scalar] {
        let config = config(form);
        compare(
            &format!("{form:?}"),
            &evaluated(&config, device),
            &evaluated(&config, &flex),
        );
        for strategy in strategies() {
            let found = trained(&config, &strategy, device);
            let expected = trained(&config, &strategy, &flex);
            compare(&format!("{form:?}, {}", strategy.name()), &found, &expected);
            // Two steps that moved nothing would agree as well.
            let start = parameters(&model(&config, &flex))["binary.weight"]
                .values
                .clone();
            let moved = &expected["network.binary.weight after step 2"];
            assert!(start.iter().zip(moved).any(|(a, b)| (a - b).abs() > 1e-3));
        }
    }
}

#[cfg(feature = "ndarray")]
#[test]
fn ndarray_agrees_with_flex() {
    #[allow(deprecated)]
    agrees_with_flex(&Device::ndarray());
}

#[cfg(feature = "wgpu")]
#[test]
fn wgpu_agrees_with_flex() {
    agrees_with_flex(&Device::wgpu(burn::tensor::DeviceKind::DefaultDevice));
}
