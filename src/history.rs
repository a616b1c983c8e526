//! What happened in a training run, as plain records: one number per epoch, split, task and quantity.
//!
//! The file form is tidy CSV with the header `epoch,split,task,quantity,value`, which any table program reads. Diagnosis
//! and reports work from these records alone.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The task column of a quantity that belongs to no task or to all.
pub const ALL_TASKS: &str = "all";

/// Names of the quantities that training records.
pub mod quantity {
    /// Raw loss: the mean over the task's labels in the split, before any weighting.
    pub const LOSS: &str = "loss";
    /// Effective weight: d objective / d raw loss, the mean over the steps of the epoch in which the task had labels.
    pub const WEIGHT: &str = "weight";
    /// (c - loss) / |c|, c the loss of the best constant predictor. 0 is what a network without inputs reaches, 1 is a loss of 0.
    pub const SKILL: &str = "skill";
    /// Half of the skill's 95 % interval on the validation data, from how it differs between their batches.
    pub const SKILL_MARGIN: &str = "skill_margin";
    /// The skill over the best predictor that knows only the position in the sequence.
    pub const SKILL_OVER_POSITION: &str = "skill_over_position";
    /// Half of its 95 % interval.
    pub const SKILL_OVER_POSITION_MARGIN: &str = "skill_over_position_margin";
    /// Loss of the best constant predictor, recorded once as epoch 0: the same for every sample, and at every position.
    pub const CONSTANT_LOSS: &str = "constant_loss";
    /// Loss of the best predictor that knows only the position, recorded once as epoch 0 where it is below that of the constant.
    pub const POSITION_LOSS: &str = "position_loss";
    /// Why the task has no uninformed predictor, recorded once as epoch 0 where it has none: the number of a
    /// [`NoBaseline`](super::NoBaseline).
    pub const NO_BASELINE: &str = "no_baseline";
    /// Mean over the tasks with labels of loss / reference; the reference is the constant predictor's loss where it is
    /// known and the first validation loss where it is not. Where the reference r is not positive, a loss L counts as
    /// `1 + (L - r) / |r|`. Does not depend on the strategy, so checkpoints are chosen by it.
    pub const RELATIVE_LOSS: &str = "relative_loss";
    /// The number that was watched instead of the relative loss, where the smaller one is the better.
    pub const WATCHED_MINIMUM: &str = "watched_minimum";
    /// The number that was watched instead of the relative loss, where the larger one is the better.
    pub const WATCHED_MAXIMUM: &str = "watched_maximum";
    /// Steps of the epoch in which the task's loss was not finite.
    pub const NON_FINITE_STEPS: &str = "non_finite_steps";
    /// The learning rate of the network at the end of the epoch.
    pub const LEARNING_RATE: &str = "learning_rate";
    /// The objective that was differentiated, the mean over the steps of the epoch.
    pub const OBJECTIVE: &str = "objective";
    /// Training steps of the epoch.
    pub const STEPS: &str = "steps";
    /// Audited steps of the epoch in which the task had labels: what its norm, its share and its cosines are means over.
    pub const AUDITS: &str = "audits";
    /// Norm of the raw loss's gradient at the representation.
    pub const GRADIENT_NORM: &str = "gradient_norm";
    /// The task's part of the summed norms of all weighted gradients at the representation, in [0, 1].
    pub const GRADIENT_SHARE: &str = "gradient_share";
    /// Steps of the epoch in which the task had labels and no gradient at the representation, where the strategy looks.
    pub const ZERO_GRADIENT_STEPS: &str = "zero_gradient_steps";
    /// Steps of the epoch in which the task's loss was zero or below and the strategy is not defined there.
    pub const NOT_POSITIVE_STEPS: &str = "not_positive_steps";
    /// Steps of the epoch in which a convex combination of the tasks' gradients vanished.
    pub const STATIONARY_STEPS: &str = "stationary_steps";
    /// Steps of the epoch in which the strategy had no weights to give, so that the trunk did not move.
    pub const NO_SOLUTION_STEPS: &str = "no_solution_steps";
    /// Steps of the epoch in which the tasks' gradients were linearly dependent, and one of several answers was taken.
    pub const SINGULAR_STEPS: &str = "singular_steps";
    /// What a metric of one's own cannot be called.
    #[cfg(feature = "train")]
    pub(crate) const RESERVED: [&str; 14] = [
        LOSS,
        WEIGHT,
        SKILL,
        SKILL_MARGIN,
        SKILL_OVER_POSITION,
        SKILL_OVER_POSITION_MARGIN,
        CONSTANT_LOSS,
        POSITION_LOSS,
        RELATIVE_LOSS,
        WATCHED_MINIMUM,
        WATCHED_MAXIMUM,
        NON_FINITE_STEPS,
        OBJECTIVE,
        GRADIENT_SHARE,
    ];

