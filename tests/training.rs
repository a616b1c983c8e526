//! Training keeps its promises: what the history says is what happened, a resumed run is the run that was never
//! interrupted, and what goes wrong is an error that names it.
//!
//! The random state of a backend belongs to the process, so every test here that trains holds a lock.
#![cfg(feature = "expansion")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::data::dataloader::batcher::Batcher;
use burn::module::Module;
use burn::tensor::Device;
use burn::train::{Interrupter, TrainStep};
use equipoise::Error;
use equipoise::expansion::feature::FEATURES;
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::model::{
    ExpansionBatch, ExpansionBatcher, ExpansionModel, ExpansionModelConfig, baselines,
};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::window::{Window, Windows};
use equipoise::history::{ALL_TASKS, History, Split, quantity};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{
    BatchBy, MultiTask, NonFinitePolicy, Outcome, Progress, Schedule, TrainConfig, Trainer,
    checkpoint,
};
use equipoise::weighting::{Manual, RunningMean, StrategyConfig, Uncertainty};
use support::{assert_close, devices, parameters, values};

static LOCK: Mutex<()> = Mutex::new(());

/// A test that failed while it held the lock does not make the others fail.
fn alone() -> MutexGuard<'static, ()> {
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

const WINDOW: usize = 30;
const BATCH: usize = 8;
const TASKS: [&str; 4] = ["type", "pointers", "binary", "countdown"];

fn model_config() -> ExpansionModelConfig {
    ExpansionModelConfig {
        window: WINDOW,
        features: FEATURES - 1,
        hidden: 8,
        projection: 8,
        ..ExpansionModelConfig::default()
    }
}

fn without_dropout() -> ExpansionModelConfig {
    ExpansionModelConfig {
        input_dropout: 0.0,
        head_dropout: 0.0,
        ..model_config()
    }
}

/// 45 windows to train on and 14 to validate on: the last batch of either is short.
fn data() -> (Windows, Windows) {
    let config = SimulatorConfig {
        window: WINDOW,
        ..SimulatorConfig::default()
    };
    let simulation = Simulator::new(config, 5).unwrap().simulate_windows(60);
    let (train, valid) = simulation.windows().split(0.25).unwrap();
    assert_eq!((train.len() % BATCH, valid.len() % BATCH), (5, 6));
    (train, valid)
}

fn batcher(config: &ExpansionModelConfig) -> ExpansionBatcher {
    ExpansionBatcher::new(data().0.bars(), WINDOW, false, config.countdown)
}

fn uncertainty() -> StrategyConfig {
    StrategyConfig::new(Uncertainty::default().with_log_sigma([("pointers", -0.3)]))
}

fn running_mean() -> StrategyConfig {
    StrategyConfig::new(RunningMean::default().with_weights([0.1, 0.7, 0.1, 0.1]))
}

const RAW_WEIGHTS: [f64; 4] = [0.125, 0.5, 0.25, 0.0625];

fn raw() -> StrategyConfig {
    let manual = Manual::default()
        .with_weights(RAW_WEIGHTS)
        .with_normalise(false);
    StrategyConfig::new(manual)
}

/// A run of the tests: what is trained and how.
struct Run {
    model: ExpansionModelConfig,
    strategy: StrategyConfig,
    train: TrainConfig,
    device: Device,
    resume: bool,
    ahead: usize,
    interrupter: Interrupter,
}

impl Run {
    fn new(strategy: StrategyConfig) -> Self {
        Self {
            model: model_config(),
            strategy,
            train: TrainConfig::default()
                .with_batch_size(BATCH)
                .with_epochs(2)
                // The closed forms are given.
                .with_baseline(false)
                .with_seed(3),
            device: devices().remove(0).1,
            resume: false,
            ahead: 0,
            interrupter: Interrupter::new(),
        }
    }

    fn ahead(mut self, batches: usize) -> Self {
        self.ahead = batches;
        self
    }

