//! Measures why tasks do not learn, by short forks of a run with one change each.
//!
//! A history shows correlation; a fork shows causation. A fork trains a few more steps from a checkpoint, on the same
//! batches, with one change. Repeated on other batches, the difference to the forks without a change has a 95 %
//! interval. A cause is measured if its change helped, see [`Effect::helped`](crate::diagnosis::Effect::helped).
//!
//! | change | cause if it helps |
//! |---|---|
//! | a factor on the task's effective weight after the strategy, so that its gradient share is even | the task was starved |
//! | no other task is trained | the other tasks hold the task back |
//! | one other task is not trained: a task with at least half of the gradient, or the task with the most negative cosine | the other task holds the task back |
//! | a factor on the output of the task's head, if the network has one | the head moves too slowly |
//! | a factor on the learning rate of the parameters that only the task's loss reaches | the head moves too slowly |
//!
//! A change that helps in 50 steps need not help in 5,000, and vice versa: a probe is evidence only for the steps of
//! its forks.
//!
//! [`Trainer::probe`] runs the experiments, [`diagnose_with`](crate::diagnosis::diagnose_with) uses their results.

mod effect;
mod plan;
mod progress;

use std::path::Path;
use std::sync::Arc;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use burn::tensor::Device;
use burn::train::Interrupter;
use serde::{Deserialize, Serialize};

use self::effect::effect;
use self::plan::{Seen, changes, watched};
use self::progress::ProgressLine;
use crate::diagnosis::{Change, Trial, Trials, diagnose};
use crate::error::{Error, Result};
use crate::history::{History, Split, quantity};
use crate::model::MultiTaskModel;
use crate::task::TaskSet;
use crate::train::fork::{Alteration, Ended, ForkLosses, ForkPlan, Forks};
use crate::train::{Data, Source, Trainer, checkpoint};
use crate::weighting::Strategy;

/// The name of the file with the results of the experiments, in the folder of the run.
pub(crate) const FILE: &str = "probe.csv";

/// Settings of a probe.
///
/// # Example
///
/// ```
/// use equipoise::probe::ProbeConfig;
///
/// let config = ProbeConfig::default().with_steps(100).with_forks(8);
/// config.validate()?;
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// The steps of each fork, at least 1. Default 50.
    pub steps: usize,
    /// The number of forks of each change, each on other batches, at least 2 for an interval. Default 4.
    pub forks: usize,
    /// The epoch of the checkpoint that the forks start from. Default `None`, the newest checkpoint.
    pub epoch: Option<usize>,
    /// The tasks to try changes for. Default `None`, the tasks that the diagnosis calls undecided, only position, only
    /// mean or without baseline.
    pub tasks: Option<Vec<String>>,
    /// The largest number of validation batches of a fork, at least 2. Default 64.
    pub valid_batches: usize,
    /// The factor of the learning rate of a task's own parameters, positive and finite. Default 10.
    pub head_rate: f64,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            steps: 50,
            forks: 4,
            epoch: None,
            tasks: None,
            valid_batches: 64,
            head_rate: 10.0,
        }
    }
}

impl ProbeConfig {
    /// Sets the steps of each fork, at least 1.
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Sets the number of forks of each change, at least 2.
    pub fn with_forks(mut self, forks: usize) -> Self {
        self.forks = forks;
        self
    }

    /// Sets the epoch of the checkpoint that the forks start from; `None` is the newest.
    pub fn with_epoch(mut self, epoch: Option<usize>) -> Self {
        self.epoch = epoch;
        self
    }

    /// Sets the tasks to try changes for; `None` lets the diagnosis choose.
    pub fn with_tasks(mut self, tasks: Option<Vec<String>>) -> Self {
        self.tasks = tasks;
        self
    }

    /// Sets the largest number of validation batches of a fork, at least 2.
    pub fn with_valid_batches(mut self, batches: usize) -> Self {
        self.valid_batches = batches;
        self
    }

    /// Sets the factor of the learning rate of a task's own parameters, positive and finite.
    pub fn with_head_rate(mut self, factor: f64) -> Self {
        self.head_rate = factor;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] with the name of the first field whose value is out of range.
    pub fn validate(&self) -> Result<()> {
        for (field, value, least) in [
            ("steps", self.steps, 1),
            ("forks", self.forks, 2),
            ("valid_batches", self.valid_batches, 2),
        ] {
            if value < least {
                return Err(Error::setting(field, value, format!("at least {least}")));
            }
        }
        if !(self.head_rate > 0.0 && self.head_rate.is_finite()) {
            let expected = "a positive finite number";
            return Err(Error::setting("head_rate", self.head_rate, expected));
        }
        Ok(())
    }

