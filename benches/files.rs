//! From a file of a million bars to labelled windows with features.
//!
//! ```text
//! cargo bench --bench files
//! cargo bench --bench files --features parquet
//! ```
//!
//! `read` is the file alone, in bars; `load` is all that comes before the first step of a training run (the file, its gaps,
//! windows every 10 bars, their labels, the split), `features` what the batches of all these windows cost then, and `all`
//! one after the other, in windows.

mod support;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::Device;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use equipoise::expansion::bars::{Bars, CsvOptions, read_csv};
use equipoise::expansion::run::{self, Data, ExpansionConfig};
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::window::Window;
use tempfile::TempDir;

/// Windows of the simulator, 105 bars each.
const SIMULATED: usize = 9524;
const BATCH: usize = 256;

fn bars() -> Bars {
    let simulator = Simulator::new(SimulatorConfig::default(), 0).expect("the defaults are valid");
    simulator.simulate_windows(SIMULATED).bars
}

fn minute(index: usize) -> i64 {
    1_577_836_800 + 60 * index as i64
}

fn csv_file(folder: &Path, bars: &Bars) -> PathBuf {
    let mut text = String::from("timestamp,open,high,low,close\n");
    for (index, bar) in bars.bars().iter().enumerate() {
        let time = jiff::Timestamp::from_second(minute(index)).expect("a time of this century");
        let (open, high, low, close) = (bar.open, bar.high, bar.low, bar.close);
        writeln!(text, "{time},{open:.6},{high:.6},{low:.6},{close:.6}").expect("into memory");
    }
    let file = folder.join("bars.csv");
    std::fs::write(&file, text).expect("a temporary folder can be written");
    file
}

fn config(file: &Path) -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.data.path = Some(file.into());
    config
}

fn load(config: &ExpansionConfig) -> Data {
    run::Data::load(config).expect("a file of bars")
}

/// The batches of all windows, one after another.
fn features(config: &ExpansionConfig, data: &Data) {
    let device = Device::flex();
    let windows: Vec<Window> = data
        .train
        .iter()
        .chain(data.valid.iter())
        .copied()
        .collect();
    let batcher = config.batcher(data.train.bars());
    for some in windows.chunks(BATCH) {
        support::wait(batcher.batch(some.to_vec(), &device).features);
    }
}

fn windows(data: &Data) -> u64 {
    (data.train.len() + data.valid.len()) as u64
}

fn from_csv(criterion: &mut Criterion) {
    let folder = TempDir::new().expect("a temporary folder");
    let bars = bars();
    let file = csv_file(folder.path(), &bars);
    let mut group = criterion.benchmark_group("csv");
    group.throughput(Throughput::Elements(bars.len() as u64));
    group.bench_function("read", |bencher| {
        bencher.iter(|| read_csv(&file, &CsvOptions::default()).expect("a file of bars"));
    });
    let config = config(&file);
    let data = load(&config);
    group.throughput(Throughput::Elements(windows(&data)));
    group.bench_function("load", |bencher| bencher.iter(|| load(&config)));
    group.bench_function("features", |bencher| {
        bencher.iter(|| features(&config, &data));
    });
    group.bench_function("all", |bencher| {
        bencher.iter(|| features(&config, &load(&config)));
    });
}

#[cfg(feature = "parquet")]
fn from_parquet(criterion: &mut Criterion) {
    use equipoise::expansion::bars::read_parquet;

    let folder = TempDir::new().expect("a temporary folder");
    let bars = bars();
    let file = parquet_file(folder.path(), &bars);
    let mut group = criterion.benchmark_group("parquet");
    group.throughput(Throughput::Elements(bars.len() as u64));
    group.bench_function("read", |bencher| {
        bencher.iter(|| read_parquet(&file, &CsvOptions::default()).expect("a file of bars"));
    });
}

/// As pandas writes it: row groups of a million, doubles, microseconds, Snappy.
#[cfg(feature = "parquet")]
fn parquet_file(folder: &Path, bars: &Bars) -> PathBuf {
    use std::sync::Arc;

    use equipoise::expansion::bars::Bar;
    use parquet::basic::Compression;
    use parquet::data_type::{DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    let schema = "message schema {
        required int64 timestamp (timestamp(micros, true));
        required double open; required double high; required double low; required double close;
    }";
    let schema = parse_message_type(schema).expect("a schema");
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let path = folder.join("bars.parquet");
    let file = std::fs::File::create(&path).expect("a temporary folder can be written");
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))
            .expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    let times: Vec<i64> = (0..bars.len())
        .map(|index| minute(index) * 1_000_000)
        .collect();
    let mut column = group.next_column().expect("no error").expect("a column");
    let typed = column.typed::<Int64Type>();
    typed.write_batch(&times, None, None).expect("into a file");
    column.close().expect("into a file");
    let prices: [fn(&Bar) -> f64; 4] = [
        |bar| bar.open,
        |bar| bar.high,
        |bar| bar.low,
        |bar| bar.close,
    ];
    for price in prices {
        let values: Vec<f64> = bars.bars().iter().map(price).collect();
        let mut column = group.next_column().expect("no error").expect("a column");
        let typed = column.typed::<DoubleType>();
        typed.write_batch(&values, None, None).expect("into a file");
        column.close().expect("into a file");
    }
    group.close().expect("into a file");
    writer.close().expect("into a file");
    path
}

#[cfg(not(feature = "parquet"))]
fn from_parquet(_: &mut Criterion) {}

criterion_group! {
    name = benches;
    config = support::criterion();
    targets = from_csv, from_parquet
}
criterion_main!(benches);