    fn on(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    fn model(mut self, model: ExpansionModelConfig) -> Self {
        self.model = model;
        self
    }

    fn epochs(mut self, epochs: usize) -> Self {
        self.train.epochs = epochs;
        self
    }

    fn resume(mut self) -> Self {
        self.resume = true;
        self
    }

    fn policy(mut self, policy: NonFinitePolicy) -> Self {
        self.train.non_finite = policy;
        self
    }

    fn network(&self) -> ExpansionModel {
        self.device.seed(self.train.seed);
        let network = self.model.init(&self.device).unwrap();
        // First values are drawn when somebody looks.
        parameters(&network);
        network
    }

    fn fit(self, folder: &Path) -> Result<Outcome<ExpansionModel>, Error> {
        let network = self.network();
        let batcher = batcher(&self.model);
        self.fit_with(folder, network, batcher)
    }

    fn fit_with(
        self,
        folder: &Path,
        network: ExpansionModel,
        batcher: impl Batcher<Window, ExpansionBatch> + Clone + 'static,
    ) -> Result<Outcome<ExpansionModel>, Error> {
        let (train, valid) = data();
        let weighting = self.strategy.init(network.tasks(), &self.device).unwrap();
        Trainer::new(self.train, folder)?
            .with_baselines(baselines(&train, &valid, &self.model))
            .with_progress(Progress::Silent)
            .with_interrupter(self.interrupter)
            .resume(self.resume)
            .with_batches_ahead(self.ahead)
            .fit(network, weighting, train, valid, batcher, &self.device)
    }
}

/// Everything in a module, bit for bit.
fn bits<M: Module>(module: &M) -> Vec<(String, Vec<u64>)> {
    let all = parameters(module).into_iter();
    all.map(|(name, table)| (name, table.values.iter().map(|v| v.to_bits()).collect()))
        .collect()
}

/// Everything in a history, bit for bit, NaN included.
fn rows(history: &History) -> Vec<(usize, Split, String, String, u64)> {
    let row = |r: &equipoise::history::Record| {
        (
            r.epoch,
            r.split,
            r.task.clone(),
            r.quantity.clone(),
            r.value.to_bits(),
        )
    };
    history.records().iter().map(row).collect()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The raw losses of some windows in one batch.
fn losses_of(network: &ExpansionModel, windows: &[Window], device: &Device) -> Vec<f64> {
    let batch = batcher(network.config()).batch(windows.to_vec(), device);
    values(
        &network
            .task_losses(Branches::together(network.represent(&batch), 4), &batch)
            .values(),
    )
}

#[test]
fn the_history_has_the_promised_rows_and_no_others() {
    let _alone = alone();
    let run = folder();
    // Fewer than 50 windows validate, so no skill has an interval.
    let outcome = Run::new(raw()).fit(run.path()).unwrap();
    let mut expected = BTreeSet::new();
    let mut expect = |epoch: usize, split: Split, task: &str, quantity: &str| {
        expected.insert((epoch, split, task.to_string(), quantity.to_string()));
    };
    for split in [Split::Train, Split::Valid] {
        for task in TASKS {
            expect(0, split, task, quantity::CONSTANT_LOSS);
        }
        for task in ["binary", "countdown"] {
            expect(0, split, task, quantity::POSITION_LOSS);
        }
        expect(0, split, "countdown", quantity::TARGET_SIZE);
        for epoch in 1..=2 {
            for task in TASKS {
                expect(epoch, split, task, quantity::LOSS);
                expect(epoch, split, task, quantity::SKILL);
            }
            for task in ["binary", "countdown"] {
                expect(epoch, split, task, quantity::SKILL_OVER_POSITION);
            }
        }
    }
    for task in TASKS {
        expect(0, Split::Train, task, quantity::INTENDED_SHARE);
    }
    // Six steps an epoch, every tenth audited: the first of the run and the fifth of the second epoch.
    for epoch in 1..=2 {
        for (index, task) in TASKS.iter().enumerate() {
            expect(epoch, Split::Train, task, quantity::WEIGHT);
            expect(epoch, Split::Train, task, quantity::GRADIENT_NORM);
            expect(epoch, Split::Train, task, quantity::GRADIENT_SHARE);
            expect(epoch, Split::Train, task, quantity::AUDITS);
            for other in &TASKS[index + 1..] {
                expect(epoch, Split::Train, task, &quantity::cosine_with(other));
            }
        }
        expect(epoch, Split::Train, ALL_TASKS, quantity::REACH);
        expect(epoch, Split::Train, ALL_TASKS, quantity::STEPS);
        expect(epoch, Split::Train, ALL_TASKS, quantity::OBJECTIVE);
        expect(epoch, Split::Train, ALL_TASKS, quantity::LEARNING_RATE);
        expect(epoch, Split::Valid, ALL_TASKS, quantity::RELATIVE_LOSS);
    }
    let history = &outcome.history;
    let found: BTreeSet<_> = history
        .records()
        .iter()
        .map(|r| (r.epoch, r.split, r.task.clone(), r.quantity.clone()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        found.len(),
        history.records().len(),
        "no row is there twice"
    );
    let file = History::read_csv(run.path().join("history.csv")).unwrap();
    assert_eq!(rows(&file), rows(history));
}

#[test]
fn the_history_says_what_happened() {
    let _alone = alone();
    let run = folder();
    let outcome = Run::new(raw()).fit(run.path()).unwrap();
    let history = &outcome.history;
    let get = |epoch, split, task: &str, quantity| {
        let value = history.get(epoch, split, task, quantity);
        value.unwrap_or_else(|| panic!("{epoch} {split} {task} {quantity}"))
    };
    for epoch in 1..=2 {
        for (task, weight) in TASKS.iter().zip(RAW_WEIGHTS) {
            assert_eq!(get(epoch, Split::Train, task, quantity::WEIGHT), weight);
        }
        assert_eq!(
            get(epoch, Split::Train, ALL_TASKS, quantity::LEARNING_RATE),
            1e-3
        );
        for split in [Split::Train, Split::Valid] {
            for task in TASKS {
                let loss = get(epoch, split, task, quantity::LOSS);
                let constant = get(0, split, task, quantity::CONSTANT_LOSS);
                assert_eq!(
                    get(epoch, split, task, quantity::SKILL),
                    1.0 - loss / constant
                );
            }
            for task in ["binary", "countdown"] {
                let loss = get(epoch, split, task, quantity::LOSS);
                let position = get(0, split, task, quantity::POSITION_LOSS);
                let skill = get(epoch, split, task, quantity::SKILL_OVER_POSITION);
                assert_eq!(skill, 1.0 - loss / position);
            }
        }
        let relative = TASKS.map(|task| {
            get(epoch, Split::Valid, task, quantity::LOSS)
                / get(0, Split::Valid, task, quantity::CONSTANT_LOSS)
        });
        let mean = relative.iter().sum::<f64>() / 4.0;
        let found = get(epoch, Split::Valid, ALL_TASKS, quantity::RELATIVE_LOSS);
        assert_close("relative loss", found, mean, 1e-12, 0.0);
    }
    let relative = |epoch| get(epoch, Split::Valid, ALL_TASKS, quantity::RELATIVE_LOSS);
    let best = if relative(2) < relative(1) { 2 } else { 1 };
    assert_eq!(outcome.best_epoch, Some(best));
    assert_eq!(outcome.stopped, None);
}

#[test]
fn the_validation_loss_is_that_of_the_final_model_over_samples() {
    let _alone = alone();
    let run = folder();
    for (backend, device) in devices() {
        let outcome = Run::new(uncertainty())
            .on(&device)
            .fit(&run.path().join(backend))
            .unwrap();
        let (_, valid) = data();
        let windows: Vec<Window> = valid.iter().copied().collect();
        let network = &outcome.model.network;
        let by_sample = losses_of(network, &windows, &device);
        let batches: Vec<Vec<f64>> = windows
            .chunks(BATCH)
            .map(|part| losses_of(network, part, &device))
            .collect();
        let mut differences = 0;
        for (index, task) in TASKS.iter().enumerate() {
            let found = outcome
                .history
                .get(2, Split::Valid, task, quantity::LOSS)
                .unwrap();
            let place = format!("{task} on {backend}");
            assert_close(&place, found, by_sample[index], 1e-5, 0.0);
            // A mean over batches would be another number.
            let by_batch =
                batches.iter().map(|losses| losses[index]).sum::<f64>() / batches.len() as f64;
            differences += usize::from((by_batch / by_sample[index] - 1.0).abs() > 1e-4);
        }
        assert!(differences >= 2, "on {backend}");
    }
}

#[test]
fn the_training_loss_is_the_mean_over_samples() {
    let _alone = alone();
    let run = folder();
    // Without dropout and with steps too small to be seen, every batch meets the model it started with.
    let mut still = Run::new(raw()).model(without_dropout()).epochs(1);
    still.train.learning_rate = 1e-30;
    let (network, device) = (still.network(), still.device.clone());
    let outcome = still.fit(run.path()).unwrap();
    let windows: Vec<Window> = data().0.iter().copied().collect();
    let expected = losses_of(&network, &windows, &device);
    for (task, expected) in TASKS.iter().zip(expected) {
        let found = outcome
            .history
            .get(1, Split::Train, task, quantity::LOSS)
            .unwrap();
        assert_close(task, found, expected, 1e-5, 0.0);
    }
    assert_eq!(bits(&outcome.model.network), bits(&network));
}

#[test]
fn training_reduces_the_objective() {
    let _alone = alone();
    let run = folder();
    let outcome = Run::new(running_mean()).epochs(6).fit(run.path()).unwrap();
    let losses = outcome
        .history
        .series(Split::Valid, "pointers", quantity::LOSS);
    assert!(losses[5].1 < 0.9 * losses[0].1, "{losses:?}");
}

#[test]
fn the_seed_fixes_the_run() {
    let _alone = alone();
    let run = folder();
    let fit = |name: &str, seed: u64| {
        let mut run_of_seed = Run::new(uncertainty());
        let network = run_of_seed.network();
        run_of_seed.train.seed = seed;
        let batcher = batcher(&run_of_seed.model);
        let outcome = run_of_seed
            .fit_with(&run.path().join(name), network, batcher)
            .unwrap();
        (rows(&outcome.history), bits(&outcome.model))
    };
    let first = fit("first", 3);
    assert_eq!(fit("again", 3), first);
    assert_ne!(fit("other", 4).1, first.1);
}

/// With dropout, whose masks come from the generator that is seeded for each step.
#[test]
fn batches_made_ahead_are_the_same() {
    let _alone = alone();
    let run = folder();
    let fit = |ahead: usize| {
        let run_ahead = Run::new(uncertainty()).ahead(ahead);
        let outcome = run_ahead.fit(&run.path().join(ahead.to_string())).unwrap();
        (rows(&outcome.history), bits(&outcome.model))
    };
    let first = fit(0);
    assert_eq!(fit(1), first);
    assert_eq!(fit(7), first);
}

/// A batcher that panics on its thread is what the caller sees, and nobody waits for a batch that never comes.
#[test]
fn a_panic_where_batches_are_made_ahead_comes_through() {
    let _alone = alone();
    let run = folder();
    let run_ahead = Run::new(uncertainty()).ahead(2);
    let network = run_ahead.network();
    let broken = BatchBy(|_: Vec<Window>, _: &Device| -> ExpansionBatch {
        panic!("these windows cannot be read")
    });
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        run_ahead.fit_with(run.path(), network, broken)
    }));
    let words = match outcome {
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(_)) => panic!("it cannot have trained"),
        Err(panic) => panic.downcast_ref::<&str>().unwrap_or(&"").to_string(),
    };
    assert!(words.contains("these windows cannot be read"), "{words}");
}

