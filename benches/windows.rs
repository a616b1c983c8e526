//! From bars to tensors: how many windows per second a batcher delivers, and what their features alone cost.
//!
//! ```text
//! cargo bench --bench windows
//! ```
//!
//! Throughput is in windows. `features` is the host's work on one window; `batch` adds labels, targets and the tensors.

mod support;

use burn::data::dataloader::batcher::Batcher;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use equipoise::expansion::feature::window_features;
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::model::ExpansionBatcher;
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::window::{Window, Windows};

const BATCHES: [usize; 2] = [32, 256];

fn windows() -> Windows {
    let simulator = Simulator::new(SimulatorConfig::default(), 0).expect("the defaults are valid");
    simulator.simulate_windows(256).windows()
}

fn features(criterion: &mut Criterion) {
    let windows = windows();
    let bars = &windows.bars().bars()[..windows.length()];
    let mut group = criterion.benchmark_group("features");
    group.throughput(Throughput::Elements(1));
    group.bench_function(
        BenchmarkId::new("host", format!("T={}", windows.length())),
        |bencher| {
            let mut values = Vec::new();
            bencher.iter(|| {
                values.clear();
                window_features(std::hint::black_box(bars), false, &mut values);
                std::hint::black_box(values.len())
            });
        },
    );
}

fn batches(criterion: &mut Criterion) {
    let windows = windows();
    let length = windows.length();
    let batcher = ExpansionBatcher::new(windows.bars(), length, false, CountdownForm::PerBar);
    for (backend, device) in support::backends() {
        let mut group = criterion.benchmark_group("batch");
        for batch in BATCHES {
            let some: Vec<Window> = windows.iter().copied().take(batch).collect();
            group.throughput(Throughput::Elements(batch as u64));
            let id = BenchmarkId::new(backend, format!("B={batch}x{length}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| support::wait(batcher.batch(some.clone(), &device).features));
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = features, batches
}
criterion_main!(benches);
