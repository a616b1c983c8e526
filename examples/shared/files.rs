//! Files that a user names, and what they should be.

use std::path::Path;

use equipoise::{Error, Result};

/// What a config file is.
pub const WANTED_CONFIG: &str = "settings in JSON, as every run writes them to its config.json";

/// Sees that a file is there, so that the message can say what it is for.
pub fn readable(setting: &str, file: &Path, wanted: &str) -> Result<()> {
    let problem = match std::fs::File::open(file).and_then(|file| file.metadata()) {
        Ok(found) if found.is_dir() => "it is a folder".to_string(),
        Ok(_) => return Ok(()),
        Err(error) => error.to_string(),
    };
    let reason = format!("cannot be read for {setting} ({problem}); expected {wanted}");
    Err(Error::file(file, reason))
}
