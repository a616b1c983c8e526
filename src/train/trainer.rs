//! Trains a network under a strategy: sets up Burn's learner and manages the folder of the run.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::data::dataloader::DataLoader;
use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use burn::module::{Module, ParamId};
use burn::optim::ModuleOptimizer;
use burn::optim::lr_scheduler::LrSchedulerRecord;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::tensor::{Device, Tensor};
use burn::train::metric::store::EventStoreClient;
use burn::train::{
    EarlyStoppingStrategy, ExecutionStrategy, Interrupter, Learner, SupervisedTraining,
};

use super::Baseline;
use super::checkpoint::{self, LastAndBest, WholeFiles};
use super::clock::Clock;
use super::config::{NonFinitePolicy, TrainConfig};
use super::data::{Data, EpochLoader, Groups, Source};
use super::devices::Devices;
use super::gradients::Clipping;
use super::hooks::{EpochHook, EpochSeen, StepHook, StepSeen, any};
use super::journal::{Journal, JournalEntries};
use super::last_epoch_log::LastEpochLog;
use super::lock::FolderLock;
use super::mean_metric::{MeanMetric, ValuesOf};
use super::recorder::Recorder;
use super::saves::Saves;
use super::step::{MultiTask, StepOptions};
use super::step_hooks::StepHooks;
use super::terminal::{Progress, Screen};
use super::tracker::Tracker;
use super::{part, schedule, settings_file, uninformed, watch};
use crate::atomic::create_folders;
use crate::error::{Error, Result};
use crate::history::{History, Split, quantity};
use crate::model::MultiTaskModel;
use crate::weighting::Strategy;

/// The least number of validation samples for an interval of the skill.
const FEW_VALIDATE: usize = 50;
/// The least number of batches that the validation data are cut into, if there are as many samples.
const VALIDATION_BATCHES: usize = 20;

/// The result of a training run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome<M: MultiTaskModel> {
    /// The network and the strategy after the last epoch, in validation mode, on the device without autodiff.
    /// [`Module::train`] switches them back to training.
    ///
    /// [`Module::train`]: burn::module::Module::train
    pub model: MultiTask<M>,
    /// Everything that was recorded, including the epochs before a resume.
    pub history: History,
    /// The epoch with the smallest relative validation loss, or with the best watched value; its checkpoint is kept.
    pub best_epoch: Option<usize>,
    /// The reason why the run ended before its last epoch, if it did.
    pub stopped: Option<String>,
    /// The folder of the run.
    pub directory: PathBuf,
}

