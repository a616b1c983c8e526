//! Runs a comparison, or some of its parts, in a folder, and collects the results.

use std::path::{Path, PathBuf};

use super::config::{ComparisonConfig, run_name};
use super::job::{Job, JobState};
use super::manifest::Manifest;
use super::strategies;
use super::tuning::{SEARCH, Tuned, Tuning};
use crate::atomic::remove_unfinished;
use crate::comparison::{Results, Run, TUNED_FIXED};
use crate::error::{Error, Result};
use crate::expansion::run::Data;
use crate::train::{FolderLock, With};

/// The folder of the runs of the rows, in the folder of a comparison.
const RUNS: &str = "runs";

/// A comparison in a folder, which holds its runs and its results.
///
/// Opening a folder again continues: finished runs are not repeated, interrupted runs are resumed. Every run is
/// reproducible by itself, so the results do not depend on how the runs are divided among processes.
pub struct Comparison {
    config: ComparisonConfig,
    folder: PathBuf,
    /// The folders with runs: the own folder, then those that are collected.
    sources: Vec<PathBuf>,
    parts: Vec<String>,
    tuned: Option<Tuned>,
    facts: Vec<(String, String)>,
    notes: Vec<String>,
    failed: Vec<String>,
    /// The settings and files that all runs share.
    manifest: Manifest,
    /// The lock of the folder, held as long as the comparison; `None` for a comparison that only collects.
    _lock: Option<FolderLock>,
}

impl Comparison {
    /// Opens a folder for the whole comparison.
    ///
    /// Reads the data first, so that errors in the data come before the training and leave no folder behind.
    ///
    /// # Errors
    ///
    /// * As [`ComparisonConfig::validate`] and [`Data::load`].
    /// * [`Error::File`] if another process trains in the folder, with its process and the time since when.
    /// * [`Error::Setting`] naming the first field that differs, if the folder holds another comparison. More
    ///   strategies and more seeds are no difference.
    /// * [`Error::Io`], [`Error::Config`] if the folder cannot be used.
    pub fn open(config: ComparisonConfig, folder: impl AsRef<Path>) -> Result<Self> {
        config.validate()?;
        let parts = config.parts();
        Self::new(config, folder.as_ref(), parts, Some(With::Nobody))
    }

    /// Opens a folder for some [parts](ComparisonConfig::parts). Other processes may train other parts in the same
    /// folder at the same time; if two train the same run, the second waits for the first.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`Error::Setting`] if a name is not a part.
    pub fn open_parts(
        config: ComparisonConfig,
        folder: impl AsRef<Path>,
        parts: Vec<String>,
    ) -> Result<Self> {
        config.validate()?;
        let known = config.parts();
        if let Some(unknown) = parts.iter().find(|part| !known.contains(part)) {
            let expected = format!("a part of the comparison: {}", known.join(", "));
            return Err(Error::setting("only", unknown, expected));
        }
        Self::new(config, folder.as_ref(), parts, Some(With::Others))
    }

    /// Opens a folder to collect the runs of other folders, which hold parts of the same comparison, and its own. Runs
    /// may be in training in all of them.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`Error::File`] if one of the folders in `from`, or the own folder if `from` is empty, holds
    /// no comparison; [`Error::Setting`] naming the first field that differs if it holds another one.
    pub fn collect(
        config: ComparisonConfig,
        folder: impl AsRef<Path>,
        from: &[PathBuf],
    ) -> Result<Self> {
        let own = [folder.as_ref().to_path_buf()];
        let needed = if from.is_empty() { &own[..] } else { from };
        needed
            .iter()
            .try_for_each(|folder| Manifest::is_in(folder))?;
        config.validate()?;
        let parts = config.parts();
        let mut comparison = Self::new(config, folder.as_ref(), parts, None)?;
        for folder in from {
            comparison.manifest.check(folder)?;
            comparison.sources.push(folder.clone());
        }
        comparison.tuned = comparison.stored_tuning()?;
        Ok(comparison)
    }

