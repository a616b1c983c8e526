//! Defines one call of the program: its runs, their order, and the files with the results.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use equipoise::comparison::TUNED_FIXED;
use equipoise::comparison::search::{self, Candidate, Tried};
use equipoise::comparison::{Results, Run};
use equipoise::expansion::comparison::strategies;
use equipoise::expansion::comparison::{Job, JobState, Manifest};
use equipoise::expansion::run::{self, Data};
use equipoise::history::History;
use equipoise::weighting::TaskValues;
use equipoise::{Error, Result};

use crate::TERMINAL;
use crate::pool::{Failure, ProcessPool};
use crate::progress::Progress;

/// The end of a call.
pub enum Ending {
    /// Interrupted by Ctrl-C.
    Interrupted {
        /// The number of ended runs.
        ended: usize,
        /// The number of all runs.
        runs: usize,
    },
    /// All runs finished or failed.
    Done(Results),
}

/// One call of the program.
pub struct Session {
    manifest: Manifest,
    names: Vec<String>,
    seeds: u64,
    out: PathBuf,
    /// The weights of `tuned-fixed`, after the search.
    tuned: Option<TaskValues>,
    facts: Vec<(String, String)>,
    failed: Vec<Failure>,
    /// The lock of the folder, held until the program ends, so that only one program trains in it.
    _lock: File,
}

impl Session {
    /// Creates a session. Claims the folder and reads the data, so that errors in either come before the training.
    pub fn new(manifest: Manifest, names: Vec<String>, seeds: u64, out: &Path) -> Result<Self> {
        let waiting = TERMINAL.waiting(&match &manifest.config.data.path {
            Some(files) => format!("reading {files} and labelling windows"),
            None => "simulating bars".into(),
        });
        let data = run::load(&manifest.config)?;
        drop(waiting);
        let lock = lock(out)?;
        manifest.claim(out)?;
        for note in &data.notes {
            TERMINAL.note(note);
        }
        let mut session = Self {
            manifest,
            names,
            seeds,
            out: out.to_path_buf(),
            tuned: None,
            facts: Vec::new(),
            failed: Vec::new(),
            _lock: lock,
        };
        session.describe(&data);
        Ok(session)
    }

    /// Trains all runs.
    pub fn work(&mut self, jobs: usize, interrupts: Arc<AtomicUsize>) -> Result<Ending> {
        let others = self.jobs(|name| name != TUNED_FIXED)?;
        // A folder with other runs is refused before the first run, not after an hour of training.
        others.iter().try_for_each(|job| job.state().map(|_| ()))?;
        let (runs, epochs) = self.planned();
        let mut pool = ProcessPool {
            jobs,
            interrupts,
            progress: Progress::new(runs, epochs),
        };
        let done = self.all_runs(&mut pool, others);
        pool.progress.end();
        let (ended, runs) = pool.progress.runs();
        if done? {
            Ok(Ending::Done(self.results()?))
        } else {
            Ok(Ending::Interrupted { ended, runs })
        }
    }

    /// Trains all runs and the search. Only later rounds of the search depend on earlier runs, so all other runs join its
    /// first round. Returns `false` after Ctrl-C.
    fn all_runs(&mut self, pool: &mut ProcessPool, others: Vec<Job>) -> Result<bool> {
        let mut others = Some(others);
        if self.names.iter().any(|name| name == TUNED_FIXED) {
            let Some(tried) = self.search(pool, &mut others)? else {
                return Ok(false);
            };
            self.choose(&tried);
        }
        let mut left = others.take().unwrap_or_default();
        if self.tuned.is_some() {
            left.extend(self.jobs(|name| name == TUNED_FIXED)?);
        }
        let failures = pool.work(&left)?;
        let done = failures.is_some();
        self.failed.extend(failures.unwrap_or_default());
        Ok(done)
    }

    /// Searches in rounds until the budget is spent. Returns the candidates, or `None` after Ctrl-C.
    fn search(
        &mut self,
        pool: &mut ProcessPool,
        others: &mut Option<Vec<Job>>,
    ) -> Result<Option<Vec<Tried>>> {
        let tasks = self.manifest.config.model.tasks()?;
        let in_mind = strategies::in_mind(&tasks);
        let mut tried: Vec<Tried> = Vec::new();
        loop {
            let round = search::next(&self.manifest.search, &tasks, &tried, in_mind.as_deref());
            if round.is_empty() {
                return Ok(Some(tried));
            }
            let number = |index: usize| tried.len() + index + 1;
            let candidates = round.iter().enumerate();
            let jobs: Vec<Job> = candidates
                .map(|(i, c)| self.candidate(number(i), c))
                .collect();
            let mut batch = jobs.clone();
            batch.extend(others.take().unwrap_or_default());
            let Some(failures) = pool.work(&batch)? else {
                return Ok(None);
            };
            // A failed candidate is not chosen, but it is no gap in the table.
            let of_candidate = |f: &Failure| jobs.iter().any(|job| job.name == f.name);
            self.failed
                .extend(failures.into_iter().filter(|f| !of_candidate(f)));
            tried.extend(round.into_iter().zip(&jobs).map(|(candidate, job)| Tried {
                candidate,
                history: job.history().ok(),
            }));
        }
    }

