//! What the runs of a comparison add up to: every number of every run, and over the seeds the mean and its interval.

use std::path::Path;

use serde::Serialize;

use super::interval::Interval;
use crate::diagnosis::diagnose;
use crate::error::{Error, Result};
use crate::history::{ALL_TASKS, History, Split, quantity, write_atomically};
use crate::train::Better;

/// The seconds that a training step took, as [`Results`] calls them.
pub const SECONDS_PER_STEP: &str = "seconds_per_step";

/// The verdict that is counted for a run that failed.
pub const FAILED: &str = "failed";

/// A run of the comparison, when it has ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The row it belongs to.
    pub strategy: String,
    /// Its seed.
    pub seed: u64,
    /// What it recorded; `None` if it failed.
    pub history: Option<History>,
    /// The seconds that a training step took, validation not counted in, where somebody measured them.
    pub seconds_per_step: Option<f64>,
}

/// A row in which a task has another target than in the others, so that its numbers are not compared.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherTarget {
    /// The row.
    pub strategy: String,
    /// The task.
    pub task: String,
    /// What it is instead, to follow the name of the row: `has one number a window`.
    pub why: String,
}

/// A metric of the domain that the table shows beside losses and skill.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricColumn {
    /// What stands above the column.
    pub header: String,
    /// The task, or [`ALL_TASKS`].
    pub task: String,
    /// The quantity, by its name in the history.
    pub quantity: String,
    /// Which way it gets better.
    pub better: Better,
}

/// One number of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunValue {
    /// The row.
    pub strategy: String,
    /// The seed.
    pub seed: u64,
    /// The task, or [`ALL_TASKS`].
    pub task: String,
    /// The quantity, by its name in the history.
    pub quantity: String,
    /// The value.
    pub value: f64,
}

/// What became of one task in one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunVerdict {
    /// The row.
    pub strategy: String,
    /// The seed.
    pub seed: u64,
    /// The task.
    pub task: String,
    /// The verdict, or [`FAILED`].
    pub verdict: String,
    /// Why, in words.
    pub sentence: String,
}

/// One number of one row, over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The row.
    pub strategy: String,
    /// The task, or [`ALL_TASKS`].
    pub task: String,
    /// The quantity, by its name in the history.
    pub quantity: String,
    /// The mean over the runs that have a finite value.
    pub mean: f64,
    /// The lower end of its 95 % interval; NaN of one seed.
    pub low: f64,
    /// The upper end, likewise.
    pub high: f64,
    /// The runs that have a finite value.
    pub seeds: usize,
}

impl Summary {
    /// Mean and interval.
    pub fn interval(&self) -> Interval {
        Interval {
            mean: self.mean,
            low: self.low,
            high: self.high,
            count: self.seeds,
        }
    }
}

/// The runs of a comparison, row by row.
#[derive(Clone, Debug, Default)]
pub struct Results {
    runs: Vec<Run>,
    values: Vec<RunValue>,
    other_targets: Vec<OtherTarget>,
    metrics: Vec<MetricColumn>,
}

impl Results {
    /// Adds up runs.
    pub fn new(runs: Vec<Run>) -> Self {
        Self {
            values: runs.iter().flat_map(values_of).collect(),
            runs,
            ..Self::default()
        }
    }

    /// Says in which rows a task has another target.
    pub fn with_other_targets(mut self, others: Vec<OtherTarget>) -> Self {
        self.other_targets = others;
        self
    }

    /// Shows metrics of the domain in the table.
    pub fn with_metrics(mut self, metrics: Vec<MetricColumn>) -> Self {
        self.metrics = metrics;
        self
    }

    /// Returns the metrics that the table shows.
    pub fn metrics(&self) -> &[MetricColumn] {
        &self.metrics
    }

    /// Returns the runs.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Returns the names of the rows, in the order of the runs.
    pub fn strategies(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for run in &self.runs {
            if !names.contains(&run.strategy.as_str()) {
                names.push(&run.strategy);
            }
        }
        names
    }

