//! The BiLSTM layer by itself: the fused operation beside plain tensor operations.
//!
//! ```text
//! cargo bench --bench bilstm
//! ```
//!
//! T = 105, F = 12, H = 96. A name reads `bilstm/fused/forward+backward/backend/B=32`; the gradient is that of the sum of the
//! output, to the parameters.

mod support;

use burn::tensor::{Device, Distribution, Tensor};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use equipoise::nn::{BiLstm, BiLstmConfig};

const BATCHES: [usize; 3] = [8, 32, 128];

type Form = (&'static str, fn(&BiLstm, Tensor<3>) -> Tensor<3>);

/// On a GPU both are the same operations.
const FORMS: [Form; 2] = [
    ("fused", BiLstm::forward),
    ("plain", BiLstm::forward_reference),
];

fn inputs(batch: usize, device: &Device) -> (BiLstm, Tensor<3>) {
    let lstm = BiLstmConfig::new(12, 96)
        .init(device)
        .expect("the sizes are positive");
    let input = Tensor::random([batch, 105, 12], Distribution::Normal(0.0, 1.0), device);
    (lstm, input)
}

fn layers(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        for (form, layer) in FORMS {
            for batch in BATCHES {
                let id = |pass| {
                    BenchmarkId::new(format!("{form}/{pass}/{backend}"), format!("B={batch}"))
                };
                let mut group = criterion.benchmark_group("bilstm");
                let (lstm, input) = inputs(batch, &device);
                group.bench_function(id("forward"), |bencher| {
                    bencher.iter(|| support::wait(layer(&lstm, input.clone())));
                });
                let (lstm, input) = inputs(batch, &device.clone().autodiff());
                let (weights, _) = lstm.weights(0).expect("there is one layer");
                let weight = weights.weight_hh.val();
                group.bench_function(id("forward+backward"), |bencher| {
                    bencher.iter(|| {
                        let gradients = layer(&lstm, input.clone()).sum().backward();
                        support::wait(weight.grad(&gradients).expect("the output depends on it"));
                    });
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = layers
}
criterion_main!(benches);
