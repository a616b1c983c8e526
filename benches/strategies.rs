//! A whole training step under every strategy, beside that of the plain sum.
//!
//! ```text
//! cargo bench --bench strategies
//! ```
//!
//! `step/NAME/BACKEND` is forward, losses, weighing, backward and AdamW of the expansion model at B = 32, K = 4, as in `train_step`; a
//! strategy's cost is its ratio to `step/sum`. `many/NAME/K=32` is one call over a trunk of two layers with 32 heads. `solve/NAME/K` is the
//! host's part alone: from a Gram matrix to weights.

mod support;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::AdamWConfig;
use burn::tensor::{Device, Distribution, Tensor};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::loss::{Reduction, TaskLosses, huber};
use equipoise::step;
use equipoise::weighting::gram::{self, GramMatrix};
use equipoise::weighting::{Strategy, StrategyConfig, StrategyTable};
use equipoise::{Task, TaskSet};
use support::work::Training;

/// Every strategy that runs with its defaults on four tasks, the sum first.
fn configs() -> Vec<StrategyConfig> {
    let names = StrategyTable::built_in().names();
    let others = names.filter(|name| *name != "sum");
    let all = std::iter::once("sum").chain(others);
    all.filter_map(|name| ExpansionConfig::preset(name).ok())
        .collect()
}

fn steps(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        let mut group = criterion.benchmark_group("step");
        for config in configs() {
            let mut training = Training::under(&config, 32, &device);
            let id = BenchmarkId::new(config.name(), backend);
            group.bench_function(id, |bencher| bencher.iter(|| training.step()));
        }
    }
}

/// A trunk of two layers with many heads.
#[derive(Module, Debug)]
struct Network {
    trunk: [Linear; 2],
    heads: Vec<Linear>,
    weighting: Strategy,
}

const TASKS: usize = 32;

fn many(criterion: &mut Criterion) {
    let device = Device::flex().autodiff();
    let tasks = TaskSet::new((0..TASKS).map(|k| Task::regression(format!("t{k}"), 1)));
    let tasks = tasks.expect("the names differ");
    let inputs = Tensor::<2>::random([128, 64], Distribution::Normal(0.0, 1.0), &device);
    let targets = Tensor::<2>::random([128, 1], Distribution::Normal(0.0, 1.0), &device);
    let mut group = criterion.benchmark_group("many");
    for name in [
        "sum",
        "uncertainty",
        "mgda",
        "pcgrad",
        "cagrad",
        "nash-mtl",
        "upgrad",
        "con-fig",
    ] {
        let config = StrategyConfig::named(name).expect("it has defaults");
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
        let mut network = Some(Network {
            trunk: [linear(64, 256), linear(256, 256)],
            heads: (0..TASKS).map(|_| linear(256, 1)).collect(),
            weighting: config.init(&tasks, &device).expect("it fits"),
        });
        let mut optimizer = AdamWConfig::new().init();
        group.bench_function(BenchmarkId::new(name, format!("K={TASKS}")), |bencher| {
            bencher.iter(|| {
                let own = network.take().expect("the last step put it back");
                let hidden = own.trunk[0].forward(inputs.clone()).tanh();
                let shared = own.trunk[1].forward(hidden).tanh();
                let found = step::backward(&own.weighting, shared, |shared| {
                    let loss = |(head, x): (&Linear, Tensor<2>)| {
                        huber(head.forward(x), targets.clone(), 1.0, None, Reduction::Mean)
                    };
                    TaskLosses::new(own.heads.iter().zip(shared.all()).map(loss).collect())
                });
                let weights = found.weights();
                let gradients = found.gradients(&own);
                network = Some(optimizer.step(1e-3, own, gradients));
                support::wait(weights);
            });
        });
    }
}

/// A Gram matrix of random gradients, half of whose pairs conflict.
fn random_gram(tasks: usize) -> GramMatrix {
    let mut state = 7u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    };
    let rows: Vec<Vec<f64>> = (0..tasks)
        .map(|_| (0..2 * tasks).map(|_| next()).collect())
        .collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let values = rows
        .iter()
        .flat_map(|a| rows.iter().map(move |b| dot(a, b)));
    GramMatrix::new(tasks, values.collect())
}

type Solver = (
    &'static str,
    fn(&GramMatrix) -> Result<gram::Answer, gram::Degenerate>,
);

const SOLVERS: [Solver; 9] = [
    ("mgda", gram::mgda::min_norm),
    ("upgrad", gram::upgrad::weights),
    ("dual-proj", gram::dual_proj::weights),
    ("cagrad", |g| gram::cagrad::weights(g, 0.4)),
    ("imtl-g", gram::imtl_g::weights),
    ("nash-mtl", gram::nash::weights),
    ("fair-grad", |g| gram::fair_grad::weights(g, 2.0)),
    ("con-fig", gram::con_fig::weights),
    ("aligned-mtl", |g| {
        gram::aligned::weights(g, gram::aligned::Scale::Min, 1e-6)
    }),
];

fn solvers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("solve");
    for tasks in [4, 8, 64] {
        let gram = random_gram(tasks);
        for (name, solve) in SOLVERS {
            let id = BenchmarkId::new(name, format!("K={tasks}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| solve(std::hint::black_box(&gram)));
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = steps, many, solvers
}
criterion_main!(benches);
