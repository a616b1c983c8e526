//! A step on several devices is the step of one device with a batch as large as all of theirs, under every strategy.
#![cfg(feature = "expansion")]

mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor};
use equipoise::history::History;
use equipoise::loss::{Reduction, TaskLosses, huber};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{BatchBy, Data, NonFinitePolicy, Outcome, Progress, TrainConfig, Trainer};
use equipoise::weighting::{StrategyConfig, StrategyTable};
use equipoise::{Error, TaskSet};
use support::tabular::{Network, Row, Says, all, data, network, parameters, rows, tasks};
use support::{assert_close, devices};

const BATCH: usize = 8;
/// Steps of an epoch.
const STEPS: usize = 4;
const EPOCHS: usize = 3;

/// Of all pairs of devices that this build has: a device twice, and two kinds of device.
fn pairs() -> Vec<[Device; 2]> {
    let all: Vec<Device> = devices().into_iter().map(|(_, device)| device).collect();
    let twice = all.iter().map(|device| [device.clone(), device.clone()]);
    let mixed = all
        .windows(2)
        .map(|pair| [pair[0].clone(), pair[1].clone()]);
    twice.chain(mixed).collect()
}

#[derive(Clone)]
struct Run {
    strategy: String,
    says: Says,
    accumulate: usize,
    epochs: usize,
    rows: Vec<Row>,
    policy: NonFinitePolicy,
    resume: bool,
}

impl Run {
    fn new(strategy: &str) -> Self {
        Self {
            strategy: strategy.into(),
            says: Says::Nothing,
            accumulate: 1,
            epochs: EPOCHS,
            // The last batch is short: the parts of its step have shares of 8 and 3.
            rows: rows(2 * BATCH * (STEPS - 1) + BATCH + 3, all),
            policy: NonFinitePolicy::default(),
            resume: false,
        }
    }

    fn config(&self) -> TrainConfig {
        TrainConfig::default()
            .with_epochs(self.epochs)
            .with_learning_rate(0.05)
            .with_accumulate(self.accumulate)
            .with_non_finite(self.policy)
            .with_baseline(false)
    }

    /// Batches of `batch` on the main device and on others.
    fn fit(
        &self,
        folder: &Path,
        batch: usize,
        main: &Device,
        more: &[Device],
    ) -> Result<Outcome<Network>, Error> {
        let train = data(self.rows.clone(), batch).shuffled();
        let valid = data(rows(24, all), 12);
        let weighting = StrategyConfig::from_json(&self.strategy)?.init(&tasks(), main)?;
        // Audits are on, as they are by default.
        let config = self.config().with_audit_every(Some(2));
        Trainer::new(config, folder)?
            .with_progress(Progress::Silent)
            .with_more_devices(more.to_vec())
            // Adam would hide a gradient of the wrong size.
            .with_optimizer(SgdConfig::new().init())
            .resume(self.resume)
            .fit_sources(network(self.says, main), weighting, train, valid, main)
    }

    fn labelled(mut self, says: Says, labelled: impl Fn(usize) -> (bool, bool)) -> Self {
        self.says = says;
        self.rows = rows(self.rows.len(), labelled);
        self
    }

    fn accumulating(mut self, accumulate: usize) -> Self {
        self.accumulate = accumulate;
        self
    }

    /// Trains on one device and on two, and compares what they end with.
    fn compare(&self, place: &str, [main, other]: &[Device; 2]) {
        let place = format!("{place} on {main:?} and {other:?}");
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let one = self.fit(folders[0].path(), 2 * BATCH, main, &[]);
        let two = self.fit(folders[1].path(), BATCH, main, std::slice::from_ref(other));
        let (one, two) = (one.expect(&place), two.expect(&place));
        compare_parameters(&place, &one.model.network, &two.model.network);
        compare_histories(&place, &one.history, &two.history);
    }
}

fn compare_parameters(place: &str, expected: &Network, found: &Network) {
    let expected = parameters(expected);
    for (path, found) in parameters(found) {
        for (at, (found, expected)) in found.iter().zip(&expected[&path]).enumerate() {
            let place = format!("{place}: {path}[{at}]");
            assert_close(&place, f64::from(*found), f64::from(*expected), 1e-5, 1e-5);
        }
    }
}

