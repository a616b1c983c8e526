//! Prints results on standard output and everything else on standard error. A closed output is no error.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::flags;
use console::{Color, Term, style};
use indicatif::{ProgressBar, ProgressStyle};

/// The largest width of a line, in columns. Paths and commands are not broken.
const WIDTH: usize = 100;
/// The time after which a waiting program prints the reason.
const PATIENCE: Duration = Duration::from_secs(2);

/// Standard output and standard error of a program.
#[derive(Clone, Copy)]
pub struct Terminal {
    quiet: bool,
}

impl Terminal {
    /// Creates the outputs. If `quiet`, only warnings, commands and results are printed.
    pub const fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// Returns whether notes and ordinary lines are suppressed.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Prints a sentence on standard error, unless quiet.
    pub fn note(self, sentence: &str) {
        if !self.quiet {
            self.warn(sentence);
        }
    }

    /// Prints a sentence on standard error, even if quiet.
    pub fn warn(self, sentence: &str) {
        let text = wrapped(&flags::named(sentence), width(&Term::stderr()));
        write(std::io::stderr(), &text);
    }

    /// Prints a command on standard error, even if quiet. The line is not broken, so that it can be copied.
    pub fn command(self, command: &str) {
        write(std::io::stderr(), &format!("  {command}"));
    }

    /// Prints a sentence of the results, unless quiet.
    pub fn say(self, sentence: &str) {
        self.line(&wrapped(sentence, width(&Term::stdout())));
    }

    /// Prints a line of the results without breaking it, unless quiet.
    pub fn line(self, line: &str) {
        if !self.quiet {
            self.result(line);
        }
    }

    /// Prints a line of the results without breaking it, even if quiet.
    pub fn result(self, line: &str) {
        write(std::io::stdout(), line);
    }

    /// Colours a part of the results if the terminal shows colours.
    pub fn painted(self, text: String, color: Option<Color>) -> String {
        // `console` reads the variables, but gives CLICOLOR_FORCE precedence over NO_COLOR.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match color {
            Some(color) if !refused && console::colors_enabled() => {
                style(text).fg(color).force_styling(true).to_string()
            }
            _ => text,
        }
    }

    /// Prints the reason for waiting after [`PATIENCE`], until the returned guard is dropped.
    pub fn waiting(self, what: &str) -> Waiting {
        let (until, ended) = channel();
        let what = harmless(what);
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

/// Escapes the control characters of a text, so that a name or a value of a file cannot clear the screen or move the
/// cursor. Ends of lines and colours stay.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = colour(rest);
        let length = if colour > 0 { colour } else { c.len_utf8() };
        if colour > 0 || c == '\n' || !c.is_control() {
            shown += &rest[..length];
        } else {
            shown.extend(c.escape_default());
        }
        rest = &rest[length..];
    }
    shown
}

/// Returns the length of the sequence that sets a colour at the start of a text, or 0.
fn colour(text: &str) -> usize {
    let Some(numbers) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    let inside = |c: char| c.is_ascii_digit() || c == ';';
    let end = numbers.trim_start_matches(inside);
    if end.starts_with('m') {
        text.len() - end.len() + 1
    } else {
        0
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

/// A guard for the time of a long operation, see [`Terminal::waiting`].
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

/// Writes a line and ignores errors. The reader may have closed the pipe, as `head` does, but the run must continue for
/// its files.
fn write(mut output: impl Write, line: &str) {
    let _ = writeln!(output, "{}", harmless(line)).and_then(|()| output.flush());
}

/// Returns the columns to fill, or `None` outside a terminal, where programs expect a sentence in one line.
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
