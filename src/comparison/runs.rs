//! Trains the runs of a comparison one after the other, each in its own folder.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use burn::train::Interrupter;
use serde::{Deserialize, Serialize};

use super::folder_name::{begun_or, folder_name};
use super::results::{Results, Run};
use super::search::{self, Candidate, Origin, SearchConfig, Tried};
use crate::atomic::{create_folders, remove_unfinished};
use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::history::{History, write_atomically};
use crate::model::MultiTaskModel;
use crate::train::{Baseline, FolderLock, Progress, Source, TrainConfig, Trainer, checkpoint};
use crate::weighting::{Manual, StrategyConfig, StrategyTable, TaskValues};

/// The name of the row of fixed weights over raw losses from a small search, the reference for every strategy.
pub const TUNED_FIXED: &str = "tuned-fixed";

/// The folder of the candidates of the search, in the folder of a comparison.
const SEARCH: &str = "search";
/// The file of the shared settings, in the folder of a comparison.
const MANIFEST: &str = "comparison.json";
/// The most steps whose times are kept, so that memory does not grow with a long run.
const MOST_TIMES: usize = 100_000;

/// The network and the data that a run of a comparison starts from.
pub struct Prepared<M: MultiTaskModel> {
    /// The network with its initial parameters.
    pub network: M,
    /// The training batches.
    pub train: Box<dyn Source<M::Batch>>,
    /// The validation batches.
    pub valid: Box<dyn Source<M::Batch>>,
    /// The losses of the trivial predictors, if known. With them there are skills, and the search has better guesses.
    pub baselines: Vec<Baseline>,
}

/// A run that has ended, as [`Compare::on_run`] receives it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunSeen<'a> {
    /// The name of the row, or `search` for a candidate of the search.
    pub strategy: &'a str,
    /// The seed.
    pub seed: u64,
    /// The number of runs that have ended, including this one.
    pub ended: usize,
    /// The number of all runs.
    pub all: usize,
    /// The time of the run in this call; zero if the run was finished before.
    pub took: Duration,
    /// The reason why the run failed, if it failed.
    pub failure: Option<&'a str>,
}

type Customise<M> = Box<dyn Fn(Trainer<M>) -> Trainer<M>>;
type Seen = Box<dyn FnMut(RunSeen<'_>)>;

/// A comparison of strategies on a network of the caller.
///
/// Every run has a folder, `ROW/seed-N`; characters of a name that a folder cannot have are encoded. Calling [`run`](Self::run) again skips finished runs and resumes interrupted
/// ones. A run that fails, for example with a loss that is not finite, is counted as failed and not repeated.
///
/// The folder stores the settings, the tasks and the size of the data. A comparison with other settings in the same
/// folder is an error. The contents of the data are not checked.
///
/// # Example
///
/// ```no_run
/// # use equipoise::model::MultiTaskModel;
/// # use equipoise::comparison::Prepared;
/// # fn compare<M: MultiTaskModel>(prepare: impl FnMut(u64) -> equipoise::Result<Prepared<M>>) -> equipoise::Result<()> {
/// use burn::tensor::Device;
/// use equipoise::comparison::Compare;
/// use equipoise::comparison::SearchConfig;
/// use equipoise::train::TrainConfig;
///
/// let results = Compare::<M>::new(TrainConfig::default().with_epochs(10), "runs/compared")
///     .with_all_strategies()
///     .with_tuned_fixed(SearchConfig { runs: 14, epochs: 10 })
///     .with_seeds(3)
///     // From a seed to a network with its initial parameters and its data.
///     .run(prepare, &Device::flex())?;
/// println!("{}", results.table());
/// println!("{}", results.differences("tuned-fixed"));
/// results.page("Strategies side by side", Vec::new()).write("runs/compared/report.html")?;
/// # Ok(())
/// # }
/// ```
pub struct Compare<M: MultiTaskModel> {
    config: TrainConfig,
    folder: PathBuf,
    rows: Vec<(String, StrategyConfig)>,
    search: Option<SearchConfig>,
    seeds: u64,
    customise: Customise<M>,
    seen: Seen,
    interrupter: Interrupter,
}

/// The forms of `comparison.json`, `strategy.json` and `ended.json`. Version 2 has its number in the file.
const COMPARISON: Format = Format::new(2);
const STRATEGY: Format = Format::new(2);
const ENDED: Format = Format::new(2);

/// The settings that all runs of a folder share.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shared {
    config: TrainConfig,
    tasks: Vec<String>,
    search: Option<SearchConfig>,
    train_batches_and_samples: [usize; 2],
    valid_batches_and_samples: [usize; 2],
}

