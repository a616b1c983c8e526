//! Handles Ctrl-C and SIGTERM: the first signal asks the program to stop, the second ends it at once.
//!
//! SIGHUP is not handled, so a run continues after its terminal closes under `nohup`, and ends otherwise.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use burn::train::Interrupter;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::terminal::Terminal;

/// The time between two checks for a signal.
const PAUSE: Duration = Duration::from_millis(20);

/// The handler of Ctrl-C and SIGTERM, with the first signal received.
pub struct Signals {
    first: Arc<AtomicUsize>,
}

impl Signals {
    /// Installs the handler.
    pub fn listen(terminal: Terminal) -> Self {
        let signals = Self {
            first: Arc::new(AtomicUsize::new(0)),
        };
        if let Err(error) = signals.register() {
            terminal.warn(&format!("Ctrl-C will end the program at once: {error}"));
        }
        signals
    }

    /// Stops a training at its next step after a signal.
    pub fn stop(&self, interrupter: Interrupter, terminal: Terminal) {
        let first = self.first.clone();
        std::thread::spawn(move || {
            while first.load(Ordering::Relaxed) == 0 {
                std::thread::sleep(PAUSE);
            }
            let reason = match first.load(Ordering::Relaxed) as i32 {
                SIGTERM => "asked to terminate",
                _ => "interrupted",
            };
            interrupter.stop(Some(reason));
            if std::io::stderr().is_terminal() {
                // The cursor is on the line of the progress bar.
                terminal.note("");
            }
            terminal.note("stopping after this step; Ctrl-C again ends at once");
        });
    }

    /// Returns the exit code that a shell expects after the signal, or `None` without a signal.
    pub fn exit_code(&self) -> Option<u8> {
        let signal = self.first.load(Ordering::Relaxed);
        (signal != 0).then_some(128 + signal as u8)
    }

    fn register(&self) -> std::io::Result<()> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the shutdown checks the flag before the next line sets it.
            flag::register_conditional_shutdown(signal, 128 + signal, asked.clone())?;
            flag::register(signal, asked.clone())?;
            flag::register_usize(signal, self.first.clone(), signal as usize)?;
        }
        Ok(())
    }
}

/// Counts every Ctrl-C from now on, for a program with its own reaction to each.
pub fn count_interrupts(terminal: Terminal) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let pressed = Arc::new(AtomicBool::new(false));
    if let Err(error) = flag::register(SIGINT, pressed.clone()) {
        terminal.warn(&format!("Ctrl-C will end the program at once: {error}"));
    }
    let counter = count.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(PAUSE);
            counter.fetch_add(
                pressed.swap(false, Ordering::Relaxed).into(),
                Ordering::Relaxed,
            );
        }
    });
    count
}

/// Ignores Ctrl-C in a child, which the terminal signals too. The parent decides.
pub fn ignore_interrupts() {
    // Without a handler the child would end at once, and the parent would report a failed run.
    let _ = flag::register(SIGINT, Arc::new(AtomicBool::new(false)));
}