    /// How far a linear head on the representation moves when every weight of it moves by 1.
    pub const REACH: &str = "reach";
    /// The share that the strategy was told to give the task, in [0, 1]; recorded once as epoch 0. Absent if it was told
    /// nothing.
    pub const INTENDED_SHARE: &str = "intended_share";
    /// Root of the mean square of the task's targets in the units of its head's output, recorded once as epoch 0.
    pub const TARGET_SIZE: &str = "target_size";

    /// Cosine between the gradients of a task and of `other` at the representation, in [-1, 1]; recorded for the task that
    /// comes first.
    pub fn cosine_with(other: &str) -> String {
        format!("cosine_with_{other}")
    }
}

/// Why a task has no uninformed predictor to be compared with; recorded as [`quantity::NO_BASELINE`], by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoBaseline {
    /// The first dimension of the representation is not the samples of a batch, and the network offers no batch without inputs.
    NotTheSamples = 1,
    /// The training batches that it would have been fitted to have no label of the task.
    NoLabels = 2,
    /// It did not converge within its budget.
    NotConverged = 3,
}

impl NoBaseline {
    pub(crate) fn number(self) -> f64 {
        f64::from(self as u8)
    }

    pub(crate) fn from_number(number: f64) -> Option<Self> {
        let all = [Self::NotTheSamples, Self::NoLabels, Self::NotConverged];
        all.into_iter().find(|reason| reason.number() == number)
    }
}

/// Which data a record is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// The data that is trained on, while it is trained on (dropout included).
    Train,
    /// The data held out.
    #[default]
    Valid,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Valid => "valid",
        })
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "train" => Ok(Self::Train),
            "valid" => Ok(Self::Valid),
            other => Err(format!("`{other}` is no split; expected train or valid")),
        }
    }
}

/// One number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The epoch, counted from 1; 0 for what was known before training.
    pub epoch: usize,
    /// The data.
    pub split: Split,
    /// The task, or [`ALL_TASKS`].
    pub task: String,
    /// The quantity's name, see [`quantity`].
    pub quantity: String,
    /// The value; may be NaN or infinite if training went wrong.
    pub value: f64,
}

/// All records of a run, in the order they were made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    records: Vec<Record>,
}

impl History {
    /// No records yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record; one with the same epoch, split, task and quantity is replaced.
    pub fn record(&mut self, epoch: usize, split: Split, task: &str, quantity: &str, value: f64) {
        let same = |r: &&mut Record| {
            r.epoch == epoch && r.split == split && r.task == task && r.quantity == quantity
        };
        // Epochs come in order, so what is replaced is among the last records.
        let recent = |r: &&mut Record| r.epoch >= epoch;
        match self.records.iter_mut().rev().take_while(recent).find(same) {
            Some(record) => record.value = value,
            None => self.records.push(Record {
                epoch,
                split,
                task: task.into(),
                quantity: quantity.into(),
                value,
            }),
        }
    }

    /// All records in the order they were made.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The value recorded for an epoch.
    pub fn get(&self, epoch: usize, split: Split, task: &str, quantity: &str) -> Option<f64> {
        self.matching(split, task, quantity)
            .find(|record| record.epoch == epoch)
            .map(|record| record.value)
    }

