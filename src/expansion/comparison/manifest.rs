//! Records the settings shared by all runs in a folder.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::comparison::search::SearchConfig;
use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::expansion::run::{ExpansionConfig, Fingerprint, RunFiles};
use crate::history::write_atomically;

/// The name of the file in the folder of a comparison.
const FILE: &str = "comparison.json";

/// The settings shared by all runs of a comparison, stored in its folder.
///
/// Another comparison in the same folder would mix runs that cannot be compared. Strategies and seeds are not part of
/// the manifest: more of them add runs and change none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The base config of every row.
    pub config: ExpansionConfig,
    /// The settings of the search for the weights of `tuned-fixed`.
    pub search: SearchConfig,
    /// The fingerprint of the file of bars, because a file may change under the same name.
    pub(crate) data_file: Option<Fingerprint>,
    /// The fingerprints of several files of bars.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) data_files: Vec<Fingerprint>,
    /// The fingerprint of the file of marked expansions.
    #[serde(default)]
    pub(crate) marks_file: Option<Fingerprint>,
}

impl Manifest {
    /// Creates the manifest of a comparison over a [base](super::strategies::base).
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file of bars or of marked expansions cannot be read.
    pub fn new(config: ExpansionConfig, search: SearchConfig) -> Result<Self> {
        let inputs = RunFiles::of(&config)?;
        Ok(Self {
            data_file: inputs.data_file,
            data_files: inputs.data_files,
            marks_file: inputs.marks_file,
            config,
            search,
        })
    }

    /// Writes the manifest to a folder that has none, or checks that the stored manifest of the folder is equal.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first field that differs, [`Error::Io`] if the folder cannot be used,
    /// [`Error::Config`] if the stored file is not a manifest.
    pub fn claim(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let path = folder.join(FILE);
        if !path.exists() {
            let json = serde_json::to_string_pretty(self).expect("a config is valid JSON");
            return write_atomically(&path, json.as_bytes());
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let stored: Self = serde_json::from_str(&text).map_err(|error| Error::Config {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let remedy = format!(
            "as in the runs that {} holds; change it back, or choose another folder",
            folder.display()
        );
        // Compared first, so that its fields are named as in a config, without the prefix `config.`.
        same_or_named(&self.config, &stored.config, &remedy)?;
        same_or_named(self, &stored, &remedy)
    }
}