impl<M: MultiTaskModel> Outcome<M> {
    /// Reads the network of the best epoch from its checkpoint; returns the network of the last epoch if no best epoch
    /// is known.
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`] if the file is missing, damaged or holds another network; [`Error::Io`] if its checksum
    /// cannot be read.
    pub fn best_network(&self) -> Result<M> {
        // Not a clone: a clone would share running statistics with this model.
        let network = self.model.network.valid();
        match self.best_epoch {
            Some(best) => {
                let file = checkpoint::model_file(&self.directory, best);
                checkpoint::load_network(network, file, &[])
            }
            None => Ok(network),
        }
    }
}

type Registration<M> =
    Box<dyn FnOnce(SupervisedTraining<MultiTask<M>>) -> SupervisedTraining<MultiTask<M>>>;

/// Trains a [`MultiTaskModel`] under any [`Strategy`].
///
/// Epochs are counted from 1. The folder is created if it does not exist. History and checkpoints of an earlier run in
/// the folder are continued with [`resume`](Self::resume) and refused without it.
pub struct Trainer<M: MultiTaskModel> {
    config: TrainConfig,
    directory: PathBuf,
    baselines: Vec<Baseline>,
    baseline_data: Option<Arc<dyn Source<M::Batch>>>,
    references: Vec<(String, f64)>,
    batches_ahead: usize,
    more_devices: Vec<Device>,
    progress: Progress,
    interrupter: Interrupter,
    begin: Begin,
    metrics: Registration<M>,
    means: Vec<(String, ValuesOf<M::Evaluation>)>,
    optimizer: Option<ModuleOptimizer>,
    schedule: Option<ModuleLrScheduler>,
    step_hooks: Vec<StepHook<M>>,
    epoch_hooks: Vec<EpochHook<M>>,
    lock: OnceLock<FolderLock>,
}

/// How a run treats its folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    New,
    Resume,
    Either,
}

impl<M: MultiTaskModel> Trainer<M> {
    /// Creates a trainer that writes to `directory`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first field of the config with an invalid value.
    pub fn new(config: TrainConfig, directory: impl AsRef<Path>) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            config,
            directory: directory.as_ref().to_path_buf(),
            baselines: Vec::new(),
            baseline_data: None,
            references: Vec::new(),
            batches_ahead: 0,
            more_devices: Vec::new(),
            progress: Progress::default(),
            interrupter: Interrupter::new(),
            begin: Begin::New,
            metrics: Box::new(|training| training),
            means: Vec::new(),
            optimizer: None,
            schedule: None,
            step_hooks: Vec::new(),
            epoch_hooks: Vec::new(),
            lock: OnceLock::new(),
        })
    }

    /// Sets the losses of trivial predictors other than the uninformed ones that the trainer fits itself
    /// ([`TrainConfig::baseline`]), such as the last value seen or a hand-written rule.
    pub fn with_baselines(mut self, baselines: Vec<Baseline>) -> Self {
        self.baselines = baselines;
        self
    }

    /// Fits the uninformed predictors to other data than the training data. Other data are needed where some training
    /// samples are copies, or are drawn more often than others, and the validation data are not.
    pub fn with_baseline_data(mut self, data: impl Source<M::Batch>) -> Self {
        self.baseline_data = Some(Arc::new(data));
        self
    }

    /// Sets the value that a metric called `task/quantity` reaches on the validation data without inputs, such as the
    /// accuracy of the most frequent class. The value is recorded as epoch 0 and drawn as a line in the report.
    ///
    /// # Panics
    ///
    /// If the quantity is one that training records itself, such as `loss`.
    pub fn with_reference(mut self, name: &str, value: f64) -> Self {
        let own = name.split_once('/').map_or(name, |(_, quantity)| quantity);
        assert!(
            !quantity::is_recorded(own),
            "the reference `{name}` would replace `{own}`, which training records itself"
        );
        self.references.push((name.into(), value));
        self
    }

    /// Sets how many batches a separate thread makes ahead while a step runs. Default 0: every batch is made when a
    /// step needs it.
    ///
    /// The order and the values of the batches stay the same. The thread helps where a step leaves the processor idle,
    /// mostly on a GPU. Batches that are drawn from the device's generator ([`Tensor::random`]) must not be made
    /// ahead: the generator is seeded for the step that uses a batch, and the thread would draw at an arbitrary time.
    ///
    /// [`Tensor::random`]: burn::tensor::Tensor::random
    pub fn with_batches_ahead(mut self, batches: usize) -> Self {
        self.batches_ahead = batches;
        self
    }

    /// Trains on further devices beside the main device, which is passed to [`fit`](Self::fit).
    ///
    /// With n devices, a step takes n batches of [`batch_size`](TrainConfig::batch_size) samples, one for each device,
    /// and an epoch has n times fewer steps. The losses are combined on the main device as means over all labels (over
    /// all samples if neither the losses nor [`MultiTaskModel::labels`] give the number of labels). The strategy weighs
    /// them there once, and the gradients of the devices are added up. If losses are means, a step equals that of one
    /// device with one batch of all the samples, under every strategy, except for rounding and random numbers;
    /// strategies from the Gram matrix receive the Gram matrix of the whole batch. A loss that compares the samples of
    /// a batch with each other compares only the samples on its device. The memory of the strategy, the optimizer and
    /// the validation stay on the main device.
    ///
    /// In every step the network is copied to the other devices and the gradients are copied back, so expect a gain
    /// only if a batch keeps a device busy for much longer than the copies take. One thread drives all devices.
    /// [`Source::pass`] is called for every batch.
    ///
    /// A device may be listed several times; its batches run one after another, and batch normalisation normalises each
    /// batch separately. On different devices [`fit`](Self::fit) refuses batch normalisation, with the path of the
    /// layer, because copies of a network share its running statistics.
    ///
    /// # Example
    ///
    /// ```
    /// # use equipoise::model::MultiTaskModel;
    /// # use equipoise::train::Trainer;
    /// use burn::tensor::Device;
    ///
    /// /// Trains on all devices of a list; the first one is for `fit`.
    /// fn on_all<M: MultiTaskModel>(trainer: Trainer<M>, devices: &[Device]) -> Trainer<M> {
    ///     trainer.with_more_devices(devices[1..].to_vec())
    /// }
    /// ```
    pub fn with_more_devices(mut self, devices: impl IntoIterator<Item = Device>) -> Self {
        self.more_devices = devices.into_iter().collect();
        self
    }

