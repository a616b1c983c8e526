//! Trains with missing labels: a mask for each task, class weights, and steps from several batches.
//!
//! ```text
//! cargo run --release --example 7_missing_labels
//! ```
//!
//! Losses, weights and epoch values are means over the present labels.

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution::Normal, Int, Tensor, TensorData};
use equipoise::diagnosis::diagnose;
use equipoise::loss::{CrossEntropy, CrossEntropyConfig, Labelled, TaskLosses, huber_elements};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{PartConfig, TrainConfig, Trainer, Watch};
use equipoise::weighting::StrategyConfig;
use equipoise::{Task, TaskSet};

/// The target of a row without a class.
const NONE: i64 = -100;

#[derive(Clone, Debug)]
struct Row {
    inputs: [f32; 6],
    age: Option<f32>,
    class: Option<i64>,
}

#[derive(Clone, Debug)]
struct Batch {
    inputs: Tensor<2>,
    ages: Tensor<1>,
    /// The mask of the ages: 1 for a row with an age, else 0.
    with_age: Tensor<1>,
    classes: Tensor<1, Int>,
}

#[derive(Clone)]
struct ToBatch;

impl Batcher<Row, Batch> for ToBatch {
    fn batch(&self, rows: Vec<Row>, device: &Device) -> Batch {
        let floats = |value: fn(&Row) -> f32| {
            let values: Vec<f32> = rows.iter().map(value).collect();
            Tensor::from_floats(values.as_slice(), device)
        };
        let classes: Vec<i64> = rows.iter().map(|row| row.class.unwrap_or(NONE)).collect();
        let inputs: Vec<f32> = rows.iter().flat_map(|row| row.inputs).collect();
        Batch {
            inputs: Tensor::from_data(TensorData::new(inputs, [rows.len(), 6]), device),
            ages: floats(|row| row.age.unwrap_or_default()),
            with_age: floats(|row| f32::from(u8::from(row.age.is_some()))),
            classes: Tensor::from_data(classes.as_slice(), device),
        }
    }
}

#[derive(Module, Debug)]
struct Network {
    trunk: Linear,
    age: Linear,
    class: Linear,
    #[module(skip)]
    tasks: TaskSet,
    #[module(skip)]
    cross_entropy: CrossEntropy,
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
        let [age, class] = shared.each();
        let ages = self.age.forward(age).squeeze_dim::<1>(1);
        let off = huber_elements(ages, batch.ages.clone(), 1.0);
        let logits = self.class.forward(class);
        let classes = self
            .cross_entropy
            .forward(logits, batch.classes.clone(), None);
        TaskLosses::by_name(&self.tasks, &batch.inputs.device())
            .weighted("age", Labelled::mean(off, batch.with_age.clone()))
            .weighted("class", classes)
            .build()
    }

    fn samples(batch: &Batch) -> usize {
        batch.inputs.dims()[0]
    }
}

/// Creates rows: every third has an age, and four of five have a class. The third class is rare.
fn rows(count: usize, device: &Device) -> InMemDataset<Row> {
    let inputs = Tensor::<2>::random([count, 6], Normal(0.0, 1.0), device);
    let inputs: Vec<f32> = inputs.into_data().iter().collect();
    let row = |(number, x): (usize, &[f32])| Row {
        inputs: std::array::from_fn(|i| x[i]),
        age: number.is_multiple_of(3).then(|| x[0] - x[1]),
        class: (number % 5 > 0).then(|| match x[2] + x[3] {
            sum if sum > 2.0 => 2,
            sum => i64::from(sum > 0.0),
        }),
    };
    InMemDataset::new(inputs.chunks(6).enumerate().map(row).collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex();
    device.seed(1);
    let tasks = TaskSet::new([Task::regression("age", 1), Task::classification("class", 3)])?;
    let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
    let network = Network {
        trunk: linear(6, 32),
        age: linear(32, 1),
        class: linear(32, 3),
        tasks: tasks.clone(),
        cross_entropy: CrossEntropyConfig::new()
            .with_class_weights([1.0, 1.0, 5.0])
            .with_smoothing(0.05)
            .with_ignore_index(NONE)
            .init(&device)?,
    };
    let strategy = StrategyConfig::named("sum")?.init(&tasks, &device)?;
    let folder = tempfile::tempdir()?;
    // Steps of 4 batches of 16; a smaller learning rate for the trunk; the loss of the ages decides the best epoch.
    let config = TrainConfig::default()
        .with_epochs(8)
        .with_batch_size(16)
        .with_accumulate(4)
        .with_learning_rate(1e-2)
        .with_parts(vec![
            PartConfig::new("network.trunk").with_learning_rate(3e-3),
        ])
        .with_watch(Some(Watch::loss_of("age")));
    let trainer = Trainer::new(config, folder.path())?;
    let (train, valid) = (rows(3000, &device), rows(600, &device));
    let outcome = trainer.fit(network, strategy, train, valid, ToBatch, &device)?;
    for task in diagnose(&outcome.history) {
        println!("{}", task.sentence);
    }
    println!("best epoch for the ages: {:?}", outcome.best_epoch);
    Ok(())
}
