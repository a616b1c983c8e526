//! What users of other libraries stumbled over, on a small network of two tasks under the `Trainer`: labels for a part
//! of the samples, losses below zero, no labels in the validation data, a weight of 0, and a task that has been away.
#![cfg(feature = "expansion")]

mod support;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use equipoise::diagnosis::{TaskDiagnosis, Verdict, diagnose};
use equipoise::history::{Split, quantity};
use equipoise::loss::{Reduction, TaskLosses, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{Outcome, Progress, TrainConfig, Trainer};
use equipoise::weighting::StrategyConfig;
use equipoise::{Error, Task, TaskSet};

/// Eight inputs, the targets of both tasks, and whether the second has a label.
type Sample = [f32; 11];

#[derive(Clone)]
struct ToTensors;

impl Batcher<Sample, Tensor<2>> for ToTensors {
    fn batch(&self, samples: Vec<Sample>, device: &Device) -> Tensor<2> {
        let shape = [samples.len(), 11];
        Tensor::from_data(TensorData::new(samples.concat(), shape), device)
    }
}

#[derive(Module, Debug)]
struct Network {
    trunk: Linear,
    heads: [Linear; 2],
    #[module(skip)]
    tasks: TaskSet,
    /// Taken from the second loss, as a likelihood may be below zero.
    #[module(skip)]
    shift: f64,
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
        let [a, b] = shared.each();
        let column = |index| batch.clone().narrow(1, index, 1);
        let mask: Tensor<2, Bool> = column(10).greater_scalar(0.5);
        let mean = Reduction::Mean;
        let first = huber(self.heads[0].forward(a), column(8), 1.0, None, mean);
        let second = huber(
            self.heads[1].forward(b),
            column(9),
            1.0,
            Some(mask.clone()),
            mean,
        );
        TaskLosses::by_name(&self.tasks, &batch.device())
            .loss("a", first)
            .masked("b", second - self.shift, mask)
            .build()
    }

    fn samples(batch: &Tensor<2>) -> usize {
        batch.dims()[0]
    }
}

fn samples(
    count: usize,
    labelled: impl Fn(usize) -> bool,
    far: impl Fn(usize) -> f32,
) -> Vec<Sample> {
    let mut noise = support::Noise::new(8);
    let sample = |index: usize| {
        let inputs: Vec<f32> = noise.many(8).iter().map(|v| 2.0 * *v as f32).collect();
        let mut sample = [0.0; 11];
        sample[..8].copy_from_slice(&inputs);
        sample[8] = inputs[..4].iter().sum();
        if labelled(index) {
            sample[9] = inputs[4..].iter().sum::<f32>() + far(index);
            sample[10] = 1.0;
        }
        sample
    };
    (0..count).map(sample).collect()
}

struct Run {
    shift: f64,
    strategy: &'static str,
    epochs: usize,
    patience: Option<usize>,
    train: Vec<Sample>,
    valid: Vec<Sample>,
}

impl Run {
    fn new(strategy: &'static str) -> Self {
        Self {
            shift: 0.0,
            strategy,
            epochs: 3,
            patience: None,
            train: samples(640, |_| true, |_| 0.0),
            valid: samples(128, |_| true, |_| 0.0),
        }
    }

    fn fit(self) -> Result<Outcome<Network>, Error> {
        let device = Device::flex();
        device.seed(5);
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
        let tasks = TaskSet::new([Task::regression("a", 1), Task::regression("b", 1)]).unwrap();
        let network = Network {
            trunk: linear(8, 16),
            heads: [linear(16, 1), linear(16, 1)],
            tasks: tasks.clone(),
            shift: self.shift,
        };
        let strategy = StrategyConfig::from_json(self.strategy)?.init(&tasks, &device)?;
        let mut config = TrainConfig::default()
            .with_epochs(self.epochs)
            .with_learning_rate(1e-2);
        config.patience = self.patience;
        let folder = tempfile::tempdir().unwrap();
        let (train, valid) = (InMemDataset::new(self.train), InMemDataset::new(self.valid));
        Trainer::new(config, folder.path())?
            .with_progress(Progress::Silent)
            .fit(network, strategy, train, valid, ToTensors, &device)
    }
}

fn of(outcome: &Outcome<Network>, task: &str) -> TaskDiagnosis {
    let all = diagnose(&outcome.history);
    all.into_iter().find(|d| d.task == task).unwrap()
}

