//! Files that a run was made from, told from others of the same name.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::ExpansionConfig;
use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::history::write_atomically;
use crate::train::checksum::crc32;

/// The file in the folder of a run.
const FILE: &str = "inputs.json";

/// Tells one file from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32, in hexadecimal.
    pub checksum: String,
}

impl Fingerprint {
    /// Goes over the file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        let about = std::fs::metadata(path).map_err(Error::io("read", path))?;
        let sum = crc32(path).map_err(Error::io("read", path))?;
        Ok(Self {
            bytes: about.len(),
            checksum: format!("{sum:08x}"),
        })
    }
}

/// The files of a run.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunFiles {
    /// Of `data.path`.
    pub(crate) data_file: Option<Fingerprint>,
    /// Of `data.marks`.
    pub(crate) marks_file: Option<Fingerprint>,
}

impl RunFiles {
    /// Goes over the files of a config.
    pub(crate) fn of(config: &ExpansionConfig) -> Result<Self> {
        let of = |file: Option<&Path>| file.map(Fingerprint::of).transpose();
        Ok(Self {
            data_file: of(config.data.path.as_deref())?,
            marks_file: of(config.data.marks.as_deref())?,
        })
    }

    /// Sees that a run that is resumed still has the files it began with. Runs of before this was written down are let
    /// through.
    pub(crate) fn check(&self, run: &Path) -> Result<()> {
        let path = run.join(FILE);
        if !path.exists() {
            return Ok(());
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let stored: Self = serde_json::from_str(&text).map_err(|error| Error::Config {
            path,
            reason: error.to_string(),
        })?;
        let remedy = "as when the run began; a resumed run needs the same file of bars (`data_file`) and of marked \
            expansions (`marks_file`): bring it back, or start a new run";
        same_or_named(self, &stored, remedy)
    }

    /// Writes down the files of a new run.
    pub(crate) fn write(&self, run: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self).expect("numbers and strings are valid JSON");
        write_atomically(run.join(FILE), json.as_bytes())
    }
}