    /// The values of all epochs as `(epoch, value)`, epochs ascending, without what is known before training.
    pub fn series(&self, split: Split, task: &str, quantity: &str) -> Vec<(usize, f64)> {
        let mut series: Vec<_> = self
            .matching(split, task, quantity)
            .filter(|record| record.epoch > 0)
            .map(|record| (record.epoch, record.value))
            .collect();
        series.sort_by_key(|(epoch, _)| *epoch);
        series
    }

    /// The value of the last epoch that has one.
    pub fn last(&self, split: Split, task: &str, quantity: &str) -> Option<f64> {
        self.series(split, task, quantity)
            .last()
            .map(|(_, value)| *value)
    }

    /// The cosine between the gradients of two tasks at the representation, epochs ascending, whichever comes first.
    pub fn cosine(&self, task: &str, other: &str) -> Vec<(usize, f64)> {
        let of = |a, b| self.series(Split::Train, a, &quantity::cosine_with(b));
        let found = of(task, other);
        match found.is_empty() {
            true => of(other, task),
            false => found,
        }
    }

    /// The names of the tasks, in the order they were first recorded.
    pub fn tasks(&self) -> Vec<&str> {
        let mut tasks: Vec<&str> = Vec::new();
        for record in &self.records {
            if record.task != ALL_TASKS && !tasks.contains(&record.task.as_str()) {
                tasks.push(&record.task);
            }
        }
        tasks
    }

    /// The last epoch there is a record of; 0 if there is none.
    pub fn last_epoch(&self) -> usize {
        self.records.iter().map(|r| r.epoch).max().unwrap_or(0)
    }

    /// The epoch with the best number of those that were watched, the earliest of equals; the smallest
    /// [relative validation loss](quantity::RELATIVE_LOSS) where nothing else was.
    pub fn best_epoch(&self) -> Option<usize> {
        let smallest = |quantity: &str, sign: f64| {
            let series = self.series(Split::Valid, ALL_TASKS, quantity).into_iter();
            series
                .filter(|(_, value)| value.is_finite())
                .min_by(|(_, a), (_, b)| (sign * a).total_cmp(&(sign * b)))
                .map(|(epoch, _)| epoch)
        };
        smallest(quantity::WATCHED_MINIMUM, 1.0)
            .or_else(|| smallest(quantity::WATCHED_MAXIMUM, -1.0))
            .or_else(|| smallest(quantity::RELATIVE_LOSS, 1.0))
    }

    /// Forgets every epoch after `epoch`, to continue from a checkpoint of it.
    pub fn truncate_after(&mut self, epoch: usize) {
        self.records.retain(|record| record.epoch <= epoch);
    }

    /// Forgets a quantity of no task.
    pub(crate) fn forget(&mut self, quantity: &str) {
        self.records
            .retain(|record| record.task != ALL_TASKS || record.quantity != quantity);
    }

    fn matching(&self, split: Split, task: &str, quantity: &str) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |r| r.split == split && r.task == task && r.quantity == quantity)
    }

    /// Writes the records as CSV, replacing the file in one move, so that a reader never sees half of it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the path.
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut text = csv::Writer::from_writer(Vec::new());
        for record in &self.records {
            text.serialize(record)
                .map_err(|error| Error::file(&path, error.to_string()))?;
        }
        let bytes = text
            .into_inner()
            .map_err(|error| Error::file(&path, error.to_string()))?;
        write_atomically(path, &bytes)
    }

    /// Reads records from CSV.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Line`] if a line is not a record.
    pub fn read_csv(path: impl AsRef<Path>) -> Result<Self> {
        let text = std::fs::read(&path).map_err(Error::io("read", &path))?;
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let mut records = Vec::new();
        for row in reader.deserialize() {
            records.push(row.map_err(|error: csv::Error| {
                let line = error.position().map_or(1, |position| position.line());
                Error::line(&path, line, error.to_string())
            })?);
        }
        Ok(Self { records })
    }
}

/// Writes a file next to its place and moves it there, so that it is whole or not there at all.
pub(crate) fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = temporary_file(folder).map_err(Error::io("write", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    match file.persist(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::io("write", path)(error.error)),
    }
}

/// A temporary file is readable by its owner alone unless asked otherwise; what a run leaves behind is an ordinary file.
fn temporary_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
