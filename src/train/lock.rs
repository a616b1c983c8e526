//! Locks the folder of a run, so that two trainings never write into one folder.
//!
//! The lock is that of the operating system on the file `lock`, which the system frees when the process ends, however
//! it ends. The file `lock-holder.json` tells a refused process who holds the lock, and decides nothing.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lock_holder::Holder;
use crate::atomic::create_folders;
use crate::error::{Error, Result};

/// The file that is locked. It stays: a lock on a removed file would keep nobody out.
const FILE: &str = "lock";
/// The time that a holder has to end, such as a process that is being killed.
const PATIENCE: Duration = Duration::from_millis(200);
/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// The lock of a folder, held until the last clone is dropped or the process ends.
///
/// A [`Trainer`](super::Trainer) takes the lock of its folder by itself. A program that writes files of its own into
/// the folder takes the lock first and passes it to [`Trainer::with_lock`](super::Trainer::with_lock).
///
/// The lock keeps out other trainings, in this process and in others, and no reader. On a network drive it reaches as
/// far as the locks of the drive do; on a drive without locks it keeps nobody out, and [`note`](Self::note) says so.
///
/// # Example
///
/// ```
/// use equipoise::train::FolderLock;
///
/// # let runs = tempfile::tempdir().unwrap();
/// let run = runs.path().join("first");
/// let lock = FolderLock::take(&run)?;
/// assert!(FolderLock::take(&run).is_err());
/// drop(lock);
/// FolderLock::check_free(&run)?;
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FolderLock(Arc<Held>);

#[derive(Debug)]
struct Held {
    folder: PathBuf,
    /// The locked file, `None` on a drive without locks.
    file: Option<File>,
    shared: bool,
}

/// The other processes that may hold a lock at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    /// None.
    Nobody,
    /// Those that hold it with others, too.
    Others,
}

impl FolderLock {
    /// Locks a folder, which is created if it does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if another training holds the lock, with its process and the time since when; [`Error::Io`] if
    /// the folder cannot be written.
    pub fn take(folder: impl AsRef<Path>) -> Result<Self> {
        Self::take_with(folder.as_ref(), With::Nobody)
    }

    /// Checks that no training holds the lock of a folder. Nothing is created, and another process may take the lock
    /// right after.
    ///
    /// # Errors
    ///
    /// [`Error::File`] as [`take`](Self::take).
    pub fn check_free(folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        let Ok(file) = File::open(folder.join(FILE)) else {
            return Ok(());
        };
        match patient(|| file.try_lock_shared()) {
            Err(TryLockError::WouldBlock) => Err(refused(folder)),
            _ => Ok(()),
        }
    }

    /// Returns a warning if the drive has no locks, so that nothing keeps a second training out.
    pub fn note(&self) -> Option<String> {
        self.0.file.is_none().then(|| {
            format!(
                "{}: this drive has no locks, so nothing keeps a second training out of this folder",
                self.0.folder.display()
            )
        })
    }

    /// Locks a folder alone, or together with others.
    pub(crate) fn take_with(folder: &Path, with: With) -> Result<Self> {
        let file = opened(folder)?;
        match patient(|| attempt(&file, with)) {
            Err(TryLockError::WouldBlock) => Err(refused(folder)),
            other => Self::of(folder, file, with, other),
        }
    }

    /// Locks a folder, and waits for the process that holds it. `waiting` is called with the reason before the wait.
    #[cfg(any(test, feature = "expansion"))]
    pub(crate) fn wait(folder: &Path, waiting: impl FnOnce(&str)) -> Result<Self> {
        let file = opened(folder)?;
        let mut locked = patient(|| file.try_lock());
        if matches!(locked, Err(TryLockError::WouldBlock)) {
            waiting(&refused(folder).to_string());
            locked = file.lock().map_err(TryLockError::Error);
        }
        Self::of(folder, file, With::Nobody, locked)
    }

    /// Returns whether this is the lock of a folder.
    pub(super) fn is_of(&self, folder: &Path) -> bool {
        let place = |folder: &Path| folder.canonicalize().ok();
        place(&self.0.folder) == place(folder)
    }

