//! The runs of a comparison, one after the other: new, interrupted or finished, each in a folder of its own.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use burn::train::Interrupter;
use serde::{Deserialize, Serialize};

use super::results::{Results, Run};
use super::search::{self, Candidate, SearchConfig, Tried};
use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::history::{History, write_atomically};
use crate::model::MultiTaskModel;
use crate::train::{Baseline, Progress, Source, TrainConfig, Trainer, checkpoint};
use crate::weighting::{Manual, StrategyConfig, StrategyTable, TaskValues};

/// The row of fixed weights over raw losses that were [searched](search) for: what a strategy has to beat.
pub const TUNED_FIXED: &str = "tuned-fixed";

/// What a run of a comparison starts from.
pub struct Prepared<M: MultiTaskModel> {
    /// The network with its initial parameters.
    pub network: M,
    /// The batches that are trained on.
    pub train: Box<dyn Source<M::Batch>>,
    /// The batches that are measured on.
    pub valid: Box<dyn Source<M::Batch>>,
    /// What trivial predictors reach, if that is known. With it there are skills, and the search has better guesses.
    pub baselines: Vec<Baseline>,
}

/// A run that has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunSeen<'a> {
    /// The row, or `search` for a candidate of the search.
    pub strategy: &'a str,
    /// The seed.
    pub seed: u64,
    /// Runs that have ended, this one included.
    pub ended: usize,
    /// Runs in all.
    pub all: usize,
    /// The time it took in this call; zero for a run that was finished before.
    pub took: Duration,
    /// Why it failed, if it did.
    pub failure: Option<&'a str>,
}

type Customise<M> = Box<dyn Fn(Trainer<M>) -> Trainer<M>>;
type Seen = Box<dyn FnMut(RunSeen<'_>)>;

/// A comparison of strategies on a network of one's own.
///
/// Every run has a folder, `ROW/seed-N`, and is recognised there when it is finished, and taken up again when it was
/// interrupted; the same call goes on. A run that fails (a loss that is not finite, say) is counted as failed and not repeated.
///
/// A folder keeps the settings, the tasks and the size of the data, and refuses a comparison with others; what is in the data it
/// does not know.
///
/// # Example
///
/// ```no_run
/// # use equipoise::model::MultiTaskModel;
/// # use equipoise::comparison::Prepared;
/// # fn compare<M: MultiTaskModel>(prepare: impl FnMut(u64) -> equipoise::Result<Prepared<M>>) -> equipoise::Result<()> {
/// use burn::tensor::Device;
/// use equipoise::comparison::{Compare, table};
/// use equipoise::comparison::search::SearchConfig;
/// use equipoise::train::TrainConfig;
///
/// let results = Compare::<M>::new(TrainConfig::default().with_epochs(10), "runs/compared")
///     .with_all_strategies()
///     .with_tuned_fixed(SearchConfig { runs: 14, epochs: 10 })
///     .with_seeds(3)
///     // From a seed to a network with its initial parameters and its data.
///     .run(prepare, &Device::flex())?;
/// println!("{}", table::render(&results));
/// println!("{}", table::beside(&results, "tuned-fixed"));
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

/// What all runs of a folder share.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shared {
    config: TrainConfig,
    tasks: Vec<String>,
    search: Option<SearchConfig>,
    train_batches_and_samples: [usize; 2],
    valid_batches_and_samples: [usize; 2],
}

/// What is written when a run has ended.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Ended {
    /// Seconds of a training step, over the steps of the last call; none where there was none.
    seconds_per_step: Option<f64>,
    /// Why the run failed, if it did.
    failure: Option<String>,
}

impl<M: MultiTaskModel> Compare<M> {
    /// Makes a comparison that leaves everything in `folder`; its first row is `sum`, and there is one seed. Every row trains as
    /// long, so a config with patience is refused; the seed of a run takes the place of the config's.
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

    /// Adds a row; one of the same name is replaced.
    pub fn with_strategy(mut self, name: impl Into<String>, config: StrategyConfig) -> Self {
        let name = name.into();
        match self.rows.iter_mut().find(|(row, _)| *row == name) {
            Some((_, row)) => *row = config,
            None => self.rows.push((name, config)),
        }
        self
    }

    /// Adds a row for every strategy of the table that has defaults. Those that do not fit the tasks are counted as failed.
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

    /// Adds the row of fixed weights that are searched for first.
    pub fn with_tuned_fixed(mut self, search: SearchConfig) -> Self {
        self.search = Some(search);
        self
    }

    /// Sets the number of runs of each row, with the seeds 1, 2, and so on. The search has seed 0.
    pub fn with_seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    /// Has every run's trainer set up further: metrics, an optimizer, a schedule. What it changes is not checked when a folder is
    /// taken up again.
    pub fn with_trainer(mut self, customise: impl Fn(Trainer<M>) -> Trainer<M> + 'static) -> Self {
        self.customise = Box::new(customise);
        self
    }