    fn positions(&self, tasks: &TaskSet, history: &History) -> Result<Vec<usize>> {
        let Some(names) = &self.tasks else {
            let unlearned = diagnose(history);
            let unlearned = unlearned.iter().filter(|task| watched(task.verdict));
            return Ok(unlearned.filter_map(|d| tasks.position(&d.task)).collect());
        };
        let position = |name: &String| {
            tasks.position(name).ok_or_else(|| {
                let expected = format!("one of {}", tasks.listing());
                Error::setting("tasks", name, expected)
            })
        };
        names.iter().map(position).collect()
    }
}

impl<M: MultiTaskModel> Trainer<M> {
    /// Measures why tasks of a finished run do not learn, and writes the results to `probe.csv` in the folder of the
    /// run.
    ///
    /// The trainer must have the settings, the devices and the folder of the run. The network and the strategy must be
    /// built as at the start of the run; their values do not matter. The run itself does not change. Random numbers
    /// follow from the seed, so the same probe gives the same numbers on the same CPU backend.
    ///
    /// A probe costs [`forks`](ProbeConfig::forks) times [`steps`](ProbeConfig::steps) training steps for each change,
    /// with up to six changes for each task that did not learn, and once more for the forks without a change.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a field of `config` is out of range, there are no training or validation data, or the run
    /// had another number of devices; [`Error::Checkpoint`] if the folder has no such checkpoint or the checkpoint does
    /// not fit; [`Error::Training`] if the data failed or the run was interrupted.
    ///
    /// # Panics
    ///
    /// As [`fit`](Self::fit).
    pub fn probe<I>(
        self,
        start: (M, Strategy),
        train: impl Dataset<I> + 'static,
        valid: impl Dataset<I> + 'static,
        batcher: impl Batcher<I, M::Batch> + Clone + 'static,
        device: &Device,
        config: &ProbeConfig,
    ) -> Result<Trials>
    where
        I: Clone + Send + Sync + 'static,
    {
        let size = self.config().batch_size;
        let train = Data::new(train, batcher.clone(), size)?.shuffled();
        let size = self.validation_batch(valid.len());
        let valid = Data::new(valid, batcher, size)?;
        self.probe_sources(start, train, valid, device, config)
    }

    /// Measures why tasks do not learn, as [`probe`](Self::probe), on batches from any source.
    ///
    /// # Errors
    ///
    /// As [`probe`](Self::probe).
    ///
    /// # Panics
    ///
    /// As [`fit`](Self::fit).
    pub fn probe_sources(
        self,
        (network, weighting): (M, Strategy),
        train: impl Source<M::Batch>,
        valid: impl Source<M::Batch>,
        device: &Device,
        config: &ProbeConfig,
    ) -> Result<Trials> {
        config.validate()?;
        train.check()?;
        valid.check()?;
        if train.batches() == 0 || valid.batches() == 0 {
            let expected = "at least one, for training and for validation";
            return Err(Error::setting("samples", 0, expected));
        }
        let run = self.directory().to_path_buf();
        let epoch = match config.epoch {
            Some(epoch) => epoch,
            None => checkpoint::latest(&run)?,
        };
        let history = History::read_csv(self.history_file())?;
        // A training in the folder would remove checkpoints.
        self.take_lock()?;
        let tasks = network.tasks().clone();
        let chosen = config.positions(&tasks, &history)?;
        let interrupter = self.interrupter();
        let progress = self.progress();
        let plan = ForkPlan {
            train: Arc::new(train),
            valid: Arc::new(valid),
            device: device.clone(),
            epoch,
            steps: config.steps,
            most_valid: config.valid_batches,
        };
        let mut forks = Forks::new(self, network, weighting, &history, plan)?;
        let start = forks.at_the_start()?;
        let mut found = Trials {
            epoch,
            steps: config.steps,
            forks: config.forks,
            start: named(&tasks, start.iter().map(ForkLosses::mean)),
            ..Trials::default()
        };
        if chosen.is_empty() {
            found.write_csv(run.join(FILE))?;
            return Ok(found);
        }
        let mut repeated = Repeated {
            forks: &mut forks,
            count: config.forks,
            interrupter,
            bar: ProgressLine::new(progress),
            ran: Vec::new(),
        };
        let unchanged = repeated.run("nothing changed", &Alteration::default())?;
        let seen = Seen::of(&unchanged, tasks.len());
        found.shares = named(&tasks, seen.shares.iter().copied());
        let mut planned = Vec::new();
        for task in chosen {
            let offered = plan::Offered {
                output: repeated
                    .forks
                    .scales(task)
                    .then(|| plan::output_factor(&history, &tasks, task)),
                head: repeated.forks.has_own(task)?.then_some(config.head_rate),
            };
            let of_task = changes(task, &tasks, &seen, &offered);
            planned.extend(
                of_task
                    .into_iter()
                    .map(|(change, made)| (task, change, made)),
            );
        }
        let started = found.start.iter();
        let sizes: Vec<f64> = started
            .map(|(name, start)| size(&history, name, *start))
            .collect();
        repeated.expect(planned.iter().map(|(_, _, made)| made));
        for (task, change, alteration) in planned {
            let name = plan::name(&tasks, task).to_string();
            let changed = repeated.run(&format!("{name}: {change}"), &alteration)?;
            let tried = trial(&tasks, (name, change), &changed, &unchanged, &sizes);
            found.trials.push(tried);
        }
        repeated.bar.end();
        found.write_csv(run.join(FILE))?;
        Ok(found)
    }
}

