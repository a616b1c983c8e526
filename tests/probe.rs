//! Causes that were planted are measured where they are, and nothing is measured where there are none.
//!
//! `EQUIPOISE_SEEDS=10 cargo test --release --test probe -- --nocapture` prints the rates over ten seeds of each kind
//! of run.

#![cfg(all(feature = "flex", feature = "expansion"))]

mod support;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use equipoise::diagnosis::{Cause, Confidence, Remedy, TaskDiagnosis, Trials, diagnose_with};
use equipoise::history::History;
use equipoise::loss::{Reduction, TaskLosses, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::probe::ProbeConfig;
use equipoise::train::{Progress, TrainConfig, Trainer};
use equipoise::weighting::{Strategy, StrategyConfig};
use equipoise::{Error, Task, TaskSet};
use support::Noise;

const INPUTS: usize = 6;
const NAMES: [&str; 3] = ["a", "b", "c"];

/// The device's generator is one for all threads.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is planted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Planted {
    /// `a` has a ten-thousandth of the weight, and the trunk has room for two tasks of three.
    Starved,
    /// `a` and `b` want opposite values of the same number, and have no parameters of their own.
    Conflict,
    /// The targets of `a` are about 40, which its head does not reach in these steps.
    OutOfReach,
    /// The target of `a` is noise.
    Noise,
    /// The target of `a` is a coin, and that of `b` noise.
    Coin,
    /// The target of `a` is noise, and there are so few samples that it is learned by heart.
    Overfitted,
    /// Nothing.
    Healthy,
}

use Planted::{Coin, Conflict, Healthy, OutOfReach, Overfitted, Starved};

const ALL: [Planted; 7] = [
    Starved,
    Conflict,
    OutOfReach,
    Planted::Noise,
    Coin,
    Overfitted,
    Healthy,
];

impl Planted {
    fn width(self) -> usize {
        match self {
            Starved => 2,
            Overfitted => 256,
            _ => 8,
        }
    }

    fn strategy(self) -> &'static str {
        match self {
            Starved => {
                r#"{"strategy": "manual", "normalise": false, "weights": {"a": 1e-4, "b": 1, "c": 1}}"#
            }
            _ => r#"{"strategy": "sum"}"#,
        }
    }

    fn samples(self) -> usize {
        match self {
            Overfitted => 32,
            _ => 512,
        }
    }

    fn config(self, seed: u64) -> TrainConfig {
        let (epochs, rate) = match self {
            OutOfReach => (4, 1e-3),
            Overfitted => (150, 1e-2),
            _ => (10, 1e-2),
        };
        TrainConfig::default()
            .with_epochs(epochs)
            .with_learning_rate(rate)
            .with_weight_decay(0.0)
            .with_seed(seed)
    }

    fn rows(self, seed: u64, count: usize) -> Vec<Row> {
        let mut noise = Noise::new(1 + seed);
        let row = |_| {
            let all: Vec<f64> = noise.many(INPUTS + 2);
            let inputs: [f32; INPUTS] = std::array::from_fn(|at| all[at] as f32);
            let a = match self {
                Planted::Noise | Overfitted => all[INPUTS] as f32,
                Coin => all[INPUTS].signum() as f32,
                OutOfReach => 40.0 + inputs[0],
                _ => inputs[0],
            };
            let b = match self {
                Conflict => -inputs[0],
                Coin => all[INPUTS + 1] as f32,
                _ => inputs[1],
            };
            let targets = [a, b, inputs[2]];
            Row { inputs, targets }
        };
        (0..count).map(row).collect()
    }
}

#[derive(Clone, Copy, Debug)]
struct Row {
    inputs: [f32; INPUTS],
    targets: [f32; 3],
}

#[derive(Clone, Debug)]
struct Rows {
    inputs: Tensor<2>,
    targets: Tensor<2>,
}

#[derive(Clone)]
struct ToRows;

impl Batcher<Row, Rows> for ToRows {
    fn batch(&self, rows: Vec<Row>, device: &Device) -> Rows {
        let inputs: Vec<f32> = rows.iter().flat_map(|row| row.inputs).collect();
        let targets: Vec<f32> = rows.iter().flat_map(|row| row.targets).collect();
        Rows {
            inputs: Tensor::from_data(TensorData::new(inputs, [rows.len(), INPUTS]), device),
            targets: Tensor::from_data(TensorData::new(targets, [rows.len(), 3]), device),
        }
    }
}

#[derive(Module, Debug)]
struct Network {
    trunk: Linear,
    heads: Vec<Linear>,
    #[module(skip)]
    tasks: TaskSet,
}

impl Network {
    fn new(planted: Planted, device: &Device) -> Self {
        let width = planted.width();
        let heads = match planted {
            // Of these two no head.
            Conflict => 1,
            _ => 3,
        };
        let head = |_| LinearConfig::new(width, 1).init(device);
        Self {
            trunk: LinearConfig::new(INPUTS, width).init(device),
            heads: (0..heads).map(head).collect(),
            tasks: TaskSet::new(NAMES.map(|name| Task::regression(name, 1))).unwrap(),
        }
    }
}

