//! A tiny network with any number of tasks of any names.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor};
use equipoise::loss::{Reduction, TaskLosses, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{Data, Outcome, Progress, TrainConfig, Trainer};
use equipoise::weighting::StrategyConfig;
use equipoise::{Result, Task, TaskSet};

/// The numbers in a row.
const INPUTS: usize = 4;
/// The units of the trunk.
const UNITS: usize = 8;

/// A trunk and one linear head for each task. Head k learns a sum of two inputs, times its number.
#[derive(Module, Debug)]
pub struct Many {
    trunk: Linear,
    heads: Vec<Linear>,
    #[module(skip)]
    tasks: TaskSet,
}

impl Many {
    pub fn new(tasks: TaskSet, device: &Device) -> Self {
        device.seed(1);
        let head = |_| LinearConfig::new(UNITS, 1).init(device);
        Self {
            trunk: LinearConfig::new(INPUTS, UNITS).init(device),
            heads: (0..tasks.len()).map(head).collect(),
            tasks,
        }
    }
}

impl MultiTaskModel for Many {
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
        let input = |at: usize| rows.clone().narrow(1, at % INPUTS, 1);
        let losses = self.heads.iter().enumerate().map(|(task, head)| {
            let target = (input(task) + input(task + 1)) * (1.0 + (task % 5) as f64);
            let found = head.forward(shared.of(task));
            huber(found, target, 1.0, None, Reduction::Mean)
        });
        TaskLosses::new(losses.collect())
    }

    fn samples(rows: &Tensor<2>) -> usize {
        rows.dims()[0]
    }
}

/// Tasks called `task-1`, `task-2` and so on.
#[allow(dead_code)]
pub fn numbered(count: usize) -> TaskSet {
    TaskSet::new((1..=count).map(|number| Task::regression(format!("task-{number}"), 1))).unwrap()
}

/// Trains on 64 rows in batches of 32, and validates on as many.
#[allow(dead_code)]
pub fn train(
    tasks: &TaskSet,
    config: TrainConfig,
    strategy: &str,
    folder: &std::path::Path,
    change: impl FnOnce(Trainer<Many>) -> Trainer<Many>,
) -> Result<Outcome<Many>> {
    let device = Device::flex();
    let network = Many::new(tasks.clone(), &device);
    let rows = || Tensor::random([64, INPUTS], Distribution::Normal(0.0, 1.0), &device);
    let size = config.batch_size.min(32);
    let (train, valid) = (
        Data::from_rows(rows(), size)?,
        Data::from_rows(rows(), size)?,
    );
    let strategy = StrategyConfig::from_json(strategy)?.init(tasks, &device)?;
    let trainer = Trainer::new(config, folder)?.with_progress(Progress::Silent);
    change(trainer).fit_sources(network, strategy, train, valid, &device)
}
