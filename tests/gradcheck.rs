//! Through the whole expansion model, the gradient is the slope: for every head, under every strategy, with one layer
//! and two, and with both forms of the countdown.
//!
//! The derivative along a direction is compared with a central difference. The objective is a number of single
//! precision near 1 to 10, so it is known to about 5e-7; a step that moves every parameter by 2e-3 changes it by about
//! 2e-3 times the norm of the gradient, far above that, and the error of the difference itself stays below a
//! thousandth.
#![cfg(feature = "expansion")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use equipoise::expansion::label::{CountdownForm, ExpansionType, WindowLabel};
use equipoise::expansion::model::ScalarCountdown;
use equipoise::expansion::model::{ExpansionBatch, ExpansionModel, ExpansionModelConfig, Pooling};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::weighting::{
    BatchStatistics, BuiltIn, GradientScale, GradientShare, LikelihoodForm, Manual, RunningMean,
    StrategyConfig, Uncertainty,
};
use support::{
    Noise, Table, assert_close, change_parameters, devices, gradients, number, quiet, tensor,
    values,
};

const STEP: f64 = 2e-3;
const BATCH: usize = 3;

fn configs() -> Vec<ExpansionModelConfig> {
    [
        (1, CountdownForm::PerBar, Pooling::Mean),
        (1, CountdownForm::Scalar, Pooling::Mean),
        (2, CountdownForm::PerBar, Pooling::Mean),
        (2, CountdownForm::Scalar, Pooling::Mean),
        (1, CountdownForm::PerBar, Pooling::Attention),
        (1, CountdownForm::Scalar, Pooling::Attention),
    ]
    .map(|(layers, countdown, pooling)| ExpansionModelConfig {
        pooling,
        window: 9,
        features: 5,
        hidden: 6,
        layers,
        projection: 8,
        countdown,
        positive_weight: 2.5,
        ..quiet()
    })
    .to_vec()
}

fn batch(config: &ExpansionModelConfig, device: &Device) -> ExpansionBatch {
    let mut noise = Noise::new(7);
    let labels =
        [(1, 3, 0), (2, 5, 2), (5, 8, 1)].map(|(start, end, kind): (_, _, usize)| WindowLabel {
            start,
            end,
            kind: ExpansionType::OF_RULE[kind],
        });
    let bars = config.window as f64;
    let per_bar = |value: &dyn Fn(&WindowLabel, f64) -> f64| -> Vec<f64> {
        let cells = labels
            .iter()
            .flat_map(|l| (0..config.window).map(move |t| (l, t as f64)));
        cells.map(|(label, t)| value(label, t)).collect()
    };
    let binary = per_bar(&|label, t| {
        f64::from(u8::from(
            (label.start as f64..=label.end as f64).contains(&t),
        ))
    });
    let countdown = match config.countdown {
        CountdownForm::PerBar => per_bar(&|label, t| label.start as f64 - t),
        CountdownForm::Scalar => labels.iter().map(|l| l.start as f64 / bars).collect(),
    };
    let pointers: Vec<f64> = labels
        .iter()
        .flat_map(|l| {
            [
                (l.start + l.end) as f64 / 2.0 / bars,
                (l.end - l.start) as f64 / bars,
            ]
        })
        .collect();
    let shape = [BATCH, config.window, config.features];
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
        binary: tensor(&binary, [BATCH, config.window], device),
        countdown: tensor(&countdown, [BATCH, countdown.len() / BATCH], device),
        labels: Arc::from(labels.to_vec()),
    }
}

/// A model whose parameters do not depend on the backend, large enough for every gate to bend. The biases of the
/// projection keep its units away from the kink of the ReLU, where a difference is no derivative; two are below it.
fn model(config: &ExpansionModelConfig, device: &Device) -> ExpansionModel {
    let mut noise = Noise::new(8);
    let model = change_parameters(config.init(device).unwrap(), &mut |path, old| match path {
        "projection.bias" => (0..old.values.len())
            .map(|unit| if unit % 4 == 3 { -1.5 } else { 1.5 })
            .collect(),
        _ => noise
            .many(old.values.len())
            .iter()
            .map(|v| 0.6 * v)
            .collect(),
    });
    let batch = batch(config, device);
    let pooled = model.represent(&batch).mean_dim(1).squeeze_dim::<2>(1);
    let projection = support::parameters(&model);
    let (weight, bias) = (
        &projection["projection.weight"],
        &projection["projection.bias"],
    );
    for row in values(&pooled).chunks(2 * config.hidden) {
        for (unit, bias) in bias.values.iter().enumerate() {
            let inputs = row
                .iter()
                .zip(weight.values.iter().skip(unit).step_by(config.projection));
            let sum: f64 = inputs.map(|(x, w)| x * w).sum();
            assert!((sum + bias).abs() > 0.3, "unit {unit} is at {}", sum + bias);
        }
    }
    model
}