impl MultiTaskModel for Network {
    type Batch = Rows;
    type Shared = Tensor<2>;
    type Evaluation = ();

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, rows: &Rows) -> Tensor<2> {
        self.trunk.forward(rows.inputs.clone()).tanh()
    }

    fn task_losses(&self, shared: Branches<Tensor<2>>, rows: &Rows) -> TaskLosses {
        let without = NAMES.len() - self.heads.len();
        let loss = |(task, shared): (usize, Tensor<2>)| {
            let found = match task.checked_sub(without) {
                Some(head) => self.heads[head].forward(shared),
                None => shared.narrow(1, 0, 1),
            };
            let target = rows.targets.clone().narrow(1, task, 1);
            huber(found, target, 100.0, None, Reduction::Mean)
        };
        TaskLosses::new(shared.all().into_iter().enumerate().map(loss).collect())
    }

    fn samples(rows: &Rows) -> usize {
        rows.inputs.dims()[0]
    }
}

struct Run {
    planted: Planted,
    seed: u64,
    device: Device,
    config: TrainConfig,
}

impl Run {
    fn new(planted: Planted, seed: u64) -> Self {
        Self {
            planted,
            seed,
            device: Device::flex(),
            config: planted.config(seed),
        }
    }

    fn start(&self) -> (Network, Strategy) {
        self.device.seed(100 + self.seed);
        let network = Network::new(self.planted, &self.device);
        let strategy = StrategyConfig::from_json(self.planted.strategy()).unwrap();
        let strategy = strategy.init(network.tasks(), &self.device).unwrap();
        (network, strategy)
    }

    fn trainer(&self, folder: &Path) -> Trainer<Network> {
        let trainer = Trainer::new(self.config.clone(), folder).unwrap();
        trainer.with_progress(Progress::Silent)
    }

    fn data(&self) -> [InMemDataset<Row>; 2] {
        let rows = |seed, count| InMemDataset::new(self.planted.rows(seed, count));
        [
            rows(2 * self.seed, self.planted.samples()),
            rows(2 * self.seed + 1, 512),
        ]
    }

    fn train(&self, folder: &Path) -> History {
        let (network, strategy) = self.start();
        let [train, valid] = self.data();
        let outcome =
            self.trainer(folder)
                .fit(network, strategy, train, valid, ToRows, &self.device);
        outcome.unwrap().history
    }

    fn probe(&self, folder: &Path, how: &ProbeConfig) -> Result<Trials, Error> {
        let [train, valid] = self.data();
        self.trainer(folder)
            .probe(self.start(), train, valid, ToRows, &self.device, how)
    }
}

/// The causes that were measured.
fn measured(diagnosis: &TaskDiagnosis) -> Vec<&Cause> {
    let found = diagnosis.findings.iter();
    let found = found.filter(|finding| finding.confidence == Confidence::Measured);
    found.map(|finding| &finding.cause).collect()
}

/// Whether the cause that was planted was measured; `None` where none was.
fn hit(planted: Planted, all: &[TaskDiagnosis]) -> Option<bool> {
    let [a, b, _] = all else {
        panic!("three tasks")
    };
    let has = |task: &TaskDiagnosis, cause: Cause| measured(task).contains(&&cause);
    match planted {
        Starved => Some(has(a, Cause::Starved)),
        Conflict => Some(
            has(a, Cause::InConflictWith("b".into())) && has(b, Cause::InConflictWith("a".into())),
        ),
        OutOfReach => Some(has(a, Cause::SlowHead)),
        Planted::Noise | Coin | Overfitted | Healthy => None,
    }
}

/// Tasks with a measured cause in a run in which they have none.
fn false_alarms(planted: Planted, all: &[TaskDiagnosis]) -> Vec<String> {
    let found = free(planted, all).filter(|task| !measured(task).is_empty());
    found
        .map(|task| format!("{planted:?}: {}", task.sentence))
        .collect()
}

/// Tasks that nothing holds back.
fn free(planted: Planted, all: &[TaskDiagnosis]) -> impl Iterator<Item = &TaskDiagnosis> {
    let held_back: &[&str] = match planted {
        Starved => &["a"],
        Conflict => &["a", "b"],
        // All heads are as slow.
        OutOfReach => &NAMES,
        Planted::Noise | Coin | Overfitted | Healthy => &[],
    };
    all.iter()
        .filter(|task| !held_back.contains(&task.task.as_str()))
}

