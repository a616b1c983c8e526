//! Shows the progress of the forks.

use std::cell::Cell;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printable::printable;
use crate::train::Progress;

/// A progress bar on a terminal, lines elsewhere.
pub(super) struct ProgressLine {
    bar: ProgressBar,
    lines: bool,
    changes: Cell<usize>,
    done: Cell<usize>,
}

impl ProgressLine {
    pub(super) fn new(progress: Progress) -> Self {
        let target = match progress {
            Progress::Auto | Progress::Verbose => ProgressDrawTarget::stderr(),
            Progress::Lines | Progress::Silent => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("probe [{bar:20}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        let lines = bar.is_hidden() && progress != Progress::Silent;
        Self {
            bar,
            lines,
            changes: Cell::new(0),
            done: Cell::new(0),
        }
    }

    /// Sets the number of changes that follow the forks without a change.
    pub(super) fn expect(&self, changes: usize) {
        self.changes.set(changes + 1);
    }

    /// Shows the change and the number of the fork that starts.
    pub(super) fn show(&self, what: &str, fork: usize, forks: usize) {
        let what = printable(what);
        let done = self.done.get();
        self.done.set(done + 1);
        self.bar
            .set_length((self.changes.get().max(1) * forks) as u64);
        self.bar.set_position(done as u64);
        self.bar
            .set_message(format!("{what}, fork {} of {forks}", fork + 1));
        if self.lines && fork == 0 {
            eprintln!("probe: {what}, {forks} forks");
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
