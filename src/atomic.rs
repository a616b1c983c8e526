//! Writes files that appear whole or not at all, whatever stops the process or the machine.
//!
//! Bytes are synced before the file gets its name, and its folder is synced after. `tests/faults.rs` holds the order.

use std::io::{ErrorKind, Write};
use std::path::Path;

use tempfile::TempPath;

use crate::error::{Error, Result};

/// Writes a temporary file beside `path` and moves it to `path`, so the file is complete or absent. On return it is on
/// the disk: neither a killed process nor a loss of power takes it back.
pub(crate) fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    written(path, bytes)
        .and_then(|file| place(file, path))
        .map_err(Error::io("write", path))
}

/// Writes a file as [`write_atomically`], unless there is one. Returns whether this call wrote it; of two processes,
/// one does.
#[cfg(feature = "expansion")]
pub(crate) fn write_if_absent(path: &Path, bytes: &[u8]) -> Result<bool> {
    let create = || {
        let file = written(path, bytes)?;
        // A link never replaces a file. Where there are no links, the system may have a move that does not either.
        match std::fs::hard_link(&file, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(_) if path.exists() => return Ok(false),
            Err(_) => file.persist_noclobber(path).map_err(|error| error.error)?,
            Ok(()) => {}
        }
        sync_folder(folder_of(path)).map(|()| true)
    };
    create().map_err(Error::io("write", path))
}

/// The folders whose names are brought to the disk although they exist: a caller may have made `runs` and `runs/first`
/// a moment ago, by itself.
#[cfg(feature = "train")]
const PERHAPS_NEW: usize = 2;

/// Creates a folder and those above it. On return their names are on the disk.
#[cfg(feature = "train")]
pub(crate) fn create_folders(folder: &Path) -> Result<()> {
    let names = |above: &&Path| !above.as_os_str().is_empty();
    let missing = folder
        .ancestors()
        .take_while(names)
        .take_while(|above| !above.exists());
    let new = missing.count().max(PERHAPS_NEW);
    let new: Vec<&Path> = folder.ancestors().take_while(names).take(new).collect();
    let create = || {
        std::fs::create_dir_all(folder)?;
        // From the top, so that a name on the disk is never in a folder without one.
        new.iter()
            .rev()
            .try_for_each(|made| sync_folder(folder_of(made)))
    };
    create().map_err(Error::io("create", folder))
}

/// Moves a complete file to its place, replacing another one, and returns when its name is on the disk.
pub(crate) fn move_into_place(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::rename(from, to)?;
    sync_folder(folder_of(to))
}

/// Returns a temporary file beside `path` with these bytes, which are on the disk: a name that gets there before the
/// bytes would be an empty file.
fn written(path: &Path, bytes: &[u8]) -> std::io::Result<TempPath> {
    let mut file = temporary_file(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file.into_temp_path())
}

fn place(file: TempPath, path: &Path) -> std::io::Result<()> {
    move_into_place(&file, path)?;
    // Nothing has this name any more.
    file.keep().map(drop).map_err(|error| error.error)
}

/// Brings the names in a folder to the disk. Folders that cannot be opened, and drives that cannot do this, order names
/// in their own way.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let cannot = [
        ErrorKind::InvalidInput,
        ErrorKind::Unsupported,
        ErrorKind::PermissionDenied,
    ];
    match std::fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if cannot.contains(&error.kind()) => Ok(()),
        other => other,
    }
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The beginning of the names of temporary files. A killed process leaves them.
const UNFINISHED: &str = ".unfinished-";

/// Removes the temporary files that killed processes left in a folder. Nobody may be writing into the folder.
#[cfg(feature = "train")]
pub(crate) fn remove_unfinished(folder: &Path) {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for file in files {
        if file.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // A file that stays is in nobody's way.
            let _ = std::fs::remove_file(file.path());
        }
    }
}

/// Creates a temporary file with the permissions of an ordinary file. By default, only the owner could read it.
fn temporary_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A temporary file is its owner's alone, but others may read the files of a run where a usual file lets them.
    #[test]
    fn a_file_has_the_permissions_of_a_usual_file() {
        let folder = tempfile::tempdir().unwrap();
        let (usual, whole) = (folder.path().join("usual"), folder.path().join("whole"));
        std::fs::write(&usual, "x").unwrap();
        write_atomically(&whole, b"x").unwrap();
        let mode = |file: &Path| std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode(&whole), mode(&usual));
    }
}
