//! Checkpoints that are being written, for steps that must wait for them.
//!
//! Burn writes a checkpoint on other threads while training goes on. On a GPU moments of an optimizer were then found overwritten
//! in the file, and a resumed run diverged (software Vulkan, Burn 0.22.1, cause not known). So on a GPU a step waits for the
//! files, and the files are written one after another.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How many files are on their way.
#[derive(Clone, Debug, Default)]
pub(super) struct Saves {
    pending: Arc<(Mutex<usize>, Condvar)>,
    writing: Arc<Mutex<()>>,
}

impl Saves {
    /// Announces files that other threads will write.
    pub(super) fn announce(&self, files: usize) {
        *self.lock() += files;
    }

    /// Waits until no other file is written; the file counts as written when the result is dropped.
    pub(super) fn write(&self) -> Writing<'_> {
        let alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        Writing {
            saves: self,
            _alone: alone,
        }
    }

    /// Waits until all files that were announced are written.
    pub(super) fn wait(&self) {
        let mut pending = self.lock();
        while *pending > 0 {
            let condition = &self.pending.1;
            pending = condition
                .wait(pending)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.pending
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that is being written.
pub(super) struct Writing<'a> {
    saves: &'a Saves,
    _alone: MutexGuard<'a, ()>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut pending = self.saves.lock();
        *pending = pending.saturating_sub(1);
        self.saves.pending.1.notify_all();
    }
}
