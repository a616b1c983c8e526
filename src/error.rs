//! Defines the error type of the crate, for faults in a user's file, config, flag or checkpoint.
//!
//! Every variant names the place (path, line, field, task), the fault and the expectation, because a user sees only the
//! message. Misuse by a programmer panics instead, with a documented message.

use std::path::{Path, PathBuf};

/// The result type of this crate, with [`Error`] as the default error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error in a user's input: a file, a setting, a flag or a checkpoint.
///
/// `Debug` prints the message too, because a program whose `main` returns the error prints the `Debug` form.
#[non_exhaustive]
#[derive(thiserror::Error)]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempted action, a verb: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason the operating system gave.
        source: std::io::Error,
    },

    /// A file as a whole cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The fault and the expectation.
        reason: String,
    },

    /// A line of a file cannot be used.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1 with the header as a line.
        line: u64,
        /// The fault with its column and value, and the expectation.
        reason: String,
    },

    /// A row of a file without lines cannot be used.
    #[error("{}, row {row} (the first is row 0): {reason}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The row, counted from 0.
        row: u64,
        /// The fault with its column and value, and the expectation.
        reason: String,
    },

    /// There is less data than needed.
    #[error("{origin}: {found} {unit}, but {needed} are needed ({why})")]
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
    #[error("`{field}` is {found}, but it must be {expected}")]
    Setting {
        /// The name of the setting, as in the config file.
        field: String,
        /// The value found.
        found: String,
        /// The allowed values.
        expected: String,
    },

    /// A config file is not valid JSON of the expected form.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The config file.
        path: PathBuf,
        /// The message of the parser: line, column, the unknown or missing field.
        reason: String,
    },

    /// A later version of this crate has written a file.
    #[error(
        "{} was written by a later version of equipoise (format {found}; this version reads up to {newest}): update \
         equipoise, or use a file that this version has written",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The number of its form.
        found: u64,
        /// The newest form that this version reads.
        newest: u32,
    },

    /// A set of tasks is not valid, or not the expected set.
    #[error("the tasks are [{found}], but {expected}")]
    Tasks {
        /// The names of the tasks found, in order.
        found: String,
        /// The fault or the expected tasks.
        expected: String,
    },

    /// A task's raw loss is not a finite number.
    #[error(
        "the loss of task `{task}` was not finite in epoch {epoch} ({count} of {steps} steps): \
         check its targets and inputs for NaN, or lower the learning rate"
    )]
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
    #[error(
        "the loss of task `{task}` was zero or below in epoch {epoch} ({count} of {steps} steps), where {strategy} is not \
         defined: choose a strategy that is (such as `sum`, `manual` or `upgrad`), or add a constant to the loss"
    )]
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
    #[error("checkpoint {}: {reason}", path.display())]
    Checkpoint {
        /// The checkpoint's file or folder.
        path: PathBuf,
        /// The fault and its remedy.
        reason: String,
    },

    /// There is no prediction for an input.
    #[error("no prediction: {reason}")]
    Prediction {
        /// The input, its fault and the expectation.
        reason: String,
    },

    /// Training stopped on an error of the backend or the learner.
    #[error("training stopped: {reason}")]
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