    fn new(
        config: ComparisonConfig,
        folder: &Path,
        parts: Vec<String>,
        with: Option<With>,
    ) -> Result<Self> {
        if with.is_some() {
            // The data may take long to read.
            FolderLock::check_free(folder)?;
        }
        let data = Data::load(&config.base)?;
        let manifest = Manifest::new(config.base.clone(), config.search.clone())?;
        let lock = with.map(|with| FolderLock::take_with(folder, with));
        let lock = lock.transpose()?;
        if with == Some(With::Nobody) {
            remove_unfinished(folder);
            remove_unfinished(&folder.join(SEARCH));
        }
        manifest.claim(folder)?;
        let facts = facts(&config, &data);
        let mut notes = data.notes;
        notes.extend(lock.as_ref().and_then(FolderLock::note));
        Ok(Self {
            facts,
            notes,
            manifest,
            config,
            folder: folder.to_path_buf(),
            sources: vec![folder.to_path_buf()],
            parts,
            tuned: None,
            failed: Vec::new(),
            _lock: lock,
        })
    }

    /// Returns the notes on the data.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the number of runs and the number of their epochs.
    pub fn planned(&self) -> (usize, usize) {
        self.config.planned(&self.parts)
    }

    /// Trains all runs by calls of `train` with a batch of runs, which may run in parallel, each in its own process.
    ///
    /// `train` trains the unfinished runs of the batch, for example with [`Job::work`], and returns whether it was not
    /// interrupted. A run that is not finished after the call has failed; the others go on. Only the search depends on
    /// earlier runs, so there are few batches. Returns `false` if `train` was interrupted.
    ///
    /// # Errors
    ///
    /// Those of `train`; [`Error::Setting`], before the first run, if a folder of a run holds another run.
    pub fn run(&mut self, mut train: impl FnMut(&[Job]) -> Result<bool>) -> Result<bool> {
        let mut waiting = self.jobs(|strategy| strategy != TUNED_FIXED)?;
        for job in &waiting {
            job.state()?;
        }
        if self.parts.iter().any(|part| part == TUNED_FIXED) {
            if !self.tune(&mut train, &mut waiting)? {
                return Ok(false);
            }
            waiting.extend(self.jobs(|strategy| strategy == TUNED_FIXED)?);
        }
        let done = train(&waiting)?;
        if done {
            self.note_failures(&waiting)?;
        }
        Ok(done)
    }

    /// Searches for the weights of `tuned-fixed`. The other runs depend on nothing, so they join the first round.
    fn tune(
        &mut self,
        train: &mut impl FnMut(&[Job]) -> Result<bool>,
        waiting: &mut Vec<Job>,
    ) -> Result<bool> {
        let mut tuning = Tuning::new(&self.config, &self.folder, self.manifest.inputs())?;
        loop {
            let round = tuning.round();
            if round.is_empty() {
                break;
            }
            let others = std::mem::take(waiting);
            let batch = [round.clone(), others.clone()].concat();
            if !train(&batch)? {
                return Ok(false);
            }
            self.note_failures(&others)?;
            tuning.take(&round);
        }
        match tuning.choose()? {
            Ok(tuned) => self.tuned = Some(tuned),
            Err(reason) => self.failed.push(format!("{TUNED_FIXED}: {reason}")),
        }
        Ok(true)
    }

    fn note_failures(&mut self, jobs: &[Job]) -> Result<()> {
        for job in jobs {
            if job.state()? != JobState::Finished {
                self.failed.push(job.name.clone());
            }
        }
        Ok(())
    }

    /// Returns the names of the runs that failed in this call of [`run`](Self::run), without the candidates of the
    /// search.
    pub fn failed(&self) -> &[String] {
        &self.failed
    }