    fn of(
        folder: &Path,
        file: File,
        with: With,
        locked: std::result::Result<(), TryLockError>,
    ) -> Result<Self> {
        let file = match locked {
            Ok(()) => Some(file),
            Err(TryLockError::Error(error)) if has_no_locks(&error) => None,
            Err(error) => return Err(Error::io("lock", folder.join(FILE))(error.into())),
        };
        let shared = with == With::Others;
        if file.is_some() {
            Holder::new(shared).write(folder);
        }
        let folder = folder.to_path_buf();
        Ok(Self(Arc::new(Held {
            folder,
            file,
            shared,
        })))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Another process that shares the lock may still hold it.
        if self.file.is_some() && !self.shared {
            Holder::remove(&self.folder);
        }
    }
}

/// Opens the file of a lock without a change of its content.
fn opened(folder: &Path) -> Result<File> {
    create_folders(folder)?;
    let path = folder.join(FILE);
    let mut options = File::options();
    let opened = options.read(true).write(true).create(true).truncate(false);
    opened.open(&path).map_err(Error::io("create", &path))
}

fn attempt(file: &File, with: With) -> std::result::Result<(), TryLockError> {
    match with {
        With::Nobody => file.try_lock(),
        With::Others => file.try_lock_shared(),
    }
}

/// Repeats an attempt for a moment while another process holds the lock.
fn patient(
    attempt: impl Fn() -> std::result::Result<(), TryLockError>,
) -> std::result::Result<(), TryLockError> {
    let began = Instant::now();
    loop {
        let answer = attempt();
        let held = matches!(answer, Err(TryLockError::WouldBlock));
        if !held || began.elapsed() > PATIENCE {
            return answer;
        }
        std::thread::sleep(PAUSE);
    }
}

fn refused(folder: &Path) -> Error {
    let holder = Holder::read(folder);
    let who = holder.map_or_else(|| "another process".into(), |holder| holder.to_string());
    let reason =
        format!("{who} is at work in this folder; wait until it ends, or choose another folder");
    Error::file(folder, reason)
}

/// Returns whether the error says that the drive has no locks.
fn has_no_locks(error: &std::io::Error) -> bool {
    // A network drive without a server of locks: ENOLCK.
    let no_server = cfg!(target_os = "linux") && error.raw_os_error() == Some(37);
    error.kind() == ErrorKind::Unsupported || no_server
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_without_locks_is_said_and_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let answer = |kind| {
            let file = opened(folder.path()).unwrap();
            let answer = Err(TryLockError::Error(std::io::Error::from(kind)));
            FolderLock::of(folder.path(), file, With::Nobody, answer)
        };
        let lock = answer(ErrorKind::Unsupported).unwrap();
        assert!(lock.note().unwrap().contains("has no locks"));
        let error = answer(ErrorKind::PermissionDenied).unwrap_err().to_string();
        assert!(error.contains("cannot lock"), "{error}");
        let whole = FolderLock::take(folder.path()).unwrap();
        assert_eq!(whole.note(), None);
    }

    #[test]
    fn who_shares_a_lock_keeps_out_who_wants_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let take = |with| FolderLock::take_with(folder.path(), with);
        let (one, two) = (take(With::Others).unwrap(), take(With::Others).unwrap());
        drop(one);
        let error = take(With::Nobody).unwrap_err().to_string();
        let process = format!("process {}", std::process::id());
        assert!(error.contains(&process), "{error}");
        drop(two);
        let alone = take(With::Nobody).unwrap();
        assert!(take(With::Others).is_err());
        assert!(FolderLock::check_free(folder.path()).is_err());
        drop(alone);
        FolderLock::check_free(folder.path()).unwrap();
        take(With::Others).unwrap();
    }

    #[test]
    fn who_waits_is_told_why_and_gets_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let held = FolderLock::take(folder.path()).unwrap();
        let (told, heard) = std::sync::mpsc::channel();
        let place = folder.path().to_path_buf();
        let waiter = std::thread::spawn(move || {
            FolderLock::wait(&place, |why| told.send(why.to_string()).unwrap()).unwrap();
        });
        let why = heard.recv().unwrap();
        assert!(why.contains("is at work in this folder"), "{why}");
        std::thread::sleep(PAUSE);
        assert!(!waiter.is_finished());
        drop(held);
        waiter.join().unwrap();
    }
}
