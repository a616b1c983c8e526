//! Summarises the runs of a comparison: every number of every run, and mean and interval over the seeds.

use std::collections::HashSet;
use std::path::Path;
use std::sync::OnceLock;

use serde::Serialize;

use super::interval::Interval;
use crate::diagnosis::diagnose;
use crate::error::{Error, Result};
use crate::history::{ALL_TASKS, History, Split, quantity, write_atomically};
use crate::train::Better;

/// A run of the comparison that has ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The name of the row.
    pub strategy: String,
    /// The seed.
    pub seed: u64,
    /// The history of the run; `None` if the run failed.
    pub history: Option<History>,
    /// The seconds per training step without validation, if measured.
    pub seconds_per_step: Option<f64>,
}

/// A row in which a task has another target than in the other rows, so that its numbers are not compared.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherTarget {
    /// The name of the row.
    pub strategy: String,
    /// The name of the task.
    pub task: String,
    /// The difference, worded to follow the name of the row: `has one number a window`.
    pub why: String,
}

/// A metric that the table shows beside losses and skills.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricColumn {
    /// The header of the column.
    pub header: String,
    /// The name of the task, or [`ALL_TASKS`].
    pub task: String,
    /// The name of the quantity in the history.
    pub quantity: String,
    /// The better end of the quantity.
    pub better: Better,
}

/// One number of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunValue {
    /// The name of the row.
    pub strategy: String,
    /// The seed.
    pub seed: u64,
    /// The name of the task, or [`ALL_TASKS`].
    pub task: String,
    /// The name of the quantity in the history, or [`Results::SECONDS_PER_STEP`].
    pub quantity: String,
    /// The value.
    pub value: f64,
}

/// The verdict on one task in one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunVerdict {
    /// The name of the row.
    pub strategy: String,
    /// The seed.
    pub seed: u64,
    /// The name of the task.
    pub task: String,
    /// The verdict, or [`Results::FAILED`].
    pub verdict: String,
    /// The verdict and its causes in words.
    pub sentence: String,
}

/// The mean and the interval of one number of one row over its seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The name of the row.
    pub strategy: String,
    /// The name of the task, or [`ALL_TASKS`].
    pub task: String,
    /// The name of the quantity in the history, or [`Results::SECONDS_PER_STEP`].
    pub quantity: String,
    /// The mean over the runs with a finite value.
    pub mean: f64,
    /// The lower end of the 95 % interval; NaN for one seed.
    pub low: f64,
    /// The upper end of the 95 % interval; NaN for one seed.
    pub high: f64,
    /// The number of runs with a finite value.
    pub seeds: usize,
}

impl Summary {
    /// Returns the mean and the interval.
    pub fn interval(&self) -> Interval {
        Interval {
            mean: self.mean,
            low: self.low,
            high: self.high,
            count: self.seeds,
        }
    }
}

/// The results of a comparison: its runs, their numbers and verdicts.
#[derive(Clone, Debug, Default)]
pub struct Results {
    runs: Vec<Run>,
    values: Vec<RunValue>,
    /// The verdicts, made when first asked for: a table asks for those of every task of every row.
    verdicts: OnceLock<Vec<RunVerdict>>,
    other_targets: Vec<OtherTarget>,
    metrics: Vec<MetricColumn>,
}

impl Results {
    /// The quantity of [`Results`] with the seconds per training step, recorded for [`ALL_TASKS`].
    pub const SECONDS_PER_STEP: &str = "seconds_per_step";

    /// The verdict on every task of a failed run.
    pub const FAILED: &str = "failed";

    /// Creates the results of `runs`, in the order of their rows.
    pub fn new(runs: Vec<Run>) -> Self {
        Self {
            values: runs.iter().flat_map(values_of).collect(),
            runs,
            ..Self::default()
        }
    }

    /// Sets the rows in which a task has another target.
    pub fn with_other_targets(mut self, others: Vec<OtherTarget>) -> Self {
        self.other_targets = others;
        self
    }

    /// Sets the metrics that the table shows beside losses and skills.
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

    /// Returns the tasks of the run with the most tasks, in the order of their first record.
    pub fn tasks(&self) -> Vec<&str> {
        let longest = self.runs.iter().filter_map(|run| run.history.as_ref());
        let tasks = longest.map(History::tasks).max_by_key(Vec::len);
        tasks.unwrap_or_default()
    }

    /// Counts the finished and the failed runs of a row.
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

    /// Returns whether a quantity of a row can be compared with the other rows.
    ///
    /// A task with another target cannot be compared, and neither can the relative loss of its row, which is a mean
    /// over the tasks.
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

    /// Returns the mean and the interval of one number of a row, or `None` if no run recorded the number.
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

    /// Returns the mean and the interval of the differences between a row and a reference in percent of the reference,
    /// paired by seed.
    ///
    /// Runs with the same seed have the same initial parameters and the same batches. Returns `None` if no seed has
    /// both numbers.
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
        let mut seen = HashSet::new();
        for value in &self.values {
            let name = (
                value.strategy.as_str(),
                value.task.as_str(),
                value.quantity.as_str(),
            );
            if seen.insert(name) {
                names.push(name);
            }
        }
        names
            .into_iter()
            .filter_map(|(strategy, task, name)| self.summary(strategy, task, name))
            .collect()
    }

    /// Returns the verdict on every task of every run. A failed run has the verdict [`Results::FAILED`] for every task.
    pub fn verdicts(&self) -> Vec<RunVerdict> {
        self.all_verdicts().to_vec()
    }

    fn all_verdicts(&self) -> &[RunVerdict] {
        self.verdicts.get_or_init(|| {
            let runs = self.runs.iter();
            runs.flat_map(|run| self.verdicts_of(run)).collect()
        })
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
                .map(|task| verdict(task, Results::FAILED.into(), "the run failed"))
                .collect(),
        }
    }

    /// Counts the runs of each verdict for one task of one row, the most frequent verdict first.
    pub fn verdict_counts(&self, strategy: &str, task: &str) -> Vec<(String, usize)> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        let verdicts = self.all_verdicts().iter();
        let own = |found: &&RunVerdict| found.strategy == strategy && found.task == task;
        for found in verdicts.filter(own) {
            match counts.iter_mut().find(|(name, _)| *name == found.verdict) {
                Some((_, count)) => *count += 1,
                None => counts.push((found.verdict.clone(), 1)),
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

/// Returns the compared numbers of a run: every last number of the validation data, the late gradient shares, and the
/// seconds per step.
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
    values.extend(seconds.map(|seconds| value(ALL_TASKS, Results::SECONDS_PER_STEP, seconds)));
    values
}

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
