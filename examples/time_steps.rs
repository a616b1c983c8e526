//! Times the work that `benches/compare_pytorch.py` compares, on the CPU, and prints a JSON line for each.
//!
//! ```text
//! cargo run --release --example time_steps
//! ```
//!
//! A line reads `{"work": "train_step B=32", "ms": 12.3}`; the number is the median over at least ten repetitions and half
//! a second, after a warm-up. For distributions and single parts there is `cargo bench`.

#[path = "../benches/support/waiting.rs"]
mod waiting;
#[path = "../benches/support/work.rs"]
mod work;

use std::time::{Duration, Instant};

use burn::tensor::{Device, Distribution, Int, Tensor};
use equipoise::loss::{Reduction, binary_cross_entropy_with_logits, cross_entropy, huber};
use waiting::wait;
use work::{Training, batch, infer, model};

/// Elements of the losses: 32, 256 and 4096 windows of 105 bars.
const ELEMENTS: [usize; 3] = [3_360, 26_880, 430_080];

fn main() {
    let device = Device::flex();
    for size in [8, 32, 128] {
        let mut training = Training::new(size, &device);
        time(format!("train_step B={size}"), || training.step());
    }
    let network = model(&device).network;
    for size in [1, 32] {
        let batch = batch(size, &device);
        time(format!("inference B={size}"), || infer(&network, &batch));
    }
    let device = device.autodiff();
    for elements in ELEMENTS {
        let normal = Distribution::Normal(0.0, 1.0);
        let predictions = Tensor::<1>::random([elements], normal, &device);
        let targets = Tensor::<1>::random([elements], Distribution::Bernoulli(0.5), &device);
        let mean = Reduction::Mean;
        time(format!("huber {elements}"), || {
            gradient(&predictions, |p| huber(p, targets.clone(), 1.0, None, mean))
        });
        time(format!("bce {elements}"), || {
            gradient(&predictions, |p| {
                binary_cross_entropy_with_logits(p, targets.clone(), 1.0, None, mean)
            })
        });
        let logits = Tensor::<2>::random([elements, 3], normal, &device);
        let classes = Tensor::<1, Int>::arange(0..elements as i64, &device) % 3;
        time(format!("cross_entropy {elements}x3"), || {
            gradient(&logits, |l| cross_entropy(l, classes.clone(), None, mean))
        });
    }
}

/// Value and gradient of a loss.
fn gradient<const D: usize>(inputs: &Tensor<D>, loss: impl Fn(Tensor<D>) -> Tensor<1>) {
    let leaf = inputs.clone().require_grad();
    let gradients = loss(leaf.clone()).backward();
    wait(leaf.grad(&gradients).expect("the loss depends on it"));
}

fn time(work: String, mut repeat: impl FnMut()) {
    for _ in 0..5 {
        repeat();
    }
    let (began, mut times) = (Instant::now(), Vec::new());
    while times.len() < 10 || began.elapsed() < Duration::from_millis(500) {
        let start = Instant::now();
        repeat();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!(
        r#"{{"work": "{work}", "ms": {:.4}}}"#,
        times[times.len() / 2]
    );
}
