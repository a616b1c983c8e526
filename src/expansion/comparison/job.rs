//! Trains one run of a comparison in its own folder: detects a finished run, continues an interrupted run.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use burn::train::Interrupter;
use serde::{Deserialize, Serialize};

use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::expansion::run::{self, Data, ExpansionConfig, RunFiles, RunOptions};
use crate::format::Format;
use crate::history::{History, write_atomically};
use crate::printable::printable;
use crate::train::{FolderLock, Progress, checkpoint};

/// The file that marks a finished run. It is written after the last epoch, so a killed run does not have it.
const MARKER: &str = "finished";
/// Version 1 of the marker is empty, version 2 holds its number.
const FORMAT: Format = Format::new(2);

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
    /// The lengths and checksums of the files that all runs of the comparison read, see [`RunFiles::of`].
    pub inputs: RunFiles,
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
    /// Returns the state of the run in the folder. Its files may have had another path, and not another content.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming a field if the folder holds a run with another config or of other files; [`Error::Io`],
    /// [`Error::Format`] or [`Error::Config`] if its config cannot be read.
    pub fn state(&self) -> Result<JobState> {
        let stored = self.folder.join("config.json");
        if !stored.exists() {
            return Ok(JobState::New);
        }
        let remedy = format!(
            "as in the run that {} holds; remove that folder, or choose another",
            self.folder.display()
        );
        let stored = ExpansionConfig::read(stored)?;
        same_or_named(
            &self.config.clone().with_paths_of(&stored),
            &stored,
            &remedy,
        )?;
        self.inputs.check(&self.folder)?;
        match checkpoint::latest(&self.folder) {
            _ if self.is_marked()? => Ok(JobState::Finished),
            Ok(epoch) => Ok(JobState::Interrupted(epoch)),
            Err(_) => Ok(JobState::New),
        }
    }

    /// Returns whether the folder has the marker of a finished run.
    fn is_marked(&self) -> Result<bool> {
        let path = self.folder.join(MARKER);
        if !path.exists() {
            return Ok(false);
        }
        let text = std::fs::read(&path).map_err(Error::io("read", &path))?;
        FORMAT.check_json(&path, &text).map(|()| true)
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
    /// the interrupter stopped it; a later call continues. Waits for another process that trains the run.
    ///
    /// # Errors
    ///
    /// As [`Data::load`] and [`run::train`], and [`state`](Self::state);
    /// [`Error::Setting`] naming a file that has changed since the comparison began.
    pub fn work(&self, progress: Progress, interrupter: Interrupter) -> Result<bool> {
        let lock = self.lock(progress)?;
        let resume = match self.state()? {
            JobState::Finished => return Ok(true),
            JobState::Interrupted(_) => true,
            JobState::New => false,
        };
        let mut drawn = self.config.clone();
        drawn.train.seed = self.data_seed;
        let data = Data::load(&drawn)?;
        // After the reading, which takes a while, so that what was read is what is compared.
        self.inputs.check_unchanged(&drawn)?;
        let options = RunOptions {
            resume,
            progress,
            interrupter: interrupter.clone(),
            // Until the marker is written.
            lock: Some(lock.clone()),
            ..RunOptions::default()
        };
        let outcome = run::train(&self.config, data, &self.folder, options)?;
        if outcome.stopped.is_some() && interrupter.should_stop() {
            return Ok(false);
        }
        let marker = FORMAT.to_json(&BTreeMap::<String, String>::new());
        write_atomically(self.folder.join(MARKER), marker.as_bytes())?;
        Ok(true)
    }

    /// Locks the folder until the run ends. The process of a killed comparison may still be writing for a moment.
    fn lock(&self, progress: Progress) -> Result<FolderLock> {
        FolderLock::wait(&self.folder, |why| {
            if progress != Progress::Silent {
                // Standard error may be closed.
                let _ = writeln!(std::io::stderr(), "waiting: {}", printable(why));
            }
        })
    }
}
