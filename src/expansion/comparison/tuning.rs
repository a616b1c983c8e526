//! Searches for the weights of `tuned-fixed` in the folder of a comparison, and stores what was found.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::ComparisonConfig;
use super::job::Job;
use super::strategies;
use crate::comparison::SearchConfig;
use crate::comparison::search::{self, Candidate, Tried};
use crate::error::Result;
use crate::expansion::run::RunFiles;
use crate::format::Format;
use crate::history::write_atomically;
use crate::task::TaskSet;
use crate::weighting::TaskValues;

/// The folder of the runs of the search, in the folder of a comparison.
pub(super) const SEARCH: &str = "search";
/// The file of the chosen weights, in the folder of the search.
const FILE: &str = "chosen.json";
/// Version 2 has its number in the file.
const FORMAT: Format = Format::new(2);

/// A search under way.
pub(super) struct Tuning {
    config: ComparisonConfig,
    folder: PathBuf,
    inputs: RunFiles,
    tasks: TaskSet,
    tried: Vec<Tried>,
    /// The candidates of the current round.
    round: Vec<Candidate>,
}

impl Tuning {
    /// Creates a search in the folder of a comparison.
    pub(super) fn new(config: &ComparisonConfig, folder: &Path, inputs: RunFiles) -> Result<Self> {
        Ok(Self {
            inputs,
            tasks: config.base.model.tasks()?,
            folder: folder.join(SEARCH),
            config: config.clone(),
            tried: Vec::new(),
            round: Vec::new(),
        })
    }

    /// Returns the runs of the next round, none after the last round.
    pub(super) fn round(&mut self) -> Vec<Job> {
        let in_mind = strategies::in_mind(&self.tasks);
        let search = &self.config.search;
        self.round = search::next(search, &self.tasks, &self.tried, in_mind.as_deref());
        let numbered = (self.tried.len() + 1..).zip(&self.round);
        numbered
            .map(|(number, candidate)| self.job(number, candidate))
            .collect()
    }

    /// Takes the histories of the runs of the current round. A candidate without a history has failed and is not
    /// chosen.
    pub(super) fn take(&mut self, jobs: &[Job]) {
        let round = std::mem::take(&mut self.round).into_iter().zip(jobs);
        self.tried.extend(round.map(|(candidate, job)| Tried {
            candidate,
            history: job.history().ok(),
        }));
    }

    /// Stores and returns the best candidate, or the reason why there is none.
    pub(super) fn choose(&self) -> Result<std::result::Result<Tuned, String>> {
        let search = &self.config.search;
        let cost = self.cost(search);
        let Some((best, relative_loss)) = search::best(search, &self.tried) else {
            return Ok(Err(format!(
                "the search for its weights found none: {cost}"
            )));
        };
        let tuned = Tuned {
            weights: best.weights.clone(),
            origin: best.origin.to_string(),
            relative_loss,
            cost,
        };
        tuned.write(&self.folder)?;
        Ok(Ok(tuned))
    }

    fn cost(&self, search: &SearchConfig) -> String {
        let finished = |tried: &&Tried| tried.criterion(search.epochs).is_some();
        format!(
            "{} runs of {} epochs, seed {}, {} of them finished",
            self.tried.len(),
            search.epochs,
            SearchConfig::SEED,
            self.tried.iter().filter(finished).count()
        )
    }

    fn job(&self, number: usize, candidate: &Candidate) -> Job {
        let base = &self.config.base;
        let name = format!("{number:02}-{}", candidate.origin);
        Job {
            folder: self.folder.join(&name),
            name: format!("{SEARCH} {name}"),
            config: strategies::candidate(base, &self.config.search, candidate),
            data_seed: base.train.seed,
            inputs: self.inputs.clone(),
        }
    }
}

/// The weights that a search has chosen. Stored in the folder of the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tuned {
    weights: Vec<(String, f64)>,
    origin: String,
    relative_loss: f64,
    /// The runs of the search, in words.
    cost: String,
}

impl Tuned {
    /// Reads the weights from the folder of a comparison, `None` if its search has not ended.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(SEARCH).join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        FORMAT.read_json(&path).map(Some)
    }

    fn write(&self, folder: &Path) -> Result<()> {
        write_atomically(folder.join(FILE), FORMAT.to_json(self).as_bytes())
    }

    /// Returns the weights in the form of a strategy's config.
    pub(super) fn weights(&self) -> TaskValues {
        TaskValues::ByName(self.weights.iter().cloned().collect())
    }

    /// Returns what was chosen and what the search cost, as name and text.
    pub(super) fn facts(&self) -> [(String, String); 2] {
        let weights = self.weights.iter().map(|(task, w)| format!("{task} {w}"));
        let weights: Vec<String> = weights.collect();
        let chosen = format!(
            "{}: candidate `{}`, relative loss {:.4}",
            weights.join(", "),
            self.origin,
            self.relative_loss
        );
        let cost = format!(
            "{}; chosen on the validation data that is reported here, which flatters its row; nothing was tuned for \
             any other",
            self.cost
        );
        [("tuned-fixed".into(), chosen), ("its search".into(), cost)]
    }
}
