//! From a network, a strategy and data to a trained network: sets up Burn's learner and takes care of the folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use burn::module::{Module, ParamGroup};
use burn::optim::lr_scheduler::composed::ComposedLrSchedulerConfig;
use burn::optim::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::optim::lr_scheduler::module_lr_scheduler::{ModuleLrScheduler, ModuleLrSchedulerConfig};
use burn::optim::lr_scheduler::{LrSchedulerConfig, LrSchedulerRecord};
use burn::optim::{AdamWConfig, ModuleOptimizer};
use burn::tensor::Device;
use burn::train::logger::InMemoryMetricLogger;
use burn::train::metric::store::EventStoreClient;
use burn::train::{
    EarlyStoppingStrategy, ExecutionStrategy, Interrupter, Learner, SupervisedTraining,
};

use super::Baseline;
use super::checkpoint::{self, LastAndBest, WholeFiles};
use super::config::{NonFinitePolicy, Schedule, TrainConfig};
use super::journal::Journal;
use super::loader::{EpochLoader, Order};
use super::recorder::Recorder;
use super::step::{Clock, MultiTask, StepOptions};
use super::terminal::Progress;
use super::tracker::Tracker;
use crate::error::{Error, Result};
use crate::history::{History, Split};
use crate::model::MultiTaskModel;
use crate::weighting::Strategy;

/// What a training run ends with.
#[derive(Clone, Debug)]
pub struct Outcome<M: MultiTaskModel> {
    /// The network and the strategy after the last epoch, in validation mode.
    pub model: MultiTask<M>,
    /// Everything that was recorded, what came before a resume included.
    pub history: History,
    /// The epoch with the smallest relative validation loss; its checkpoint is kept.
    pub best_epoch: Option<usize>,
    /// Why the run ended before its last epoch, if it did.
    pub stopped: Option<String>,
}

type Registration<M> =
    Box<dyn FnOnce(SupervisedTraining<MultiTask<M>>) -> SupervisedTraining<MultiTask<M>>>;

/// Trains a [`MultiTaskModel`] under any [`Strategy`].
///
/// Epochs are counted from 1. The folder is made if it does not exist; history and checkpoints of an earlier run in it
/// are continued with [`resume`](Self::resume) and refused without.
pub struct Trainer<M: MultiTaskModel> {
    config: TrainConfig,
    directory: PathBuf,
    baselines: Vec<Baseline>,
    progress: Progress,
    interrupter: Interrupter,
    resume: bool,
    metrics: Registration<M>,
}

