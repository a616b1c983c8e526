//! The strategies: what weighing K losses and going back through the objective costs in one step.
//!
//! ```text
//! cargo bench --bench weighting
//! ```
//!
//! A name reads `weigh+backward/strategy/backend/tasks`, as in `weigh+backward/uncertainty/flex/K=4`. `plain-sum` is the
//! floor: the sum of the losses and its gradient, without any strategy.

mod support;

use burn::tensor::{Device, Tensor};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise::loss::TaskLosses;
use equipoise::weighting::{Needs, SoftUncertainty, StrategyConfig, StrategyTable};
use equipoise::{Task, TaskSet};

const COUNTS: [usize; 2] = [4, 64];

/// One scalar countdown, which one of the strategies asks for, and sequences.
fn tasks(count: usize) -> TaskSet {
    let sequences = (1..count).map(|index| Task::regression(format!("task-{index}"), 105));
    let all = std::iter::once(Task::regression("countdown", 1)).chain(sequences);
    TaskSet::new(all).expect("the names differ")
}

/// Every strategy that looks at losses alone and has defaults; `gradient-share` with no audit in the step.
fn configs() -> impl Iterator<Item = StrategyConfig> {
    let names = StrategyTable::built_in().names();
    let all = names.filter_map(|name| StrategyConfig::named(name).ok());
    all.chain([StrategyConfig::new(SoftUncertainty::new(1.0))])
        .filter(|config| config.rule().needs() != Needs::Gram)
}

/// Losses of sizes that differ as those of real tasks do: 0.01 to 10.
fn losses(count: usize, device: &Device) -> Tensor<1> {
    let values: Vec<f32> = (0..count).map(|k| 10f32.powi(k as i32 % 4 - 2)).collect();
    Tensor::from_floats(values.as_slice(), device)
}

/// One step: `objective` of fresh leaves, and the gradient that reaches them.
fn step(losses: &Tensor<1>, objective: impl Fn(Tensor<1>) -> Tensor<1>) {
    let leaf = losses.clone().require_grad();
    let gradients = objective(leaf.clone()).backward();
    support::wait(leaf.grad(&gradients).expect("the objective depends on it"));
}

fn strategies(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        let device = device.autodiff();
        for count in COUNTS {
            let id =
                |strategy| BenchmarkId::new(format!("{strategy}/{backend}"), format!("K={count}"));
            let (tasks, losses) = (tasks(count), losses(count, &device));
            let mut group = criterion.benchmark_group("weigh+backward");
            group.bench_function(id("plain-sum"), |bencher| {
                bencher.iter(|| step(&losses, |leaf| leaf.sum()));
            });
            for config in configs() {
                let strategy = config
                    .init(&tasks, &device)
                    .expect("the defaults are valid");
                let weigh = |leaf| strategy.weigh(&TaskLosses::from_values(leaf)).total;
                group.bench_function(id(config.name()), |bencher| {
                    bencher.iter(|| step(&losses, weigh));
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = strategies
}
criterion_main!(benches);