#[test]
fn planted_causes_are_measured_and_no_others() {
    let _turn = alone();
    let seeds = std::env::var("EQUIPOISE_SEEDS").map_or(1, |seeds| seeds.parse().unwrap());
    let (mut hits, mut planted_runs, mut alarms, mut free_tasks) = (0, 0, Vec::new(), 0);
    for planted in ALL {
        for seed in 0..seeds {
            let run = Run::new(planted, seed);
            let folder = tempfile::tempdir().unwrap();
            let history = run.train(folder.path());
            let trials = run.probe(folder.path(), &ProbeConfig::default()).unwrap();
            let all = diagnose_with(&history, &trials);
            if let Some(hit) = hit(planted, &all) {
                planted_runs += 1;
                hits += usize::from(hit);
                if !hit {
                    println!("missed, {planted:?}, seed {seed}: {}", all[0].sentence);
                }
            }
            let found = false_alarms(planted, &all);
            let tried = |task: &&TaskDiagnosis| trials.of(&task.task).next().is_some();
            free_tasks += free(planted, &all).filter(tried).count();
            alarms.extend(found);
            if seeds == 1 {
                println!("{planted:?}: {}", all[0].sentence);
            }
        }
    }
    println!(
        "{hits} of {planted_runs} planted causes measured, {} false alarms in {free_tasks} tasks that something was tried for",
        alarms.len()
    );
    alarms.iter().for_each(|alarm| println!("{alarm}"));
    // Nine of ten, and at most one false alarm in fifty tasks.
    assert!(10 * hits >= 9 * planted_runs);
    assert!(50 * alarms.len() <= free_tasks);
}

/// Every file of a folder with its bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((name, std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_probe_repeats_to_the_bit_and_leaves_the_run_as_it_was() {
    let _turn = alone();
    let run = Run::new(Starved, 3);
    let folder = tempfile::tempdir().unwrap();
    let history = run.train(folder.path());
    let before = files(folder.path());
    let how = ProbeConfig::default()
        .with_steps(10)
        .with_tasks(Some(vec!["a".into()]));
    let first = run.probe(folder.path(), &how).unwrap();
    let second = run.probe(folder.path(), &how).unwrap();
    assert_eq!(first, second);
    let mut after = files(folder.path());
    after.retain(|(name, _)| name != "probe.csv");
    assert_eq!(before, after);
    assert_eq!(
        Trials::read_csv(folder.path().join("probe.csv")).unwrap(),
        first
    );
    // They are of the epoch that the forks began from, and of no other.
    let of_epoch = |epoch| equipoise::probe::of_epoch(folder.path(), epoch).unwrap();
    assert_eq!(of_epoch(history.last_epoch()), Some(first.clone()));
    assert_eq!(of_epoch(history.last_epoch() + 1), None);
    // The forks begin where the run ended.
    let last = history.last(Default::default(), "a", "loss").unwrap();
    support::assert_close("start", first.start_of("a").unwrap(), last, 1e-4, 0.0);
}

#[test]
fn a_remedy_can_be_followed() {
    let _turn = alone();
    let run = Run::new(Starved, 0);
    let folder = tempfile::tempdir().unwrap();
    let history = run.train(folder.path());
    let trials = run.probe(folder.path(), &ProbeConfig::default()).unwrap();
    let a = diagnose_with(&history, &trials).remove(0);
    let remedy = a.remedy.unwrap();
    assert!(matches!(remedy, Remedy::Weights(_)), "{remedy:?}");
    let json = remedy.strategy_json().unwrap();
    assert!(
        a.sentence
            .ends_with(&format!("train with the strategy {json}."))
    );
    let device = Device::flex();
    let network = Network::new(Starved, &device);
    let strategy = StrategyConfig::from_json(&json).unwrap();
    let strategy = strategy.init(network.tasks(), &device).unwrap();
    let [train, valid] = run.data();
    let folder = tempfile::tempdir().unwrap();
    let trainer = run.trainer(folder.path());
    let outcome = trainer.fit(network, strategy, train, valid, ToRows, &device);
    let skill = outcome
        .unwrap()
        .history
        .last(Default::default(), "a", "skill");
    assert!(skill.unwrap() > 0.5, "{skill:?}");
}

#[test]
fn what_cannot_be_probed_is_said() {
    let _turn = alone();
    let run = Run::new(Healthy, 1);
    let folder = tempfile::tempdir().unwrap();
    let refused = |how: &ProbeConfig| run.probe(folder.path(), how).unwrap_err().to_string();
    let usual = ProbeConfig::default;
    assert!(
        refused(&usual()).contains("checkpoint"),
        "{}",
        refused(&usual())
    );
    run.train(folder.path());
    for (how, expected) in [
        (
            usual().with_forks(1),
            "`forks` is 1, but it must be at least 2",
        ),
        (
            usual().with_steps(0),
            "`steps` is 0, but it must be at least 1",
        ),
        (usual().with_valid_batches(1), "`valid_batches` is 1"),
        (usual().with_head_rate(f64::NAN), "`head_rate` is NaN"),
        (usual().with_epoch(Some(99)), "model-99.bpk"),
        (
            usual().with_tasks(Some(vec!["d".into()])),
            "`tasks` is d, but it must be one of a, b, c",
        ),
    ] {
        let found = refused(&how);
        assert!(found.contains(expected), "{found}");
    }
    // All tasks learned, so there is nothing to try.
    let found = run.probe(folder.path(), &usual()).unwrap();
    assert!(found.trials.is_empty() && found.start.len() == 3);
}
