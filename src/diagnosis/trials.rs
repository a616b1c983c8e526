//! What experiments showed: short forks of a run, one change each, beside forks with none.
//!
//! `probe` makes them; here they are plain numbers, with the file they are kept in.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::history::write_atomically;

/// A loss that changed by less than this part did not.
pub(super) const LEAST: f64 = 0.01;

/// One change that was tried for a task.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// The effective weight of the task was multiplied after the strategy.
    Weight {
        /// By this much.
        factor: f64,
    },
    /// No other task was trained.
    Alone,
    /// One other task was not trained.
    Without {
        /// That task.
        other: String,
    },
    /// The output of its head was multiplied, and the head's last layer divided, so that the function is the same and an optimizer whose
    /// steps do not depend on the size of the gradient moves it so many times as far.
    OutputScale {
        /// By this much.
        factor: f64,
    },
    /// The learning rate of the parameters that its loss alone reaches was multiplied.
    HeadRate {
        /// By this much.
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

/// A factor in two digits.
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

/// What a change brought to one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The task.
    pub task: String,
    /// Mean validation loss after the forks with the change; NaN where it had no labels.
    pub loss: f64,
    /// The same after those without it.
    pub unchanged: f64,
    /// Their difference over the size of the second: negative is better.
    pub difference: f64,
    /// Half of its 95 % interval: the larger of what the forks and what the validation batches tell.
    pub margin: f64,
}

impl Effect {
    /// Whether the loss is lower by more than `least`, with the whole interval below zero.
    pub fn helped(&self, least: f64) -> bool {
        self.difference <= -least && self.difference + self.margin < 0.0
    }

    /// Whether the loss is no longer finite.
    pub fn broke(&self) -> bool {
        !self.loss.is_finite() && self.unchanged.is_finite()
    }

    /// Whether the loss cannot have come down by as much as `least`: the whole interval says so.
    pub fn refuted(&self, least: f64) -> bool {
        self.difference - self.margin > -least
    }

    /// Whether the loss is higher by more than `least`, with the whole interval above zero.
    pub fn harmed(&self, least: f64) -> bool {
        self.broke() || self.difference >= least && self.difference - self.margin > 0.0
    }
}

/// One change for one task, and what it brought to all.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The task that it was made for.
    pub task: String,
    /// The change.
    pub change: Change,
    /// What it brought, for every task of the network.
    pub effects: Vec<Effect>,
}

impl Trial {
    /// The effect on a task.
    pub fn effect(&self, task: &str) -> Option<&Effect> {
        self.effects.iter().find(|effect| effect.task == task)
    }
}

/// What experiments on a run showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trials {
    /// The epoch of the checkpoint that the forks began at.
    pub epoch: usize,
    /// Steps of each fork.
    pub steps: usize,
    /// Forks of each change.
    pub forks: usize,
    /// Mean share of each task in the gradient at the representation, in the forks without a change.
    pub shares: Vec<(String, f64)>,
    /// Validation loss of each task at the checkpoint.
    pub start: Vec<(String, f64)>,
    /// What was tried.
    pub trials: Vec<Trial>,
}

impl Trials {
    /// The trials that were made for a task.
    pub fn of<'a>(&'a self, task: &'a str) -> impl Iterator<Item = &'a Trial> {
        self.trials.iter().filter(move |trial| trial.task == task)
    }

    /// The loss of a task at the checkpoint.
    pub fn start_of(&self, task: &str) -> Option<f64> {
        self.start
            .iter()
            .find_map(|(name, loss)| (name == task).then_some(*loss))
    }

    /// The share of a task in the gradient at the representation.
    pub fn share_of(&self, task: &str) -> Option<f64> {
        self.shares
            .iter()
            .find_map(|(name, share)| (name == task).then_some(*share))
    }

    /// Writes the trials as CSV, replacing the file in one move: a row for each change and each task it had an effect on, and one for each
    /// task at the checkpoint.
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
            ..TrialRow::default()
        }
    }

    /// Reads trials from CSV.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Line`] if a line is not a row of such a file.
    pub fn read_csv(path: impl AsRef<Path>) -> Result<Self> {
        let text = std::fs::read(&path).map_err(Error::io("read", &path))?;
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

/// The rows of a checkpoint, before any change.
const START: &str = "start";

/// A row of the file.
#[derive(Default, Serialize, Deserialize)]
struct TrialRow {
    epoch: usize,
    steps: usize,
    forks: usize,
    change: String,
    #[serde(rename = "for")]
    made_for: String,
    other: Option<String>,
    /// The factor of the change; the share of the gradient at the start.
    factor: Option<f64>,
    task: String,
    loss: f64,
    unchanged: Option<f64>,
    difference: Option<f64>,
    margin: Option<f64>,
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
