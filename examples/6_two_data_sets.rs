//! Trains on two data sets with one task each, in alternating batches, under the `Trainer`.
//!
//! ```text
//! cargo run --release --example 6_two_data_sets
//! ```
//!
//! A head without labels in a batch does not run, and its parameters neither move nor decay.

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution::Normal, Tensor, TensorData};
use equipoise::diagnosis::diagnose;
use equipoise::loss::{Reduction::Mean, TaskLosses, binary_cross_entropy_with_logits, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{Alternation, Data, Mixture, TrainConfig, Trainer};
use equipoise::weighting::StrategyConfig;
use equipoise::{Task, TaskSet};

/// Six inputs and a label.
type Row = [f32; 7];

/// A batcher of one data set, with the name of its task.
#[derive(Clone)]
struct Labelled(&'static str);

#[derive(Clone, Debug)]
struct Batch {
    task: &'static str,
    inputs: Tensor<2>,
    labels: Tensor<2>,
}

impl Batcher<Row, Batch> for Labelled {
    fn batch(&self, rows: Vec<Row>, device: &Device) -> Batch {
        let all = TensorData::new(rows.concat(), [rows.len(), 7]);
        let all = Tensor::<2>::from_data(all, device);
        Batch {
            task: self.0,
            inputs: all.clone().narrow(1, 0, 6),
            labels: all.narrow(1, 6, 1),
        }
    }
}

#[derive(Module, Debug)]
struct Network {
    trunk: Linear,
    size: Linear,
    kind: Linear,
    #[module(skip)]
    tasks: TaskSet,
}

impl MultiTaskModel for Network {
    type Batch = Batch;
    type Shared = Tensor<2>;
    type Evaluation = ();

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &Batch) -> Tensor<2> {
        self.trunk.forward(batch.inputs.clone()).tanh()
    }

    fn task_losses(&self, shared: Branches<Tensor<2>>, batch: &Batch) -> TaskLosses {
        let ([size, kind], labels) = (shared.each(), batch.labels.clone());
        let losses = TaskLosses::by_name(&self.tasks, &labels.device());
        if batch.task == "size" {
            let loss = huber(self.size.forward(size), labels, 1.0, None, Mean);
            losses.loss("size", loss).absent("kind").build()
        } else {
            let found = self.kind.forward(kind);
            let loss = binary_cross_entropy_with_logits(found, labels, 1.0, None, Mean);
            losses.loss("kind", loss).absent("size").build()
        }
    }

    fn samples(batch: &Batch) -> usize {
        batch.inputs.dims()[0]
    }
}

fn rows(count: usize, label: fn(&[f32]) -> f32, device: &Device) -> InMemDataset<Row> {
    let inputs = Tensor::<2>::random([count, 6], Normal(0.0, 1.0), device);
    let inputs: Vec<f32> = inputs.into_data().iter().collect();
    let row = |x: &[f32]| std::array::from_fn(|i| x.get(i).copied().unwrap_or_else(|| label(x)));
    InMemDataset::new(inputs.chunks(6).map(row).collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex();
    device.seed(1);
    let size = |x: &[f32]| 2.0 * (x[0] + x[1]);
    let kind = |x: &[f32]| f32::from(u8::from(x[1] + x[2] > 0.0));
    // One batch of each in turn. The smaller data set starts again until the larger one is complete.
    let mixture = |sizes: usize, kinds: usize| -> equipoise::Result<Mixture<Batch>> {
        let sizes = Data::new(rows(sizes, size, &device), Labelled("size"), 32)?;
        let kinds = Data::new(rows(kinds, kind, &device), Labelled("kind"), 32)?;
        Ok(Mixture::new(Alternation::RoundRobin)
            .with("sizes", sizes.shuffled())
            .with("kinds", kinds.shuffled()))
    };
    let tasks = TaskSet::new([Task::regression("size", 1), Task::binary("kind", 1)])?;
    let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
    let network = Network {
        trunk: linear(6, 32),
        size: linear(32, 1),
        kind: linear(32, 1),
        tasks: tasks.clone(),
    };
    let strategy = StrategyConfig::named("uncertainty")?.init(&tasks, &device)?;
    let folder = tempfile::tempdir()?;
    let config = TrainConfig::default()
        .with_epochs(6)
        .with_learning_rate(1e-2);
    let (train, valid) = (mixture(400, 3200)?, mixture(200, 200)?);
    let trainer = Trainer::new(config, folder.path())?;
    let outcome = trainer.fit_sources(network, strategy, train, valid, &device)?;
    for task in diagnose(&outcome.history) {
        println!("{}", task.sentence);
    }
    Ok(())
}
