//! A small network with two heads on a trunk of rank 2, its rows and batches; labels may be missing, and said in
//! several ways.

use std::collections::BTreeMap;
use std::path::Path;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use equipoise::loss::{Reduction, TaskLosses, binary_cross_entropy_with_logits, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{Data, Progress, TrainConfig, Trainer};
use equipoise::weighting::{Strategy, StrategyConfig};
use equipoise::{Task, TaskSet};

pub const INPUTS: usize = 4;

/// Four inputs, a level and whether it is there, a sign and whether it is there.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub inputs: [f32; INPUTS],
    pub level: Option<f32>,
    pub sign: Option<bool>,
}

#[derive(Clone, Debug)]
pub struct Batch {
    pub inputs: Tensor<2>,
    /// Levels and signs, `[batch, 2]`.
    pub targets: Tensor<2>,
    pub masks: Tensor<2, Bool>,
    pub counts: [usize; 2],
}

#[derive(Clone)]
pub struct ToBatch;

impl Batcher<Row, Batch> for ToBatch {
    fn batch(&self, rows: Vec<Row>, device: &Device) -> Batch {
        let count = rows.len();
        let inputs: Vec<f32> = rows.iter().flat_map(|row| row.inputs).collect();
        let targets = rows.iter().flat_map(|row| {
            let sign = row.sign.map(|sign| f32::from(u8::from(sign)));
            [row.level.unwrap_or_default(), sign.unwrap_or_default()]
        });
        let there = rows
            .iter()
            .flat_map(|row| [row.level.is_some(), row.sign.is_some()]);
        Batch {
            inputs: Tensor::from_data(TensorData::new(inputs, [count, INPUTS]), device),
            targets: Tensor::from_data(TensorData::new(targets.collect(), [count, 2]), device),
            masks: Tensor::from_data(
                TensorData::new(there.collect::<Vec<bool>>(), [count, 2]),
                device,
            ),
            counts: [
                rows.iter().filter(|row| row.level.is_some()).count(),
                rows.iter().filter(|row| row.sign.is_some()).count(),
            ],
        }
    }
}

/// How the network says which labels there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Says {
    /// Nothing: every row has both.
    Nothing,
    /// By masks on the device.
    Masks,
    /// By masks, and the batch tells their number without running the network.
    Counts,
    /// The batch tells their number, and the losses nothing.
    CountsAlone,
    /// A loss for each task that has a label in the batch.
    Options,
    /// A loss too few, which is a mistake.
    TooFew,
}

#[derive(Module, Debug)]
pub struct Network {
    trunk: Linear,
    level: Linear,
    sign: Linear,
    #[module(skip)]
    tasks: TaskSet,
    #[module(skip)]
    says: Says,
}

impl MultiTaskModel for Network {
    type Batch = Batch;
    type Shared = Tensor<2>;
    /// Whether each sign was found, `[batch]`.
    type Evaluation = Tensor<1>;

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &Batch) -> Tensor<2> {
        self.trunk.forward(batch.inputs.clone()).tanh()
    }

    fn task_losses(&self, shared: Branches<Tensor<2>>, batch: &Batch) -> TaskLosses {
        let [first, second] = shared.each();
        let (level, sign) = (self.level.forward(first), self.sign.forward(second));
        let target = |column| batch.targets.clone().narrow(1, column, 1);
        let mask = |column| match self.says {
            Says::Nothing | Says::TooFew => None,
            _ => Some(batch.masks.clone().narrow(1, column, 1)),
        };
        let level = huber(level, target(0), 1.0, mask(0), Reduction::Mean);
        let sign = binary_cross_entropy_with_logits(sign, target(1), 1.0, mask(1), Reduction::Mean);
        let device = level.device();
        match self.says {
            Says::Nothing | Says::CountsAlone => TaskLosses::new(vec![level, sign]),
            Says::TooFew => TaskLosses::new(vec![level]),
            Says::Options => {
                let there = |loss, count| (count > 0).then_some(loss);
                let [levels, signs] = batch.counts;
                TaskLosses::from_options(vec![there(level, levels), there(sign, signs)], &device)
            }
            Says::Masks | Says::Counts => TaskLosses::by_name(&self.tasks, &device)
                .masked("sign", sign, batch.masks.clone().narrow(1, 1, 1))
                .masked("level", level, batch.masks.clone().narrow(1, 0, 1))
                .build(),
        }
    }

    fn evaluate(&self, shared: Tensor<2>, batch: &Batch) -> Option<Tensor<1>> {
        let count = Self::samples(batch);
        let found = self.sign.forward(shared).greater_elem(0.0).float();
        let wanted = batch.targets.clone().narrow(1, 1, 1);
        Some(found.equal(wanted).float().reshape([count]))
    }

    fn labels(&self, batch: &Batch) -> Option<Tensor<1>> {
        let counts = batch.counts.map(|count| count as f32);
        matches!(self.says, Says::Counts | Says::CountsAlone)
            .then(|| Tensor::from_floats(counts, &batch.inputs.device()))
    }

    fn samples(batch: &Batch) -> usize {
        batch.inputs.dims()[0]
    }
}