    fn choose(&mut self, tried: &[Tried]) {
        let search = &self.manifest.search;
        let usable = tried
            .iter()
            .filter(|t| t.criterion(search.epochs).is_some());
        let cost = format!(
            "{} runs of {} epochs, seed {}, {} of them finished",
            tried.len(),
            search.epochs,
            search::SEED,
            usable.count()
        );
        let Some((best, loss)) = search::best(search, tried) else {
            let words = format!("the search for its weights found none: {cost}");
            self.failed.push(Failure {
                name: TUNED_FIXED.into(),
                words,
            });
            return;
        };
        let weights: Vec<String> = best
            .weights
            .iter()
            .map(|(t, w)| format!("{t} {w}"))
            .collect();
        self.facts.push(fact(
            "tuned-fixed",
            format!(
                "{}: candidate `{}`, relative loss {loss:.4}",
                weights.join(", "),
                best.origin
            ),
        ));
        self.facts.push(fact(
            "its search",
            format!(
                "{cost}; chosen on the validation data that is reported here, which flatters its row; \
                 nothing was tuned for any other"
            ),
        ));
        self.tuned = Some(best.values());
    }

    /// Returns the runs of the rows that `wanted` accepts.
    fn jobs(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Job>> {
        let names = self.names.iter().filter(|name| wanted(name));
        names
            .flat_map(|name| (1..=self.seeds).map(move |seed| (name, seed)))
            .map(|(name, seed)| self.job(name, seed))
            .collect()
    }

    fn job(&self, strategy: &str, seed: u64) -> Result<Job> {
        let base = &self.manifest.config;
        let name = format!("{strategy}-seed{seed}");
        Ok(Job {
            folder: self.out.join("runs").join(&name),
            name,
            config: strategies::config(base, strategy, seed, self.tuned.as_ref())?,
            data_seed: base.train.seed,
        })
    }

    fn candidate(&self, number: usize, candidate: &Candidate) -> Job {
        let base = &self.manifest.config;
        let name = format!("{number:02}-{}", candidate.origin);
        Job {
            folder: self.out.join("search").join(&name),
            name: format!("search {name}"),
            config: strategies::candidate(base, &self.manifest.search, candidate),
            data_seed: base.train.seed,
        }
    }

    /// Returns the total numbers of runs and of epochs.
    fn planned(&self) -> (usize, usize) {
        let rows = self.names.len() * self.seeds as usize;
        let search = &self.manifest.search;
        let searched = if self.names.iter().any(|name| name == TUNED_FIXED) {
            search.runs
        } else {
            0
        };
        let epochs = rows * self.manifest.config.train.epochs + searched * search.epochs;
        (rows + searched, epochs)
    }

    fn results(&self) -> Result<Results> {
        let mut runs = Vec::new();
        for strategy in &self.names {
            for seed in 1..=self.seeds {
                runs.push(Run {
                    strategy: strategy.clone(),
                    seed,
                    history: self.history(strategy, seed)?,
                    seconds_per_step: None,
                });
            }
        }
        Ok(strategies::results(&self.manifest.config, runs))
    }

    /// Returns the history of a run, or `None` if the run failed or did not start for lack of weights.
    fn history(&self, strategy: &str, seed: u64) -> Result<Option<History>> {
        if strategy == TUNED_FIXED && self.tuned.is_none() {
            return Ok(None);
        }
        let job = self.job(strategy, seed)?;
        match job.state()? {
            JobState::Finished => job.history().map(Some),
            _ => Ok(None),
        }
    }

    /// Sets the facts about data, budget and seeds of the table.
    fn describe(&mut self, data: &Data) {
        let config = &self.manifest.config;
        let source = match &config.data.path {
            Some(files) => files.to_string(),
            None => format!("simulated bars, seed {}", config.train.seed),
        };
        let (train, valid) = (data.train.len(), data.valid.len());
        let steps = train.div_ceil(config.train.batch_size);
        self.facts = vec![
            fact(
                "data",
                format!("{source}; {train} windows train, {valid} validate, later in time"),
            ),
            fact(
                "budget of a run",
                format!(
                    "{} epochs of {steps} steps of {} windows, AdamW, learning rate {}",
                    config.train.epochs, config.train.batch_size, config.train.learning_rate
                ),
            ),
            fact(
                "seeds",
                format!(
                    "1 to {} (first values, order, dropout; the data is the same)",
                    self.seeds
                ),
            ),
        ];
    }

    /// Prints and writes the table and its facts.
    pub fn report(&self, results: &Results) -> Result<()> {
        TERMINAL.line(&format!("\n{}", results.table()));
        for reference in [strategies::RAW_SUM, TUNED_FIXED] {
            let beside = results.differences(reference);
            if !beside.is_empty() {
                TERMINAL.line(&beside);
            }
        }
        for (name, text) in &self.facts {
            TERMINAL.line(&format!("{name}: {text}"));
        }
        results.write(&self.out)?;
        let page = results.page("Strategies side by side", self.facts.clone());
        page.write(self.out.join("report.html"))?;
        TERMINAL.line("");
        for (what, file) in [
            ("every run", "comparison.csv"),
            ("means", "summary.csv"),
            ("verdicts", "verdicts.csv"),
            ("report", "report.html"),
        ] {
            let file = self.out.join(file);
            TERMINAL.line(&format!("{what:<10} {}", file.display()));
        }
        Ok(())
    }

    /// Prints the failed runs again and returns the exit code, which reports a failure to a calling program.
    pub fn exit_code(&self) -> ExitCode {
        for Failure { name, words } in &self.failed {
            TERMINAL.warn(&format!("{name} failed: {words}"));
        }
        if self.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn fact(name: &str, text: String) -> (String, String) {
    (name.into(), text)
}

fn lock(out: &Path) -> Result<File> {
    std::fs::create_dir_all(out).map_err(Error::io("create", out))?;
    let path = out.join("lock");
    let file = File::create(&path).map_err(Error::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::file(
            out,
            "another call of this program is at work in this folder; wait for it, or choose another --out",
        )),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
    }
}
