//! Measures the times of this crate for `benches/compare_pytorch.py`, and prints one JSON line per measurement.
//!
//! ```text
//! cargo run --release --example time_steps
//! cargo run --release --example time_steps -- --memory
//! cargo run --release --features wgpu --example time_steps -- --backend wgpu
//! ```
//!
//! A line reads `{"work": "train_step B=32", "ms": 12.3}`; the number is the median over at least ten repetitions and
//! half a second, after a warm-up. The values of `work`, in this order:
//!
//! | work | timed |
//! |---|---|
//! | `train_step B=8`, `32`, `128` | forward, four losses, uncertainty weighting, backward, AdamW on one batch |
//! | `train_step upgrad B=32` | that step under `upgrad`, from the gradients of all tasks at the representation |
//! | `inference B=1`, `32`, `256` | the forward pass without autodiff, all four heads |
//! | `floor train_step B=8`, ..., `floor inference B=1`, ... | the matrix products of that work alone |
//! | `huber N`, `bce N` | value and gradient of a loss over N elements |
//! | `cross_entropy N (Rx3)` | cross entropy with its gradient, over R rows of 3 classes, N elements in all |
//! | `strategy NAME` | weighing four losses and the backward pass to them, minus the time of their plain sum |
//! | `bars to batch B=32` | labels by rule, features, targets and tensors of 32 windows of bars |
//!
//! On a GPU (`--backend wgpu`, `vulkan`, `cuda`, ...; needs the feature of that name) only the work of the network is
//! timed, `train_step` also with 1,024 windows, and three more rows:
//!
//! | work | timed |
//! |---|---|
//! | `until the first step B=8` | from opening the device to the end of a first training step, with compilation and tuning |
//! | `train_step plain form B=8` | a training step whose layers are plain tensor operations, the reference for the kernels |
//! | `represent B=8`, `represent plain form B=8` | the forward pass of the layer alone |
//!
//! Times include waiting for the device after every repetition. `--batch` sets the sizes; 8 is enough on a software
//! device.
//!
//! With `--memory`, the only line is `{"work": "peak memory of train_step B=128", "mib": 123.4}`: the peak of the
//! resident memory while the model is built and trained for ten steps, minus the memory with the batch alone. The
//! source is `/proc/self/status`, which only Linux has.
//!
//! `cargo bench` measures distributions and single parts.

#[path = "shared/backend.rs"]
mod backend;
#[path = "../benches/support/floor.rs"]
mod floor;
#[path = "../benches/support/waiting.rs"]
mod waiting;
#[path = "../benches/support/work.rs"]
mod work;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use backend::BackendName;
use burn::tensor::{Device, Distribution, Int, Tensor};
use clap::Parser;
use equipoise::expansion::label::{LabelConfig, RuleLabeller};
use equipoise::expansion::run::{Backend, ExpansionConfig};
use equipoise::expansion::window::Windows;
use equipoise::loss::{
    Reduction, TaskLosses, binary_cross_entropy_with_logits, cross_entropy, huber,
};
use equipoise::weighting::Strategy;
use floor::{Floor, Sizes};
use waiting::wait;
use work::{Training, assemble, batch, infer, model, windows};

/// The numbers of elements of the losses: 32, 256 and 4096 windows of 105 bars. Cross entropy has them also as rows.
const ELEMENTS: [usize; 3] = [3_360, 26_880, 430_080];
const CLASSES: usize = 3;

/// The raw losses of type, pointers, binary and countdown, with sizes as at the start of a training.
const LOSSES: [f32; 4] = [1.1, 0.05, 0.7, 9.0];

/// Measures the times of this crate for benches/compare_pytorch.py, and prints JSON lines.
#[derive(Parser)]
struct Arguments {
    /// Measure only the peak memory of a training step, instead of the times
    #[arg(long)]
    memory: bool,

    /// Backend of the tensors
    #[arg(long, value_enum, default_value = "flex", conflicts_with = "memory")]
    backend: BackendName,