/// The two validation batches have 32 and 1 labelled samples; the single one is 100 off.
#[test]
fn a_loss_is_the_mean_over_the_labels_and_not_over_batches() {
    let mut run = Run::new(r#"{"strategy": "uncertainty"}"#);
    let far = |index| if index == 40 { 100.0 } else { 0.0 };
    run.valid = samples(64, |index| index < 32 || index == 40, far);
    let outcome = run.fit().unwrap();
    let loss = outcome
        .history
        .last(Split::Valid, "b", quantity::LOSS)
        .unwrap();
    // One of 33 labels is about 99.5 off.
    assert!((3.0..3.6).contains(&loss), "{loss}");
}

#[test]
fn a_loss_below_zero_that_falls_is_learned() {
    for shift in [1.5, 5.0] {
        let mut run = Run::new(r#"{"strategy": "manual", "normalise": false}"#);
        (run.shift, run.epochs, run.patience) = (shift, 8, Some(3));
        let outcome = run.fit().unwrap();
        assert_eq!(outcome.stopped, None, "{shift}");
        assert!(
            outcome.best_epoch.unwrap() >= 6,
            "{shift}: {:?}",
            outcome.best_epoch
        );
        let found = of(&outcome, "b");
        assert_eq!(
            found.verdict,
            Verdict::Learned,
            "{shift}: {}",
            found.sentence
        );
        assert!(!found.sentence.contains('%'), "{}", found.sentence);
    }
}

#[test]
fn uncertainty_does_not_run_away_below_zero() {
    let mut run = Run::new(r#"{"strategy": "uncertainty"}"#);
    (run.shift, run.epochs) = (5.0, 8);
    let outcome = run.fit().unwrap();
    for task in ["a", "b"] {
        let weight = outcome
            .history
            .last(Split::Train, task, quantity::WEIGHT)
            .unwrap();
        assert!((0.01..100.0).contains(&weight), "{task}: {weight}");
    }
    assert_eq!(of(&outcome, "a").verdict, Verdict::Learned);
}

#[test]
fn a_strategy_that_is_not_defined_below_zero_says_so_by_name() {
    for (strategy, name) in [
        (r#"{"strategy": "geometric-mean"}"#, "GeometricMean"),
        (r#"{"strategy": "grad-norm"}"#, "GradNorm"),
    ] {
        let mut run = Run::new(strategy);
        run.shift = 50.0;
        let message = run.fit().unwrap_err().to_string();
        assert!(
            message.contains("`b`") && message.contains(name),
            "{message}"
        );
        assert!(message.contains("zero or below"), "{message}");
    }
}

#[test]
fn no_labels_in_the_validation_data_is_said_and_stops_nothing() {
    let mut run = Run::new(r#"{"strategy": "sum"}"#);
    (run.epochs, run.patience) = (4, Some(2));
    run.valid = samples(64, |_| false, |_| 0.0);
    let outcome = run.fit().unwrap();
    assert_eq!(outcome.stopped, None);
    assert_eq!(outcome.history.last_epoch(), 4);
    let found = of(&outcome, "b");
    assert_eq!(found.verdict, Verdict::Unlabelled);
    assert!(
        found.sentence.contains("no labels in the validation data"),
        "{}",
        found.sentence
    );
}

#[test]
fn a_weight_of_zero_is_no_failure_to_learn() {
    let run = Run::new(r#"{"strategy": "manual", "weights": {"a": 1.0, "b": 0.0}}"#);
    let found = of(&run.fit().unwrap(), "b");
    assert_eq!(found.verdict, Verdict::NotTrained);
    assert!(
        found.sentence.contains("is not trained: its weight is 0"),
        "{}",
        found.sentence
    );
    assert!(found.findings.is_empty(), "{}", found.sentence);
}

/// Every strategy of the two kinds that need more than losses, in a whole training that ends.
#[test]
fn strategies_from_gradients_train_two_tasks() {
    for strategy in [
        r#"{"strategy": "upgrad"}"#,
        r#"{"strategy": "nash-mtl"}"#,
        r#"{"strategy": "famo"}"#,
        r#"{"strategy": "dwa"}"#,
        r#"{"strategy": "mgda", "heads": "weighted"}"#,
        r#"{"strategy": "normalised", "weighting": {"strategy": "cagrad"}}"#,
    ] {
        let mut run = Run::new(strategy);
        run.epochs = 6;
        let outcome = run.fit().unwrap();
        for task in ["a", "b"] {
            let found = of(&outcome, task);
            assert_eq!(
                found.verdict,
                Verdict::Learned,
                "{strategy}: {}",
                found.sentence
            );
        }
        let shares = outcome
            .history
            .series(Split::Train, "a", quantity::GRADIENT_SHARE);
        assert_eq!(shares.len(), 6, "{strategy}");
    }
}
