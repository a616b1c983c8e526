//! The order in which files are written, held against the log of a program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Operation;

/// Checks that every file appears whole: it is written under another name, synced, and moved, and the folder is synced
/// before the program ends. `exempt` names files that are written in place.
#[track_caller]
pub fn files_appear_whole(log: &[Operation], exempt: impl Fn(&Path) -> bool) {
    let mut written: BTreeSet<&Path> = BTreeSet::new();
    let mut unsynced: BTreeSet<&Path> = BTreeSet::new();
    let mut moved: BTreeMap<&Path, &Path> = BTreeMap::new();
    for operation in log {
        match operation {
            Operation::Write { path, .. } | Operation::Truncate { path, .. } => {
                written.insert(path);
                unsynced.insert(path);
            }
            Operation::Create { path, .. } => {
                written.insert(path);
                unsynced.insert(path);
            }
            Operation::Sync { path } => {
                unsynced.remove(path.as_path());
                moved.retain(|name, _| name.parent() != Some(path));
            }
            Operation::Rename { from, to } | Operation::Link { from, to } => {
                assert!(
                    !unsynced.remove(from.as_path()),
                    "{} was moved to {} before it was synced",
                    from.display(),
                    to.display()
                );
                written.remove(from.as_path());
                moved.insert(to, from);
            }
            Operation::Remove { path } => {
                written.remove(path.as_path());
                unsynced.remove(path.as_path());
                moved.remove(path.as_path());
            }
            Operation::Folder { .. } => {}
        }
    }
    let in_place: Vec<&&Path> = written.iter().filter(|path| !exempt(path)).collect();
    assert!(in_place.is_empty(), "written in place: {in_place:?}");
    let moved: Vec<&&Path> = moved.keys().collect();
    assert!(
        moved.is_empty(),
        "moved, and the folder was not synced after it: {moved:?}"
    );
}

/// Checks that the name of every folder is safe before a file in it, or in a folder below it, gets its name: otherwise a
/// loss of power takes the folder with all its files.
#[track_caller]
pub fn folders_are_safe_before_their_files(log: &[Operation]) {
    let mut fresh: BTreeSet<&Path> = BTreeSet::new();
    let mut made = 0;
    for operation in log {
        match operation {
            Operation::Folder { path } => {
                fresh.insert(path);
                made += 1;
            }
            Operation::Sync { path } => fresh.retain(|folder| folder.parent() != Some(path)),
            Operation::Rename { to, .. } | Operation::Link { to, .. } => {
                let lost: Vec<_> = fresh
                    .iter()
                    .filter(|folder| to.starts_with(folder))
                    .collect();
                assert!(lost.is_empty(), "{} before {lost:?}", to.display());
            }
            _ => {}
        }
    }
    assert!(made > 0, "no folder was made");
}

/// Checks that the settings of a comparison are safe before anything is made in a folder of a run below them: runs without
/// their settings would be taken for those of others.
#[track_caller]
pub fn settings_are_safe_before_their_runs(log: &[Operation], settings: &Path) {
    let folder = settings.parent().expect("the folder of the comparison");
    let (mut named, mut safe, mut made) = (false, false, 0);
    for operation in log {
        match operation {
            Operation::Rename { to, .. } | Operation::Link { to, .. } if to == settings => {
                named = true;
            }
            Operation::Sync { path } if path == folder => safe = named,
            Operation::Create { path, .. } | Operation::Folder { path } => {
                let inside = path.starts_with(folder) && path != folder;
                let below = inside && path.parent() != Some(folder);
                assert!(safe || !below, "{} before the settings", path.display());
                made += usize::from(below);
            }
            _ => {}
        }
    }
    assert!(made > 0, "no run was made");
}

/// Checks that an epoch is sealed after its files are safe, and that nothing of an older one is removed before.
#[track_caller]
pub fn epochs_are_sealed_last(log: &[Operation]) {
    let mut unsafe_files: BTreeSet<&Path> = BTreeSet::new();
    let mut safe_seals: BTreeSet<usize> = BTreeSet::new();
    let mut fresh_seals: BTreeSet<usize> = BTreeSet::new();
    let mut seals = 0;
    for operation in log {
        match operation {
            Operation::Rename { to, .. } => match (epoch(to, "epoch-", ".json"), of_part(to)) {
                (Some(sealed), _) => {
                    let missing: Vec<_> = unsafe_files
                        .iter()
                        .filter(|file| of_part(file) == Some(sealed))
                        .collect();
                    assert!(
                        missing.is_empty(),
                        "epoch {sealed} was sealed before {missing:?} was safe"
                    );
                    fresh_seals.insert(sealed);
                    seals += 1;
                }
                (None, Some(_)) => {
                    unsafe_files.insert(to);
                }
                _ => {}
            },
            Operation::Sync { path } => {
                unsafe_files.retain(|file| file.parent() != Some(path));
                safe_seals.append(&mut fresh_seals);
            }
            Operation::Remove { path } => {
                let Some(gone) = of_part(path).or(epoch(path, "epoch-", ".json")) else {
                    continue;
                };
                let later = safe_seals.iter().any(|sealed| *sealed > gone);
                // The parts of an epoch that is written again are removed first, and it has no seal.
                let again = !safe_seals.contains(&gone) && !fresh_seals.contains(&gone);
                assert!(
                    later || again,
                    "{} was removed with no later epoch safe",
                    path.display()
                );
            }
            _ => {}
        }
    }
    assert!(seals > 0, "nothing was sealed");
}

/// Returns the epoch of a file of a checkpoint, such as `model-3.bpk` or its checksum.
fn of_part(path: &Path) -> Option<usize> {
    ["model-", "optim-", "scheduler-"]
        .iter()
        .find_map(|part| epoch(path, part, ".bpk").or_else(|| epoch(path, part, ".bpk.crc32")))
}

fn epoch(path: &Path, before: &str, after: &str) -> Option<usize> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
}

/// Returns the epochs whose seals are safe after a log.
pub fn sealed(names: impl Iterator<Item = PathBuf>) -> BTreeSet<usize> {
    names
        .filter_map(|path| epoch(&path, "epoch-", ".json"))
        .collect()
}