/// The end of a run, written to its folder.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Ended {
    /// Median seconds per training step in the last call; `None` if not measured.
    seconds_per_step: Option<f64>,
    /// The reason why the run failed, if it failed.
    failure: Option<String>,
}

impl<M: MultiTaskModel> Compare<M> {
    /// Creates a comparison that writes to `folder`, with the row `sum` and one seed.
    ///
    /// All rows train for the same number of epochs, so [`run`](Self::run) returns an error for a config with patience.
    /// The seed of a run replaces the seed of the config.
    pub fn new(config: TrainConfig, folder: impl AsRef<Path>) -> Self {
        Self {
            config,
            folder: folder.as_ref().to_path_buf(),
            rows: vec![("sum".into(), named("sum"))],
            search: None,
            seeds: 1,
            customise: Box::new(|trainer| trainer),
            seen: Box::new(|_| ()),
            interrupter: Interrupter::new(),
        }
    }

    /// Adds a row. A row of the same name is replaced.
    pub fn with_strategy(mut self, name: impl Into<String>, config: StrategyConfig) -> Self {
        let name = name.into();
        match self.rows.iter_mut().find(|(row, _)| *row == name) {
            Some((_, row)) => *row = config,
            None => self.rows.push((name, config)),
        }
        self
    }

    /// Adds a row for every built-in strategy that has defaults. Strategies that do not fit the tasks are counted as
    /// failed.
    pub fn with_all_strategies(self) -> Self {
        let table = StrategyTable::built_in();
        let all = table.names().filter_map(|name| {
            let config = StrategyConfig::named(name).ok()?;
            Some((name, config))
        });
        all.fold(self, |compare, (name, config)| {
            compare.with_strategy(name, config)
        })
    }

    /// Adds the row [`TUNED_FIXED`], whose weights are searched first.
    pub fn with_tuned_fixed(mut self, search: SearchConfig) -> Self {
        self.search = Some(search);
        self
    }

    /// Sets the number of seeds of each row, at least 1: the seeds are 1, 2, and so on. Default 1. The search has seed
    /// 0.
    pub fn with_seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    /// Sets a function that customises the trainer of every run: metrics, an optimizer, a schedule. Its changes are not
    /// checked when a folder is resumed.
    pub fn with_trainer(mut self, customise: impl Fn(Trainer<M>) -> Trainer<M> + 'static) -> Self {
        self.customise = Box::new(customise);
        self
    }

