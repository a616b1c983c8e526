//! Identifies the input files of a run by length and checksum.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::ExpansionConfig;
use super::files::DataFiles;
use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::format::Format;
use crate::history::write_atomically;
use crate::train::checksum::crc32;

/// The name of the file in the folder of a run.
const FILE: &str = "inputs.json";
/// Version 2 has its number in the file.
const FORMAT: Format = Format::new(2);

/// The length and checksum of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The length of the file, in bytes.
    pub bytes: u64,
    /// The CRC-32 of the file, in hexadecimal.
    pub checksum: String,
}

impl Fingerprint {
    /// Computes length and checksum of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        let about = std::fs::metadata(path).map_err(Error::io("read", path))?;
        let sum = crc32(path).map_err(Error::io("read", path))?;
        Ok(Self {
            bytes: about.len(),
            checksum: format!("{sum:08x}"),
        })
    }
}

/// The lengths and checksums of the files that a run reads: files of bars and of marked expansions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFiles {
    /// The fingerprint of the only file of `data.path`.
    pub(crate) data_file: Option<Fingerprint>,
    /// The fingerprints of several files of `data.path`, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) data_files: Vec<Fingerprint>,
    /// The fingerprint of the file `data.marks`.
    pub(crate) marks_file: Option<Fingerprint>,
}

impl RunFiles {
    /// Computes length and checksum of the files of a config; there are none for simulated bars.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be read; as [`DataFiles::files`].
    pub fn of(config: &ExpansionConfig) -> Result<Self> {
        let files = config.data.path.as_ref().map(DataFiles::files);
        let files = files.transpose()?.unwrap_or_default();
        let all: Result<Vec<_>> = files.iter().map(|file| Fingerprint::of(file)).collect();
        let mut all = all?;
        let data_file = all.pop_if(|_| files.len() == 1);
        let marks = config.data.marks.as_deref();
        Ok(Self {
            data_file,
            data_files: all,
            marks_file: marks.map(Fingerprint::of).transpose()?,
        })
    }

    /// Checks that a resumed run has the same files as at its start. Older runs without stored fingerprints pass.
    pub(crate) fn check(&self, run: &Path) -> Result<()> {
        let path = run.join(FILE);
        if !path.exists() {
            return Ok(());
        }
        let stored: Self = FORMAT.read_json(&path)?;
        let remedy = "as when the run began; a resumed run needs the same files of bars (`data_file`, `data_files`) and of marked \
            expansions (`marks_file`): bring it back, or start a new run";
        same_or_named(self, &stored, remedy)
    }

    /// Checks that the files of a config are those that the runs before have read.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the file; as [`of`](Self::of).
    pub(crate) fn check_unchanged(&self, config: &ExpansionConfig) -> Result<()> {
        let remedy = "as when the comparison began; all its runs need the same files of bars (`data_file`, \
            `data_files`) and of marked expansions (`marks_file`): bring it back, and the same call goes on";
        same_or_named(&Self::of(config)?, self, remedy)
    }

    /// Writes the fingerprints to the folder of a run.
    pub(crate) fn write(&self, run: &Path) -> Result<()> {
        write_atomically(run.join(FILE), FORMAT.to_json(self).as_bytes())
    }
}
