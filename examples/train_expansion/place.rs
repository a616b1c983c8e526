//! Claims the folder of a run.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use equipoise::train::FolderLock;
use equipoise::{Error, Result};

use crate::shared::runs::RUNS;

/// The folder of a run before it is claimed.
pub enum Place {
    /// A folder that was named, or that of the run to resume.
    Given(PathBuf),
    /// A new folder under `runs`, by the name of the strategy.
    New(String),
}

impl Place {
    /// Locks the folder. A new folder is the first unused `runs/STRATEGY-N`.
    pub fn claim(self) -> Result<(PathBuf, FolderLock)> {
        let folder = match self {
            Self::Given(folder) => folder,
            Self::New(strategy) => new_folder(&strategy)?,
        };
        let lock = FolderLock::take(&folder)?;
        Ok((folder, lock))
    }
}

/// Creates the first unused `runs/STRATEGY-N`. Of two programs that begin at the same time, one creates a folder and
/// the other takes the next number.
fn new_folder(strategy: &str) -> Result<PathBuf> {
    let runs = Path::new(RUNS);
    std::fs::create_dir_all(runs).map_err(Error::io("create", runs))?;
    let mut number = 1;
    loop {
        let folder = runs.join(format!("{strategy}-{number}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(Error::io("create", &folder)(error)),
        }
    }
}
