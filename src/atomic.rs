//! Writes files that appear whole or not at all.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a temporary file beside `path` and moves it to `path`, so the file is complete or absent.
pub(crate) fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = temporary_file(folder).map_err(Error::io("write", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    match file.persist(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::io("write", path)(error.error)),
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
pub(crate) fn temporary_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
