//! Ctrl-C and SIGTERM: the first asks the program to stop, the second ends it at once.
//!
//! SIGHUP is left alone, so a run goes on without its terminal under `nohup` and ends without.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use burn::train::Interrupter;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::terminal::Terminal;

/// How often it is looked whether there was a signal.
const PAUSE: Duration = Duration::from_millis(20);

/// What was heard.
pub struct Signals {
    first: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens from now on.
    pub fn listen(terminal: Terminal) -> Self {
        let signals = Self {
            first: Arc::new(AtomicUsize::new(0)),
        };
        if let Err(error) = signals.register() {
            terminal.warn(&format!("Ctrl-C will end the program at once: {error}"));
        }
        signals
    }

    /// Stops a training at its next step when there is a signal.
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
                // The cursor is in the bar.
                terminal.note("");
            }
            terminal.note("stopping after this step; Ctrl-C again ends at once");
        });
    }

    /// What a shell expects of a program that a signal has stopped, if one has.
    pub fn exit_code(&self) -> Option<u8> {
        let signal = self.first.load(Ordering::Relaxed);
        (signal != 0).then_some(128 + signal as u8)
    }

    fn register(&self) -> std::io::Result<()> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: what looks at the flag comes before what sets it.
            flag::register_conditional_shutdown(signal, 128 + signal, asked.clone())?;
            flag::register(signal, asked.clone())?;
            flag::register_usize(signal, self.first.clone(), signal as usize)?;
        }
        Ok(())
    }
}

/// Counts every Ctrl-C from now on, for a program that decides itself what each of them means.
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

/// Leaves Ctrl-C to the parent: a terminal sends the signal to the children too.
pub fn ignore_interrupts() {
    // Without a handler the child ends at once, which the parent reports as a failed run.
    let _ = flag::register(SIGINT, Arc::new(AtomicBool::new(false)));
}