impl<M: MultiTaskModel> Trainer<M> {
    /// A trainer that writes to `directory`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the field of the config that has a value it cannot have.
    pub fn new(config: TrainConfig, directory: impl AsRef<Path>) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            config,
            directory: directory.as_ref().to_path_buf(),
            baselines: Vec::new(),
            progress: Progress::default(),
            interrupter: Interrupter::new(),
            resume: false,
            metrics: Box::new(|training| training),
        })
    }

    /// Gives what trivial predictors reach, so that skill is recorded beside every loss.
    pub fn with_baselines(mut self, baselines: Vec<Baseline>) -> Self {
        self.baselines = baselines;
        self
    }

    /// Sets what is shown.
    pub fn with_progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Continues from the newest complete checkpoint in the folder.
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Registers metrics of the domain. A numeric metric called `task/quantity` is filed in the history under these
    /// names, any other under the task `all`.
    pub fn with_metrics(
        mut self,
        register: impl FnOnce(SupervisedTraining<MultiTask<M>>) -> SupervisedTraining<MultiTask<M>>
        + 'static,
    ) -> Self {
        self.metrics = Box::new(register);
        self
    }

    /// Listens to a handle made elsewhere.
    pub fn with_interrupter(mut self, interrupter: Interrupter) -> Self {
        self.interrupter = interrupter;
        self
    }

    /// Makes the folder and sees that it is free for a new run, or holds one to resume. [`fit`](Self::fit) does so too; a
    /// program that writes files of its own there asks first.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder cannot be made, [`Error::File`] if it holds another run, [`Error::Checkpoint`] if there
    /// is nothing to resume.
    pub fn claim(&self) -> Result<()> {
        let folder = checkpoint::folder(&self.directory);
        if self.resume {
            return checkpoint::latest(&self.directory).map(|_| ());
        }
        checkpoint::check_free(&self.directory)?;
        std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))
    }

    fn history_file(&self) -> PathBuf {
        self.directory.join("history.csv")
    }

    /// A handle that stops the training at the next step. The epoch it stops in is lost; a resume repeats it.
    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// Trains on `device` (with autodiff or without, both mean the same) and validates after every epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder cannot be written, [`Error::File`] if it holds another run, [`Error::Checkpoint`] if
    /// there is nothing to resume or it does not fit, [`Error::NonFiniteLoss`] if a loss was not finite and the policy is
    /// to stop, [`Error::Training`] if the backend failed.
    pub fn fit<I>(
        self,
        network: M,
        weighting: Strategy,
        train: impl Dataset<I> + 'static,
        valid: impl Dataset<I> + 'static,
        batcher: impl Batcher<I, M::Batch> + Clone + 'static,
        device: &Device,
    ) -> Result<Outcome<M>>
    where
        I: Clone + Send + Sync + 'static,
    {
        self.config.check_observed(&weighting)?;
        self.claim()?;
        let per_epoch = train.len().div_ceil(self.config.batch_size);
        let steps = per_epoch.saturating_mul(self.config.epochs);
        let tasks = network.tasks().clone();
        let model = MultiTask::new(network, weighting)
            .train()
            .fork(&device.clone().autodiff())
            .with_options(StepOptions {
                clip_norm: self.config.clip_norm,
                non_finite: self.config.non_finite,
                ..StepOptions::default()
            });
        let mut start = self.start(model.clone(), steps)?;
        let done = per_epoch * start.epoch;
        let clock = Clock::new(self.config.audit_every, per_epoch, done);
        start.model.set_clock(clock);
        let first = start.epoch + 1;
        let history = start.history.clone();
        let journal = Journal::new(tasks, history, self.history_file());
        {
            let mut entries = journal.lock();
            entries.epoch = first;
            entries.record_baselines(&self.baselines);
            entries.record_intended(start.model.weighting.intended());
            entries.write()?;
        }
        if start.epoch >= self.config.epochs || self.out_of_patience(&journal, start.epoch) {
            return Ok(finished(start.model, &journal));
        }
        let loader = |order, device: &Device, data: Arc<dyn Dataset<I>>| {
            let size = self.config.batch_size;
            EpochLoader::new(Shared(data), batcher.clone(), size, order, device).starting_at(first)
        };
        let seed = self.config.seed;
        let order = Order::Shuffled { seed };
        let train = loader(order, &device.clone().autodiff(), Arc::new(train));
        let valid = loader(Order::Sequential, &device.clone().inner(), Arc::new(valid));
        self.run(start, journal, train, valid, device)
    }

    fn run<I>(
        mut self,
        start: Start<M>,
        journal: Journal,
        train: EpochLoader<I, M::Batch>,
        valid: EpochLoader<I, M::Batch>,
        device: &Device,
    ) -> Result<Outcome<M>>
    where
        I: Clone + Send + Sync + 'static,
    {
        let folder = checkpoint::folder(&self.directory);
        let samples = [train.num_items(), valid.num_items()];
        let stop = self.config.non_finite == NonFinitePolicy::Stop;
        let watch = stop.then(|| self.interrupter.clone());
        let strategy = start.model.weighting.name().to_string();
        let mut training =
            SupervisedTraining::new(&self.directory, Arc::new(train), Arc::new(valid))
                .num_epochs(self.config.epochs)
                // Burn's own would claim the logging of the whole process for this folder.
                .with_application_logger(None)
                .with_interrupter(self.interrupter.clone())
                .with_metric_logger(InMemoryMetricLogger::new())
                .renderer(Box::new(Recorder::new(
                    journal.clone(),
                    self.interrupter.clone(),
                    self.progress,
                    samples,
                )))
                .with_custom_checkpointers(
                    WholeFiles::new(&folder, "model"),
                    WholeFiles::new(&folder, "optim"),
                    WholeFiles::new(&folder, "scheduler"),
                )
                .with_checkpointing_strategy(LastAndBest {
                    journal: journal.clone(),
                    keep: self.config.keep_checkpoints,
                    run: self.directory.clone(),
                })
                .with_training_strategy(ExecutionStrategy::single(device.clone()).into())
                .metric_train(Tracker::new(
                    Split::Train,
                    journal.clone(),
                    watch.clone(),
                    &strategy,
                ))
                .metric_valid(Tracker::new(
                    Split::Valid,
                    journal.clone(),
                    watch,
                    &strategy,
                ));
        if start.epoch > 0 {
            training = training.checkpoint(start.epoch);
        }
        if let Some(patience) = self.config.patience {
            let journal = journal.clone();
            training = training.early_stopping(Patience { journal, patience });
        }
        let learner = Learner::new(start.model, start.optimizer, start.scheduler);
        let register = std::mem::replace(&mut self.metrics, Box::new(|training| training));
        let result = register(training).launch(learner);

        let mut entries = journal.lock();
        let failure = entries.failure.take();
        if failure.is_some() || result.error.is_some() || result.interrupted.is_some() {
            // What was filed of the epoch that was not finished belongs to no checkpoint.
            let kept = checkpoint::latest(&self.directory).unwrap_or(0);
            entries.history.truncate_after(kept);
            entries.write()?;
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        if let Some(error) = result.error {
            return Err(Error::Training {
                reason: error.to_string(),
            });
        }
        drop(entries);
        let mut outcome = finished(result.model, &journal);
        outcome.stopped = self.why_stopped(&outcome.history, result.interrupted);
        Ok(outcome)
    }

    /// Whether the run had stopped before it was resumed.
    fn out_of_patience(&self, journal: &Journal, epoch: usize) -> bool {
        let best = journal.lock().best_epoch();
        match (self.config.patience, best) {
            (Some(patience), Some(best)) => epoch >= best.saturating_add(patience),
            _ => false,
        }
    }

    fn why_stopped(
        &self,
        history: &History,
        interruption: Option<burn::train::Interruption>,
    ) -> Option<String> {
        let last = history.last_epoch();
        match interruption {
            // It came when there was nothing left to stop.
            _ if last >= self.config.epochs => None,
            Some(interruption) => Some(
                interruption
                    .reason
                    .unwrap_or_else(|| "interrupted".to_string()),
            ),
            None => Some(format!(
                "no better validation loss for {} epochs",
                self.config.patience.unwrap_or_default()
            )),
        }
    }

    /// What the run starts with: fresh, or a checkpoint that has been read and checked as a whole.
    fn start(&self, model: MultiTask<M>, steps: usize) -> Result<Start<M>> {
        let fresh = Start {
            epoch: 0,
            history: History::new(),
            optimizer: self.optimizer(),
            scheduler: self.scheduler(steps)?,
            model,
        };
        if !self.resume {
            return Ok(fresh);
        }
        let epoch = checkpoint::latest(&self.directory)?;
        let loaded = checkpoint::load(&self.directory, epoch)?;
        let mut history = History::read_csv(self.history_file())?;
        history.truncate_after(epoch);
        let own = fresh
            .model
            .weighting
            .check_record(&loaded.model, &["weighting"]);
        own.map_err(|error| Error::Checkpoint {
            path: checkpoint::model_file(&self.directory, epoch),
            reason: error.to_string(),
        })?;
        let fits = |error: burn::store::RecordError| Error::Checkpoint {
            path: checkpoint::model_file(&self.directory, epoch),
            reason: format!("{error}; resume with the config it was made with"),
        };
        // These two take what they understand of a record and leave out the rest without a word.
        let foreign = |part| Error::Checkpoint {
            path: checkpoint::part_file(&checkpoint::folder(&self.directory), part, epoch),
            reason: "does not hold the state of this run; resume with the config it was made with"
                .into(),
        };
        let moments = loaded.optimizer.len();
        let optimizer = fresh.optimizer.load_record(loaded.optimizer);
        if optimizer.to_record().len() != moments {
            return Err(foreign("optim"));
        }
        let rates = bytes(loaded.scheduler.clone());
        let scheduler = fresh.scheduler.load_record(loaded.scheduler);
        if bytes(scheduler.to_record()) != rates {
            return Err(foreign("scheduler"));
        }
        Ok(Start {
            epoch,
            history,
            model: fresh.model.try_load_record(loaded.model).map_err(fits)?,
            optimizer,
            scheduler,
        })
    }

    /// AdamW for the network; the strategy's own group has no weight decay.
    fn optimizer(&self) -> ModuleOptimizer {
        let config = |decay: f64| {
            AdamWConfig::new()
                .with_beta_1(self.config.beta_1 as f32)
                .with_beta_2(self.config.beta_2 as f32)
                .with_epsilon(self.config.epsilon as f32)
                .with_weight_decay(decay as f32)
        };
        let network = config(self.config.weight_decay).init();
        network.with_group(weighting_group(), config(0.0).build(), None)
    }

    fn scheduler(&self, steps: usize) -> Result<ModuleLrScheduler> {
        let network = self.config.learning_rate;
        let weighting = self.config.weighting_learning_rate.unwrap_or(network);
        let cosine = |rate| CosineAnnealingLrSchedulerConfig::new(rate, steps.max(1));
        let schedule = |rate: f64| match self.config.schedule {
            Schedule::Constant => LrSchedulerConfig::Constant(rate),
            Schedule::Cosine => cosine(rate).into(),
            Schedule::OneCycle => ComposedLrSchedulerConfig::new()
                .cosine(cosine(rate))
                .linear(LinearLrSchedulerConfig::new(
                    0.04,
                    1.0,
                    steps.div_ceil(10).max(1),
                ))
                .into(),
        };
        ModuleLrSchedulerConfig::new(schedule(network))
            .with_group(weighting_group(), schedule(weighting))
            .init()
            .map_err(|reason| Error::setting("learning_rate", network, reason))
    }
}