pub fn tasks() -> TaskSet {
    TaskSet::new([Task::regression("level", 1), Task::binary("sign", 1)]).unwrap()
}

pub fn network(says: Says, device: &Device) -> Network {
    // Values that no generator is asked for, so that tests do not disturb each other.
    let linear = |inputs: usize, outputs: usize, turn: usize| {
        let value = |at: usize| (((at + turn) * 37 % 101) as f32 / 101.0 - 0.5) * 0.8;
        let values: Vec<f32> = (0..inputs * outputs).map(value).collect();
        let mut linear = LinearConfig::new(inputs, outputs).init(device);
        linear.weight = Param::from_data(TensorData::new(values, [inputs, outputs]), device);
        linear.bias = Some(Param::from_data(
            TensorData::new(vec![0.1f32; outputs], [outputs]),
            device,
        ));
        linear
    };
    Network {
        trunk: linear(INPUTS, 8, 3),
        level: linear(8, 1, 5),
        sign: linear(8, 1, 11),
        tasks: tasks(),
        says,
    }
}

pub fn strategy(json: &str, device: &Device) -> Strategy {
    StrategyConfig::from_json(json)
        .unwrap()
        .init(&tasks(), device)
        .unwrap()
}

/// Rows of which `labelled` says for each number whether the level and the sign are there.
pub fn rows(count: usize, labelled: impl Fn(usize) -> (bool, bool)) -> Vec<Row> {
    let row = |number: usize| {
        let input = |at: usize| ((number * 31 + at * 17) % 97) as f32 / 48.5 - 1.0;
        let inputs: [f32; INPUTS] = std::array::from_fn(input);
        let (level, sign) = labelled(number);
        Row {
            inputs,
            level: level.then_some(2.0 * inputs[0] - inputs[1]),
            sign: sign.then_some(inputs[2] + inputs[3] > 0.0),
        }
    };
    (0..count).map(row).collect()
}

pub fn all(_: usize) -> (bool, bool) {
    (true, true)
}

pub fn data(rows: Vec<Row>, size: usize) -> Data<Row, Batch> {
    Data::new(InMemDataset::new(rows), ToBatch, size).unwrap()
}

#[derive(Default)]
pub struct Parameters {
    path: Vec<String>,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Parameters {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = param.val().into_data().try_to_vec().unwrap();
        self.found.insert(self.path.join("."), values);
    }
}

pub fn parameters<M: Module>(module: &M) -> BTreeMap<String, Vec<f32>> {
    let mut found = Parameters::default();
    module.visit(&mut found);
    found.found
}

/// The largest change of each parameter, by its path.
pub fn moved(before: &Network, after: &Network) -> BTreeMap<String, f32> {
    let (before, after) = (parameters(before), parameters(after));
    let largest = |(path, values): (&String, &Vec<f32>)| {
        let pairs = values.iter().zip(&after[path]);
        let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        (path.clone(), largest)
    };
    before.iter().map(largest).collect()
}

pub fn trainer(config: TrainConfig, folder: &Path) -> Trainer<Network> {
    let config = config.with_audit_every(None);
    Trainer::new(config, folder)
        .unwrap()
        .with_progress(Progress::Silent)
}