    /// Returns the tasks, in the order they were first recorded.
    pub fn tasks(&self) -> Vec<&str> {
        let longest = self.runs.iter().filter_map(|run| run.history.as_ref());
        let tasks = longest.map(History::tasks).max_by_key(Vec::len);
        tasks.unwrap_or_default()
    }

    /// Counts the runs of a row that got to the end, and those that failed.
    pub fn counts(&self, strategy: &str) -> (usize, usize) {
        let runs = || self.runs.iter().filter(|run| run.strategy == strategy);
        let finished = runs().filter(|run| run.history.is_some()).count();
        (finished, runs().count() - finished)
    }

    /// Returns the rows in which a task has another target.
    pub fn other_targets(&self) -> impl Iterator<Item = &OtherTarget> {
        let names = self.strategies();
        let all = self.other_targets.iter();
        all.filter(move |other| names.contains(&other.strategy.as_str()))
    }

    /// Returns whether a quantity means the same in this row as in the others. The relative loss is a mean over the tasks, so a
    /// task of another target makes another mean.
    pub fn is_comparable(&self, strategy: &str, task: &str, name: &str) -> bool {
        let touched = |other: &OtherTarget| {
            let same = task == other.task || name == quantity::RELATIVE_LOSS;
            other.strategy == strategy && same
        };
        !self.other_targets.iter().any(touched)
    }

    /// Returns every number of every run.
    pub fn values(&self) -> &[RunValue] {
        &self.values
    }

    /// Returns the mean and the interval of one number of a row; `None` if no run recorded it.
    pub fn summary(&self, strategy: &str, task: &str, name: &str) -> Option<Summary> {
        let mut values = self
            .values
            .iter()
            .filter(|v| v.strategy == strategy && v.task == task && v.quantity == name)
            .peekable();
        values.peek()?;
        let (least, most) = bounds(name);
        let interval = Interval::of(values.map(|value| value.value)).within(least, most);
        Some(Summary {
            strategy: strategy.into(),
            task: task.into(),
            quantity: name.into(),
            mean: interval.mean,
            low: interval.low,
            high: interval.high,
            seeds: interval.count,
        })
    }

    /// Returns by how many percent a number of a row is above that of another, seed by seed: mean and interval of the differences between
    /// runs that had the same first values and the same batches. `None` where no seed has both.
    pub fn paired(
        &self,
        strategy: &str,
        reference: &str,
        task: &str,
        name: &str,
    ) -> Option<Interval> {
        let of = |row: &str, seed: u64| {
            let same = |value: &&RunValue| {
                value.strategy == row
                    && value.seed == seed
                    && value.task == task
                    && value.quantity == name
            };
            self.values.iter().find(same).map(|value| value.value)
        };
        let seeds = self.runs.iter().filter(|run| run.strategy == strategy);
        let differences: Vec<f64> = seeds
            .filter_map(|run| {
                let (own, other) = (of(strategy, run.seed)?, of(reference, run.seed)?);
                (other != 0.0).then(|| 100.0 * (own - other) / other.abs())
            })
            .collect();
        (!differences.is_empty()).then(|| Interval::of(differences))
    }