    /// Returns the names of the runs that are not finished.
    ///
    /// # Errors
    ///
    /// As [`Job::state`].
    pub fn missing(&self) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        for (strategy, seed) in self.rows(|_| true) {
            if self.finished(strategy, seed)?.is_none() {
                missing.push(run_name(strategy, seed));
            }
        }
        Ok(missing)
    }

    /// Returns the results of the runs. A run that is not finished counts as failed.
    ///
    /// # Errors
    ///
    /// As [`Job::state`] and [`Job::history`].
    pub fn results(&self) -> Result<Results> {
        self.results_of(|_| true)
    }

    /// Returns the results of the finished runs.
    ///
    /// # Errors
    ///
    /// As [`results`](Self::results).
    pub fn finished_results(&self) -> Result<Results> {
        self.results_of(|run| run.history.is_some())
    }

    fn results_of(&self, wanted: impl Fn(&Run) -> bool) -> Result<Results> {
        let mut runs = Vec::new();
        for (strategy, seed) in self.rows(|_| true) {
            let job = self.finished(strategy, seed)?;
            runs.push(Run {
                strategy: strategy.into(),
                seed,
                history: job.map(|job| job.history()).transpose()?,
                seconds_per_step: None,
            });
        }
        runs.retain(wanted);
        Ok(strategies::results(&self.config.base, runs))
    }

    /// Returns the facts for the foot of a table: data, budget, seeds, and what the search found, as name and text.
    pub fn facts(&self) -> Vec<(String, String)> {
        let found = self.tuned.iter().flat_map(Tuned::facts);
        self.facts.iter().cloned().chain(found).collect()
    }

    /// Returns strategy and seed of the runs of the opened parts whose strategy is `wanted`.
    fn rows(&self, wanted: impl Fn(&str) -> bool) -> Vec<(&str, u64)> {
        let names = self.config.strategies.iter().filter(|name| wanted(name));
        let all =
            names.flat_map(|name| (1..=self.config.seeds).map(move |seed| (name.as_str(), seed)));
        let opened = |strategy: &str, seed| {
            let part = match strategy {
                TUNED_FIXED => strategy.to_owned(),
                _ => run_name(strategy, seed),
            };
            self.parts.contains(&part)
        };
        all.filter(|(strategy, seed)| opened(strategy, *seed))
            .collect()
    }

    /// Returns the runs whose strategy is `wanted`; none of `tuned-fixed` without weights.
    fn jobs(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Job>> {
        let rows = self.rows(wanted).into_iter();
        let known = rows.filter(|(strategy, _)| *strategy != TUNED_FIXED || self.tuned.is_some());
        known
            .map(|(strategy, seed)| self.job(&self.folder, strategy, seed))
            .collect()
    }

    fn job(&self, folder: &Path, strategy: &str, seed: u64) -> Result<Job> {
        let name = run_name(strategy, seed);
        let tuned = self.tuned.as_ref().map(Tuned::weights);
        Ok(Job {
            folder: folder.join(RUNS).join(&name),
            name,
            config: strategies::config(&self.config.base, strategy, seed, tuned.as_ref())?,
            data_seed: self.config.base.train.seed,
            inputs: self.manifest.inputs(),
        })
    }

    /// Returns a finished run, from the first folder that has it.
    fn finished(&self, strategy: &str, seed: u64) -> Result<Option<Job>> {
        if strategy == TUNED_FIXED && self.tuned.is_none() {
            return Ok(None);
        }
        for folder in &self.sources {
            let job = self.job(folder, strategy, seed)?;
            if job.state()? == JobState::Finished {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// Returns the weights that an earlier call found, from the first folder that has them.
    fn stored_tuning(&self) -> Result<Option<Tuned>> {
        for folder in &self.sources {
            let tuned = Tuned::read(folder)?;
            if tuned.is_some() {
                return Ok(tuned);
            }
        }
        Ok(None)
    }
}

/// Returns the facts about data, budget and seeds.
fn facts(config: &ComparisonConfig, data: &Data) -> Vec<(String, String)> {
    let base = &config.base;
    let source = match &base.data.path {
        Some(files) => files.to_string(),
        None => format!("simulated bars, seed {}", base.train.seed),
    };
    let (train, valid) = (data.train.len(), data.valid.len());
    let steps = train.div_ceil(base.train.batch_size);
    let budget = format!(
        "{} epochs of {steps} steps of {} windows, AdamW, learning rate {}",
        base.train.epochs, base.train.batch_size, base.train.learning_rate
    );
    let seeds = config.seeds;
    [
        (
            "data",
            format!("{source}; {train} windows train, {valid} validate, later in time"),
        ),
        ("budget of a run", budget),
        (
            "seeds",
            format!("1 to {seeds} (first values, order, dropout; the data is the same)"),
        ),
    ]
    .map(|(name, text)| (name.to_string(), text))
    .into()
}
