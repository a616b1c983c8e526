//! Trains one run of a comparison in its own folder: detects a finished run, continues an interrupted run.

use std::fs::File;
use std::path::PathBuf;

use burn::train::Interrupter;
use serde::{Deserialize, Serialize};

use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::expansion::run::{self, Data, ExpansionConfig, RunOptions};
use crate::history::{History, write_atomically};
use crate::train::{Progress, checkpoint};

/// The file that marks a finished run. It is written after the last epoch, so a killed run does not have it.
const MARKER: &str = "finished";

/// One run of a comparison, in its own folder. Serializes as JSON for the process that trains it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The name in messages.
    pub name: String,
    /// The folder of the run.
    pub folder: PathBuf,
    /// The config of the run.
    pub config: ExpansionConfig,
    /// The seed of simulated bars. Separate from the seed of the run, so that all runs of a comparison share their
    /// bars.
    pub data_seed: u64,
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Not started, or stopped before the end of the first epoch.
    New,
    /// Stopped, with a checkpoint of this epoch to continue from.
    Interrupted(usize),
    /// Trained to the end.
    Finished,
}

impl Job {
    /// Returns the state of the run in the folder.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming a field if the folder holds a run with another config, [`Error::Io`] or
    /// [`Error::Config`] if its config cannot be read.
    pub fn state(&self) -> Result<JobState> {
        let stored = self.folder.join("config.json");
        if !stored.exists() {
            return Ok(JobState::New);
        }
        let remedy = format!(
            "as in the run that {} holds; remove that folder, or choose another",
            self.folder.display()
        );
        same_or_named(&self.config, &ExpansionConfig::read(stored)?, &remedy)?;
        match checkpoint::latest(&self.folder) {
            _ if self.folder.join(MARKER).exists() => Ok(JobState::Finished),
            Ok(epoch) => Ok(JobState::Interrupted(epoch)),
            Err(_) => Ok(JobState::New),
        }
    }

    /// Returns the newest epoch with a checkpoint, or 0 without a checkpoint.
    pub fn epoch(&self) -> usize {
        checkpoint::latest(&self.folder).unwrap_or(0)
    }

    /// Reads the recorded history of the run.
    ///
    /// # Errors
    ///
    /// As [`History::read_csv`].
    pub fn history(&self) -> Result<History> {
        History::read_csv(self.folder.join("history.csv"))
    }

    /// Trains the run, from its newest checkpoint or from the start. Returns whether the run is finished: `false` if
    /// the interrupter stopped it; a later call continues.
    ///
    /// # Errors
    ///
    /// As [`Data::load`] and [`run::train`], and [`state`](Self::state).
    pub fn work(&self, progress: Progress, interrupter: Interrupter) -> Result<bool> {
        std::fs::create_dir_all(&self.folder).map_err(Error::io("create", &self.folder))?;
        let _alone = self.lock()?;
        let resume = match self.state()? {
            JobState::Finished => return Ok(true),
            JobState::Interrupted(_) => true,
            JobState::New => false,
        };
        let mut drawn = self.config.clone();
        drawn.train.seed = self.data_seed;
        let data = Data::load(&drawn)?;
        let options = RunOptions {
            resume,
            progress,
            interrupter: interrupter.clone(),
            ..RunOptions::default()
        };
        let outcome = run::train(&self.config, data, &self.folder, options)?;
        if outcome.stopped.is_some() && interrupter.should_stop() {
            return Ok(false);
        }
        write_atomically(self.folder.join(MARKER), b"")?;
        Ok(true)
    }

    /// Locks the folder until the run ends. The process of a killed comparison may still be writing for a moment.
    fn lock(&self) -> Result<File> {
        let path = self.folder.join("lock");
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        file.lock().map_err(Error::io("lock", &path))?;
        Ok(file)
    }
}
