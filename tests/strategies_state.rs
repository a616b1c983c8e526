//! Everything a strategy remembers is in its record: saved to a file and loaded into a fresh strategy, the next steps
//! are those of the strategy that was never interrupted, to the bit.
#![cfg(feature = "expansion")]

mod support;

use burn::module::Module;
use burn::optim::{GradientsParams, SgdConfig};
use burn::store::ModuleRecord;
use burn::tensor::{Device, Tensor};
use equipoise::expansion::model::ScalarCountdown;
use equipoise::loss::TaskLosses;
use equipoise::weighting::{
    BatchStatistics, GradientScale, GradientShare, LikelihoodForm, Manual, RunningMean, Strategy,
    StrategyConfig, Uncertainty,
};
use equipoise::{Task, TaskSet};
use support::{Noise, devices, parameters, values};

fn tasks() -> TaskSet {
    TaskSet::new([
        Task::classification("type", 3),
        Task::regression("pointers", 2),
        Task::binary("binary", 105),
        Task::regression("countdown", 1),
    ])
    .unwrap()
}

fn strategies() -> Vec<StrategyConfig> {
    let weights = [0.1, 0.6, 0.1, 0.2];
    let learned = || Uncertainty::default().with_log_sigma([("pointers", -0.3)]);
    let manual = || Manual::default().with_weights(weights);
    let scalar = |inner| StrategyConfig::new(ScalarCountdown::default().with_weighting(inner));
    vec![
        StrategyConfig::new(RunningMean::default().with_weights(weights)),
        StrategyConfig::new(learned()),
        StrategyConfig::new(learned().with_form(LikelihoodForm::Likelihood)),
        StrategyConfig::new(GradientScale::default().with_weights(weights)),
        scalar(StrategyConfig::new(manual())),
        scalar(StrategyConfig::new(learned())),
        StrategyConfig::new(BatchStatistics::default().with_weights(weights)),
        StrategyConfig::new(GradientShare::default().with_weights(weights)),
        StrategyConfig::new(manual()),
        StrategyConfig::new(manual().with_normalise(false)),
    ]
}

/// Losses that look like training: of different sizes, falling, noisy.
fn row(step: usize) -> Vec<f32> {
    let mut noise = Noise::new(step as u64);
    [1.1, 0.016, 0.7, 0.3]
        .iter()
        .map(|size| (size * (1.0 - 0.02 * step as f64 + 0.1 * noise.draw())) as f32)
        .collect()
}

type Seen = (Vec<u64>, Vec<u64>, Vec<(String, Vec<u64>)>, Vec<Vec<u64>>);

/// A step with plain descent on what is learnable; what was seen in it, bit for bit.
fn advance(strategy: Strategy, step: usize, device: &Device) -> (Strategy, Seen) {
    let bits = |values: Vec<f64>| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let losses = Tensor::<1>::from_floats(row(step).as_slice(), device).require_grad();
    // Of no matter to strategies that do not look at gradients.
    let norms: Vec<f32> = row(step).iter().map(|loss| loss * loss / 10.0).collect();
    let plain = device.clone().inner();
    support::observe(&strategy, Tensor::from_floats(norms.as_slice(), &plain));
    let objective = strategy.weigh(&TaskLosses::from_values(losses));
    let total = bits(values(&objective.total));
    let weights = bits(values(&objective.weights));
    let moves = GradientsParams::from_grads(objective.total.backward(), &strategy);
    let strategy = SgdConfig::new().init().step(0.1, strategy, moves);
    let all = parameters(&strategy).into_iter();
    let remembered = all
        .map(|(name, table)| (name, bits(table.values)))
        .collect();
    let state = strategy
        .state()
        .iter()
        .map(|value| bits(value.read()))
        .collect();
    (strategy, (total, weights, remembered, state))
}

const STEPS: usize = 13;

/// A strategy after 13 steps, past its warm-up.
fn trained(config: &StrategyConfig, device: &Device) -> Strategy {
    let mut strategy = config.init(&tasks(), device).unwrap();
    for step in 0..STEPS {
        strategy = advance(strategy, step, device).0;
    }
    strategy
}

/// The steps that follow.
fn continued(mut strategy: Strategy, device: &Device) -> Vec<Seen> {
    let mut all = Vec::new();
    for step in STEPS..STEPS + 3 {
        let (next, seen) = advance(strategy, step, device);
        strategy = next;
        all.push(seen);
    }
    all
}

#[test]
fn a_loaded_strategy_continues_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    for (backend, device) in devices() {
        let device = device.autodiff();
        for (index, config) in strategies().iter().enumerate() {
            let place = format!("{config:?} on {backend}");
            let file = folder.path().join(format!("{backend}-{index}.bpk"));
            let strategy = trained(config, &device);
            strategy.clone().into_record().save(&file).unwrap();
            let fresh = config.init(&tasks(), &device).unwrap();
            let loaded = fresh
                .try_load_record(ModuleRecord::load(&file).unwrap())
                .unwrap();
            let uninterrupted = continued(strategy, &device);
            assert_eq!(continued(loaded, &device), uninterrupted, "{place}");
            // Were the record of no use, a fresh strategy would do the same.
            let remembers = !parameters(&config.init(&tasks(), &device).unwrap()).is_empty();
            let statistics = config.is::<BatchStatistics>();
            if remembers && !statistics {
                let fresh = config.init(&tasks(), &device).unwrap();
                assert_ne!(continued(fresh, &device), uninterrupted, "{place}");
            }
        }
    }
}

#[test]
fn validation_in_between_changes_nothing() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        for config in strategies() {
            let uninterrupted = continued(trained(&config, &device), &device);
            let back = trained(&config, &device).valid().train();
            assert_eq!(
                continued(back, &device),
                uninterrupted,
                "{config:?} on {backend}"
            );
        }
    }
}

#[test]
fn validation_of_a_copy_leaves_the_strategy_alone() {
    for (backend, device) in devices() {
        let device = device.autodiff();
        for config in strategies() {
            let uninterrupted = continued(trained(&config, &device), &device);
            let strategy = trained(&config, &device);
            let plain = device.clone().inner();
            let copy = strategy.valid();
            let losses = Tensor::<1>::from_floats([9.0, 9.0, 9.0, 9.0], &plain);
            let objective = copy.weigh(&TaskLosses::from_values(losses));
            assert!(!objective.total.is_autodiff());
            assert_eq!(
                continued(strategy, &device),
                uninterrupted,
                "{config:?} on {backend}"
            );
        }
    }
}

#[test]
fn a_record_of_another_strategy_is_refused() {
    let (_, device) = devices().remove(0);
    let record = || {
        let manual = strategies()[7].init(&tasks(), &device).unwrap();
        manual.into_record()
    };
    for config in [&strategies()[1], &strategies()[6]] {
        let fresh = config.init(&tasks(), &device).unwrap();
        assert!(fresh.try_load_record(record()).is_err(), "{config:?}");
    }
}