    /// Sets the progress output.
    pub fn with_progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Sets whether to continue from the newest complete checkpoint in the folder. Default `false`.
    ///
    /// The settings must be those that the run began with; only `epochs`, `patience`, `watch`, `keep_checkpoints`,
    /// `baseline` and `non_finite` may differ. A run with all its epochs is read and not trained further.
    pub fn resume(mut self, resume: bool) -> Self {
        self.begin = if resume { Begin::Resume } else { Begin::New };
        self
    }

    /// Continues from the newest complete checkpoint in the folder, or begins a new run if there is none. A run with
    /// all its epochs is read and not trained further.
    pub fn new_or_resume(mut self) -> Self {
        self.begin = Begin::Either;
        self
    }

    /// Trains the network with any optimizer of Burn instead of AdamW. The settings of AdamW then apply only to the
    /// learnable values of the strategy, which have their own parameter group.
    ///
    /// Parts that need another optimizer are groups of `optimizer`, with paths that begin with `network.`.
    pub fn with_optimizer(mut self, optimizer: impl Into<ModuleOptimizer>) -> Self {
        self.optimizer = Some(optimizer.into());
        self
    }

    /// Sets the learning rate of the network by any schedule of Burn, which advances with every step of the optimizer.
    ///
    /// The learning rates of parts change in proportion: by the ratio of their rate in the settings to
    /// [`learning_rate`](TrainConfig::learning_rate). The strategy keeps the rate and the schedule of the settings,
    /// which then apply to nothing else.
    pub fn with_schedule(mut self, schedule: impl Into<ModuleLrScheduler>) -> Self {
        self.schedule = Some(schedule.into());
        self
    }

