//! Writes the bytes of a fuzzer to a file, in memory where the system has such a folder.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// Returns a folder of this thread.
pub fn folder() -> PathBuf {
    FOLDER.with(|folder| {
        let create = || {
            let memory = Path::new("/dev/shm");
            let made = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
            made.expect("a temporary folder")
        };
        folder.get_or_init(create).path().to_path_buf()
    })
}

/// Writes a file and returns its path.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    std::fs::write(&path, bytes).expect("a file in a temporary folder");
    path
}
