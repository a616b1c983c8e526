//! Names the files of a config: one file, several files, or a pattern.

use std::fmt;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, glob_with};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::names::strings;
use crate::error::{Error, Result};

/// The files of a config, as paths or patterns. In JSON a string, or a list of strings.
///
/// In a pattern, `*` stands for any part of a name, `?` for one character, `[ab]` for one of some characters and `**`
/// for any folders. A path of a file that exists is never a pattern, and neither is the name of a folder that exists.
///
/// # Example
///
/// ```
/// use equipoise::expansion::run::{DataFiles, ExpansionConfig};
///
/// let mut config = ExpansionConfig::default();
/// config.data.path = Some("bars/*.csv".into());
/// config.data.path = Some(DataFiles::new(["btc.csv", "eth.csv"]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFiles {
    paths: Vec<PathBuf>,
}

impl DataFiles {
    /// Creates a list of paths and patterns.
    pub fn new<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self {
            paths: paths.into_iter().map(Into::into).collect(),
        }
    }

    /// Returns the paths and patterns as they were given.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Returns the files: every path, and for every pattern the files that match, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if no file matches a pattern, or a pattern cannot be read; [`Error::Setting`] if there is no
    /// path, or a file is named twice. That a file without a pattern exists is not checked.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        if self.paths.is_empty() {
            let expected = "a path, or a list with at least one path";
            return Err(Error::setting("data.path", "an empty list", expected));
        }
        let mut files = Vec::new();
        for path in &self.paths {
            match pattern(path) {
                Some(pattern) => files.extend(matching(path, &pattern)?),
                None => files.push(path.clone()),
            }
        }
        // A file that is not there is reported when it is read.
        let place = |file: &PathBuf| file.canonicalize().unwrap_or_else(|_| file.clone());
        let places: Vec<PathBuf> = files.iter().map(place).collect();
        for (index, file) in files.iter().enumerate() {
            if places[..index].contains(&places[index]) {
                let found = format!("{}, twice", file.display());
                return Err(Error::setting("data.path", found, "each file once"));
            }
        }
        Ok(files)
    }
}

/// Returns the path as a pattern, or `None` if it is a file or has no character of a pattern. Characters of a pattern in
/// the names of folders that exist stand for themselves.
fn pattern(path: &Path) -> Option<String> {
    const SIGNS: [char; 3] = ['*', '?', '['];
    let text = path.to_str()?;
    if !text.contains(SIGNS) || path.exists() {
        return None;
    }
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir());
    let literal = folder
        .and_then(Path::to_str)
        .filter(|folder| folder.contains(SIGNS));
    Some(match literal {
        Some(folder) => Pattern::escape(folder) + &text[folder.len()..],
        None => text.to_owned(),
    })
}

fn matching(path: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let options = MatchOptions {
        require_literal_leading_dot: true,
        ..MatchOptions::new()
    };
    let refuse = |reason: String| Error::file(path, reason);
    let found = glob_with(pattern, options)
        .map_err(|error| refuse(format!("is no pattern for names of files: {error}")))?;
    let mut files = Vec::new();
    for file in found {
        let file = file.map_err(|error| refuse(format!("a folder cannot be read: {error}")))?;
        if file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(refuse("no file matches this pattern".into()));
    }
    Ok(files)
}

impl From<PathBuf> for DataFiles {
    fn from(path: PathBuf) -> Self {
        Self::new([path])
    }
}

impl From<&Path> for DataFiles {
    fn from(path: &Path) -> Self {
        Self::new([path])
    }
}

impl From<&str> for DataFiles {
    fn from(path: &str) -> Self {
        Self::new([path])
    }
}

impl From<String> for DataFiles {
    fn from(path: String) -> Self {
        Self::new([path])
    }
}

/// Writes the paths, separated by commas.
impl fmt::Display for DataFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, path) in self.paths.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}", path.display())?;
        }
        Ok(())
    }
}

impl Serialize for DataFiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.paths[..] {
            [only] => only.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for DataFiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strings(deserializer, "a path, or a list of paths").map(Self::new)
    }
}