/// The strategy's learnable weights, by their path in [`MultiTask`].
fn weighting_group() -> ParamGroup {
    ParamGroup::from_regex(r"^weighting(\.|$)").expect("the pattern is valid")
}

fn bytes(record: LrSchedulerRecord) -> Option<Vec<u8>> {
    record.into_bytes().ok().map(|bytes| bytes.to_vec())
}

struct Start<M: MultiTaskModel> {
    epoch: usize,
    history: History,
    model: MultiTask<M>,
    optimizer: ModuleOptimizer,
    scheduler: ModuleLrScheduler,
}

fn finished<M: MultiTaskModel>(model: MultiTask<M>, journal: &Journal) -> Outcome<M> {
    let entries = journal.lock();
    Outcome {
        model: model.valid(),
        history: entries.history.clone(),
        best_epoch: entries.best_epoch(),
        stopped: None,
    }
}

/// A dataset behind a pointer, which Burn's trait is not implemented for.
struct Shared<I>(Arc<dyn Dataset<I>>);

impl<I: Send + Sync> Dataset<I> for Shared<I> {
    fn get(&self, index: usize) -> Result<I, burn::data::dataset::DatasetError> {
        self.0.get(index)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// Stops when the relative validation loss has not become better for some epochs. Reads the history, so a resumed run
/// stops where an uninterrupted one would.
#[derive(Clone)]
struct Patience {
    journal: Journal,
    patience: usize,
}

impl EarlyStoppingStrategy for Patience {
    fn should_stop(&mut self, epoch: usize, _store: &EventStoreClient) -> bool {
        // Without any validation label there is nothing to lose patience with.
        let best = self.journal.lock().best_epoch();
        best.is_some_and(|best| epoch >= best.saturating_add(self.patience))
    }
}
