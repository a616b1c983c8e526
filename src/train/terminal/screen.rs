//! The bar of a running epoch, and the lines above it.

use std::io::Write;

use console::Term;
use indicatif::{ProgressBar, ProgressStyle};

/// What is shown while training goes on, on standard error.
///
/// Lines are at most as wide as the terminal, and 100 columns. They have colours on a terminal, as far as the environment variables `NO_COLOR`,
/// `CLICOLOR` and `CLICOLOR_FORCE` do not say otherwise, and nothing is said by a colour alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// A bar with the time left of the whole run, and a line for each finished epoch: seconds, and every task's validation
    /// loss and skill, or the mean and the worst task where they are too many. Only the lines if it is not a terminal.
    #[default]
    Auto,
    /// A line for each finished epoch.
    Lines,
    /// As [`Auto`](Self::Auto), and under each epoch's line its training losses, effective weights, gradient shares,
    /// learning rate and steps a second.
    Verbose,
    /// Nothing.
    Silent,
}

/// What stands beside the bar: `epoch 9999/9999 train 12345/12345 [] 12h 34m left`.
const BESIDE_BAR: usize = 50;

/// Where progress is shown.
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

    /// Returns whether lines are to be said.
    pub(in crate::train) fn speaks(&self) -> bool {
        self.progress != Progress::Silent
    }

    /// Returns whether they are to be said in detail.
    pub(in crate::train) fn in_detail(&self) -> bool {
        self.progress == Progress::Verbose
    }

    /// Prints lines above the bar. That nobody reads them any more is no reason to stop training.
    pub(in crate::train) fn say(&self, lines: &[String]) {
        if self.speaks() && !lines.is_empty() {
            let text = lines.join("\n") + "\n";
            self.bar.suspend(|| {
                let _ = std::io::stderr().lock().write_all(text.as_bytes());
            });
        }
    }

    /// Draws the bar: what is done, how much of it, and what else there is to say.
    pub(in crate::train) fn draw(&self, what: String, done: usize, all: usize, left: String) {
        if !self.bar.is_hidden() {
            self.bar.set_prefix(what);
            self.bar.set_message(left);
            self.bar.set_length(all as u64);
            self.bar.set_position(done as u64);
        }
    }

    /// Takes the bar away.
    pub(in crate::train) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Columns of the terminal that lines are written to; as many as are wanted where it is none.
pub(in crate::train) fn columns() -> usize {
    let terminal = Term::stderr();
    match terminal.size_checked() {
        Some((_, columns)) if terminal.is_term() => columns.into(),
        _ => usize::MAX,
    }
}

/// Returns whether standard error has colours.
pub(in crate::train) fn coloured() -> bool {
    // `console` knows the variables, but lets CLICOLOR_FORCE win over NO_COLOR.
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && console::colors_enabled_stderr()
}
