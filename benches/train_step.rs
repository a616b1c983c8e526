//! A whole training step of the expansion model, and inference.
//!
//! ```text
//! cargo bench --bench train_step
//! ```
//!
//! `train_step` is forward, four losses, uncertainty weighting, backward and AdamW on a batch that is there already;
//! `inference` is the forward pass without autodiff, all four heads. A name reads `train_step/backend/B=32`.
//! `compare_pytorch.py` beside this file times the same work in PyTorch.

mod support;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
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

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = steps, inference
}
criterion_main!(benches);
