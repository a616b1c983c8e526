//! Ties the files of a checkpoint together: nothing else reveals an optimizer of another epoch under the right name.
//!
//! The seal of an epoch, `epoch-N.json`, holds the checksum of each of its files. It is written after the last of them
//! and removed before the first of them changes, so an epoch with a seal is complete.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::checksum::crc32;
use crate::error::{Error, Result};
use crate::format::{self, Format};
use crate::history::write_atomically;

/// The form of a checkpoint: of its three files and of the seal, which has the number. The files cannot, because Burn
/// writes them with a number of its own alone. In version 1 nothing has a number.
const FORMAT: Format = Format::new(2);

/// The checksums of the files of a checkpoint by part.
type Sums = BTreeMap<String, String>;

/// Returns the file of a seal in the folder of the checkpoints.
pub(super) fn file(folder: &Path, epoch: usize) -> PathBuf {
    folder.join(format!("epoch-{epoch}.json"))
}

/// Returns the epoch of a seal; `None` if the file is no seal.
pub(super) fn epoch_of(file: &Path) -> Option<usize> {
    let name = file.file_name()?.to_str()?;
    name.strip_prefix("epoch-")?
        .strip_suffix(".json")?
        .parse()
        .ok()
}

/// The seals of the epochs that are being written, shared by the threads that write the parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Seals(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The checksums of the epochs that are not yet sealed.
    open: HashMap<usize, Sums>,
    /// Parts of old epochs, to be removed when no epoch is open.
    old: Vec<(&'static str, usize)>,
}

impl Seals {
    /// Marks an epoch as incomplete until its seal is written.
    pub(super) fn begin(&self, epoch: usize) {
        self.lock().open.entry(epoch).or_default();
    }

    /// Records the checksum of a part that was written, and writes the seal after the last of `parts`.
    pub(super) fn add(
        &self,
        folder: &Path,
        epoch: usize,
        (part, sum): (&str, u32),
        parts: &[&str],
    ) -> Result<()> {
        let mut state = self.lock();
        let sums = state.open.entry(epoch).or_default();
        sums.insert(part.into(), hexadecimal(sum));
        if parts.iter().any(|part| !sums.contains_key(*part)) {
            return Ok(());
        }
        let json = FORMAT.to_json(sums);
        write_atomically(file(folder, epoch), json.as_bytes())?;
        state.open.remove(&epoch);
        Ok(())
    }

    /// Adds a part of an old epoch to those to be removed.
    pub(super) fn discard(&self, part: &'static str, epoch: usize) {
        self.lock().old.push((part, epoch));
    }

    /// Takes the parts to be removed now: none while an epoch is incomplete, since on a full disk it may stay so, and
    /// the old epoch is the last.
    pub(super) fn discarded(&self) -> Vec<(&'static str, usize)> {
        let mut state = self.lock();
        if state.open.is_empty() {
            std::mem::take(&mut state.old)
        } else {
            Vec::new()
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks that a file of a checkpoint is the one that was written with the other parts. An epoch without a seal, of an
/// earlier version, passes.
///
/// # Errors
///
/// [`Error::Checkpoint`] if the file or its seal is another; [`Error::Format`] if a later version wrote it;
/// [`Error::Io`] if a file cannot be read.
pub(super) fn check(folder: &Path, epoch: usize, part: &str, path: &Path) -> Result<()> {
    let seal = file(folder, epoch);
    let text = match std::fs::read(&seal) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        text => text.map_err(Error::io("read", &seal))?,
    };
    FORMAT.check_json(&seal, &text)?;
    let sums: Sums = format::of_json(&text).map_err(|error| Error::Checkpoint {
        path: seal.clone(),
        reason: format!("expected the checksum of each file of epoch {epoch} ({error}); {REMEDY}"),
    })?;
    let found = hexadecimal(crc32(path).map_err(Error::io("read", path))?);
    match sums.get(part) {
        Some(written) if *written == found => Ok(()),
        _ => Err(Error::Checkpoint {
            path: path.to_path_buf(),
            reason: format!(
                "is not the file that was written with the other files of epoch {epoch}: its CRC-32 is {found}, but it \
                 was {} then ({}); {REMEDY}",
                sums.get(part).map_or("none", String::as_str),
                seal.display()
            ),
        }),
    }
}

/// Checks that no later version wrote an epoch. An epoch without a seal passes.
///
/// # Errors
///
/// [`Error::Format`] with the path of the seal.
pub(super) fn check_format(folder: &Path, epoch: usize) -> Result<()> {
    let seal = file(folder, epoch);
    match std::fs::read(&seal) {
        Ok(text) => FORMAT.check_json(&seal, &text),
        Err(_) => Ok(()),
    }
}

const REMEDY: &str = "bring the file of this epoch back, or move all files of this epoch away to go on from an \
    earlier epoch, if there is one";

fn hexadecimal(sum: u32) -> String {
    format!("{sum:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_epoch_whose_seal_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model-1.bpk");
        std::fs::write(&path, "numbers").unwrap();
        let sum = crc32(&path).unwrap();
        let refusal = |part: &str| {
            check(folder.path(), 1, part, &path)
                .unwrap_err()
                .to_string()
        };
        // Without a seal there is nothing to compare with.
        check(folder.path(), 1, "model", &path).unwrap();
        Seals::default()
            .add(folder.path(), 1, ("model", sum), &["model"])
            .unwrap();
        check(folder.path(), 1, "model", &path).unwrap();
        let other = refusal("optim");
        assert!(other.contains("it was none then"), "{other}");
        std::fs::write(&path, "other").unwrap();
        let changed = refusal("model");
        assert!(
            changed.contains(&format!("it was {sum:08x} then")),
            "{changed}"
        );
    }
}
