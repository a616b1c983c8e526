//! A whole training step of the expansion model, and inference.
//!
//! ```text
//! cargo bench --bench train_step
//! ```
//!
//! `train_step` is forward, four losses, uncertainty weighting, backward and AdamW on a batch that is there already;
//! `inference` is the forward pass without autodiff, all four heads. T = 105, F = 12, H = 96, all dropouts as designed.
//! A name reads `train_step/backend/B=32`.

mod support;

use burn::data::dataloader::batcher::Batcher;
use burn::optim::{AdamWConfig, ModuleOptimizer};
use burn::tensor::Device;
use burn::train::TrainStep;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise::expansion::bars::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::batch::{ExpansionBatch, ExpansionBatcher};
use equipoise::expansion::config::preset;
use equipoise::expansion::model::{ExpansionModel, ExpansionModelConfig};
use equipoise::expansion::windows::{Window, Windows};
use equipoise::train::MultiTask;
use equipoise::weighting::Weighting;

const TRAINED: [usize; 3] = [8, 32, 128];
const INFERRED: [usize; 2] = [1, 32];

fn batch(size: usize, device: &Device) -> ExpansionBatch {
    let simulator = Simulator::new(SimulatorConfig::default(), 0).expect("the defaults are valid");
    let windows = Windows::simulated(&simulator.simulate_windows(size));
    let all: Vec<Window> = windows.iter().copied().collect();
    let config = ExpansionModelConfig::default();
    ExpansionBatcher::new(windows.bars(), config.window, false, config.countdown).batch(all, device)
}

fn model(device: &Device) -> MultiTask<ExpansionModel, Weighting> {
    let config = ExpansionModelConfig::default();
    let tasks = config.tasks().expect("the defaults are valid");
    let strategy = preset("uncertainty").expect("it is one of the presets");
    let weighting = strategy.init(&tasks, device).expect("it fits the tasks");
    MultiTask::new(
        config.init(device).expect("the defaults are valid"),
        weighting,
    )
}

fn optimizer() -> ModuleOptimizer {
    AdamWConfig::new()
        .with_epsilon(1e-8)
        .with_weight_decay(0.01)
        .init()
}

fn steps(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        let device = device.autodiff();
        let mut group = criterion.benchmark_group("train_step");
        for size in TRAINED {
            let (batch, mut optimizer) = (batch(size, &device), optimizer());
            let mut trained = Some(model(&device));
            let id = BenchmarkId::new(backend, format!("B={size}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let model = trained.take().expect("the last step put it back");
                    let step = TrainStep::step(&model, batch.clone());
                    let model = optimizer.step(1e-3, model, step.grads);
                    support::wait(step.item.losses);
                    trained = Some(model);
                });
            });
        }
    }
}

fn inference(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        let mut group = criterion.benchmark_group("inference");
        let model = model(&device).network;
        for size in INFERRED {
            let batch = batch(size, &device);
            let id = BenchmarkId::new(backend, format!("B={size}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let output = model.forward(batch.features.clone());
                    support::wait(output.kinds);
                    support::wait(output.pointers);
                    support::wait(output.binary);
                    support::wait(output.countdown);
                });
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = steps, inference
}
criterion_main!(benches);
