//! Stores the results of experiments as plain numbers, and reads and writes their CSV file.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format::Format;
use crate::history::write_atomically;

/// Version 2 has its number in the column `format`.
const FORMAT: Format = Format::new(2);

/// The smallest relative change of a loss that counts as a change.
pub(super) const LEAST: f64 = 0.01;

/// A change that an experiment made for a task.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// The task's effective weight is multiplied after the strategy.
    Weight {
        /// The factor of the weight.
        factor: f64,
    },
    /// No other task is trained.
    Alone,
    /// One other task is not trained.
    Without {
        /// The task that is not trained.
        other: String,
    },
    /// The output of the task's head is multiplied and the head's last layer divided by a factor.
    ///
    /// The function does not change, but an optimizer whose steps do not depend on the size of the gradient moves the
    /// output further by the factor.
    OutputScale {
        /// The factor of the output.
        factor: f64,
    },
    /// The learning rate of the parameters that only the task's loss reaches is multiplied.
    HeadRate {
        /// The factor of the learning rate.
        factor: f64,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weight { factor } => write!(f, "{} times its weight", times(*factor)),
            Self::Alone => f.write_str("no other task"),
            Self::Without { other } => write!(f, "no {other}"),
            Self::OutputScale { factor } => write!(f, "{} times its output", times(*factor)),
            Self::HeadRate { factor } => {
                write!(f, "{} times its head's learning rate", times(*factor))
            }
        }
    }
}

/// Formats a factor with two significant digits.
pub(super) fn times(factor: f64) -> String {
    match factor {
        f if f >= 9.95e4 => format!("{f:.1e}"),
        f if f >= 9.95 => {
            let step = 10f64.powf(f.log10().floor() - 1.0);
            format!("{:.0}", (f / step).round() * step)
        }
        f => format!("{f:.1}"),
    }
}

/// The effect of a change on one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The name of the task.
    pub task: String,
    /// The mean validation loss after the forks with the change; NaN without labels.
    pub loss: f64,
    /// The mean validation loss after the forks without the change.
    pub unchanged: f64,
    /// The difference `loss - unchanged` over the size of the loss; negative is better.
    pub difference: f64,
    /// Half of the 95 % interval of `difference`: the larger of the intervals over forks and over validation batches.
    pub margin: f64,
}

impl Effect {
    /// Returns whether the loss is lower by at least `least`, with the whole interval below zero.
    pub fn helped(&self, least: f64) -> bool {
        self.difference <= -least && self.difference + self.margin < 0.0
    }

    /// Returns whether the loss is finite only without the change.
    pub fn broke(&self) -> bool {
        !self.loss.is_finite() && self.unchanged.is_finite()
    }

    /// Returns whether the whole interval excludes a fall of the loss by `least`.
    pub fn refuted(&self, least: f64) -> bool {
        self.difference - self.margin > -least
    }

    /// Returns whether the loss is higher by at least `least`, with the whole interval above zero, or no longer finite.
    pub fn harmed(&self, least: f64) -> bool {
        self.broke() || self.difference >= least && self.difference - self.margin > 0.0
    }
}

/// A change made for one task, and its effects on all tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The task that the change was made for.
    pub task: String,
    /// The change.
    pub change: Change,
    /// The effect on every task of the network.
    pub effects: Vec<Effect>,
}

impl Trial {
    /// Returns the effect on a task, or `None` if the task is unknown.
    pub fn effect(&self, task: &str) -> Option<&Effect> {
        self.effects.iter().find(|effect| effect.task == task)
    }
}

/// The results of experiments on a run.
///
/// Each experiment compares short forks of the run with one change to forks without a change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trials {
    /// The epoch of the checkpoint that the forks start from.
    pub epoch: usize,
    /// The steps of each fork.
    pub steps: usize,
    /// The number of forks of each change.
    pub forks: usize,
    /// The mean gradient share of each task at the representation in the forks without a change.
    pub shares: Vec<(String, f64)>,
    /// The validation loss of each task at the checkpoint.
    pub start: Vec<(String, f64)>,
    /// The trials.
    pub trials: Vec<Trial>,
}

impl Trials {
    /// Iterates over the trials made for a task.
    pub fn of<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a Trial> {
        self.trials.iter().filter(move |trial| trial.task == task)
    }

    /// Returns the validation loss of a task at the checkpoint.
    pub fn start_of(&self, task: &str) -> Option<f64> {
        self.start
            .iter()
            .find_map(|(name, loss)| (name == task).then_some(*loss))
    }

    /// Returns the gradient share of a task at the representation, in the forks without a change.
    pub fn share_of(&self, task: &str) -> Option<f64> {
        self.shares
            .iter()
            .find_map(|(name, share)| (name == task).then_some(*share))
    }

