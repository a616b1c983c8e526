//! What is said and how: results on standard output, everything else on standard error, and nobody has to listen.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::flags;
use console::{Color, Term, style};
use indicatif::{ProgressBar, ProgressStyle};

/// The widest a line is, unless it is a path or a command that has to stay whole.
const WIDTH: usize = 100;
/// How long something may take before it is said what.
const PATIENCE: Duration = Duration::from_secs(2);

/// Both outputs.
#[derive(Clone, Copy)]
pub struct Terminal {
    quiet: bool,
}

impl Terminal {
    /// If `quiet`, only errors and results are said.
    pub const fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Whether only errors and results are said.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// A sentence beside the results.
    pub fn note(self, sentence: &str) {
        if !self.quiet {
            self.warn(sentence);
        }
    }

    /// A sentence that is said in any case.
    pub fn warn(self, sentence: &str) {
        let text = wrapped(&flags::named(sentence), width(&Term::stderr()));
        write(std::io::stderr(), &text);
    }

    /// A command to be copied, which is said in any case and never broken.
    pub fn command(self, command: &str) {
        write(std::io::stderr(), &format!("  {command}"));
    }

    /// A sentence of the results.
    pub fn say(self, sentence: &str) {
        self.line(&wrapped(sentence, width(&Term::stdout())));
    }

    /// A line of the results that is not broken.
    pub fn line(self, line: &str) {
        if !self.quiet {
            self.result(line);
        }
    }

    /// A line that is there in any case.
    pub fn result(self, line: &str) {
        write(std::io::stdout(), line);
    }

    /// Colours a part of the results, where there are colours.
    pub fn painted(self, text: String, color: Option<Color>) -> String {
        // `console` knows the variables, but lets CLICOLOR_FORCE win over NO_COLOR.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match color {
            Some(color) if !refused && console::colors_enabled() => {
                style(text).fg(color).force_styling(true).to_string()
            }
            _ => text,
        }
    }

    /// Says what is going on if it takes long, until the answer is dropped.
    pub fn waiting(self, what: &str) -> Waiting {
        let (until, ended) = channel();
        let what = what.to_string();
        let thread = (!self.quiet).then(|| {
            std::thread::spawn(move || {
                if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    let bar = spinner(self, what);
                    let _ = ended.recv();
                    bar.finish_and_clear();
                }
            })
        });
        Waiting {
            until: Some(until),
            thread,
        }
    }
}

fn spinner(terminal: Terminal, what: String) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_elapsed(PATIENCE);
    if bar.is_hidden() {
        terminal.note(&format!("{what} ..."));
        return bar;
    }
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Something that may take long.
pub struct Waiting {
    until: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.until.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The reader may have left, as `head` does. The run goes on: its files are what counts.
fn write(mut output: impl Write, line: &str) {
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// The columns to fill, of a terminal only: programs want sentences in one line.
fn width(term: &Term) -> Option<usize> {
    let columns = || {
        term.size_checked()
            .map_or(80, |(_, columns)| columns.into())
    };
    term.is_term().then(|| columns().min(WIDTH))
}

fn wrapped(sentence: &str, width: Option<usize>) -> String {
    let Some(width) = width else {
        return sentence.into();
    };
    let options = textwrap::Options::new(width)
        .subsequent_indent("  ")
        .break_words(false);
    // A number stays with its unit.
    const TOGETHER: &str = "\u{a0}%";
    let sentence = sentence.replace(" %", TOGETHER);
    textwrap::fill(&sentence, options).replace(TOGETHER, " %")
}