/// An epoch that is stopped leaves batches that nobody takes, and their thread ends.
#[test]
fn a_run_that_is_stopped_waits_for_no_batch() {
    let _alone = alone();
    let run = folder();
    let run_ahead = Run::new(uncertainty()).ahead(1);
    run_ahead.interrupter.stop(Some("the test says so"));
    let outcome = run_ahead.fit(run.path()).unwrap();
    assert!(outcome.stopped.is_some());
}

#[test]
fn a_resumed_run_is_the_run_that_was_never_interrupted() {
    let _alone = alone();
    for (backend, device) in devices() {
        for strategy in [uncertainty(), running_mean()] {
            let place = format!("{} on {backend}", strategy.name());
            let (whole, parts) = (folder(), folder());
            let new = || Run::new(strategy.clone()).on(&device);
            let expected = new().epochs(4).fit(whole.path()).unwrap();
            let half = new().epochs(2).fit(parts.path()).unwrap();
            assert_ne!(bits(&half.model), bits(&expected.model), "{place}");
            let resumed = new().epochs(4).resume().fit(parts.path()).unwrap();
            assert_eq!(rows(&resumed.history), rows(&expected.history), "{place}");
            assert_eq!(bits(&resumed.model), bits(&expected.model), "{place}");
            let file = |folder: &tempfile::TempDir| {
                std::fs::read_to_string(folder.path().join("history.csv")).unwrap()
            };
            assert_eq!(file(&parts), file(&whole), "{place}");
        }
    }
}

