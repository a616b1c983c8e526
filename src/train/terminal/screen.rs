//! Draws the progress bar of the current epoch and the lines above it.

use std::io::Write;

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

/// The output of a training run on standard error.
///
/// Lines are at most as wide as the terminal, and at most 100 columns. They have colours on a terminal, unless the
/// environment variables `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE` turn them off; no information is in a colour
/// alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// A bar with the time left of the whole run, and a line for each finished epoch: seconds, and the validation loss
    /// and skill of every task, or the mean and the worst task if the tasks do not fit. Only the lines if standard
    /// error is not a terminal.
    #[default]
    Auto,
    /// A line for each finished epoch.
    Lines,
    /// As [`Auto`](Self::Auto), with the training losses, effective weights, gradient shares, learning rate and steps
    /// per second of each epoch below its line.
    Verbose,
    /// No output.
    Silent,
}

/// The number of columns beside the bar: `epoch 9999/9999 train 12345/12345 [] 12h 34m left`.
const BESIDE_BAR: usize = 50;

/// The output of progress.
pub(in crate::train) struct Screen {
    progress: Progress,
    bar: ProgressBar,
}

impl Screen {
    pub(in crate::train) fn new(progress: Progress) -> Self {
        let wanted = matches!(progress, Progress::Auto | Progress::Verbose);
        let terminal = Term::stderr();
        let bar = if wanted && terminal.is_term() {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        };
        let (_, columns) = terminal.size();
        let width = usize::from(columns).saturating_sub(BESIDE_BAR).clamp(4, 24);
        let template = format!("{{prefix}} [{{bar:{width}}}] {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { progress, bar }
    }

    /// Returns whether lines are printed.
    pub(in crate::train) fn speaks(&self) -> bool {
        self.progress != Progress::Silent
    }

    /// Returns whether the details of an epoch are printed.
    pub(in crate::train) fn in_detail(&self) -> bool {
        self.progress == Progress::Verbose
    }

    /// Prints lines above the bar. Errors are ignored: a closed standard error is no reason to stop training.
    pub(in crate::train) fn say(&self, lines: &[String]) {
        if self.speaks() && !lines.is_empty() {
            let text = lines.join("\n") + "\n";
            self.bar.suspend(|| {
                let _ = std::io::stderr().lock().write_all(text.as_bytes());
            });
        }
    }

    /// Draws the bar with `what` before it and `left` after it.
    pub(in crate::train) fn draw(&self, what: String, done: usize, all: usize, left: String) {
        if !self.bar.is_hidden() {
            self.bar.set_prefix(what);
            self.bar.set_message(left);
            self.bar.set_length(all as u64);
            self.bar.set_position(done as u64);
        }
    }

    /// Removes the bar.
    pub(in crate::train) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Returns the number of columns of the terminal; unlimited if standard error is not a terminal.
pub(in crate::train) fn columns() -> usize {
    let terminal = Term::stderr();
    match terminal.size_checked() {
        Some((_, columns)) if terminal.is_term() => columns.into(),
        _ => usize::MAX,
    }
}

/// Returns whether standard error has colours.
pub(in crate::train) fn coloured() -> bool {
    // `console` reads the variables, but gives CLICOLOR_FORCE precedence over NO_COLOR.
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && console::colors_enabled_stderr()
}