    /// Sets a function that is called whenever a run has ended.
    pub fn on_run(mut self, seen: impl FnMut(RunSeen<'_>) + 'static) -> Self {
        self.seen = Box::new(seen);
        self
    }

    /// Sets the interrupter that stops the comparison at the next step.
    pub fn with_interrupter(mut self, interrupter: Interrupter) -> Self {
        self.interrupter = interrupter;
        self
    }

    /// Trains all runs that are not finished, and returns the results of all runs.
    ///
    /// `prepare` returns the network and the data for a seed; the device is seeded before the call. The same seed must
    /// give the same network and data.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a setting is out of range, or the folder holds runs of other settings; [`Error::File`] if
    /// another comparison is at work in the folder; [`Error::Io`] if the folder cannot be used; [`Error::Training`] if
    /// the comparison was interrupted; the errors of `prepare`.
    pub fn run(
        mut self,
        mut prepare: impl FnMut(u64) -> Result<Prepared<M>>,
        device: &Device,
    ) -> Result<Results> {
        self.check()?;
        let seed = if self.search.is_some() {
            SearchConfig::SEED
        } else {
            1
        };
        device.seed(seed);
        let first = prepare(seed)?;
        // Held to the end: another comparison would train the same runs.
        let _lock = FolderLock::take(&self.folder)?;
        remove_unfinished(&self.folder);
        self.claim(&first)?;
        let tasks = first.network.tasks().clone();
        drop(first);
        let searched = self.search.as_ref().map_or(0, |search| search.runs);
        let tuned_rows = usize::from(self.search.is_some());
        let all = (self.rows.len() + tuned_rows) * self.seeds as usize + searched;
        let mut ended = 0;
        let (mut runs, mut failed) = (Vec::new(), Vec::new());
        if let Some(search) = self.search.clone() {
            let tuned =
                self.search_weights(&search, &tasks, &mut prepare, device, &mut ended, all)?;
            match tuned {
                Some(weights) => self.rows.push((TUNED_FIXED.into(), raw(weights))),
                // No candidate finished, so there are no weights to train with.
                None => failed.extend((1..=self.seeds).map(|seed| Run {
                    strategy: TUNED_FIXED.into(),
                    seed,
                    history: None,
                    seconds_per_step: None,
                })),
            }
        }
        for (name, strategy) in self.rows.clone() {
            for seed in 1..=self.seeds {
                let row = begun_or(&self.folder, &name, &folder_name("strategy", &name)?);
                let place = row.join(format!("seed-{seed}"));
                let epochs = self.config.epochs;
                let job = Job {
                    name: &name,
                    folder: &place,
                    strategy: &strategy,
                    seed,
                    epochs,
                };
                runs.push(self.one(job, &mut prepare, device, &mut ended, all)?);
            }
        }
        runs.extend(failed);
        Ok(Results::new(runs))
    }

    fn check(&self) -> Result<()> {
        self.config.validate()?;
        if let Some(patience) = self.config.patience {
            let expected = "left out: every strategy gets the same number of epochs";
            return Err(Error::setting("patience", patience, expected));
        }
        if self.seeds == 0 {
            return Err(Error::setting("seeds", 0, "at least 1"));
        }
        for (name, _) in &self.rows {
            let folder = folder_name("strategy", name)?;
            if [SEARCH, MANIFEST].contains(&folder.as_str()) {
                let expected = format!(
                    "another name than `{SEARCH}` and `{MANIFEST}`, which have other contents"
                );
                return Err(Error::setting("strategy", name, expected));
            }
        }
        let search = self.search.as_ref();
        search.map_or(Ok(()), SearchConfig::validate)
    }

    /// Writes the shared settings, or checks that they equal the stored ones.
    fn claim(&self, first: &Prepared<M>) -> Result<()> {
        let size = |source: &dyn Source<M::Batch>| [source.batches(), source.samples()];
        let own = Shared {
            config: self.config.clone(),
            tasks: first.network.tasks().names().map(String::from).collect(),
            search: self.search.clone(),
            train_batches_and_samples: size(&*first.train),
            valid_batches_and_samples: size(&*first.valid),
        };
        let remedy = format!(
            "as in the runs that {} holds; change it back, or choose another folder",
            self.folder.display()
        );
        claim(COMPARISON, &self.folder.join(MANIFEST), &own, &remedy)
    }

    /// Returns the weights of the best candidate, or `None` if no candidate finished.
    fn search_weights(
        &mut self,
        search: &SearchConfig,
        tasks: &crate::task::TaskSet,
        prepare: &mut impl FnMut(u64) -> Result<Prepared<M>>,
        device: &Device,
        ended: &mut usize,
        all: usize,
    ) -> Result<Option<TaskValues>> {
        let mut tried: Vec<Tried> = Vec::new();
        loop {
            let round = search::next(search, tasks, &tried, None);
            if round.is_empty() {
                break;
            }
            for candidate in round {
                let run = self.try_out(&candidate, search, prepare, device, ended, all)?;
                let history = run.history;
                tried.push(Tried { candidate, history });
            }
        }
        let best = search::best(search, &tried);
        Ok(best.map(|(candidate, _)| candidate.values()))
    }

    fn try_out(
        &mut self,
        candidate: &Candidate,
        search: &SearchConfig,
        prepare: &mut impl FnMut(u64) -> Result<Prepared<M>>,
        device: &Device,
        ended: &mut usize,
        all: usize,
    ) -> Result<Run> {
        let plain = candidate.origin.to_string();
        let folder = candidate_folder(candidate)?;
        let place = begun_or(&self.folder.join(SEARCH), &plain, &folder);
        let job = Job {
            name: SEARCH,
            folder: &place,
            strategy: &raw(candidate.values()),
            seed: SearchConfig::SEED,
            epochs: search.epochs,
        };
        self.one(job, prepare, device, ended, all)
    }

    /// Trains a run, or reads it if it is finished.
    fn one(
        &mut self,
        job: Job<'_>,
        prepare: &mut impl FnMut(u64) -> Result<Prepared<M>>,
        device: &Device,
        ended: &mut usize,
        all: usize,
    ) -> Result<Run> {
        let began = Instant::now();
        job.claim()?;
        let before = job.ended()?;
        let (end, took) = match before {
            Some(end) => (end, Duration::ZERO),
            None => {
                let end = self.train(&job, prepare, device)?;
                write_json(ENDED, &job.folder.join("ended.json"), &end)?;
                (end, began.elapsed())
            }
        };
        *ended += 1;
        (self.seen)(RunSeen {
            strategy: job.name,
            seed: job.seed,
            ended: *ended,
            all,
            took,
            failure: end.failure.as_deref(),
        });
        let history = match end.failure {
            None => Some(History::read_csv(job.folder.join("history.csv"))?),
            Some(_) => None,
        };
        Ok(Run {
            strategy: job.name.into(),
            seed: job.seed,
            history,
            seconds_per_step: end.seconds_per_step,
        })
    }

    /// Trains a run to its end, from the newest checkpoint if there is one.
    fn train(
        &self,
        job: &Job<'_>,
        prepare: &mut impl FnMut(u64) -> Result<Prepared<M>>,
        device: &Device,
    ) -> Result<Ended> {
        device.seed(job.seed);
        let prepared = prepare(job.seed)?;
        let tasks = prepared.network.tasks().clone();
        let strategy = match job.strategy.init(&tasks, device) {
            Ok(strategy) => strategy,
            Err(error) => return Ok(Ended::failed(&error)),
        };
        let config = TrainConfig {
            seed: job.seed,
            epochs: job.epochs,
            ..self.config.clone()
        };
        if let Err(error) = config.check_observed(&strategy) {
            return Ok(Ended::failed(&error));
        }
        let clock = Arc::new(Mutex::new(StepClock::default()));
        let (ticks, outer) = (clock.clone(), self.interrupter.clone());
        let plain = device.clone().inner();
        let trainer = Trainer::new(config, job.folder)?
            .with_progress(Progress::Silent)
            .with_baselines(prepared.baselines)
            .new_or_resume()
            // The trainer keeps its own interrupter: if a shared one stopped a diverged run, it would stop all later
            // runs.
            .on_step(move |seen| {
                if outer.should_stop() {
                    return ControlFlow::Break("interrupted".into());
                }
                // Pending computations belong to this step. A device failure is reported by the next read.
                let _ = plain.sync();
                let mut ticks = ticks.lock().unwrap_or_else(PoisonError::into_inner);
                ticks.tick(seen.epoch);
                ControlFlow::Continue(())
            });
        let trainer = (self.customise)(trainer);
        let outcome = trainer.fit_sources(
            prepared.network,
            strategy,
            prepared.train,
            prepared.valid,
            device,
        );
        let outcome = match outcome {
            Ok(outcome) => outcome,
            // Losses that a strategy broke or cannot use are a result of the comparison, not an error.
            Err(error @ (Error::NonFiniteLoss { .. } | Error::NotPositiveLoss { .. })) => {
                return Ok(Ended::failed(&error));
            }
            Err(error) => return Err(error),
        };
        if self.interrupter.should_stop() && outcome.history.last_epoch() < job.epochs {
            let reason = format!(
                "the comparison was interrupted in {}; the same call goes on from there",
                job.folder.display()
            );
            return Err(Error::Training { reason });
        }
        if let Some(reason) = outcome.stopped {
            let failure = Some(format!("stopped: {reason}"));
            return Ok(Ended {
                failure,
                ..Ended::default()
            });
        }
        let seconds = clock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .median();
        Ok(Ended {
            seconds_per_step: seconds,
            failure: None,
        })
    }
}

struct Job<'a> {
    name: &'a str,
    folder: &'a Path,
    strategy: &'a StrategyConfig,
    seed: u64,
    epochs: usize,
}