/// A runner of the forks of each alteration, at most once.
struct Repeated<'a, M: MultiTaskModel> {
    forks: &'a mut Forks<M>,
    count: usize,
    interrupter: Interrupter,
    bar: ProgressLine,
    /// The finished alterations with their forks, kept because several tasks can need the same alteration.
    ran: Vec<(Alteration, Vec<Ended>)>,
}

impl<M: MultiTaskModel> Repeated<'_, M> {
    fn run(&mut self, what: &str, alteration: &Alteration) -> Result<Vec<Ended>> {
        if let Some((_, ended)) = self.ran.iter().find(|(ran, _)| ran == alteration) {
            return Ok(ended.clone());
        }
        let one = |number| {
            self.bar.show(what, number, self.count);
            self.forks.run(number, alteration, &self.interrupter)
        };
        let ended: Vec<Ended> = (0..self.count).map(one).collect::<Result<_>>()?;
        self.ran.push((alteration.clone(), ended.clone()));
        Ok(ended)
    }

    fn expect<'b>(&self, planned: impl Iterator<Item = &'b Alteration>) {
        let mut different: Vec<&Alteration> = Vec::new();
        for alteration in planned {
            if !different.contains(&alteration) {
                different.push(alteration);
            }
        }
        self.bar.expect(different.len());
    }
}

/// Reads the results of the experiments that started from the checkpoint of `epoch`, in the folder `run`.
///
/// Returns `None` if the folder has no results or results of another epoch, which need not hold after more training.
///
/// # Errors
///
/// The errors of [`Trials::read_csv`].
pub fn of_epoch(run: impl AsRef<Path>, epoch: usize) -> Result<Option<Trials>> {
    let file = run.as_ref().join(FILE);
    if !file.exists() {
        return Ok(None);
    }
    let found = Trials::read_csv(file)?;
    Ok((found.epoch == epoch).then_some(found))
}

fn trial(
    tasks: &TaskSet,
    (task, change): (String, Change),
    changed: &[Ended],
    unchanged: &[Ended],
    sizes: &[f64],
) -> Trial {
    let of = |forks: &[Ended], task: usize| -> Vec<ForkLosses> {
        forks.iter().map(|fork| fork.losses[task].clone()).collect()
    };
    let effects = tasks.names().enumerate();
    let effects =
        effects.map(|(at, name)| effect(name, &of(changed, at), &of(unchanged, at), sizes[at]));
    Trial {
        task,
        change,
        effects: effects.collect(),
    }
}

/// Returns the size of a loss: the largest of its absolute value, its distance to the loss of the best constant, and
/// the absolute value of the loss of the best constant.
fn size(history: &History, task: &str, start: f64) -> f64 {
    let constant = history.known(Split::Valid, task, quantity::CONSTANT_LOSS);
    let far = constant.map_or(0.0, |constant| (constant - start).abs().max(constant.abs()));
    start.abs().max(far)
}

fn named(tasks: &TaskSet, values: impl Iterator<Item = f64>) -> Vec<(String, f64)> {
    tasks.names().map(String::from).zip(values).collect()
}
