//! Checks the files that a user names.

use std::path::Path;

use equipoise::{Error, Result};

/// The description of a config file in messages.
pub const WANTED_CONFIG: &str = "settings in JSON, as every run writes them to its config.json";

/// Checks that a file can be read. The error names the flag or setting and the expected kind of file.
pub fn readable(setting: &str, file: &Path, wanted: &str) -> Result<()> {
    let problem = match std::fs::File::open(file).and_then(|file| file.metadata()) {
        Ok(found) if found.is_dir() => "it is a folder".to_string(),
        Ok(_) => return Ok(()),
        Err(error) => error.to_string(),
    };
    let reason = format!("cannot be read for {setting} ({problem}); expected {wanted}");
    Err(Error::file(file, reason))
}