impl Job<'_> {
    /// Checks that the folder belongs to the same strategy.
    fn claim(&self) -> Result<()> {
        let remedy = format!(
            "as in the run that {} holds; remove that folder, or choose another for the comparison",
            self.folder.display()
        );
        claim(
            STRATEGY,
            &self.folder.join("strategy.json"),
            self.strategy,
            &remedy,
        )
    }

    /// Returns how the run ended, or `None` if it did not end or the checkpoint of its last epoch is missing.
    fn ended(&self) -> Result<Option<Ended>> {
        let file = self.folder.join("ended.json");
        if !file.exists() {
            return Ok(None);
        }
        let ended: Ended = ENDED.read_json(&file)?;
        let whole = ended.failure.is_some()
            || checkpoint::latest(self.folder).is_ok_and(|epoch| epoch >= self.epochs);
        Ok(whole.then_some(ended))
    }
}

impl Ended {
    fn failed(error: &Error) -> Self {
        Self {
            failure: Some(error.to_string()),
            ..Self::default()
        }
    }
}

/// Measures the time between the steps of an epoch, without the validation between epochs.
#[derive(Default)]
struct StepClock {
    last: Option<(usize, Instant)>,
    times: Vec<f64>,
}

impl StepClock {
    fn tick(&mut self, epoch: usize) {
        let now = Instant::now();
        if let Some((before, instant)) = self.last
            && before == epoch
            && self.times.len() < MOST_TIMES
        {
            self.times.push((now - instant).as_secs_f64());
        }
        self.last = Some((epoch, now));
    }