type Direction = BTreeMap<String, Vec<f64>>;

fn direction(gradient: &BTreeMap<String, Table>, seed: u64) -> Direction {
    let mut noise = Noise::new(seed);
    // Uniform in ±sqrt(3): variance 1.
    let mut draw = |count: usize| noise.many(count).iter().map(|v| 3f64.sqrt() * v).collect();
    gradient
        .iter()
        .map(|(path, table)| (path.clone(), draw(table.values.len())))
        .collect()
}

fn moved<M: Module>(module: &M, direction: &Direction, by: f64) -> M {
    change_parameters(module.clone(), &mut |path, old| match direction.get(path) {
        Some(along) => old
            .values
            .iter()
            .zip(along)
            .map(|(v, d)| v + by * d)
            .collect(),
        None => old.values.clone(),
    })
}

fn along(gradient: &BTreeMap<String, Table>, direction: &Direction) -> f64 {
    let dot = |(path, table): (&String, &Table)| -> f64 {
        table
            .values
            .iter()
            .zip(&direction[path])
            .map(|(g, d)| g * d)
            .sum()
    };
    gradient.iter().map(dot).sum()
}

fn norm(gradient: &BTreeMap<String, Table>) -> f64 {
    let squares = gradient
        .values()
        .flat_map(|t| t.values.iter().map(|v| v * v));
    squares.sum::<f64>().sqrt()
}

/// Compares the slope along a direction with a central difference. A direction may by chance be nearly level, so part
/// of the tolerance is relative to what a direction of this kind has on average, the norm of the gradient.
#[track_caller]
fn compare(place: &str, slope: f64, differences: f64, norm: f64) {
    assert!(
        norm > 1e-3,
        "{place}: the gradient is as good as zero ({norm:e})"
    );
    assert_close(place, differences, slope, 2e-2, 2e-3 * norm);
}

/// The raw losses without a graph, in double precision from there on.
fn raw_losses(model: &ExpansionModel, batch: &ExpansionBatch) -> Vec<f64> {
    values(
        &model
            .task_losses(Branches::together(model.represent(batch), 4), batch)
            .values(),
    )
}

#[test]
fn every_head() {
    for (backend, device) in devices() {
        let tracked = device.clone().autodiff();
        for config in configs() {
            let (model_tracked, batch_tracked) =
                (model(&config, &tracked), batch(&config, &tracked));
            let (plain, batch) = (model(&config, &device), batch(&config, &device));
            for (task, name) in config.tasks().unwrap().names().enumerate() {
                let losses = model_tracked.task_losses(
                    Branches::together(model_tracked.represent(&batch_tracked), 4),
                    &batch_tracked,
                );
                let backward = losses.values().narrow(0, task, 1).backward();
                let gradient = gradients(&model_tracked, &backward);
                for seed in 0..3 {
                    let direction = direction(&gradient, 100 + seed);
                    let at = |by: f64| raw_losses(&moved(&plain, &direction, by), &batch)[task];
                    let differences = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                    let place = format!(
                        "{name}, {} layers, {:?} on {backend}, direction {seed}",
                        config.layers, config.countdown
                    );
                    compare(
                        &place,
                        along(&gradient, &direction),
                        differences,
                        norm(&gradient),
                    );
                }
            }
        }
    }
}

/// Each parameter by itself, so that a small one with a wrong gradient is not lost among the others.
#[test]
fn every_parameter() {
    for (backend, device) in devices() {
        let tracked = device.clone().autodiff();
        for config in configs() {
            let (model_tracked, batch_tracked) =
                (model(&config, &tracked), batch(&config, &tracked));
            let (plain, batch) = (model(&config, &device), batch(&config, &device));
            let losses = model_tracked.task_losses(
                Branches::together(model_tracked.represent(&batch_tracked), 4),
                &batch_tracked,
            );
            let backward = losses.values().sum().backward();
            for (path, table) in gradients(&model_tracked, &backward) {
                let alone = BTreeMap::from([(path.clone(), table)]);
                let direction = direction(&alone, 200);
                // One parameter alone moves the objective little, so it is moved farther.
                let step = 1e-2;
                let at = |by: f64| -> f64 {
                    raw_losses(&moved(&plain, &direction, by), &batch)
                        .iter()
                        .sum()
                };
                let differences = (at(step) - at(-step)) / (2.0 * step);
                let place = format!(
                    "{path}, {} layers, {:?} on {backend}",
                    config.layers, config.countdown
                );
                compare(&place, along(&alone, &direction), differences, norm(&alone));
            }
        }
    }
}

