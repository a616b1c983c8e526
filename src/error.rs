//! Defines the error type of the crate, for faults in a user's file, config, flag or checkpoint.
//!
//! Every variant names the place (path, line, field, task), the fault and the expectation, because a user sees only the
//! message. Misuse by a programmer panics instead, with a documented message.

use std::path::{Path, PathBuf};

use crate::printable::message;

/// The result type of this crate, with [`Error`] as the default error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error in a user's input: a file, a setting, a flag or a checkpoint.
///
/// `Debug` prints the message too, because a program whose `main` returns the error prints the `Debug` form. What a message
/// quotes from a file or a name cannot act on a terminal: control characters are escaped, `\u{1b}`, and the middle of a
/// message of more than 4000 characters is left out. The fields hold the texts unchanged.
#[non_exhaustive]
#[derive(thiserror::Error)]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("{}", message(format_args!("cannot {action} {}: {source}", path.display())))]
    Io {
        /// The attempted action, a verb: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason the operating system gave.
        source: std::io::Error,
    },

    /// A file as a whole cannot be used.
    #[error("{}", message(format_args!("{}: {reason}", path.display())))]
    File {
        /// The file.
        path: PathBuf,
        /// The fault and the expectation.
        reason: String,
    },

    /// A line of a file cannot be used.
    #[error("{}", message(format_args!("{}, line {line}: {reason}", path.display())))]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1 with the header as a line.
        line: u64,
        /// The fault with its column and value, and the expectation.
        reason: String,
    },

    /// A row of a file without lines cannot be used.
    #[error("{}", message(format_args!("{}, row {row} (the first is row 0): {reason}", path.display())))]
    Row {
        /// The file.
        path: PathBuf,
        /// The row, counted from 0.
        row: u64,
        /// The fault with its column and value, and the expectation.
        reason: String,
    },

    /// There is less data than needed.
    #[error("{}", message(format_args!("{origin}: {found} {unit}, but {needed} are needed ({why})")))]
    TooFew {
        /// The source of the data: a path or a generator.
        origin: String,
        /// The unit of the counts, in the plural.
        unit: &'static str,
        /// The number found.
        found: usize,
        /// The least number needed.
        needed: usize,
        /// The reason for the least number.
        why: String,
    },

    /// A setting has a value that is not allowed.
    #[error("{}", message(format_args!("`{field}` is {found}, but it must be {expected}")))]
    Setting {
        /// The name of the setting, as in the config file.
        field: String,
        /// The value found.
        found: String,
        /// The allowed values.
        expected: String,
    },

    /// A config file is not valid JSON of the expected form.
    #[error("{}", message(format_args!("{}: {reason}", path.display())))]
    Config {
        /// The config file.
        path: PathBuf,
        /// The message of the parser: line, column, the unknown or missing field.
        reason: String,
    },

    /// A later version of this crate has written a file.
    #[error("{}", message(format_args!(
        "{} was written by a later version of equipoise (format {found}; this version reads up to {newest}): update \
         equipoise, or use a file that this version has written",
        path.display()
    )))]
    Format {
        /// The file.
        path: PathBuf,
        /// The number of its form.
        found: u64,
        /// The newest form that this version reads.
        newest: u32,
    },

    /// A set of tasks is not valid, or not the expected set.
    #[error("{}", message(format_args!("the tasks are [{found}], but {expected}")))]
    Tasks {
        /// The names of the tasks found, in order.
        found: String,
        /// The fault or the expected tasks.
        expected: String,
    },

    /// A task's raw loss is not a finite number.
    #[error("{}", message(format_args!(
            "the loss of task `{task}` was not finite in epoch {epoch} ({count} of {steps} steps): \
             check its targets and inputs for NaN, or lower the learning rate"
        )))]
    NonFiniteLoss {
        /// The task.
        task: String,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The number of steps with a loss that was not finite.
        count: usize,
        /// The number of steps checked.
        steps: usize,
    },

    /// A task's raw loss is zero or below, where the strategy is not defined.
    #[error("{}", message(format_args!(
            "the loss of task `{task}` was zero or below in epoch {epoch} ({count} of {steps} steps), where {strategy} is not \
             defined: choose a strategy that is (such as `sum`, `manual` or `upgrad`), or add a constant to the loss"
        )))]
    NotPositiveLoss {
        /// The task.
        task: String,
        /// The strategy.
        strategy: String,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The number of steps with a loss that was zero or below.
        count: usize,
        /// The number of steps checked.
        steps: usize,
    },

    /// A checkpoint is missing, damaged, or made for something else.
    #[error("{}", message(format_args!("checkpoint {}: {reason}", path.display())))]
    Checkpoint {
        /// The checkpoint's file or folder.
        path: PathBuf,
        /// The fault and its remedy.
        reason: String,
    },

    /// There is no prediction for an input.
    #[error("{}", message(format_args!("no prediction: {reason}")))]
    Prediction {
        /// The input, its fault and the expectation.
        reason: String,
    },

    /// Training stopped on an error of the backend or the learner.
    #[error("{}", message(format_args!("training stopped: {reason}")))]
    Training {
        /// The message of the learner.
        reason: String,
    },
}