    /// Returns the median, which is robust to pauses of the machine and to occasional audits.
    fn median(&mut self) -> Option<f64> {
        self.times.sort_by(f64::total_cmp);
        self.times.get(self.times.len() / 2).copied()
    }
}

/// Returns the name of the folder of a candidate. A task whose name is too long for a folder counts by its position.
fn candidate_folder(candidate: &Candidate) -> Result<String> {
    folder_name("task", &candidate.origin.to_string()).or_else(|error| {
        let (side, task) = match &candidate.origin {
            Origin::More(task) => ("more", task),
            Origin::Less(task) => ("less", task),
            _ => return Err(error),
        };
        let position = candidate.weights.iter().position(|(name, _)| name == task);
        // A percent sign without two digits is no encoded name.
        Ok(format!("{side}-%task-{}", position.unwrap_or_default() + 1))
    })
}

fn named(name: &str) -> StrategyConfig {
    StrategyConfig::named(name).expect("it is in the table and has defaults")
}

/// Returns the config of fixed weights over raw losses.
pub(crate) fn raw(weights: TaskValues) -> StrategyConfig {
    let manual = Manual::default().with_normalise(false);
    StrategyConfig::new(manual.with_weights(weights))
}

/// Writes `own` to a new file, or checks that an existing file has the same content.
fn claim<T: Serialize>(format: Format, path: &Path, own: &T, remedy: &str) -> Result<()> {
    if !path.exists() {
        return write_json(format, path, own);
    }
    let stored: serde_json::Value = format.read_json(path)?;
    let own = serde_json::to_value(own).expect("settings are valid JSON");
    same_or_named(&own, &stored, remedy)
}

fn write_json<T: Serialize>(format: Format, path: &Path, value: &T) -> Result<()> {
    if let Some(folder) = path.parent() {
        create_folders(folder)?;
    }
    write_atomically(path, format.to_json(value).as_bytes())
}
