//! Counts checkpoint files that are being written, for steps that must wait for them.
//!
//! Burn reads the tensors of a checkpoint on the threads that write it. On its GPU backends this is too late:
//! `into_data` returns at once and copies the values on first access, while the optimizer overwrites them in place
//! (Burn 0.22.1; CubeCL's `read_lazy` is documented only for memory that does not change). The next step therefore
//! begins after the files are written.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The number of files that are not yet written.
#[derive(Clone, Debug, Default)]
pub(super) struct Saves(Arc<(Mutex<usize>, Condvar)>);

impl Saves {
    /// Announces files that other threads will write.
    pub(super) fn announce(&self, files: usize) {
        *self.pending() += files;
    }

    /// Counts one file as written when the result is dropped, even if writing the file failed.
    pub(super) fn write(&self) -> Writing<'_> {
        Writing(self)
    }

    /// Waits until every announced file is written.
    pub(super) fn wait(&self) {
        let pending = self.pending();
        drop(
            self.0
                .1
                .wait_while(pending, |pending| *pending > 0)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn pending(&self) -> MutexGuard<'_, usize> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that is being written.
pub(super) struct Writing<'a>(&'a Saves);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut pending = self.0.pending();
        *pending = pending.saturating_sub(1);
        self.0.0.1.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    #[test]
    fn waiting_ends_with_the_last_file() {
        let saves = Saves::default();
        saves.announce(2);
        let (done, waited) = channel();
        let waiter = saves.clone();
        let waiting = thread::spawn(move || {
            waiter.wait();
            done.send(()).unwrap();
        });
        drop(saves.write());
        assert!(waited.recv_timeout(MOMENT).is_err(), "one file is missing");
        drop(saves.write());
        assert!(waited.recv_timeout(100 * MOMENT).is_ok());
        waiting.join().unwrap();
    }

    #[test]
    fn nothing_is_waited_for_where_nothing_is_written() {
        Saves::default().wait();
    }

    #[test]
    fn a_file_that_fails_is_not_waited_for() {
        let saves = Saves::default();
        saves.announce(1);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            let _writing = saves.write();
            panic!("the disk is full");
        }));
        assert!(failed.is_err());
        saves.wait();
    }
}
