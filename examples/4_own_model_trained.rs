//! 4. A model of one's own under the `Trainer`: history, verdicts, checkpoints, and a run that is taken up again.
//!
//! ```text
//! cargo run --release --example 4_own_model_trained
//! ```
//!
//! The network is that of the first example. It says what its shared representation is and how the losses are read off it;
//! the loop, the records and the files are the `Trainer`'s.

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use equipoise::diagnosis::diagnose;
use equipoise::loss::{Reduction, TaskLosses, binary_cross_entropy_with_logits, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{TrainConfig, Trainer};
use equipoise::weighting::{BuiltIn, Uncertainty};
use equipoise::{Task, TaskSet};

/// Eight inputs; the level they make, in tens; whether the last four add up to more than nothing.
type Sample = [f32; 10];

#[derive(Clone)]
struct ToTensors;

impl Batcher<Sample, Tensor<2>> for ToTensors {
    fn batch(&self, samples: Vec<Sample>, device: &Device) -> Tensor<2> {
        Tensor::from_data(
            TensorData::new(samples.concat(), [samples.len(), 10]),
            device,
        )
    }
}

#[derive(Module, Debug)]
struct Network {
    trunk: Linear,
    level: Linear,
    above: Linear,
    #[module(skip)]
    tasks: TaskSet,
}

impl MultiTaskModel for Network {
    type Batch = Tensor<2>;
    type Shared = Tensor<2>;
    type Evaluation = ();

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &Tensor<2>) -> Tensor<2> {
        self.trunk.forward(batch.clone().narrow(1, 0, 8)).tanh()
    }

    fn task_losses(&self, shared: Branches<Tensor<2>>, batch: &Tensor<2>) -> TaskLosses {
        let [level, above] = [8, 9].map(|column| batch.clone().narrow(1, column, 1));
        let [first, second] = shared.each();
        let (levels, aboves) = (self.level.forward(first), self.above.forward(second));
        TaskLosses::new(vec![
            huber(levels, level, 10.0, None, Reduction::Mean),
            binary_cross_entropy_with_logits(aboves, above, 1.0, None, Reduction::Mean),
        ])
    }

    fn samples(batch: &Tensor<2>) -> usize {
        batch.dims()[0]
    }
}

fn samples(count: usize, device: &Device) -> InMemDataset<Sample> {
    let inputs = Tensor::<2>::random([count, 8], Distribution::Normal(0.0, 1.0), device);
    let inputs: Vec<f32> = inputs.into_data().iter().collect();
    let samples = inputs.chunks(8).map(|x| {
        let level = 10.0 * x[..4].iter().sum::<f32>();
        let above = x[4..].iter().sum::<f32>() > 0.0;
        let mut sample = [0.0; 10];
        sample[..8].copy_from_slice(x);
        sample[8..].copy_from_slice(&[level, f32::from(u8::from(above))]);
        sample
    });
    InMemDataset::new(samples.collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex();
    let tasks = TaskSet::new([Task::regression("level", 1), Task::binary("above", 1)])?;
    let folder = tempfile::tempdir()?;
    // The second round finds the checkpoint of the first and goes on with the same numbers as if there had been no stop.
    for (epochs, resume) in [(3, false), (8, true)] {
        device.seed(1);
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
        let network = Network {
            trunk: linear(8, 32),
            level: linear(32, 1),
            above: linear(32, 1),
            tasks: tasks.clone(),
        };
        let weighting = Uncertainty::default().init(&tasks, &device)?;
        let config = TrainConfig::default()
            .with_epochs(epochs)
            .with_learning_rate(1e-2);
        let trainer = Trainer::new(config, folder.path())?.resume(resume);
        let (train, valid) = (samples(2000, &device), samples(500, &device));
        let outcome = trainer.fit(network, weighting, train, valid, ToTensors, &device)?;
        for task in diagnose(&outcome.history) {
            println!("{}", task.sentence);
        }
    }
    Ok(())
}
