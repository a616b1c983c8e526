//! Trains three heads on tabular data under the `Trainer`. The second round resumes the checkpoint of the first, as in
//! an uninterrupted run. `cargo run --release --example 4_own_model_trained`

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution::Normal, Tensor};
use equipoise::diagnosis::diagnose;
use equipoise::loss::{
    Reduction::Mean, TaskLosses, binary_cross_entropy_with_logits as bce, huber,
};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{Data, TrainConfig, Trainer};
use equipoise::{Task, TaskSet, weighting::StrategyConfig};

#[derive(Module, Debug)]
struct Network {
    trunk: Linear,
    heads: [Linear; 3],
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
    fn represent(&self, rows: &Tensor<2>) -> Tensor<2> {
        self.trunk.forward(rows.clone()).tanh()
    }
    fn task_losses(&self, shared: Branches<Tensor<2>>, rows: &Tensor<2>) -> TaskLosses {
        let ([a, b, c], [first, second, third]) = (shared.each(), &self.heads);
        let sum = |from: usize| rows.clone().narrow(1, from, 4).sum_dim(1);
        let level = huber(first.forward(a), sum(0) * 10.0, 10.0, None, Mean);
        let slope = huber(second.forward(b), sum(2) / 100.0, 0.1, None, Mean);
        let above = sum(4).greater_elem(0.0).float();
        let above = bce(third.forward(c), above, 1.0, None, Mean);
        let losses = TaskLosses::by_name(&self.tasks, &rows.device()).loss("level", level);
        losses.loss("slope", slope).loss("above", above).build()
    }
    fn samples(rows: &Tensor<2>) -> usize {
        rows.dims()[0]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (device, folder) = (Device::flex(), tempfile::tempdir()?);
    let regression = ["level", "slope"].map(|name| Task::regression(name, 1));
    let tasks = TaskSet::new(regression.into_iter().chain([Task::binary("above", 1)]))?;
    for epochs in [3, 8] {
        device.seed(1);
        let rows = |n| Data::from_rows(Tensor::random([n, 8], Normal(0.0, 1.0), &device), 32);
        let (train, valid) = (rows(2000)?.shuffled(), rows(500)?);
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
        let network = Network {
            trunk: linear(8, 32),
            heads: [0, 1, 2].map(|_| linear(32, 1)),
            tasks: tasks.clone(),
        };
        let strategy = StrategyConfig::named("uncertainty")?.init(&tasks, &device)?;
        let trainer = Trainer::new(TrainConfig::default().with_epochs(epochs), folder.path())?;
        let trainer = trainer.new_or_resume();
        let run = trainer.fit_sources(network, strategy, train, valid, &device)?;
        let said = diagnose(&run.history);
        said.iter().for_each(|task| println!("{}", task.sentence));
    }
    Ok(())
}