fn compare_histories(place: &str, expected: &History, found: &History) {
    assert_eq!(expected.records().len(), found.records().len(), "{place}");
    for (expected, found) in expected.records().iter().zip(found.records()) {
        let place = format!("{place}: {expected:?}");
        let key = |record: &equipoise::history::Record| {
            let (task, quantity) = (record.task.clone(), record.quantity.clone());
            (record.epoch, record.split, task, quantity)
        };
        assert_eq!(key(found), key(expected), "{place}");
        let (found, expected) = (found.value, expected.value);
        if !(found.is_nan() && expected.is_nan()) {
            assert_close(&place, found, expected, 1e-3, 1e-4);
        }
    }
}

/// Settings for what has no default.
fn json(name: &str) -> String {
    let settings = match name {
        "required-elements" => r#", "task": "level", "elements": 1"#,
        "soft-uncertainty" => r#", "temperature": 2.0"#,
        _ => "",
    };
    format!(r#"{{"strategy": "{name}"{settings}}}"#)
}

const UNCERTAINTY: &str = r#"{"strategy": "uncertainty"}"#;
const UPGRAD: &str = r#"{"strategy": "upgrad"}"#;

#[test]
fn every_strategy_takes_the_step_of_the_batch_as_a_whole() {
    let mut checked = 0;
    for name in StrategyTable::built_in().names() {
        for pair in pairs() {
            Run::new(&json(name)).compare(name, &pair);
        }
        checked += 1;
    }
    assert!(checked > 20, "only {checked} strategies");
}

#[test]
fn heads_that_are_weighted_too_are_those_of_the_whole_batch() {
    for pair in pairs() {
        Run::new(r#"{"strategy": "upgrad", "heads": "weighted"}"#).compare("upgrad", &pair);
    }
}

#[test]
fn means_are_over_the_labels_of_all_devices() {
    // Levels are rare, and a batch may have none.
    let rare = |row: usize| (row.is_multiple_of(11), !row.is_multiple_of(3));
    let half = |row: usize| (row.is_multiple_of(2), !row.is_multiple_of(3));
    for strategy in [UNCERTAINTY, UPGRAD, r#"{"strategy": "running-mean"}"#] {
        for pair in pairs() {
            for says in [Says::Masks, Says::Counts] {
                let run = Run::new(strategy).labelled(says, rare);
                run.compare(&format!("{strategy}, {says:?}"), &pair);
            }
            let run = Run::new(strategy).labelled(Says::CountsAlone, half);
            run.compare(&format!("{strategy}, counts alone"), &pair);
        }
    }
}

#[test]
fn steps_of_several_batches_on_each_device_add_up() {
    let labelled = |row: usize| (row.is_multiple_of(2), !row.is_multiple_of(3));
    for strategy in [UNCERTAINTY, UPGRAD] {
        for says in [Says::Nothing, Says::Masks, Says::Counts, Says::CountsAlone] {
            for pair in pairs() {
                let place = format!("{strategy}, {says:?}");
                let run = Run::new(strategy).accumulating(2);
                let run = match says {
                    Says::Nothing => run,
                    says => run.labelled(says, labelled),
                };
                run.compare(&place, &pair);
            }
        }
    }
}

/// One device leaves out the whole task: so do two.
#[test]
fn a_loss_that_is_not_finite_on_one_device_takes_the_task_out_on_all() {
    let mut run = Run::new(r#"{"strategy": "running-mean"}"#);
    run.rows[5].level = Some(f32::NAN);
    run.policy = NonFinitePolicy::Skip;
    for pair in pairs() {
        run.compare("with a NaN", &pair);
    }
}

#[test]
fn a_resumed_run_is_the_run_that_was_never_interrupted() {
    for [main, other] in pairs() {
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut run = Run::new(r#"{"strategy": "running-mean"}"#);
        let others = [other];
        let expected = run.fit(whole.path(), BATCH, &main, &others).unwrap();
        run.epochs = 1;
        run.fit(parts.path(), BATCH, &main, &others).unwrap();
        (run.epochs, run.resume) = (EPOCHS, true);
        // Another number of devices makes other steps.
        let error = run.fit(parts.path(), BATCH, &main, &[]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("`devices`") && message.contains('2'),
            "{message}"
        );
        let resumed = run.fit(parts.path(), BATCH, &main, &others).unwrap();
        assert_eq!(resumed.history.records(), expected.history.records());
        let [found, expected] = [&resumed, &expected].map(|run| parameters(&run.model.network));
        assert_eq!(found, expected);
    }
}

/// A network that normalises over batches or drops units, and tells what it dropped.
#[derive(Module, Debug)]
struct Special {
    norm: Option<BatchNorm>,
    dropout: Option<Dropout>,
    head: Linear,
    #[module(skip)]
    dropped: Dropped,
    #[module(skip)]
    tasks: TaskSet,
}

/// The units that were left, batch by batch.
#[derive(Clone, Debug, Default)]
struct Dropped(Arc<Mutex<Vec<Vec<f32>>>>);

impl MultiTaskModel for Special {
    type Batch = Tensor<2>;
    type Shared = Tensor<2>;
    type Evaluation = ();

    fn tasks(&self) -> &TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &Tensor<2>) -> Tensor<2> {
        let mut shared = batch.clone();
        if let Some(norm) = &self.norm {
            shared = norm.forward(shared);
        }
        if let Some(dropout) = &self.dropout {
            shared = dropout.forward(shared);
            let values = shared.to_data().try_to_vec().unwrap();
            self.dropped.0.lock().unwrap().push(values);
        }
        shared
    }

    fn task_losses(&self, shared: Branches<Tensor<2>>, _: &Tensor<2>) -> TaskLosses {
        let loss = |shared: Tensor<2>| {
            let found = self.head.forward(shared);
            let wanted = found.zeros_like();
            huber(found, wanted, 1.0, None, Reduction::Mean)
        };
        TaskLosses::new(shared.all().into_iter().map(loss).collect())
    }

    fn samples(batch: &Tensor<2>) -> usize {
        batch.dims()[0]
    }
}

fn fit_special(
    norm: bool,
    dropout: bool,
    [main, other]: [Device; 2],
) -> (Result<(), Error>, Special) {
    main.seed(1);
    let special = Special {
        norm: norm.then(|| BatchNormConfig::new(6).init(&main)),
        dropout: dropout.then(|| DropoutConfig::new(0.5).init()),
        head: LinearConfig::new(6, 1).init(&main),
        dropped: Dropped::default(),
        tasks: tasks(),
    };
    let ones =
        BatchBy(|samples: Vec<f32>, device: &Device| Tensor::ones([samples.len(), 6], device));
    let dataset = || burn::data::dataset::InMemDataset::new(vec![0f32; 32]);
    let source = || Data::new(dataset(), ones, 8).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig::default().with_epochs(1).with_baseline(false);
    let config = config.with_audit_every(None);
    let weighting = StrategyConfig::from_json(UNCERTAINTY).unwrap();
    let weighting = weighting.init(&special.tasks, &main).unwrap();
    let fitted = Trainer::new(config, folder.path())
        .unwrap()
        .with_progress(Progress::Silent)
        .with_more_devices([other])
        .fit_sources(special.clone(), weighting, source(), source(), &main);
    (fitted.map(|_| ()), special)
}

#[test]
fn devices_drop_different_units() {
    for pair in pairs() {
        let (fitted, special) = fit_special(false, true, pair);
        fitted.unwrap();
        let dropped = special.dropped.0.lock().unwrap();
        // Two steps of two batches, then four of validation, which drops nothing.
        assert_eq!(dropped.len(), 8);
        for step in dropped[..4].chunks(2) {
            assert_ne!(step[0], step[1]);
        }
    }
}

#[test]
fn memory_that_copies_of_a_network_share_is_refused_by_name() {
    for [main, other] in pairs() {
        let apart = main != other;
        let (fitted, special) = fit_special(true, false, [main.clone(), other]);
        match fitted {
            Ok(()) => assert!(!apart),
            Err(error) => {
                let message = error.to_string();
                assert!(apart && message.contains("norm.running_"), "{message}");
                assert!(message.contains("LayerNorm"), "{message}");
            }
        }
        // Everything is where it was.
        assert_eq!(special.devices().clone(), [main]);
    }
}
