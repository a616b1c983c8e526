//! Records which process holds the lock of a folder, for the message to a process that is refused.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::terminal::rough_duration;
use crate::format::{self, Format};
use crate::history::write_atomically;

/// The file in the folder. Windows does not let others read the locked file itself.
const FILE: &str = "lock-holder.json";
/// Version 2 has its number in the file.
const FORMAT: Format = Format::new(2);

/// The process that holds a lock.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Holder {
    /// The id of the process.
    process: u32,
    /// The seconds from 1970 to the beginning of the lock.
    since: u64,
    /// Whether other processes may hold the lock, too.
    #[serde(default)]
    shared: bool,
}

impl Holder {
    /// Returns this process, from now on.
    pub(super) fn new(shared: bool) -> Self {
        Self {
            process: std::process::id(),
            since: now().as_secs(),
            shared,
        }
    }

    /// Reads the holder from a folder; `None` if nothing usable is there, such as the file of a later version.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let path = folder.join(FILE);
        let text = std::fs::read(&path).ok()?;
        FORMAT.check_json(&path, &text).ok()?;
        format::of_json(&text).ok()
    }

    /// Writes the holder to a folder. An error is no reason to refuse a lock.
    pub(super) fn write(&self, folder: &Path) {
        let _ = write_atomically(folder.join(FILE), FORMAT.to_json(self).as_bytes());
    }

    /// Removes the holder from a folder.
    pub(super) fn remove(folder: &Path) {
        let _ = std::fs::remove_file(folder.join(FILE));
    }
}

/// Writes the process and the time since when, such as "process 4711 (for 3m 05s)".
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = now().saturating_sub(Duration::from_secs(self.since));
        write!(f, "process {} (for {})", self.process, rough_duration(time))?;
        if self.shared {
            f.write_str(", or another that shares its work,")?;
        }
        Ok(())
    }
}

/// Returns the time since 1970.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_and_time_are_said() {
        let mut holder = Holder::new(false);
        holder.since -= 125;
        let expected = format!("process {} (for 2m 0", std::process::id());
        assert!(holder.to_string().starts_with(&expected), "{holder}");
        let shared = Holder::new(true).to_string();
        assert!(
            shared.ends_with(", or another that shares its work,"),
            "{shared}"
        );
    }

    #[test]
    fn a_file_that_is_no_holder_is_nobody() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Holder::read(folder.path()).is_none());
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(Holder::read(folder.path()).is_none());
    }
}