    /// Windows per training step, on a GPU
    #[arg(long, value_delimiter = ',', default_values_t = [8, 32, 128, 1024])]
    batch: Vec<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let backend = Backend::from(arguments.backend);
    let began = Instant::now();
    let device = match backend.device() {
        Ok(device) => device,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match backend {
        _ if arguments.memory => peak_memory(&device.autodiff()),
        Backend::Flex | Backend::Ndarray => on_cpu(&device),
        _ => on_gpu(&device, began, &arguments.batch),
    }
    ExitCode::SUCCESS
}

fn on_cpu(device: &Device) {
    steps(&[8, 32, 128], device);
    inference(&[1, 32, 256], device);
    floors();
    let differentiable = device.clone().autodiff();
    for elements in ELEMENTS {
        element_losses(elements, &differentiable);
        for rows in [elements / CLASSES, elements] {
            row_losses(rows, &differentiable);
        }
    }
    strategies(&differentiable);
    batches(device);
}

fn on_gpu(device: &Device, began: Instant, sizes: &[usize]) {
    let mut training = Training::new(8, device);
    training.step();
    report(
        "until the first step B=8",
        began.elapsed().as_secs_f64() * 1e3,
    );
    steps(sizes, device);
    inference(&[1, 32], device);
    plain_form(device);
}

/// Times the layer and a whole step in plain tensor operations.
fn plain_form(device: &Device) {
    let size = 8;
    let network = model(device).network;
    let features = batch(size, device).features;
    let layer = || wait(network.lstm().forward(features.clone()));
    report(&format!("represent B={size}"), median(layer));
    let plain = || wait(network.lstm().forward_reference(features.clone()));
    report(&format!("represent plain form B={size}"), median(plain));
    let mut training = Training::new(size, device).in_plain_form();
    let work = format!("train_step plain form B={size}");
    report(&work, median(|| training.step()));
}

fn steps(sizes: &[usize], device: &Device) {
    for size in sizes {
        let mut training = Training::new(*size, device);
        report(&format!("train_step B={size}"), median(|| training.step()));
    }
    let upgrad = ExpansionConfig::preset("upgrad").expect("it has defaults");
    let mut training = Training::under(&upgrad, 32, device);
    report("train_step upgrad B=32", median(|| training.step()));
}

fn inference(sizes: &[usize], device: &Device) {
    let network = model(device).network;
    for size in sizes {
        let batch = batch(*size, device);
        report(
            &format!("inference B={size}"),
            median(|| infer(&network, &batch)),
        );
    }
}

fn floors() {
    let floor = |batch| {
        Floor::new(Sizes {
            batch,
            time: 105,
            features: 12,
            hidden: 96,
        })
    };
    for size in [8, 32, 128] {
        let mut floor = floor(size);
        report(
            &format!("floor train_step B={size}"),
            median(|| floor.training_step()),
        );
    }
    for size in [1, 32, 256] {
        let mut floor = floor(size);
        report(
            &format!("floor inference B={size}"),
            median(|| floor.inference()),
        );
    }
}

fn element_losses(elements: usize, device: &Device) {
    let predictions = Tensor::<1>::random([elements], Distribution::Normal(0.0, 1.0), device);
    let targets = Tensor::<1>::random([elements], Distribution::Bernoulli(0.5), device);
    let mean = Reduction::Mean;
    let ms = median(|| gradient(&predictions, |p| huber(p, targets.clone(), 1.0, None, mean)));
    report(&format!("huber {elements}"), ms);
    let bce = |p| binary_cross_entropy_with_logits(p, targets.clone(), 1.0, None, mean);
    let ms = median(|| gradient(&predictions, bce));
    report(&format!("bce {elements}"), ms);
}

fn row_losses(rows: usize, device: &Device) {
    let normal = Distribution::Normal(0.0, 1.0);
    let logits = Tensor::<2>::random([rows, CLASSES], normal, device);
    let classes = Tensor::<1, Int>::arange(0..rows as i64, device) % CLASSES as i64;
    let loss = |l| cross_entropy(l, classes.clone(), None, Reduction::Mean);
    let work = format!("cross_entropy {} ({rows}x{CLASSES})", rows * CLASSES);
    report(&work, median(|| gradient(&logits, loss)));
}

fn strategies(device: &Device) {
    let losses = Tensor::from_floats(LOSSES, device);
    let floor = median(|| gradient(&losses, |leaf| leaf.sum()));
    for name in ExpansionConfig::STRATEGIES {
        let strategy = strategy(name, device);
        let weigh = |leaf| strategy.weigh(&TaskLosses::from_values(leaf)).total;
        let ms = median(|| gradient(&losses, weigh)) - floor;
        report(&format!("strategy {name}"), ms);
    }
}

/// Creates a strategy over the tasks of the model that it needs: `scalar-countdown` needs a scalar countdown.
fn strategy(name: &str, device: &Device) -> Strategy {
    let config = ExpansionConfig {
        weighting: ExpansionConfig::preset(name).expect("it is one of the presets"),
        ..ExpansionConfig::default()
    }
    .resolved();
    let tasks = config.model.tasks().expect("the defaults are valid");
    config
        .weighting
        .init(&tasks, device)
        .expect("it fits the tasks")
}

fn batches(device: &Device) {
    let labeller = RuleLabeller::new(LabelConfig::default()).expect("the defaults are valid");
    let simulated = windows(32);
    let (bars, length) = (simulated.bars(), simulated.length());
    let ms = median(|| {
        let labelled = Windows::labelled(bars, length, length, None, &labeller)
            .expect("the simulated price moves");
        wait(assemble(&labelled, device).features);
    });
    report("bars to batch B=32", ms);
}

fn peak_memory(device: &Device) {
    let size = 128;
    let batch = batch(size, device);
    // Resets the peak on Linux. If the reset is not permitted, the check below detects an earlier peak that is higher.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (before, earlier) = (resident_mib("VmRSS"), resident_mib("VmHWM"));
    let mut training = Training::on(batch, device);
    for _ in 0..10 {
        training.step();
    }
    let peak = resident_mib("VmHWM");
    assert!(peak > earlier, "an earlier peak hides that of the steps");
    println!(
        r#"{{"work": "peak memory of train_step B={size}", "mib": {:.2}}}"#,
        peak - before
    );
}

/// Returns a field of `/proc/self/status` in MiB: `VmRSS` is the resident memory now, `VmHWM` its peak.
fn resident_mib(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| rest.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.expect("a field that Linux writes, in kB") / 1024.0
}

/// Computes value and gradient of a loss.
fn gradient<const D: usize>(inputs: &Tensor<D>, loss: impl Fn(Tensor<D>) -> Tensor<1>) {
    let leaf = inputs.clone().require_grad();
    let gradients = loss(leaf.clone()).backward();
    wait(leaf.grad(&gradients).expect("the loss depends on it"));
}

/// Returns the median time of `repeat`, in milliseconds.
fn median(mut repeat: impl FnMut()) -> f64 {
    // A warm-up, in which a GPU compiles and tunes its kernels.
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
    times[times.len() / 2]
}

fn report(work: &str, ms: f64) {
    println!(r#"{{"work": "{work}", "ms": {ms:.5}}}"#);
}
