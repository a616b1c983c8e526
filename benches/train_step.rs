//! A whole training step of the expansion model, and inference.
//!
//! ```text
//! cargo bench --bench train_step
//! ```
//!
//! `train_step` is forward, four losses, uncertainty weighting, backward and AdamW on a batch that is there already;
//! `inference` is the forward pass without autodiff, all four heads, and `audit` the measurement of the tasks' gradients on a
//! representation that is there already; by default every tenth step has one. A name reads `train_step/backend/B=32`.
//! `compare_pytorch.py` beside this file times the same work in PyTorch.

mod support;

use burn::tensor::Tensor;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise::gradient::audit;
use equipoise::model::MultiTaskModel;
use support::work::{Training, batch, infer, model};

fn steps(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        let mut group = criterion.benchmark_group("train_step");
        for size in [8, 32, 128] {
            let mut training = Training::new(size, &device);
            let id = BenchmarkId::new(backend, format!("B={size}"));
            group.bench_function(id, |bencher| bencher.iter(|| training.step()));
        }
    }
}

fn inference(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        let mut group = criterion.benchmark_group("inference");
        let network = model(&device).network;
        for size in [1, 32] {
            let batch = batch(size, &device);
            let id = BenchmarkId::new(backend, format!("B={size}"));
            group.bench_function(id, |bencher| bencher.iter(|| infer(&network, &batch)));
        }
    }
}

/// What an audited step costs beside a step: the measurement on a representation that is there already.
fn audits(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        let device = device.autodiff();
        let mut group = criterion.benchmark_group("audit");
        let (network, batch) = (model(&device).network, batch(32, &device));
        let representation = network.represent(&batch);
        let weights = Tensor::ones([network.tasks().len()], &device);
        group.bench_function(BenchmarkId::new(backend, "B=32"), |bencher| {
            bencher.iter(|| {
                let found = audit(&network, representation.clone(), &batch, weights.clone());
                support::wait(found.norms());
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = steps, inference, audits
}
criterion_main!(benches);
