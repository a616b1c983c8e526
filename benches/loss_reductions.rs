//! The raw losses: what a reduction over B x 105 elements costs, forward and with the gradient.
//!
//! ```text
//! cargo bench --bench loss_reductions
//! cargo bench --bench loss_reductions -- huber/mean
//! ```
//!
//! A name reads `loss/reduction/pass/backend/size`, as in `huber/mean/forward+backward/flex/B=32x105`. `masked` is the
//! mean over every other element. Cross entropy sees B x 105 rows of 3 logits.

mod support;

use burn::tensor::{Bool, Device, Distribution, Int, Tensor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use equipoise::loss::{Reduction, binary_cross_entropy_with_logits, cross_entropy, huber};

const BARS: usize = 105;
const BATCHES: [usize; 4] = [8, 32, 256, 4096];
const LOSSES: [&str; 3] = ["cross_entropy", "huber", "bce"];
const REDUCTIONS: [&str; 3] = ["mean", "sum", "masked"];

/// Predictions and targets of one size, made before the clock starts.
struct Inputs {
    predictions: Tensor<2>,
    classes: Tensor<1, Int>,
    targets: Tensor<2>,
    mask: Tensor<2, Bool>,
}

impl Inputs {
    fn new(loss: &str, batch: usize, device: &Device) -> Self {
        let rows = batch * BARS;
        let shape = match loss {
            "cross_entropy" => [rows, 3],
            _ => [batch, BARS],
        };
        let counted = Tensor::<1, Int>::arange(0..rows as i64, device) % 2;
        Self {
            predictions: Tensor::random(shape, Distribution::Normal(0.0, 1.0), device),
            classes: Tensor::<1, Int>::arange(0..rows as i64, device) % 3,
            targets: Tensor::random([batch, BARS], Distribution::Bernoulli(0.5), device),
            mask: counted.equal_elem(1).reshape([batch, BARS]),
        }
    }

    fn loss(&self, loss: &str, reduction: &str, predictions: Tensor<2>) -> Tensor<1> {
        let mask = (reduction == "masked").then(|| self.mask.clone());
        let how = match reduction {
            "sum" => Reduction::Sum,
            _ => Reduction::Mean,
        };
        let targets = self.targets.clone();
        match loss {
            "huber" => huber(predictions, targets, 1.0, mask, how),
            "bce" => binary_cross_entropy_with_logits(predictions, targets, 1.0, mask, how),
            _ => {
                let mask = mask.map(|mask| mask.flatten(0, 1));
                cross_entropy(predictions, self.classes.clone(), mask, how)
            }
        }
    }
}

fn reductions(criterion: &mut Criterion) {
    for (backend, device) in support::backends() {
        for loss in LOSSES {
            for reduction in REDUCTIONS {
                forward(criterion, loss, reduction, backend, &device);
                backward(
                    criterion,
                    loss,
                    reduction,
                    backend,
                    &device.clone().autodiff(),
                );
            }
        }
    }
}

fn forward(criterion: &mut Criterion, loss: &str, reduction: &str, backend: &str, device: &Device) {
    each_size(
        criterion,
        format!("{loss}/{reduction}/forward"),
        backend,
        |batch| {
            let inputs = Inputs::new(loss, batch, device);
            move || support::wait(inputs.loss(loss, reduction, inputs.predictions.clone()))
        },
    );
}

fn backward(
    criterion: &mut Criterion,
    loss: &str,
    reduction: &str,
    backend: &str,
    device: &Device,
) {
    each_size(
        criterion,
        format!("{loss}/{reduction}/forward+backward"),
        backend,
        |batch| {
            let inputs = Inputs::new(loss, batch, device);
            move || {
                let leaf = inputs.predictions.clone().require_grad();
                let gradients = inputs.loss(loss, reduction, leaf.clone()).backward();
                support::wait(leaf.grad(&gradients).expect("the loss depends on it"));
            }
        },
    );
}

fn each_size<'a, R: FnMut() + 'a>(
    criterion: &mut Criterion,
    name: String,
    backend: &str,
    mut make: impl FnMut(usize) -> R,
) {
    let mut group = criterion.benchmark_group(name);
    for batch in BATCHES {
        group.throughput(Throughput::Elements((batch * BARS) as u64));
        let id = BenchmarkId::new(backend, format!("B={batch}x{BARS}"));
        let mut routine = make(batch);
        group.bench_function(id, |bencher| bencher.iter(&mut routine));
    }
}

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = reductions
}
criterion_main!(benches);
