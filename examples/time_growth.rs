//! Measures how the time of a training step and of inference grows with every size, beside the matrix products alone.
//!
//! ```text
//! cargo run --release --example time_growth
//! ```
//!
//! A JSON line for each row: `{"work": "train_step", "T": 105, "H": 96, "B": 32, "threads": 2, "ms": 11.3, "floor_ms":
//! 7.2, "ratio": 1.57}`. A size changes at a time, the others stay at T = 105, H = 96, B = 32 and all threads. Then, for
//! `weigh NAME`, the time of weighing K losses and going back to them. Each number is a median; where a ratio grows, time
//! grows faster than the work.

#[path = "../benches/support/floor.rs"]
mod floor;
#[path = "../benches/support/waiting.rs"]
mod waiting;
#[path = "../benches/support/work.rs"]
mod work;

use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};
use equipoise::loss::TaskLosses;
use equipoise::weighting::StrategyConfig;
use equipoise::{Task, TaskSet};
use floor::{Floor, Sizes};
use waiting::wait;
use work::{Training, assemble, infer, windows_of};

const FEATURES: usize = 12;

fn main() {
    let all = rayon::current_num_threads();
    for time in [26, 105, 420] {
        grown(time, 96, 32, all);
    }
    for hidden in [32, 96, 256] {
        grown(105, hidden, 32, all);
    }
    for batch in [1, 8, 32, 128, 512, 1024] {
        grown(105, 96, batch, all);
    }
    for threads in 1..=all {
        grown(105, 96, 32, threads);
    }
    for name in ["sum", "uncertainty", "running-mean"] {
        for tasks in [2, 4, 8, 16, 32, 64] {
            weighed(name, tasks);
        }
    }
}

/// Times a training step and inference at these sizes.
fn grown(time: usize, hidden: usize, batch: usize, threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    let pool = pool.build().expect("threads can be started");
    pool.install(|| {
        let device = Device::flex();
        let mut training = Training::sized(time, hidden, batch, &device);
        let network = training.network();
        let inputs = assemble(&windows_of(time, batch), &device);
        let mut floor = Floor::new(Sizes {
            batch,
            time,
            features: FEATURES,
            hidden,
        });
        for (work, ms, floor) in [
            (
                "train_step",
                median(|| training.step()),
                median(|| floor.training_step()),
            ),
            (
                "inference",
                median(|| infer(&network, &inputs)),
                median(|| floor.inference()),
            ),
        ] {
            println!(
                r#"{{"work": "{work}", "T": {time}, "H": {hidden}, "B": {batch}, "threads": {threads}, "ms": {ms:.4}, "floor_ms": {floor:.4}, "ratio": {:.3}}}"#,
                ms / floor
            );
        }
    });
}

/// Times the weighing of some losses, and going back to them.
fn weighed(name: &str, tasks: usize) {
    let device = Device::flex().autodiff();
    let all = (0..tasks).map(|task| Task::regression(format!("task {task}"), 1));
    let all = TaskSet::new(all).expect("the names differ");
    let config = StrategyConfig::named(name).expect("it is in the table and has defaults");
    let strategy = config.init(&all, &device).expect("it takes any tasks");
    let losses: Vec<f32> = (0..tasks).map(|task| 0.5 + task as f32).collect();
    let losses = Tensor::<1>::from_floats(losses.as_slice(), &device);
    let ms = median(|| {
        let leaf = losses.clone().require_grad();
        let total = strategy.weigh(&TaskLosses::from_values(leaf.clone())).total;
        wait(
            leaf.grad(&total.backward())
                .expect("the total depends on it"),
        );
    });
    println!(r#"{{"work": "weigh {name}", "K": {tasks}, "ms": {ms:.5}}}"#);
}

/// Returns the median time of `repeat`, in milliseconds.
fn median(mut repeat: impl FnMut()) -> f64 {
    for _ in 0..3 {
        repeat();
    }
    let (began, mut times) = (Instant::now(), Vec::new());
    while times.len() < 7 || began.elapsed() < Duration::from_millis(300) {
        let start = Instant::now();
        repeat();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