    /// Calls a function whenever a run has ended.
    pub fn on_run(mut self, seen: impl FnMut(RunSeen<'_>) + 'static) -> Self {
        self.seen = Box::new(seen);
        self
    }

    /// Listens to a handle made elsewhere, which stops the comparison at the next step.
    pub fn with_interrupter(mut self, interrupter: Interrupter) -> Self {
        self.interrupter = interrupter;
        self
    }

    /// Does all runs that are not finished, and adds them up.
    ///
    /// `prepare` makes what a run of a seed starts from; the device is seeded before. The same seed must give the same.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a setting is out of range, or the folder holds runs of other settings; [`Error::Io`] if it cannot be
    /// used; [`Error::Training`] if the comparison was interrupted; what `prepare` returns.
    pub fn run(
        mut self,
        mut prepare: impl FnMut(u64) -> Result<Prepared<M>>,
        device: &Device,
    ) -> Result<Results> {
        self.check()?;
        let seed = if self.search.is_some() {
            search::SEED
        } else {
            1
        };
        device.seed(seed);
        let first = prepare(seed)?;
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
                // No candidate got to the end, so there are no weights to train with.
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
                let place = self.folder.join(&name).join(format!("seed-{seed}"));
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
        let search = self.search.as_ref();
        search.map_or(Ok(()), SearchConfig::validate)
    }

    /// Writes what all runs share, or sees that it is the same as before.
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
        claim(&self.folder.join("comparison.json"), &own, &remedy)
    }

    /// Returns the weights of the best candidate; `None` if none got to the end.
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
        let place = self
            .folder
            .join("search")
            .join(candidate.origin.to_string());
        let job = Job {
            name: "search",
            folder: &place,
            strategy: &raw(candidate.values()),
            seed: search::SEED,
            epochs: search.epochs,
        };
        self.one(job, prepare, device, ended, all)
    }

    /// One run, done or read.
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
                write_json(&job.folder.join("ended.json"), &end)?;
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

    /// Trains to the end, from the newest checkpoint if there is one.
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
            // An interrupter of its own: one that stopped a run that diverged would stop all runs after it.
            .on_step(move |seen| {
                if outer.should_stop() {
                    return ControlFlow::Break("interrupted".into());
                }
                // What is still to be computed belongs to this step; a device that failed is noticed by who reads from it.
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
            // What a strategy did to the losses, or cannot do with them, is a result.
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

/// What a run is.
struct Job<'a> {
    name: &'a str,
    folder: &'a Path,
    strategy: &'a StrategyConfig,
    seed: u64,
    epochs: usize,
}

impl Job<'_> {
    /// Sees that the folder is of the same strategy.
    fn claim(&self) -> Result<()> {
        let remedy = format!(
            "as in the run that {} holds; remove that folder, or choose another for the comparison",
            self.folder.display()
        );
        claim(&self.folder.join("strategy.json"), self.strategy, &remedy)
    }

    /// How the run ended, if it did, and the checkpoint and history of its last epoch are there.
    fn ended(&self) -> Result<Option<Ended>> {
        let file = self.folder.join("ended.json");
        if !file.exists() {
            return Ok(None);
        }
        let ended: Ended = read_json(&file)?;
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

/// Takes the time between the steps of an epoch; what lies between epochs is validation.
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
        {
            self.times.push((now - instant).as_secs_f64());
        }
        self.last = Some((epoch, now));
    }

    /// Returns the median, which neither a pause of the machine nor an audit now and then moves.
    fn median(&mut self) -> Option<f64> {
        self.times.sort_by(f64::total_cmp);
        self.times.get(self.times.len() / 2).copied()
    }
}

fn named(name: &str) -> StrategyConfig {
    StrategyConfig::named(name).expect("it is in the table and has defaults")
}

/// Returns the config of fixed weights over raw losses.
pub(crate) fn raw(weights: TaskValues) -> StrategyConfig {
    let manual = Manual::default().with_normalise(false);
    StrategyConfig::new(manual.with_weights(weights))
}

/// Writes a file that is not there, and sees that one that is says the same.
fn claim<T: Serialize>(path: &Path, own: &T, remedy: &str) -> Result<()> {
    if !path.exists() {
        return write_json(path, own);
    }
    let stored: serde_json::Value = read_json(path)?;
    let own = serde_json::to_value(own).expect("settings are valid JSON");
    same_or_named(&own, &stored, remedy)
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    let json = serde_json::to_string_pretty(value).expect("settings are valid JSON");
    write_atomically(path, json.as_bytes())
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    serde_json::from_str(&text).map_err(|error| Error::Config {
        path: path.to_path_buf(),
        reason: error.to_string(),
    })
}
