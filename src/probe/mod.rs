//! Causes by experiment: what keeps tasks from learning, found by short forks of a run.
//!
//! A history shows what went together. A fork shows what brings about what: from a checkpoint a few steps more, on the same batches, with
//! one change. Repeated on other batches, the difference to the forks without a change has an interval, and a cause that was measured
//! may be called so.
//!
//! | change | if it helps |
//! |---|---|
//! | the task's effective weight multiplied after the strategy, so that its share of the gradient is even | it was starved |
//! | no other task is trained | the others hold it back |
//! | one other task is not trained: one with at least half of the gradient, and the one whose gradient points away most | that task holds it back |
//! | its head's output multiplied, where the network has a factor | its head moves too slowly |
//! | the learning rate multiplied of the parameters that its loss alone reaches | likewise |
//!
//! What helps in 50 steps need not help in 5,000, and the other way round: a probe is evidence for the steps that it took.
//!
//! [`Trainer::probe`] runs them, [`diagnose_with`](crate::diagnosis::diagnose_with) takes them into the diagnosis.

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

/// The file in the folder of a run that holds what the experiments on it showed.
pub const FILE: &str = "probe.csv";

/// How a run is probed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// Steps of each fork, at least 1.
    pub steps: usize,
    /// Forks of each change, each on other batches, at least 2: of one alone nobody knows how sure it is.
    pub forks: usize,
    /// The epoch whose checkpoint they begin at; the newest if not given.
    pub epoch: Option<usize>,
    /// The tasks to make changes for; those that the diagnosis does not call learned if not given.
    pub tasks: Option<Vec<String>>,
    /// Validation batches that a fork is judged by, at most; at least 2.
    pub valid_batches: usize,
    /// What the learning rate of a task's own parameters is multiplied by, positive.
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
    /// Sets the steps of each fork.
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Sets the forks of each change.
    pub fn with_forks(mut self, forks: usize) -> Self {
        self.forks = forks;
        self
    }

    /// Sets the epoch whose checkpoint the forks begin at.
    pub fn with_epoch(mut self, epoch: Option<usize>) -> Self {
        self.epoch = epoch;
        self
    }

    /// Sets the tasks to make changes for.
    pub fn with_tasks(mut self, tasks: Option<Vec<String>>) -> Self {
        self.tasks = tasks;
        self
    }

    /// Sets the validation batches that a fork is judged by.
    pub fn with_valid_batches(mut self, batches: usize) -> Self {
        self.valid_batches = batches;
        self
    }

    /// Sets what the learning rate of a task's own parameters is multiplied by.
    pub fn with_head_rate(mut self, factor: f64) -> Self {
        self.head_rate = factor;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the field that has a value it cannot have.
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

    /// The tasks to make changes for, by position.
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
    /// Finds out by experiment what keeps tasks of a finished run from learning, and writes it to `probe.csv` in the folder of the run.
    ///
    /// The trainer is one with the settings, the devices and the folder of that run, the network and the strategy are those that it began with (their
    /// values do not matter). Nothing of the run itself is changed. What is drawn follows from the seed, so the same probe gives the same
    /// numbers on the same CPU backend.
    ///
    /// Costs [`forks`](ProbeConfig::forks) times [`steps`](ProbeConfig::steps) training steps for each change, up to six changes for each task
    /// that did not learn, and once more for the forks without a change.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a field of `config` has a value it cannot have, there are no validation data, or the run had another number
    /// of devices; [`Error::Checkpoint`] if the
    /// folder has no such checkpoint or it does not fit; [`Error::Training`] if the data failed or the run was interrupted.
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

    /// As [`probe`](Self::probe), on batches from any source.
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

/// Runs all forks of a change.
struct Repeated<'a, M: MultiTaskModel> {
    forks: &'a mut Forks<M>,
    count: usize,
    interrupter: Interrupter,
    bar: ProgressLine,
    /// What ran already: a task left out for one of the others is left out for all.
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

    /// Tells the bar what is to come.
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

/// Reads what experiments from a checkpoint of a run showed, if there were any: what they showed of an earlier epoch need not hold for a
/// run that went on.
///
/// # Errors
///
/// What [`Trials::read_csv`] refuses.
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

/// The size of a loss: how far it is from that of a constant, where that is known and more than its own.
fn size(history: &History, task: &str, start: f64) -> f64 {
    let constant = history.known(Split::Valid, task, quantity::CONSTANT_LOSS);
    let far = constant.map_or(0.0, |constant| (constant - start).abs().max(constant.abs()));
    start.abs().max(far)
}

fn named(tasks: &TaskSet, values: impl Iterator<Item = f64>) -> Vec<(String, f64)> {
    tasks.names().map(String::from).zip(values).collect()
}