    /// Returns the mean and the interval of every number of every row.
    pub fn summaries(&self) -> Vec<Summary> {
        let mut names: Vec<(&str, &str, &str)> = Vec::new();
        for value in &self.values {
            let name = (
                value.strategy.as_str(),
                value.task.as_str(),
                value.quantity.as_str(),
            );
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
            .into_iter()
            .filter_map(|(strategy, task, name)| self.summary(strategy, task, name))
            .collect()
    }

    /// Returns the verdict on every task of every run. A run that failed has one for every task.
    pub fn verdicts(&self) -> Vec<RunVerdict> {
        self.runs
            .iter()
            .flat_map(|run| self.verdicts_of(run))
            .collect()
    }

    fn verdicts_of(&self, run: &Run) -> Vec<RunVerdict> {
        let verdict = |task: &str, verdict: String, sentence: &str| RunVerdict {
            strategy: run.strategy.clone(),
            seed: run.seed,
            task: task.into(),
            verdict,
            sentence: sentence.into(),
        };
        match &run.history {
            Some(history) => diagnose(history)
                .iter()
                .map(|found| verdict(&found.task, found.verdict.to_string(), &found.sentence))
                .collect(),
            None => self
                .tasks()
                .iter()
                .map(|task| verdict(task, FAILED.into(), "the run failed"))
                .collect(),
        }
    }

    /// Counts for one task of one row how many runs ended with which verdict, the most frequent first.
    pub fn verdict_counts(&self, strategy: &str, task: &str) -> Vec<(String, usize)> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        let runs = self.runs.iter().filter(|run| run.strategy == strategy);
        let verdicts = runs.flat_map(|run| self.verdicts_of(run));
        for found in verdicts.filter(|verdict| verdict.task == task) {
            match counts.iter_mut().find(|(name, _)| *name == found.verdict) {
                Some((_, count)) => *count += 1,
                None => counts.push((found.verdict, 1)),
            }
        }
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    /// Writes `comparison.csv`, `summary.csv` and `verdicts.csv` to a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the path.
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        write_rows(&folder.join("comparison.csv"), &self.values)?;
        write_rows(&folder.join("summary.csv"), &self.summaries())?;
        write_rows(&folder.join("verdicts.csv"), &self.verdicts())
    }
}

/// What is compared of a run: every number of the validation data after the last epoch, the late gradient shares, the time of a
/// step.
fn values_of(run: &Run) -> Vec<RunValue> {
    let Some(history) = &run.history else {
        return Vec::new();
    };
    let mut tasks = history.tasks();
    tasks.push(ALL_TASKS);
    let mut values = Vec::new();
    let value = |task: &str, name: &str, value: f64| RunValue {
        strategy: run.strategy.clone(),
        seed: run.seed,
        task: task.into(),
        quantity: name.into(),
        value,
    };
    for task in tasks {
        let mut names: Vec<&str> = Vec::new();
        for record in history.records() {
            let told = record.split == Split::Valid && record.epoch > 0 && record.task == task;
            if told && !names.contains(&record.quantity.as_str()) {
                names.push(&record.quantity);
            }
        }
        let last = names.into_iter().map(|name| {
            let found = history.last(Split::Valid, task, name);
            (name, found)
        });
        let shares = history.series(Split::Train, task, quantity::GRADIENT_SHARE);
        let share = (quantity::GRADIENT_SHARE, shares.late_mean());
        for (name, found) in last.chain([share]) {
            values.extend(found.map(|found| value(task, name, found)));
        }
    }
    let seconds = run.seconds_per_step;
    values.extend(seconds.map(|seconds| value(ALL_TASKS, SECONDS_PER_STEP, seconds)));
    values
}

/// What no value of a quantity lies beyond.
fn bounds(name: &str) -> (f64, f64) {
    let skill = name.starts_with(quantity::SKILL);
    let least = if skill { f64::NEG_INFINITY } else { 0.0 };
    if quantity::is_part(name) {
        (least, 1.0)
    } else {
        (f64::NEG_INFINITY, f64::INFINITY)
    }
}

fn write_rows<T: Serialize>(path: &Path, rows: &[T]) -> Result<()> {
    let fail = |error: String| Error::file(path, error);
    let mut text = csv::Writer::from_writer(Vec::new());
    for row in rows {
        text.serialize(row)
            .map_err(|error| fail(error.to_string()))?;
    }
    let bytes = text.into_inner().map_err(|error| fail(error.to_string()))?;
    write_atomically(path, &bytes)
}