    /// Calls a function after each step of the optimizer. `Break` stops the run with a reason; the epoch in progress is
    /// lost, as after an interrupt.
    ///
    /// # Example
    ///
    /// ```
    /// # use equipoise::model::MultiTaskModel;
    /// # use equipoise::train::Trainer;
    /// use std::ops::ControlFlow;
    ///
    /// fn at_most<M: MultiTaskModel>(trainer: Trainer<M>, steps: usize) -> Trainer<M> {
    ///     trainer.on_step(move |seen| match seen.step {
    ///         step if step >= steps => ControlFlow::Break(format!("{steps} steps were allowed")),
    ///         _ => ControlFlow::Continue(()),
    ///     })
    /// }
    /// ```
    pub fn on_step(
        mut self,
        hook: impl FnMut(StepSeen<'_, M>) -> ControlFlow<String> + Send + 'static,
    ) -> Self {
        self.step_hooks.push(Box::new(hook));
        self
    }

    /// Calls a function after each epoch. The checkpoint of the epoch is then being written; the checkpoint of the
    /// previous epoch is complete. `Break` stops the run with a reason; a later resume continues the run.
    ///
    /// # Example
    ///
    /// ```
    /// # use equipoise::model::MultiTaskModel;
    /// # use equipoise::train::Trainer;
    /// use std::ops::ControlFlow;
    ///
    /// use equipoise::history::{Split, quantity};
    ///
    /// /// Stops once the loss of a task is small enough.
    /// fn until<M: MultiTaskModel>(trainer: Trainer<M>, task: &'static str, loss: f64) -> Trainer<M> {
    ///     trainer.on_epoch(move |seen| match seen.history.last(Split::Valid, task, quantity::LOSS) {
    ///         Some(found) if found <= loss => ControlFlow::Break(format!("{task} is good enough")),
    ///         _ => ControlFlow::Continue(()),
    ///     })
    /// }
    /// ```
    pub fn on_epoch(
        mut self,
        hook: impl FnMut(EpochSeen<'_, M>) -> ControlFlow<String> + Send + 'static,
    ) -> Self {
        self.epoch_hooks.push(Box::new(hook));
        self
    }

    /// Records the mean of a metric over the validation data, under `name`, which is `task/quantity`.
    ///
    /// `values` receives the result of [`MultiTaskModel::evaluate`] and returns one value for each sample, or one for
    /// each label (`mask_select` picks the positions that have a label). All values of all batches count equally.
    ///
    /// # Panics
    ///
    /// If the quantity is one that training records itself, such as `loss`.
    pub fn with_metric(
        mut self,
        name: &str,
        values: impl Fn(&M::Evaluation) -> Tensor<1> + Send + Sync + 'static,
    ) -> Self {
        let own = name.split_once('/').map_or(name, |(_, quantity)| quantity);
        assert!(
            !quantity::is_recorded(own),
            "the metric `{name}` would replace `{own}`, which training records itself: give it another name"
        );
        self.means.push((name.into(), Arc::new(values)));
        self
    }

    /// Registers metrics of Burn. A numeric metric called `task/quantity` is recorded in the history under these names.
    /// Any other metric is recorded under the task `all`.
    pub fn with_metrics(
        mut self,
        register: impl FnOnce(SupervisedTraining<MultiTask<M>>) -> SupervisedTraining<MultiTask<M>>
        + 'static,
    ) -> Self {
        self.metrics = Box::new(register);
        self
    }

    /// Sets the caller's own handle for stopping the training.
    pub fn with_interrupter(mut self, interrupter: Interrupter) -> Self {
        self.interrupter = interrupter;
        self
    }

    /// Sets the lock of the folder, for a program that writes into the folder before and after the training. By
    /// default the trainer takes the lock itself, and gives it back at the end of the training.
    ///
    /// # Panics
    ///
    /// If the lock is that of another folder.
    pub fn with_lock(mut self, lock: FolderLock) -> Self {
        assert!(
            lock.is_of(&self.directory),
            "the lock is of another folder than {}",
            self.directory.display()
        );
        self.lock = OnceLock::from(lock);
        self
    }

    /// Creates and [locks](FolderLock) the folder, checks that it is free for a new run, or holds a run to resume, and
    /// removes what a killed process left unfinished in it. [`fit`](Self::fit) calls this; a program that writes files
    /// of its own into the folder calls it first.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder cannot be created, [`Error::File`] if it holds another run or another process trains
    /// in it, [`Error::Checkpoint`] if there is nothing to resume.
    pub fn claim(&self) -> Result<()> {
        let folder = checkpoint::folder(&self.directory);
        if self.begin == Begin::Resume {
            // Without a run no folder is made.
            checkpoint::latest(&self.directory)?;
        } else {
            create_folders(&folder)?;
        }
        self.take_lock()?;
        match self.begin {
            Begin::Resume => checkpoint::latest(&self.directory).map(|_| ())?,
            Begin::New => checkpoint::check_free(&self.directory)?,
            Begin::Either => {}
        }
        checkpoint::remove_unfinished(&self.directory);
        Ok(())
    }

    /// Locks the folder, if it is not locked by this trainer.
    pub(crate) fn take_lock(&self) -> Result<()> {
        if self.lock.get().is_none() {
            let lock = FolderLock::take(&self.directory)?;
            let note = lock.note();
            Screen::new(self.progress).say(note.as_slice());
            // A second thread would have been refused.
            let _ = self.lock.set(lock);
        }
        Ok(())
    }

    /// Returns the size of a validation batch, small enough that the spread of the batches gives the uncertainty of
    /// their mean.
    pub(crate) fn validation_batch(&self, samples: usize) -> usize {
        let most = (samples / VALIDATION_BATCHES).max(1);
        self.config.batch_size.min(most)
    }

    /// Returns the devices of a run whose main device is `main`.
    pub(super) fn devices(&self, main: &Device) -> Devices {
        Devices::new(main, &self.more_devices)
    }

    pub(crate) fn config(&self) -> &TrainConfig {
        &self.config
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    pub(crate) fn history_file(&self) -> PathBuf {
        self.directory.join("history.csv")
    }

    /// Returns a handle that stops the training at the next step. The epoch in progress is lost; a resume repeats it.
    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// Trains on `device` and validates after every epoch. A device with autodiff and one without are equivalent.
    ///
    /// The training data are shuffled in every epoch; [`fit_sources`](Self::fit_sources) takes other orders and several
    /// data sets.
    ///
    /// # Errors
    ///
    /// - [`Error::Setting`] if the training or the validation data are empty, a setting does not fit the network, or a
    ///   run is resumed with other settings or with fewer epochs than it has completed.
    /// - [`Error::Io`] if the folder cannot be written.
    /// - [`Error::File`] if the folder holds another run, another process trains in it, or the history of the run to
    ///   resume has a gap.
    /// - [`Error::Checkpoint`] if there is nothing to resume or the checkpoint does not fit.
    /// - [`Error::NonFiniteLoss`] if a loss is not finite and the policy is to stop.
    /// - [`Error::Training`] if the backend or the data failed.
    ///
    /// # Panics
    ///
    /// If the number of losses is not the number of tasks of the network, or the strategy was made for other tasks. If
    /// gradients are added up over several batches and a later batch has missing labels but the first batch is complete
    /// ([`MultiTaskModel::labels`] avoids this panic).
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
        let size = self.config.batch_size;
        let train = Data::new(train, batcher.clone(), size)?.shuffled();
        let size = self.validation_batch(valid.len());
        let valid = Data::new(valid, batcher, size)?;
        self.fit_sources(network, weighting, train, valid, device)
    }

    /// Trains on batches from any source: a data set in another order, several data sets in turn, or a custom source.
    /// The source sets the batch size.
    ///
    /// # Errors
    ///
    /// The errors of [`fit`](Self::fit).
    ///
    /// # Panics
    ///
    /// The panics of [`fit`](Self::fit).
    pub fn fit_sources(
        mut self,
        network: M,
        weighting: Strategy,
        train: impl Source<M::Batch>,
        valid: impl Source<M::Batch>,
        device: &Device,
    ) -> Result<Outcome<M>> {
        self.config.check_observed(&weighting)?;
        train.check()?;
        valid.check()?;
        check_tasks(&network, &weighting);
        if train.batches() == 0 {
            let expected = "at least one: there is nothing to train on";
            return Err(Error::setting("training samples", 0, expected));
        }
        if valid.batches() == 0 || valid.samples() == 0 {
            let expected = "at least one: without them nothing tells what was learned, nor which epoch is the best";
            return Err(Error::setting("validation samples", 0, expected));
        }
        let model = MultiTask::new(network, weighting);
        part::check(&self.config.parts, &model)?;
        self.claim()?;
        let plain = device.clone().inner();
        let tracked = device.clone().autodiff();
        let seed = Some(self.config.seed);
        let devices = self.devices(&tracked);
        let train: Arc<dyn Source<M::Batch>> = Arc::new(train);
        let valid: Arc<dyn Source<M::Batch>> = Arc::new(valid);
        let sources = [train.clone(), valid.clone()];
        let ahead = self.batches_ahead;
        let size = self.config.accumulate.saturating_mul(devices.len());
        let mut batches = EpochLoader::new(train, M::samples, seed, &tracked)
            .and_on(devices.others())
            .ahead(ahead);
        if let Some(steps) = self.config.steps_per_epoch {
            batches = batches.of_length(steps.saturating_mul(size));
        }
        let train = Groups { batches, size };
        let valid = EpochLoader::new(valid, M::samples, None, &plain).ahead(ahead);
        let per_epoch = train.steps();
        let steps = per_epoch.saturating_mul(self.config.epochs);
        let tasks = model.network.tasks().clone();
        let model = model.train().fork(&tracked);
        devices.check(&model.network)?;
        let frozen = part::frozen(&model, &self.config.parts);
        let mut start = self.start(part::set_frozen(model, &frozen, true), steps, None)?;
        start.frozen = frozen;
        if start.epoch > 0 {
            settings_file::check(&self.config, devices.len(), &self.directory, start.epoch)?;
        }
        settings_file::write(&self.config, devices.len(), &self.directory)?;
        let done = per_epoch * start.epoch;
        let hooks = std::mem::take(&mut self.step_hooks);
        let hooks = hooks.into_iter().map(any).collect();
        let keep_model = !self.epoch_hooks.is_empty();
        let hooks = StepHooks::new(hooks, self.interrupter.clone(), keep_model);
        let clipping = Clipping::new(&start.model, self.config.clip_norm, &self.config.parts);
        start.model = start.model.with_options(StepOptions {
            clipping,
            non_finite: self.config.non_finite,
            clock: Clock::new(self.config.audit_every, per_epoch, done),
            hooks: hooks.clone(),
            devices,
            ..StepOptions::default()
        });
        let first = start.epoch + 1;
        let history = start.history.clone();
        let journal = Journal::new(tasks, history, self.history_file());
        {
            let mut entries = journal.lock();
            entries.epoch = first;
            watch::refile(self.config.watch.as_ref(), &mut entries.history);
            entries.watch = self.config.watch.clone();
            self.baseline(&start, &sources, &mut entries, device)?;
            entries.record_baselines(&self.baselines);
            entries.record_references(&self.references);
            entries.record_intended(start.model.weighting.intended());
            entries.write()?;
        }
        self.say_what_to_expect(start.epoch, valid.num_items());
        if start.epoch >= self.config.epochs || self.out_of_patience(&journal, start.epoch) {
            let model = part::set_frozen(start.model, &start.frozen, false);
            let mut outcome = self.finished(model, &journal);
            outcome.stopped = self.why_stopped(&outcome.history, None);
            return Ok(outcome);
        }
        let train = Groups {
            batches: train.batches.starting_at(first),
            size,
        };
        self.run(
            start,
            journal,
            hooks,
            train,
            valid.starting_at(first),
            device,
        )
    }

    /// Warns before the run of facts that a user would otherwise find out at the end.
    fn say_what_to_expect(&self, done: usize, validate: usize) {
        let mut lines = Vec::new();
        if validate < FEW_VALIDATE {
            lines.push(format!(
                "warning: only {validate} validation samples; with fewer than {FEW_VALIDATE} no verdict is certain"
            ));
        }
        if done >= self.config.epochs {
            lines.push(format!(
                "nothing is left to train: all {done} epochs are done; set more epochs to go on"
            ));
        }
        Screen::new(self.progress).say(&lines);
    }

    /// Fits the uninformed predictors of a new run, or reads the recorded losses of a resumed run.
    fn baseline(
        &self,
        start: &Start<M>,
        [train, valid]: &[Arc<dyn Source<M::Batch>>; 2],
        entries: &mut JournalEntries,
        device: &Device,
    ) -> Result<()> {
        let file = self.directory.join(uninformed::FILE);
        if start.epoch > 0 {
            entries.uninformed = uninformed::read(&file, start.model.network.tasks())?;
        } else if self.config.baseline {
            let train = self.baseline_data.as_ref().unwrap_or(train);
            let network = &start.model.network;
            let seed = self.config.seed;
            let found = uninformed::measure(network, train, valid, seed, device)?;
            entries.record_uninformed(&found);
            found.write(&file, network.tasks())?;
            entries.uninformed = found.on_validation_data();
        }
        Ok(())
    }

    fn run(
        mut self,
        mut start: Start<M>,
        journal: Journal,
        hooks: StepHooks,
        train: Groups<M::Batch>,
        valid: EpochLoader<M::Batch>,
        device: &Device,
    ) -> Result<Outcome<M>> {
        let samples = [train.num_items(), valid.num_items()];
        let stop = self.config.non_finite == NonFinitePolicy::Stop;
        let watch = stop.then(|| self.interrupter.clone());
        let strategy = start.model.weighting.name().to_string();
        let saves = Saves::default();
        let [models, optimizers, schedules] =
            WholeFiles::of_parts(&self.directory, &saves, &journal);
        start.model = start.model.waiting_for(&saves, device);
        let mut training = SupervisedTraining::new(&self.directory, Arc::new(train), Arc::new(valid))
                .num_epochs(self.config.epochs)
                // Burn's own logger would claim the logging of the whole process for this folder.
                .with_application_logger(None)
                .with_interrupter(self.interrupter.clone())
                .with_metric_logger(LastEpochLog::new())
                .renderer(Box::new(Recorder::new(
                    journal.clone(),
                    self.interrupter.clone(),
                    self.progress,
                    samples,
                )))
                .with_custom_checkpointers(models, optimizers, schedules)
                .with_checkpointing_strategy(LastAndBest {
                    journal: journal.clone(),
                    keep: self.config.keep_checkpoints,
                    run: self.directory.clone(),
                    saves: saves.clone(),
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
        for (name, values) in std::mem::take(&mut self.means) {
            let metric = MeanMetric::new(name, values, journal.clone());
            training = training.metric_valid(metric);
        }
        let epoch_hooks = std::mem::take(&mut self.epoch_hooks);
        if self.config.patience.is_some() || !epoch_hooks.is_empty() {
            training = training.early_stopping(AfterEpoch {
                journal: journal.clone(),
                patience: self.config.patience,
                steps: hooks,
                hooks: Arc::new(Mutex::new(epoch_hooks)),
            });
        }
        let frozen = start.frozen;
        let learner = Learner::new(start.model, start.optimizer, start.scheduler);
        let register = std::mem::replace(&mut self.metrics, Box::new(|training| training));
        let result = register(training).launch(learner);

        let mut entries = journal.lock();
        let failure = entries.failure.take();
        if failure.is_some() || result.error.is_some() || result.interrupted.is_some() {
            // Entries of the unfinished epoch belong to no checkpoint.
            let kept = checkpoint::latest(&self.directory).unwrap_or(0);
            entries.history.truncate_after(kept);
            let written = entries.write();
            // What stopped the run comes first: it is probably why this cannot be written either.
            if let Some(failure) = failure {
                return Err(failure);
            }
            if let Some(error) = result.error {
                return Err(Error::Training {
                    reason: error.to_string(),
                });
            }
            written?;
        }
        drop(entries);
        let model = part::set_frozen(result.model, &frozen, false);
        let mut outcome = self.finished(model, &journal);
        let why = self.why_stopped(&outcome.history, result.interrupted);
        let hooked = journal.lock().stopped.take();
        // A run that reached its end was not stopped, even if a hook returned a reason in its last epoch.
        outcome.stopped = why.map(|why| hooked.unwrap_or(why));
        Ok(outcome)
    }

    /// Returns whether the run had stopped before it was resumed.
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
            // The interrupt came when nothing was left to stop.
            _ if last >= self.config.epochs => None,
            Some(interruption) => Some(
                interruption
                    .reason
                    .unwrap_or_else(|| "interrupted".to_string()),
            ),
            None => {
                let what = match &self.config.watch {
                    Some(watch) => format!("{}/{}", watch.task, watch.quantity),
                    None => "validation loss".into(),
                };
                let patience = self.config.patience.unwrap_or_default();
                Some(format!("no better {what} for {patience} epochs"))
            }
        }
    }

    /// Creates an optimizer without state.
    pub(super) fn fresh_optimizer(&self) -> Result<ModuleOptimizer> {
        schedule::optimizer(&self.config, self.optimizer.clone())
    }

    /// Returns the initial state of the run: fresh, or from the newest checkpoint, which is read and checked as a
    /// whole. A fork starts with the checkpoint of the epoch `at` and a fresh optimizer.
    pub(super) fn start(
        &self,
        model: MultiTask<M>,
        steps: usize,
        at: Option<usize>,
    ) -> Result<Start<M>> {
        let fresh = Start {
            epoch: 0,
            frozen: HashSet::new(),
            history: History::new(),
            optimizer: schedule::optimizer(&self.config, self.optimizer.clone())?,
            scheduler: schedule::scheduler(&self.config, self.schedule.clone(), steps)?,
            model,
        };
        let epoch = match (at, self.begin) {
            (Some(epoch), _) => epoch,
            (None, Begin::New) => return Ok(fresh),
            (None, begin) => match checkpoint::latest(&self.directory) {
                Err(_) if begin == Begin::Either => return Ok(fresh),
                latest => latest?,
            },
        };
        let loaded = checkpoint::load(&self.directory, epoch)?;
        let mut history = History::read_csv(self.history_file())?;
        history.truncate_after(epoch);
        checkpoint::check_whole(&history, &self.history_file(), epoch)?;
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
        // The optimizer and the scheduler load the matching part of a record and ignore the rest without an error.
        let foreign = |part| Error::Checkpoint {
            path: checkpoint::part_file(&checkpoint::folder(&self.directory), part, epoch),
            reason: "does not hold the state of this run; resume with the config it was made with"
                .into(),
        };
        let optimizer = match at {
            // A fork begins with a fresh optimizer.
            Some(_) => fresh.optimizer,
            None => {
                check_default_device(&self.directory, epoch)?;
                let moments = loaded.optimizer.len();
                let optimizer = fresh.optimizer.load_record(loaded.optimizer);
                if optimizer.to_record().len() != moments {
                    return Err(foreign("optim"));
                }
                optimizer
            }
        };
        let rates = bytes(loaded.scheduler.clone());
        let scheduler = fresh.scheduler.load_record(loaded.scheduler);
        if bytes(scheduler.to_record()) != rates {
            return Err(foreign("scheduler"));
        }
        Ok(Start {
            epoch,
            frozen: HashSet::new(),
            history,
            model: fresh.model.try_load_record(loaded.model).map_err(fits)?,
            optimizer,
            scheduler,
        })
    }

    fn finished(&self, model: MultiTask<M>, journal: &Journal) -> Outcome<M> {
        let entries = journal.lock();
        Outcome {
            model: model.with_options(StepOptions::default()).valid(),
            history: History::clone(&entries.history),
            best_epoch: entries.best_epoch(),
            stopped: None,
            directory: self.directory.clone(),
        }
    }
}

/// Panics if the strategy was made for other tasks than those of the network.
fn check_tasks<M: MultiTaskModel>(network: &M, weighting: &Strategy) {
    let (own, of_strategy) = (network.tasks(), weighting.tasks());
    assert!(
        own.names().eq(of_strategy.names()),
        "the strategy was made for the tasks {}, but those of the network are {}: make it from `network.tasks()`",
        of_strategy.listing(),
        own.listing()
    );
}

/// Checks that Burn's default device exists: Burn loads the state of an optimizer on the default device, whichever
/// device trains.
fn check_default_device(run: &Path, epoch: usize) -> Result<()> {
    #[cfg(feature = "gpu-kernels")]
    if let Some(kind) = crate::gpu::missing_default() {
        return Err(Error::Checkpoint {
            path: checkpoint::part_file(&checkpoint::folder(run), "optim", epoch),
            reason: format!(
                "cannot be loaded here: Burn loads the state of an optimizer on its default device, which in this build is one of \
                 {kind}, and there is none; set the environment variable BURN_DEVICE to the backend that trains (`flex`, say)"
            ),
        });
    }
    let _ = (run, epoch);
    Ok(())
}

fn bytes(record: LrSchedulerRecord) -> Option<Vec<u8>> {
    record.into_bytes().ok().map(|bytes| bytes.to_vec())
}

pub(super) struct Start<M: MultiTaskModel> {
    epoch: usize,
    /// Parameters that are frozen in this run only.
    frozen: HashSet<ParamId>,
    history: History,
    pub(super) model: MultiTask<M>,
    optimizer: ModuleOptimizer,
    scheduler: ModuleLrScheduler,
}

/// Calls the hooks of an epoch, and stops if nothing has improved for `patience` epochs. The decision reads the
/// history, so a resumed run stops where an uninterrupted run would.
struct AfterEpoch<M: MultiTaskModel> {
    journal: Journal,
    patience: Option<usize>,
    steps: StepHooks,
    hooks: Arc<Mutex<Vec<EpochHook<M>>>>,
}

// Implemented by hand: a clone needs no `M: Clone`.
impl<M: MultiTaskModel> Clone for AfterEpoch<M> {
    fn clone(&self) -> Self {
        Self {
            journal: self.journal.clone(),
            patience: self.patience,
            steps: self.steps.clone(),
            hooks: self.hooks.clone(),
        }
    }
}

impl<M: MultiTaskModel> AfterEpoch<M> {
    /// Returns the reason of the first hook that stops the run.
    fn call(&self, epoch: usize) -> Option<String> {
        let model = self.steps.take_model::<MultiTask<M>>()?.valid();
        // Not held during the hooks, which may take long; nor copied.
        let history = self.journal.lock().history.clone();
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut why = None;
        for hook in hooks.iter_mut() {
            let seen = EpochSeen {
                epoch,
                history: &history,
                model: &model,
            };
            if let ControlFlow::Break(reason) = hook(seen) {
                why.get_or_insert(reason);
            }
        }
        why
    }
}

impl<M: MultiTaskModel> EarlyStoppingStrategy for AfterEpoch<M> {
    fn should_stop(&mut self, epoch: usize, _store: &EventStoreClient) -> bool {
        if let Some(reason) = self.call(epoch) {
            self.journal.lock().stopped = Some(reason);
            return true;
        }
        // Without validation labels there is no best epoch, so patience cannot run out.
        let best = self.journal.lock().best_epoch();
        match (self.patience, best) {
            (Some(patience), Some(best)) => epoch >= best.saturating_add(patience),
            _ => false,
        }
    }
}
