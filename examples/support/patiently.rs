//! Shows that something is going on, once it takes longer than two seconds.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Does some work; if it is not done soon, `what` and the time it takes are on the terminal until it is.
pub fn patiently<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let (done, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if waiting.recv_timeout(Duration::from_secs(2)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            // On standard error, and nowhere if that is not a terminal.
            let spinner = ProgressBar::new_spinner().with_message(what);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(100));
            // Nothing is ever sent: this waits until the sender is gone.
            let _ = waiting.recv();
            spinner.finish_and_clear();
        });
        // Gone also when the work panics.
        let _done = done;
        work()
    })
}
