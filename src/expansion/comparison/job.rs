//! One run of a comparison, in a folder of its own: recognised when it is finished, continued when it was interrupted.

use std::fs::File;
use std::path::PathBuf;

use burn::train::Interrupter;
use serde::{Deserialize, Serialize};

use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::expansion::run::{self, ExpansionConfig, RunOptions};
use crate::history::{History, write_atomically};
use crate::train::{Progress, checkpoint};

/// Written when the last epoch is done, so it tells a finished run from one that was killed.
const MARKER: &str = "finished";

/// One run. Goes to the process that does it as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// What it is called in messages.
    pub name: String,
    /// Where it leaves everything.
    pub folder: PathBuf,
    /// What it is.
    pub config: ExpansionConfig,
    /// The seed that simulated bars are drawn with. Not that of the run: all runs of a comparison see the same bars.
    pub data_seed: u64,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Not begun, or ended before its first epoch did.
    New,
    /// There is a checkpoint of this epoch to go on from.
    Interrupted(usize),
    /// Done.
    Finished,
}

impl Job {
    /// How far the run in the folder is.
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

    /// Returns the newest epoch that is done and kept.
    pub fn epoch(&self) -> usize {
        checkpoint::latest(&self.folder).unwrap_or(0)
    }

    /// What the run recorded so far.
    ///
    /// # Errors
    ///
    /// As [`History::read_csv`].
    pub fn history(&self) -> Result<History> {
        History::read_csv(self.folder.join("history.csv"))
    }

    /// Trains to the end, from the newest checkpoint if there is one. Whether it got to the end: the interrupter may stop
    /// it, and then it can be called again.
    ///
    /// # Errors
    ///
    /// As [`run::load`] and [`run::train`], and [`state`](Self::state).
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
        let data = run::load(&drawn)?;
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

    /// Held until the run ends: whoever was killed may have left a process behind that takes a moment to notice.
    fn lock(&self) -> Result<File> {
        let path = self.folder.join("lock");
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        file.lock().map_err(Error::io("lock", &path))?;
        Ok(file)
    }
}
