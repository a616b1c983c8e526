//! Records the settings shared by all runs in a folder.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::atomic::{create_folders, write_if_absent};
use crate::comparison::SearchConfig;
use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::expansion::run::{ExpansionConfig, Fingerprint, RunFiles};
use crate::format::Format;

/// The name of the file in the folder of a comparison.
const FILE: &str = "comparison.json";
/// Version 2 has its number in the file.
const FORMAT: Format = Format::new(2);

/// The settings shared by all runs of a comparison, stored in its folder.
///
/// Another comparison in the same folder would mix runs that cannot be compared. Strategies and seeds are not part of
/// the manifest: more of them add runs and change none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// The base config of every row.
    config: ExpansionConfig,
    /// The settings of the search for the weights of `tuned-fixed`.
    search: SearchConfig,
    /// The fingerprint of the file of bars, because a file may change under the same name.
    data_file: Option<Fingerprint>,
    /// The fingerprints of several files of bars.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    data_files: Vec<Fingerprint>,
    /// The fingerprint of the file of marked expansions.
    #[serde(default)]
    marks_file: Option<Fingerprint>,
}

impl Manifest {
    /// Creates the manifest of a comparison over a [base](super::strategies::base).
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file of bars or of marked expansions cannot be read.
    pub(super) fn new(config: ExpansionConfig, search: SearchConfig) -> Result<Self> {
        let inputs = RunFiles::of(&config)?;
        Ok(Self {
            data_file: inputs.data_file,
            data_files: inputs.data_files,
            marks_file: inputs.marks_file,
            config,
            search,
        })
    }

    /// Returns the fingerprints of the files that all runs read.
    pub(super) fn inputs(&self) -> RunFiles {
        RunFiles {
            data_file: self.data_file.clone(),
            data_files: self.data_files.clone(),
            marks_file: self.marks_file.clone(),
        }
    }

    /// Writes the manifest to a folder that has none, or checks that the stored manifest of the folder is equal.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder cannot be used; as [`check`](Self::check).
    pub(super) fn claim(&self, folder: &Path) -> Result<()> {
        create_folders(folder)?;
        let path = folder.join(FILE);
        if path.exists() {
            return self.check(folder);
        }
        let json = FORMAT.to_json(self);
        if write_if_absent(&path, json.as_bytes())? {
            return Ok(());
        }
        // Another process was first.
        self.check(folder)
    }

    /// Checks that a folder has a manifest.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it has none.
    pub(super) fn is_in(folder: &Path) -> Result<()> {
        if folder.join(FILE).is_file() {
            return Ok(());
        }
        let reason = format!("holds no comparison, there is no {FILE} in it");
        Err(Error::file(folder, reason))
    }

    /// Checks that the stored manifest of a folder is equal. Files may have another path, and not another content.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first field that differs, [`Error::Io`] if the folder has no manifest,
    /// [`Error::Config`] if the stored file is not a manifest, [`Error::Format`] if a later version wrote it.
    pub(super) fn check(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let stored: Self = FORMAT.read_json(&path)?;
        let remedy = format!(
            "as in the runs that {} holds; change it back, or choose another folder",
            folder.display()
        );
        let mut own = self.clone();
        own.config = own.config.with_paths_of(&stored.config);
        // Compared first, so that its fields are named as in a config, without the prefix `config.`.
        same_or_named(&own.config, &stored.config, &remedy)?;
        same_or_named(&own, &stored, &remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> ExpansionConfig {
        super::super::strategies::base(ExpansionConfig::default()).unwrap()
    }

    fn search(runs: usize) -> SearchConfig {
        SearchConfig { runs, epochs: 2 }
    }

    fn refusal(manifest: &Manifest, folder: &Path) -> String {
        manifest.claim(folder).unwrap_err().to_string()
    }

    #[test]
    fn a_folder_takes_one_comparison_only() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest::new(base(), search(3)).unwrap();
        manifest.claim(folder.path()).unwrap();
        manifest.claim(folder.path()).unwrap();

        let mut other = manifest.clone();
        other.config.model.head_dropout = 0.75;
        let message = refusal(&other, folder.path());
        let expected = "`model.head_dropout` is 0.75, but it must be 0.2";
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("choose another"), "{message}");

        let other = Manifest::new(base(), search(4)).unwrap();
        let message = refusal(&other, folder.path());
        let expected = "`search.runs` is 4, but it must be 3";
        assert!(message.contains(expected), "{message}");

        std::fs::write(folder.path().join(FILE), "{}").unwrap();
        assert!(refusal(&manifest, folder.path()).contains("comparison.json"));
    }

    #[test]
    fn no_other_comparison_overwrites_it() {
        let folder = tempfile::tempdir().unwrap();
        let claimed = |runs: usize| {
            let manifest = Manifest::new(base(), search(runs)).unwrap();
            manifest.claim(folder.path()).is_ok()
        };
        // At the same time, one of them is first.
        let winners: Vec<usize> = std::thread::scope(|scope| {
            let all: Vec<_> = (1..=8)
                .map(|runs| (runs, scope.spawn(move || claimed(runs))))
                .collect();
            let won = all
                .into_iter()
                .filter_map(|(runs, thread)| thread.join().unwrap().then_some(runs));
            won.collect()
        });
        let [winner] = winners[..] else {
            panic!("{winners:?}");
        };
        let stored = || std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        let first = stored();
        assert!(first.contains(&format!("\"runs\": {winner}")), "{first}");
        for runs in 1..=8 {
            assert_eq!(claimed(runs), runs == winner);
            assert_eq!(stored(), first);
        }
        // Nothing but the manifest is left of those that lost.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_without_a_comparison_has_nothing_to_collect() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest::new(base(), search(3)).unwrap();
        let message = manifest.check(folder.path()).unwrap_err().to_string();
        assert!(message.contains("comparison.json"), "{message}");
    }

    #[test]
    fn a_file_that_changed_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let manifest = || {
            let mut config = base();
            config.data.path = Some(place("bars.csv").into());
            config.data.marks = Some(place("marks.csv"));
            Manifest::new(config, search(3))
        };
        assert!(manifest().is_err(), "there is no file yet");
        let bars = "open,high,low,close\n1,1,1,1\n";
        std::fs::write(place("bars.csv"), bars).unwrap();
        std::fs::write(place("marks.csv"), "start,end,type\n1,2,0\n").unwrap();
        manifest().unwrap().claim(folder.path()).unwrap();
        manifest().unwrap().claim(folder.path()).unwrap();

        // Another machine has the same files in another folder.
        std::fs::create_dir(place("other")).unwrap();
        let mut moved = manifest().unwrap();
        for name in ["bars.csv", "marks.csv"] {
            std::fs::copy(place(name), place("other").join(name)).unwrap();
        }
        moved.config.data.path = Some(place("other/bars.csv").into());
        moved.config.data.marks = Some(place("other/marks.csv"));
        let moved = Manifest::new(moved.config, search(3)).unwrap();
        moved.claim(folder.path()).unwrap();
        let simulated = Manifest::new(base(), search(3)).unwrap();
        assert!(refusal(&simulated, folder.path()).contains("`data.marks` is left out"));

        std::fs::write(place("marks.csv"), "start,end,type\n1,3,0\n").unwrap();
        let message = refusal(&manifest().unwrap(), folder.path());
        assert!(message.contains("`marks_file.checksum`"), "{message}");

        std::fs::write(place("bars.csv"), "open,high,low,close\n1,2,1,1\n").unwrap();
        let message = refusal(&manifest().unwrap(), folder.path());
        assert!(message.contains("`data_file.checksum`"), "{message}");
    }
}