impl std::fmt::Debug for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, formatter)
    }
}

impl Error {
    /// Returns a function that creates an [`Error::Io`], for use in `map_err`.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Returns an [`Error::Setting`].
    pub fn setting(
        field: impl Into<String>,
        found: impl ToString,
        expected: impl Into<String>,
    ) -> Self {
        Self::Setting {
            field: field.into(),
            found: found.to_string(),
            expected: expected.into(),
        }
    }

    /// Returns an [`Error::File`].
    pub fn file(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::File {
            path: path.as_ref().to_path_buf(),
            reason: reason.into(),
        }
    }

    /// Returns an [`Error::Line`].
    pub fn line(path: impl AsRef<Path>, line: u64, reason: impl Into<String>) -> Self {
        Self::Line {
            path: path.as_ref().to_path_buf(),
            line,
            reason: reason.into(),
        }
    }

    /// Returns an [`Error::Row`].
    pub fn row(path: impl AsRef<Path>, row: u64, reason: impl Into<String>) -> Self {
        Self::Row {
            path: path.as_ref().to_path_buf(),
            row,
            reason: reason.into(),
        }
    }

    /// Prefixes the field of an [`Error::Setting`] with the name of its part: `hidden` within `model` becomes
    /// `model.hidden`. Other errors stay unchanged.
    pub fn within(self, part: &str) -> Self {
        match self {
            Self::Setting {
                field,
                found,
                expected,
            } => Self::Setting {
                field: format!("{part}.{field}"),
                found,
                expected,
            },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every variant with a text of a user in every field. The match fails to compile for a variant that is not listed.
    fn of_every_kind(text: &str) -> Vec<Error> {
        let (path, text) = (PathBuf::from(text), text.to_string());
        let all = vec![
            Error::io("read", &path)(std::io::Error::other(text.clone())),
            Error::file(&path, text.clone()),
            Error::line(&path, 3, text.clone()),
            Error::row(&path, 3, text.clone()),
            Error::TooFew {
                origin: text.clone(),
                unit: "rows",
                found: 1,
                needed: 2,
                why: text.clone(),
            },
            Error::setting(&text, &text, &text),
            Error::Config {
                path: path.clone(),
                reason: text.clone(),
            },
            Error::Tasks {
                found: text.clone(),
                expected: text.clone(),
            },
            Error::NonFiniteLoss {
                task: text.clone(),
                epoch: 1,
                count: 1,
                steps: 1,
            },
            Error::NotPositiveLoss {
                task: text.clone(),
                strategy: text.clone(),
                epoch: 1,
                count: 1,
                steps: 1,
            },
            Error::Checkpoint {
                path: path.clone(),
                reason: text.clone(),
            },
            Error::Prediction {
                reason: text.clone(),
            },
            Error::Training { reason: text },
            Error::Format {
                path,
                found: 3,
                newest: 2,
            },
        ];
        let kind = |error: &Error| match error {
            Error::Io { .. } => 0,
            Error::File { .. } => 1,
            Error::Line { .. } => 2,
            Error::Row { .. } => 3,
            Error::TooFew { .. } => 4,
            Error::Setting { .. } => 5,
            Error::Config { .. } => 6,
            Error::Tasks { .. } => 7,
            Error::NonFiniteLoss { .. } => 8,
            Error::NotPositiveLoss { .. } => 9,
            Error::Checkpoint { .. } => 10,
            Error::Prediction { .. } => 11,
            Error::Training { .. } => 12,
            Error::Format { .. } => 13,
        };
        assert!(all.iter().map(kind).eq(0..14));
        all
    }

    #[test]
    fn no_message_acts_on_a_terminal() {
        for error in of_every_kind("a\u{1b}[2J\n\u{202e}b") {
            for shown in [error.to_string(), format!("{error:?}")] {
                assert!(shown.contains("a\\u{1b}[2J\\n\\u{202e}b"), "{shown}");
                assert!(!shown.contains(crate::printable::is_hidden), "{shown:?}");
            }
        }
        let long = "x".repeat(1 << 20);
        for error in of_every_kind(&long) {
            assert!(error.to_string().len() < 5000);
        }
    }
}