#[test]
fn a_finished_run_that_is_resumed_is_left_as_it_is() {
    let _alone = alone();
    let run = folder();
    let first = Run::new(running_mean()).fit(run.path()).unwrap();
    let again = Run::new(running_mean()).resume().fit(run.path()).unwrap();
    assert_eq!(rows(&again.history), rows(&first.history));
    assert_eq!(bits(&again.model), bits(&first.model));
}

#[test]
fn a_folder_with_a_run_in_it_is_refused() {
    let _alone = alone();
    let run = folder();
    Run::new(raw()).epochs(1).fit(run.path()).unwrap();
    let before = std::fs::read(run.path().join("history.csv")).unwrap();
    let error = Run::new(raw()).epochs(1).fit(run.path()).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    assert!(error.to_string().contains("holds a run already"), "{error}");
    assert_eq!(
        std::fs::read(run.path().join("history.csv")).unwrap(),
        before
    );
}

/// Resuming fails with [`Error::Checkpoint`] whose text holds the words.
#[track_caller]
fn cannot_resume(run: Run, folder: &Path, words: &[&str]) {
    let Err(error) = run.epochs(4).resume().fit(folder) else {
        panic!("it resumed, though {words:?} should be wrong")
    };
    assert!(matches!(error, Error::Checkpoint { .. }), "{error:?}");
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

#[test]
fn resuming_nothing_is_an_error() {
    let _alone = alone();
    let run = folder();
    cannot_resume(Run::new(raw()), run.path(), &["checkpoint"]);
    std::fs::create_dir_all(checkpoint::folder(run.path())).unwrap();
    cannot_resume(Run::new(raw()), run.path(), &["no complete checkpoint"]);
    cannot_resume(Run::new(raw()), &run.path().join("nowhere"), &["nowhere"]);
}

#[test]
fn a_checkpoint_without_all_its_parts_does_not_count() {
    let _alone = alone();
    for part in ["model", "optim", "scheduler"] {
        let (whole, parts) = (folder(), folder());
        let expected = Run::new(uncertainty()).epochs(3).fit(whole.path()).unwrap();
        Run::new(uncertainty()).fit(parts.path()).unwrap();
        let file = checkpoint::folder(parts.path()).join(format!("{part}-2.bpk"));
        std::fs::remove_file(file).unwrap();
        assert_eq!(checkpoint::latest(parts.path()).unwrap(), 1, "{part}");
        let resumed = Run::new(uncertainty())
            .epochs(3)
            .resume()
            .fit(parts.path())
            .unwrap();
        assert_eq!(rows(&resumed.history), rows(&expected.history), "{part}");
        assert_eq!(bits(&resumed.model), bits(&expected.model), "{part}");
    }
}

#[test]
fn a_damaged_checkpoint_is_an_error_that_names_the_file() {
    let _alone = alone();
    let run = folder();
    Run::new(uncertainty()).epochs(1).fit(run.path()).unwrap();
    for part in ["model", "optim", "scheduler"] {
        let name = format!("{part}-1.bpk");
        let file = checkpoint::folder(run.path()).join(&name);
        let whole = std::fs::read(&file).unwrap();
        let length = whole.len();
        // The last ones are padding in the file of a constant learning rate, which has no state.
        for length in [0, 1, 16, length / 3, length / 2, length - 7, length - 1] {
            std::fs::write(&file, &whole[..length]).unwrap();
            cannot_resume(Run::new(uncertainty()), run.path(), &[&name]);
        }
        std::fs::write(&file, "epoch,split,task\n".repeat(40)).unwrap();
        cannot_resume(Run::new(uncertainty()), run.path(), &[&name]);
        std::fs::write(&file, &whole).unwrap();
    }
    assert!(Run::new(uncertainty()).resume().fit(run.path()).is_ok());
}

#[test]
fn a_checkpoint_of_something_else_is_an_error() {
    let _alone = alone();
    let run = folder();
    Run::new(uncertainty()).epochs(1).fit(run.path()).unwrap();
    let wider = ExpansionModelConfig {
        hidden: 10,
        ..model_config()
    };
    let deeper = ExpansionModelConfig {
        layers: 2,
        ..model_config()
    };
    let scalar = ExpansionModelConfig {
        countdown: CountdownForm::Scalar,
        ..model_config()
    };
    for model in [wider, deeper, scalar] {
        let words = ["model-1.bpk", "network."];
        cannot_resume(Run::new(uncertainty()).model(model), run.path(), &words);
    }
    cannot_resume(
        Run::new(running_mean()),
        run.path(),
        &["model-1.bpk", "weighting"],
    );
}

#[test]
fn parts_of_a_checkpoint_in_each_others_place_are_an_error() {
    let _alone = alone();
    let run = folder();
    let cosine = || {
        let mut run = Run::new(uncertainty()).epochs(1);
        run.train.schedule = Schedule::Cosine;
        run
    };
    cosine().fit(run.path()).unwrap();
    let file = |name: &str| checkpoint::folder(run.path()).join(format!("{name}-1.bpk"));
    let whole = |name: &str| std::fs::read(file(name)).unwrap();
    let all = [whole("model"), whole("optim"), whole("scheduler")];
    let names = ["model", "optim", "scheduler"];
    for checksums in [true, false] {
        for (place, name) in names.iter().enumerate() {
            if !checksums {
                std::fs::remove_file(file(name).with_extension("bpk.crc32")).unwrap();
            }
            for (other, content) in all.iter().enumerate() {
                if other == place {
                    continue;
                }
                std::fs::write(file(name), content).unwrap();
                cannot_resume(cosine(), run.path(), &[&format!("{name}-1.bpk")]);
            }
            std::fs::write(file(name), &all[place]).unwrap();
        }
    }
    assert!(cosine().epochs(2).resume().fit(run.path()).is_ok());
}

/// What an interrupted call left of an epoch is replaced by the epoch, checksum and all.
#[test]
fn remains_of_an_epoch_are_in_nobodys_way() {
    let _alone = alone();
    let run = folder();
    Run::new(uncertainty()).epochs(1).fit(run.path()).unwrap();
    let file = |name: &str| checkpoint::folder(run.path()).join(name);
    std::fs::write(file("model-2.bpk"), "half of a file").unwrap();
    std::fs::write(file("model-2.bpk.crc32"), "00000000\n").unwrap();
    assert_eq!(checkpoint::latest(run.path()).unwrap(), 1);
    for epochs in [2, 3] {
        let resumed = Run::new(uncertainty()).epochs(epochs).resume();
        assert!(resumed.fit(run.path()).is_ok(), "{epochs}");
    }
}

#[test]
fn a_network_continues_under_any_strategy() {
    let _alone = alone();
    let (first, second) = (folder(), folder());
    let outcome = Run::new(uncertainty()).epochs(1).fit(first.path()).unwrap();
    let file = checkpoint::model_file(first.path(), 1);
    let mut next = Run::new(running_mean()).epochs(1);
    next.train.seed = 77;
    let fresh = next.network();
    assert_ne!(bits(&fresh), bits(&outcome.model.network));
    let loaded = checkpoint::load_network(fresh, &file, &[]).unwrap();
    assert_eq!(bits(&loaded), bits(&outcome.model.network));
    let batcher = batcher(&next.model);
    let continued = next.fit_with(second.path(), loaded, batcher).unwrap();
    assert_ne!(bits(&continued.model.network), bits(&outcome.model.network));
    let means = continued
        .history
        .get(1, Split::Train, "countdown", "running_mean");
    assert!(means.is_some_and(|mean| mean > 0.0));
}

#[test]
fn a_countdown_head_of_another_form_starts_anew_and_nothing_else() {
    let _alone = alone();
    let first = folder();
    let outcome = Run::new(uncertainty()).epochs(1).fit(first.path()).unwrap();
    let file = checkpoint::model_file(first.path(), 1);
    let mut scalar = Run::new(running_mean());
    // Projection and pooled width differ, so the head has another shape.
    scalar.model.countdown = CountdownForm::Scalar;
    scalar.train.seed = 77;
    let fresh = scalar.network();
    let error = checkpoint::load_network(fresh.clone(), &file, &[]).unwrap_err();
    assert!(matches!(error, Error::Checkpoint { .. }));
    assert!(error.to_string().contains("countdown"), "{error}");
    let loaded = checkpoint::load_network(fresh.clone(), &file, &["countdown"]).unwrap();
    let (fresh, trained) = (parameters(&fresh), parameters(&outcome.model.network));
    for (name, found) in parameters(&loaded) {
        let expected = if name.starts_with("countdown.") {
            &fresh[&name]
        } else {
            &trained[&name]
        };
        assert_eq!(found, *expected, "{name}");
    }
    let wider = ExpansionModelConfig {
        hidden: 10,
        ..model_config()
    };
    let wider = wider.init(&devices().remove(0).1).unwrap();
    for restart in [&[][..], &["countdown"]] {
        let Err(error) = checkpoint::load_network(wider.clone(), &file, restart) else {
            panic!("another trunk was loaded with {restart:?}")
        };
        assert!(
            error.to_string().contains("network.lstm"),
            "{restart:?}: {error}"
        );
    }
}

#[test]
fn the_seed_fixes_the_first_values_whenever_they_are_looked_at() {
    let _alone = alone();
    for (backend, device) in devices() {
        let config = ExpansionConfig {
            model: model_config(),
            ..ExpansionConfig::default()
        };
        let (first, _) = config.build(&device).unwrap();
        let (second, _) = config.build(&device).unwrap();
        assert_eq!(bits(&second), bits(&first), "{backend}");
        let mut other = config;
        other.train.seed += 1;
        let (other, _) = other.build(&device).unwrap();
        assert_ne!(bits(&other), bits(&first), "{backend}");
    }
}

#[test]
fn a_network_from_what_is_no_checkpoint_is_an_error() {
    let run = folder();
    let network = || model_config().init(&devices().remove(0).1).unwrap();
    let missing = run.path().join("missing.bpk");
    let text = run.path().join("text.bpk");
    std::fs::write(&text, "not a checkpoint at all").unwrap();
    for (file, name) in [(missing, "missing.bpk"), (text, "text.bpk")] {
        let error = checkpoint::load_network(network(), file, &[]).unwrap_err();
        assert!(matches!(error, Error::Checkpoint { .. }), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// Makes the pointers of some batches NaN, or stops the run at one of them. Batches that validate are not counted.
#[derive(Clone)]
struct Meddler {
    inner: ExpansionBatcher,
    seen: Arc<AtomicUsize>,
    /// Training batches, counted from 0, whose targets are broken.
    broken: Vec<usize>,
    stop: Option<(usize, Interrupter)>,
}

impl Meddler {
    fn new(broken: Vec<usize>) -> Self {
        Self {
            inner: batcher(&model_config()),
            seen: Arc::default(),
            broken,
            stop: None,
        }
    }
}

impl Batcher<Window, ExpansionBatch> for Meddler {
    fn batch(&self, windows: Vec<Window>, device: &Device) -> ExpansionBatch {
        let mut batch = self.inner.batch(windows, device);
        if !device.is_autodiff() {
            return batch;
        }
        let index = self.seen.fetch_add(1, Ordering::SeqCst);
        if self.broken.contains(&index) {
            batch.pointers = batch.pointers * f32::NAN;
        }
        if let Some((at, interrupter)) = &self.stop
            && *at == index
        {
            interrupter.stop(Some("enough"));
        }
        batch
    }
}

/// Steps in an epoch of the training data.
const STEPS: usize = 6;

#[test]
fn a_loss_that_is_not_finite_stops_the_run_by_task_name() {
    let _alone = alone();
    for strategy in [uncertainty(), running_mean()] {
        let run = folder();
        let fitted = Run::new(strategy.clone()).epochs(3);
        let network = fitted.network();
        // In the second epoch.
        let meddler = Meddler::new(vec![STEPS + 1]);
        let error = fitted.fit_with(run.path(), network, meddler).unwrap_err();
        match &error {
            Error::NonFiniteLoss {
                task,
                epoch,
                count,
                steps,
            } => {
                assert_eq!((task.as_str(), *epoch), ("pointers", 2));
                assert!((1..=*steps).contains(count) && *steps <= STEPS, "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert!(error.to_string().contains("`pointers`"), "{error}");
        // The state that was logged is finite, that of the broken epoch included.
        let history = History::read_csv(run.path().join("history.csv")).unwrap();
        let state = ["running_mean", "sigma"];
        let logged: Vec<_> = history
            .records()
            .iter()
            .filter(|r| state.contains(&r.quantity.as_str()))
            .collect();
        assert!(!logged.is_empty());
        assert!(
            logged.iter().all(|record| record.value.is_finite()),
            "{logged:?}"
        );
    }
}

#[test]
fn a_run_that_a_loss_stopped_resumes_from_before_it() {
    let _alone = alone();
    let (whole, broken) = (folder(), folder());
    let expected = Run::new(running_mean())
        .epochs(3)
        .fit(whole.path())
        .unwrap();
    let fitted = Run::new(running_mean()).epochs(3);
    let network = fitted.network();
    let meddler = Meddler::new(vec![STEPS + 1]);
    fitted
        .fit_with(broken.path(), network, meddler)
        .unwrap_err();
    let resumed = Run::new(running_mean())
        .epochs(3)
        .resume()
        .fit(broken.path())
        .unwrap();
    assert_eq!(rows(&resumed.history), rows(&expected.history));
    assert_eq!(bits(&resumed.model), bits(&expected.model));
}

#[test]
fn a_broken_step_leaves_the_state_of_the_strategy_alone() {
    let _alone = alone();
    for (backend, device) in devices() {
        let tracked = device.clone().autodiff();
        for strategy in [uncertainty(), running_mean()] {
            let network = without_dropout().init(&tracked).unwrap();
            let weighting = strategy.init(network.tasks(), &tracked).unwrap();
            let model = MultiTask::new(network, weighting);
            let windows: Vec<Window> = data().0.iter().take(BATCH).copied().collect();
            let clean = batcher(&model_config()).batch(windows, &tracked);
            TrainStep::step(&model, vec![clean.clone()]);
            let state = || {
                model
                    .weighting
                    .state()
                    .iter()
                    .flat_map(|v| v.read())
                    .collect::<Vec<_>>()
            };
            let before = state();
            let mut broken = clean;
            broken.pointers = broken.pointers * f32::NAN;
            let item = TrainStep::step(&model, vec![broken]).item;
            let place = format!("{} on {backend}", strategy.name());
            let named: Vec<bool> = item.non_finite.to_data().iter::<bool>().collect();
            assert_eq!(named, [false, true, false, false], "{place}");
            assert_eq!(values(&item.weights.unwrap())[1], 0.0, "{place}");
            assert!(values(&item.objective.unwrap())[0].is_finite(), "{place}");
            let after = state();
            assert!(after.iter().all(|v| v.is_finite()), "{place}");
            assert_eq!(after[1], before[1], "{place}");
        }
    }
}

#[test]
fn broken_steps_are_skipped_and_counted_where_that_is_the_policy() {
    let _alone = alone();
    for strategy in [uncertainty(), running_mean()] {
        let run = folder();
        let fitted = Run::new(strategy).policy(NonFinitePolicy::Skip);
        let network = fitted.network();
        let meddler = Meddler::new(vec![0, 3, STEPS + 2]);
        let outcome = fitted.fit_with(run.path(), network, meddler).unwrap();
        let get = |epoch, task, quantity| outcome.history.get(epoch, Split::Train, task, quantity);
        assert_eq!(get(1, "pointers", quantity::NON_FINITE_STEPS), Some(2.0));
        assert_eq!(get(2, "pointers", quantity::NON_FINITE_STEPS), Some(1.0));
        for task in ["type", "binary", "countdown"] {
            assert_eq!(get(1, task, quantity::NON_FINITE_STEPS), None);
        }
        for (name, table) in parameters(&outcome.model) {
            assert!(table.values.iter().all(|v| v.is_finite()), "{name}");
        }
        for record in outcome.history.records() {
            assert!(record.value.is_finite(), "{record:?}");
        }
    }
}

#[test]
fn a_skipped_step_moves_no_parameter() {
    let _alone = alone();
    let run = folder();
    let fitted = Run::new(uncertainty())
        .epochs(1)
        .policy(NonFinitePolicy::Skip);
    let network = fitted.network();
    let start = bits(&network);
    let meddler = Meddler::new((0..STEPS).collect());
    let outcome = fitted.fit_with(run.path(), network, meddler).unwrap();
    assert_eq!(bits(&outcome.model.network), start);
}

#[test]
fn an_interrupted_run_says_why_and_resumes_to_the_bit() {
    let _alone = alone();
    let (whole, parts) = (folder(), folder());
    let expected = Run::new(uncertainty()).epochs(3).fit(whole.path()).unwrap();
    let fitted = Run::new(uncertainty()).epochs(3);
    let network = fitted.network();
    let mut meddler = Meddler::new(vec![]);
    meddler.stop = Some((STEPS + 2, fitted.interrupter.clone()));
    let seen = meddler.seen.clone();
    let stopped = fitted.fit_with(parts.path(), network, meddler).unwrap();
    assert_eq!(stopped.stopped.as_deref(), Some("enough"));
    assert!(
        seen.load(Ordering::SeqCst) < 2 * STEPS,
        "it stopped within the epoch"
    );
    assert_eq!(checkpoint::latest(parts.path()).unwrap(), 1);
    // What was seen of the unfinished epoch is in no checkpoint, so it is in no history.
    assert_eq!(stopped.history.last_epoch(), 1);
    let written = History::read_csv(parts.path().join("history.csv")).unwrap();
    assert_eq!(rows(&written), rows(&stopped.history));
    assert_eq!(stopped.best_epoch, Some(1));
    let resumed = Run::new(uncertainty())
        .epochs(3)
        .resume()
        .fit(parts.path())
        .unwrap();
    assert_eq!(rows(&resumed.history), rows(&expected.history));
    assert_eq!(bits(&resumed.model), bits(&expected.model));
}

#[test]
fn a_run_that_ended_before_its_first_checkpoint_can_be_started_again() {
    let _alone = alone();
    let run = folder();
    let first = Run::new(uncertainty());
    let network = first.network();
    let mut meddler = Meddler::new(vec![]);
    meddler.stop = Some((1, first.interrupter.clone()));
    let stopped = first.fit_with(run.path(), network, meddler).unwrap();
    assert_eq!(stopped.history.last_epoch(), 0);
    assert!(checkpoint::latest(run.path()).is_err());
    let again = Run::new(uncertainty()).fit(run.path()).unwrap();
    assert_eq!(again.history.last_epoch(), 2);
}

#[test]
fn all_checkpoints_are_kept_if_that_is_asked_for() {
    let _alone = alone();
    let run = folder();
    let mut all = Run::new(raw()).epochs(4);
    all.train.keep_checkpoints = usize::MAX;
    all.fit(run.path()).unwrap();
    for epoch in 1..=4 {
        assert!(
            checkpoint::model_file(run.path(), epoch).exists(),
            "epoch {epoch}"
        );
    }
}

#[test]
fn a_run_that_ran_out_of_patience_stays_as_it_is_when_resumed() {
    let _alone = alone();
    let run = folder();
    let still = || {
        let mut still = Run::new(raw()).epochs(9);
        still.train.learning_rate = 1e-30;
        still.train.patience = Some(2);
        still
    };
    let ended = still().fit(run.path()).unwrap();
    let resumed = still().resume().fit(run.path()).unwrap();
    assert_eq!(rows(&resumed.history), rows(&ended.history));
}

#[test]
fn patience_ends_a_run_that_gets_no_better() {
    let _alone = alone();
    let run = folder();
    let mut still = Run::new(raw()).epochs(9);
    still.train.learning_rate = 1e-30;
    still.train.patience = Some(2);
    let outcome = still.fit(run.path()).unwrap();
    assert_eq!(
        (outcome.best_epoch, outcome.history.last_epoch()),
        (Some(1), 3)
    );
    let reason = outcome.stopped.unwrap();
    assert!(reason.contains("2 epochs"), "{reason}");
}

#[test]
fn the_last_checkpoints_and_the_best_are_kept() {
    let _alone = alone();
    let run = folder();
    let mut still = Run::new(raw()).epochs(5);
    // Nothing gets better, so the first epoch is the best.
    still.train.learning_rate = 1e-30;
    still.fit(run.path()).unwrap();
    let kept: BTreeSet<String> = std::fs::read_dir(checkpoint::folder(run.path()))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = [1, 4, 5].iter().flat_map(|epoch| {
        ["model", "optim", "scheduler"].map(|part| format!("{part}-{epoch}.bpk"))
    });
    let expected = expected.flat_map(|name| [format!("{name}.crc32"), name]);
    let seals = [1, 4, 5].map(|epoch| format!("epoch-{epoch}.json"));
    assert_eq!(kept, expected.chain(seals).collect());
}

#[test]
fn a_config_that_cannot_be_is_refused_by_field() {
    let run = folder();
    type Change = fn(&mut TrainConfig);
    let cases: [(&str, Change); 14] = [
        ("epochs", |c| c.epochs = 0),
        ("batch_size", |c| c.batch_size = 0),
        ("keep_checkpoints", |c| c.keep_checkpoints = 1),
        ("learning_rate", |c| c.learning_rate = 1.5),
        // These are 1, 0 and infinite in single precision.
        ("beta_2", |c| c.beta_2 = 0.99999999),
        ("epsilon", |c| c.epsilon = 1e-46),
        ("weight_decay", |c| c.weight_decay = 1e39),
        ("patience", |c| c.patience = Some(0)),
        ("learning_rate", |c| c.learning_rate = f64::NAN),
        ("weighting_learning_rate", |c| {
            c.weighting_learning_rate = Some(0.0);
        }),
        ("epsilon", |c| c.epsilon = -1.0),
        ("clip_norm", |c| c.clip_norm = Some(f64::INFINITY)),
        ("beta_2", |c| c.beta_2 = 1.0),
        ("weight_decay", |c| c.weight_decay = -0.1),
    ];
    for (field, change) in cases {
        let mut config = TrainConfig::default();
        change(&mut config);
        match Trainer::<ExpansionModel>::new(config, run.path()) {
            Err(Error::Setting { field: named, .. }) => assert_eq!(named, field),
            Err(other) => panic!("{field}: {other}"),
            Ok(_) => panic!("{field} was accepted"),
        }
    }
}

/// An audit runs the heads again, dropout included, and must not be seen in anything but its own records.
#[test]
fn audits_change_nothing_in_the_training() {
    let _alone = alone();
    let run = |every: Option<usize>| {
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::new(uncertainty());
        run.train.audit_every = every;
        let outcome = run.fit(folder.path()).unwrap();
        let of_audits = |name: &str| {
            let others = [quantity::REACH, quantity::AUDITS];
            name.contains("gradient_") || name.starts_with("cosine_") || others.contains(&name)
        };
        let mut all = rows(&outcome.history);
        let before = all.len();
        all.retain(|(_, _, _, name, _)| !of_audits(name));
        (bits(&outcome.model), all.clone(), before - all.len())
    };
    let (without, history, nothing) = run(None);
    assert_eq!(nothing, 0);
    let (with, audited, records) = run(Some(2));
    assert_eq!(with, without);
    assert_eq!(audited, history);
    // Norm, share and audits of four tasks, six angles and the reach, in two epochs.
    assert_eq!(records, 2 * (3 * 4 + 6 + 1));
    let folder = tempfile::tempdir().unwrap();
    let mut refused = Run::new(uncertainty());
    refused.train.audit_every = Some(0);
    let error = refused.fit(folder.path()).unwrap_err().to_string();
    assert!(error.contains("audit_every"), "{error}");
}

/// Six steps an epoch, audited every fourth: the count goes on over epochs and over a resume.
#[test]
fn audits_go_on_counting_after_a_resume() {
    let _alone = alone();
    let run = |epochs: &[usize]| {
        let folder = tempfile::tempdir().unwrap();
        let mut all = Vec::new();
        for (part, epochs) in epochs.iter().enumerate() {
            let mut run = Run::new(running_mean()).epochs(*epochs);
            run.train.audit_every = Some(4);
            run.resume = part > 0;
            all = rows(&run.fit(folder.path()).unwrap().history);
        }
        all
    };
    assert_eq!(run(&[3]), run(&[1, 3]));
}

#[test]
fn shares_add_up_and_what_was_intended_is_filed() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let history = Run::new(running_mean()).fit(folder.path()).unwrap().history;
    let last = |task, name| history.last(Split::Train, task, name).unwrap();
    let shares: f64 = TASKS
        .iter()
        .map(|task| last(task, quantity::GRADIENT_SHARE))
        .sum();
    assert_close("shares", shares, 1.0, 1e-6, 0.0);
    for (task, weight) in TASKS.iter().zip([0.1, 0.7, 0.1, 0.1]) {
        let intended = history.get(0, Split::Train, task, quantity::INTENDED_SHARE);
        assert_close(task, intended.unwrap(), weight, 1e-6, 0.0);
    }
    let learned = tempfile::tempdir().unwrap();
    let history = Run::new(uncertainty()).fit(learned.path()).unwrap().history;
    assert_eq!(
        history.get(0, Split::Train, "type", quantity::INTENDED_SHARE),
        None
    );
}