fn strategies(form: CountdownForm) -> Vec<StrategyConfig> {
    let weights = [0.4, 0.7, 0.3, 0.2];
    let learned = || Uncertainty::default().with_log_sigma([0.2, -0.3, 0.1, 0.4]);
    let manual = || Manual::default().with_weights(weights);
    let scalar = |inner| StrategyConfig::new(ScalarCountdown::default().with_weighting(inner));
    let mut all = vec![
        StrategyConfig::new(RunningMean::default().with_weights(weights)),
        StrategyConfig::new(learned()),
        StrategyConfig::new(learned().with_form(LikelihoodForm::Likelihood)),
        StrategyConfig::new(GradientScale::default().with_weights(weights)),
        StrategyConfig::new(BatchStatistics::default().with_weights(weights)),
        StrategyConfig::new(GradientShare::default().with_weights(weights)),
        StrategyConfig::new(manual()),
        StrategyConfig::new(manual().with_normalise(false)),
    ];
    if form == CountdownForm::Scalar {
        all.push(scalar(StrategyConfig::new(manual())));
        all.push(scalar(StrategyConfig::new(learned())));
    }
    all
}

/// What a strategy divides by is held constant by the differences as it is by the gradient: the effective weights of
/// the step stay, and only the raw losses move.
#[test]
fn every_strategy_at_the_network() {
    for (backend, device) in devices() {
        let tracked = device.clone().autodiff();
        for config in configs() {
            let (model_tracked, batch_tracked) =
                (model(&config, &tracked), batch(&config, &tracked));
            let (plain, batch) = (model(&config, &device), batch(&config, &device));
            for strategy in strategies(config.countdown) {
                let weighting = strategy.init(&config.tasks().unwrap(), &tracked).unwrap();
                let losses = || {
                    model_tracked.task_losses(
                        Branches::together(model_tracked.represent(&batch_tracked), 4),
                        &batch_tracked,
                    )
                };
                weighting.weigh(&losses());
                let objective = weighting.weigh(&losses());
                let weights = values(&objective.weights);
                let gradient = gradients(&model_tracked, &objective.total.backward());
                let direction = direction(&gradient, 300);
                let at = |by: f64| -> f64 {
                    let losses = raw_losses(&moved(&plain, &direction, by), &batch);
                    losses.iter().zip(&weights).map(|(l, w)| l * w).sum()
                };
                let differences = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                let place = format!(
                    "{}, {} layers, {:?} on {backend}",
                    strategy.name(),
                    config.layers,
                    config.countdown
                );
                compare(
                    &place,
                    along(&gradient, &direction),
                    differences,
                    norm(&gradient),
                );
            }
        }
    }
}

/// Network and log sigma move together: here nothing is held constant.
#[test]
fn uncertainty_at_the_network_and_at_its_own_parameters() {
    for (backend, device) in devices() {
        let tracked = device.clone().autodiff();
        for config in configs() {
            let tasks = config.tasks().unwrap();
            let strategy = Uncertainty::default().with_log_sigma([0.2, -0.3, 0.1, 0.4]);
            let (model_tracked, batch_tracked) =
                (model(&config, &tracked), batch(&config, &tracked));
            let (plain, batch) = (model(&config, &device), batch(&config, &device));
            let weighting_tracked = strategy.init(&tasks, &tracked).unwrap();
            let weighting = strategy.init(&tasks, &device).unwrap();
            let losses = model_tracked.task_losses(
                Branches::together(model_tracked.represent(&batch_tracked), 4),
                &batch_tracked,
            );
            let backward = weighting_tracked.weigh(&losses).total.backward();
            let mut gradient = gradients(&model_tracked, &backward);
            gradient.extend(gradients(&weighting_tracked, &backward));
            for seed in 0..3 {
                let direction = direction(&gradient, 400 + seed);
                let at = |by: f64| {
                    let model = moved(&plain, &direction, by);
                    let weighting = moved(&weighting, &direction, by);
                    let losses =
                        model.task_losses(Branches::together(model.represent(&batch), 4), &batch);
                    number(&weighting.weigh(&losses).total)
                };
                let differences = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                let place = format!(
                    "{} layers, {:?} on {backend}, direction {seed}",
                    config.layers, config.countdown
                );
                compare(
                    &place,
                    along(&gradient, &direction),
                    differences,
                    norm(&gradient),
                );
            }
        }
    }
}