    /// Writes the trials as CSV, replacing the file in one move.
    ///
    /// The file has a row for each task at the checkpoint, and a row for each change and each task with an effect.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the path.
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut text = csv::Writer::from_writer(Vec::new());
        let mut put = |row: TrialRow| {
            text.serialize(row)
                .map_err(|error| Error::file(&path, error.to_string()))
        };
        for (task, loss) in &self.start {
            put(TrialRow {
                change: START.into(),
                task: task.clone(),
                loss: *loss,
                factor: self.share_of(task),
                ..self.row()
            })?;
        }
        for trial in &self.trials {
            for effect in &trial.effects {
                let (change, factor, other) = named(&trial.change);
                put(TrialRow {
                    change: change.into(),
                    made_for: trial.task.clone(),
                    factor,
                    other,
                    task: effect.task.clone(),
                    loss: effect.loss,
                    unchanged: Some(effect.unchanged),
                    difference: Some(effect.difference),
                    margin: Some(effect.margin),
                    ..self.row()
                })?;
            }
        }
        let bytes = text
            .into_inner()
            .map_err(|error| Error::file(&path, error.to_string()))?;
        write_atomically(path, &bytes)
    }

    fn row(&self) -> TrialRow {
        TrialRow {
            epoch: self.epoch,
            steps: self.steps,
            forks: self.forks,
            format: Some(FORMAT.version),
            ..TrialRow::default()
        }
    }

    /// Reads the trials of a CSV file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if a later version wrote it, [`Error::Line`] if a line
    /// is no valid row.
    pub fn read_csv(path: impl AsRef<Path>) -> Result<Self> {
        let text = std::fs::read(&path).map_err(Error::io("read", &path))?;
        FORMAT.check_column(path.as_ref(), &text)?;
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let mut found = Self::default();
        for (number, row) in reader.deserialize().enumerate() {
            let line = number as u64 + 2;
            let row: TrialRow = row.map_err(|error: csv::Error| {
                let line = error.position().map_or(line, |position| position.line());
                Error::line(&path, line, error.to_string())
            })?;
            (found.epoch, found.steps, found.forks) = (row.epoch, row.steps, row.forks);
            if row.change == START {
                if let Some(share) = row.factor {
                    found.shares.push((row.task.clone(), share));
                }
                found.start.push((row.task, row.loss));
                continue;
            }
            let change = row.change().ok_or_else(|| {
                let reason = format!("`{}` is no change with these columns", row.change);
                Error::line(&path, line, reason)
            })?;
            let same = |trial: &&mut Trial| trial.task == row.made_for && trial.change == change;
            let effect = Effect {
                task: row.task.clone(),
                loss: row.loss,
                unchanged: row.unchanged.unwrap_or(f64::NAN),
                difference: row.difference.unwrap_or(f64::NAN),
                margin: row.margin.unwrap_or(f64::NAN),
            };
            match found.trials.iter_mut().find(same) {
                Some(trial) => trial.effects.push(effect),
                None => found.trials.push(Trial {
                    task: row.made_for.clone(),
                    change,
                    effects: vec![effect],
                }),
            }
        }
        Ok(found)
    }
}

/// The change column of the rows of the checkpoint.
const START: &str = "start";

/// A row of the CSV file.
#[derive(Default, Serialize, Deserialize)]
struct TrialRow {
    epoch: usize,
    steps: usize,
    forks: usize,
    change: String,
    #[serde(rename = "for")]
    made_for: String,
    other: Option<String>,
    /// The factor of the change; in a row of the checkpoint, the gradient share.
    factor: Option<f64>,
    task: String,
    loss: f64,
    unchanged: Option<f64>,
    difference: Option<f64>,
    margin: Option<f64>,
    /// The number of the form of the file, the same in every row.
    #[serde(default)]
    format: Option<u32>,
}

impl TrialRow {
    fn change(&self) -> Option<Change> {
        let factor = self.factor;
        Some(match self.change.as_str() {
            "weight" => Change::Weight { factor: factor? },
            "alone" => Change::Alone,
            "without" => Change::Without {
                other: self.other.clone()?,
            },
            "output_scale" => Change::OutputScale { factor: factor? },
            "head_rate" => Change::HeadRate { factor: factor? },
            _ => return None,
        })
    }
}

fn named(change: &Change) -> (&'static str, Option<f64>, Option<String>) {
    match change {
        Change::Weight { factor } => ("weight", Some(*factor), None),
        Change::Alone => ("alone", None, None),
        Change::Without { other } => ("without", None, Some(other.clone())),
        Change::OutputScale { factor } => ("output_scale", Some(*factor), None),
        Change::HeadRate { factor } => ("head_rate", Some(*factor), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_come_back_from_their_file() {
        let effect = |task: &str| Effect {
            task: task.into(),
            loss: 0.5,
            unchanged: 1.0,
            difference: -0.5,
            margin: 0.125,
        };
        let changes = [
            Change::Weight { factor: 11.5 },
            Change::Alone,
            Change::Without { other: "b".into() },
            Change::OutputScale { factor: 8.0 },
            Change::HeadRate { factor: 10.0 },
        ];
        let trials = Trials {
            epoch: 3,
            steps: 50,
            forks: 4,
            shares: vec![("a".into(), 0.02), ("b".into(), 0.98)],
            start: vec![("a".into(), 1.0), ("b".into(), 2.0)],
            trials: changes
                .map(|change| Trial {
                    task: "a".into(),
                    change,
                    effects: vec![effect("a"), effect("b")],
                })
                .to_vec(),
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("probe.csv");
        trials.write_csv(&file).unwrap();
        assert_eq!(Trials::read_csv(&file).unwrap(), trials);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replacen("alone", "aloft", 1)).unwrap();
        let error = Trials::read_csv(&file).unwrap_err().to_string();
        assert!(
            error.contains("probe.csv, line 6: `aloft` is no"),
            "{error}"
        );
    }
}
