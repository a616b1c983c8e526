//! Records a training run: one number per epoch, split, task and quantity.
//!
//! The file format is tidy CSV with the header `epoch,split,task,quantity,value`. Its first row, `0,valid,all,format,2`,
//! holds the number of the form: a row like all others, because a comment or a further column would disturb programs
//! that read the table as it is. Diagnosis and reports read only the records, through [`History::series`].

pub mod quantity;
mod series;

pub use series::Series;

pub(crate) use crate::atomic::write_atomically;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format::{self, Format};

/// The value of the task column for a quantity that belongs to no single task.
pub const ALL_TASKS: &str = "all";

/// The form of `history.csv`. Version 2 has its number in the first row.
const FORMAT: Format = Format::new(2);

/// The reason why a task has no uninformed predictor to compare with.
///
/// Its number is recorded as [`quantity::NO_BASELINE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoBaseline {
    /// The first dimension of the representation is not the samples of a batch, and the network offers no batch without
    /// inputs. Number 1.
    NotTheSamples = 1,
    /// The training batches that the predictor is fitted to have no label of the task. Number 2.
    NoLabels = 2,
    /// The fit did not converge within its budget. Number 3.
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

/// The part of the data that a record was measured on.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// The training data, measured during training (dropout included).
    Train,
    /// The validation data.
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

/// One number of a [`History`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The epoch, counted from 1. Epoch 0 holds the values known before training.
    pub epoch: usize,
    /// The data that the number was measured on.
    pub split: Split,
    /// The name of the task, or [`ALL_TASKS`].
    pub task: String,
    /// The name of the quantity, one of [`quantity`] or of a metric.
    pub quantity: String,
    /// The value. It may be NaN or infinite.
    pub value: f64,
}

/// The first row of a file, with the columns of a [`Record`]: the number of the form. Whatever the columns of a later
/// version are, its first row begins with these five.
#[derive(Serialize)]
struct NumberRow {
    epoch: usize,
    split: Split,
    task: &'static str,
    quantity: &'static str,
    value: u32,
}

impl NumberRow {
    fn new() -> Self {
        Self {
            epoch: 0,
            split: Split::Valid,
            task: ALL_TASKS,
            quantity: format::FIELD,
            value: FORMAT.version,
        }
    }

    /// Returns the number in a file as it stands there; `None` if its first row is another.
    fn found(text: &[u8]) -> Option<String> {
        let mut rows = csv::ReaderBuilder::new();
        let mut rows = rows.flexible(true).from_reader(text);
        let first = rows.records().next()?.ok()?;
        let own = Self::new();
        let is_number = first.get(0) == Some("0")
            && first.get(2) == Some(own.task)
            && first.get(3) == Some(own.quantity);
        is_number.then(|| first.get(4).unwrap_or_default().into())
    }
}

/// The records of a run, in the order they were made and as [`Series`] by split, task and quantity.
///
/// # Example
///
/// ```
/// use equipoise::history::{History, Split, quantity};
///
/// let mut history = History::new();
/// history.record(1, Split::Valid, "price", quantity::LOSS, 0.9);
/// history.record(2, Split::Valid, "price", quantity::LOSS, 0.4);
/// assert_eq!(history.last(Split::Valid, "price", quantity::LOSS), Some(0.4));
/// assert_eq!(history.series(Split::Valid, "price", quantity::LOSS).least(), Some((2, 0.4)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct History {
    records: Vec<Record>,
    tasks: Vec<String>,
    quantities: Vec<String>,
    /// The same names as in `quantities`: with many tasks there are as many cosines, each of which is looked for.
    named: HashSet<String>,
    /// The number of first records that have not changed since they were [counted as written](Self::take_unwritten).
    written: usize,
    series: BTreeMap<String, BTreeMap<String, [Series; 2]>>,
}

/// Compares only the records, because the series are derived from them.
impl PartialEq for History {
    fn eq(&self, other: &Self) -> bool {
        self.records == other.records
    }
}

impl FromIterator<Record> for History {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut history = Self::new();
        for record in records {
            history.index(&record);
            history.records.push(record);
        }
        history
    }
}

impl History {
    /// Creates a history without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record, or replaces the record of the same epoch, split, task and quantity.
    pub fn record(&mut self, epoch: usize, split: Split, task: &str, quantity: &str, value: f64) {
        let record = Record {
            epoch,
            split,
            task: task.into(),
            quantity: quantity.into(),
            value,
        };
        if !self.index(&record) {
            self.records.push(record);
            return;
        }
        let same = |(_, old): &(usize, &mut Record)| {
            old.epoch == epoch && old.split == split && old.task == task && old.quantity == quantity
        };
        // The replaced record is among the last records, so the search starts at the end.
        if let Some((at, old)) = self.records.iter_mut().enumerate().rev().find(same) {
            old.value = value;
            self.written = self.written.min(at);
        }
    }

    /// Inserts a record into its series. Returns whether it replaced a record of the same epoch.
    fn index(&mut self, record: &Record) -> bool {
        let (task, quantity) = (record.task.as_str(), record.quantity.as_str());
        if !self.series.contains_key(task) {
            if task != ALL_TASKS {
                self.tasks.push(task.into());
            }
            self.series.insert(task.into(), BTreeMap::new());
        }
        let of_task = self.series.get_mut(task).expect("it was just put there");
        if !of_task.contains_key(quantity) {
            if self.named.insert(quantity.into()) {
                self.quantities.push(quantity.into());
            }
            of_task.insert(quantity.into(), Default::default());
        }
        let both = of_task.get_mut(quantity).expect("it was just put there");
        both[record.split as usize].put(record.epoch, record.value)
    }

    /// Returns all records in the order they were made.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns the value of an epoch. Epoch 0 is the value known before training.
    pub fn get(&self, epoch: usize, split: Split, task: &str, quantity: &str) -> Option<f64> {
        self.series(split, task, quantity).at(epoch)
    }

    /// Returns the values of all epochs from 1 on. The series is empty if nothing was recorded.
    pub fn series(&self, split: Split, task: &str, quantity: &str) -> &Series {
        static NONE: Series = Series::new();
        let found = self.series.get(task).and_then(|of| of.get(quantity));
        found.map_or(&NONE, |both| &both[split as usize])
    }

    /// Returns the value known before training.
    pub fn known(&self, split: Split, task: &str, quantity: &str) -> Option<f64> {
        self.series(split, task, quantity).known()
    }

    /// Returns the value of the last epoch with a record.
    pub fn last(&self, split: Split, task: &str, quantity: &str) -> Option<f64> {
        self.series(split, task, quantity).latest()
    }

    /// Returns the cosine between the gradients of two tasks at the representation, in either order of the tasks.
    pub fn cosine(&self, task: &str, other: &str) -> &Series {
        let of = |a, b| self.series(Split::Train, a, &quantity::cosine_with(b));
        let found = of(task, other);
        if found.is_empty() {
            of(other, task)
        } else {
            found
        }
    }

    /// Returns the names of the tasks in the order of their first record.
    pub fn tasks(&self) -> Vec<&str> {
        self.tasks.iter().map(String::as_str).collect()
    }

    /// Iterates over the names of the quantities in the order of their first record.
    pub fn quantities(&self) -> impl Iterator<Item = &str> {
        self.quantities.iter().map(String::as_str)
    }

    /// Returns the last epoch with a record, or 0 if there are no records.
    pub fn last_epoch(&self) -> usize {
        let all = self.series.values().flat_map(BTreeMap::values).flatten();
        let last = all.filter_map(|series| series.last().map(|(epoch, _)| *epoch));
        last.max().unwrap_or(0)
    }

    /// Returns the epoch with the best watched number, the earliest if several are equal.
    ///
    /// If no other number was watched, returns the epoch with the smallest
    /// [relative validation loss](quantity::RELATIVE_LOSS).
    pub fn best_epoch(&self) -> Option<usize> {
        let of = |quantity: &str| self.series(Split::Valid, ALL_TASKS, quantity);
        let found = of(quantity::WATCHED_MINIMUM).least();
        let found = found.or_else(|| of(quantity::WATCHED_MAXIMUM).largest());
        let found = found.or_else(|| of(quantity::RELATIVE_LOSS).least());
        found.map(|(epoch, _)| epoch)
    }

    /// Removes every epoch after `epoch`, to continue from the checkpoint of `epoch`.
    pub fn truncate_after(&mut self, epoch: usize) {
        self.retain(|record| record.epoch <= epoch);
    }

    /// Removes a quantity recorded for [`ALL_TASKS`].
    pub(crate) fn forget(&mut self, quantity: &str) {
        self.retain(|record| record.task != ALL_TASKS || record.quantity != quantity);
    }

    fn retain(&mut self, kept: impl Fn(&Record) -> bool) {
        let records = std::mem::take(&mut self.records);
        *self = records.into_iter().filter(kept).collect();
    }

    /// Writes the records as CSV. The file is replaced in one move, so a reader never sees a partial file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the path.
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        let bytes = encoded(&self.records, true);
        write_atomically(path, &bytes)
    }

    /// Returns how many of the first records are as they were at the last call, and the records after them, which count as
    /// written from now on.
    pub(crate) fn take_unwritten(&mut self) -> (usize, &[Record]) {
        let before = std::mem::replace(&mut self.written, self.records.len());
        (before, &self.records[before..])
    }

    /// Returns a history of some of the tasks and of what belongs to no single task.
    pub(crate) fn of_tasks(&self, kept: &HashSet<&str>) -> Self {
        let of_another = |quantity: &str| {
            let other = quantity::cosine_of(quantity);
            other.is_some_and(|other| !kept.contains(other))
        };
        let kept = |record: &&Record| {
            let task = record.task == ALL_TASKS || kept.contains(record.task.as_str());
            task && !of_another(&record.quantity)
        };
        self.records.iter().filter(kept).cloned().collect()
    }

    /// Iterates over the cosines that were recorded for a task, with the other task of each.
    pub(crate) fn cosines_of(&self, task: &str) -> impl Iterator<Item = (&str, &Series)> {
        let from = quantity::cosine_with("");
        let all = self.series.get(task).into_iter();
        let all = all.flat_map(move |of| of.range(from.clone()..));
        let all = all.map_while(|(name, both)| {
            let other = quantity::cosine_of(name)?;
            Some((other, &both[Split::Train as usize]))
        });
        all.filter(|(_, series)| !series.is_empty())
    }

    /// Reads the records of a CSV file.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use equipoise::history::{ALL_TASKS, History, Split, quantity};
    ///
    /// let history = History::read_csv("runs/first/history.csv")?;
    /// println!("{:?}", history.last(Split::Valid, ALL_TASKS, quantity::RELATIVE_LOSS));
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if a later version wrote it, [`Error::Line`] if a line
    /// is no record.
    pub fn read_csv(path: impl AsRef<Path>) -> Result<Self> {
        let text = std::fs::read(&path).map_err(Error::io("read", &path))?;
        let number = NumberRow::found(&text);
        if let Some(number) = &number {
            FORMAT.check(path.as_ref(), number)?;
        }
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let rows = reader.deserialize().skip(usize::from(number.is_some()));
        let rows = rows.map(|row| {
            row.map_err(|error: csv::Error| {
                let line = error.position().map_or(1, |position| position.line());
                Error::line(&path, line, error.to_string())
            })
        });
        rows.collect()
    }
}

/// Returns records as CSV, with or without the header and the row of the form.
pub(crate) fn encoded(records: &[Record], header: bool) -> Vec<u8> {
    let mut text = csv::WriterBuilder::new()
        .has_headers(header)
        .from_writer(Vec::new());
    if header {
        text.serialize(NumberRow::new())
            .expect("it is a row, and memory takes every byte");
    }
    for record in records {
        text.serialize(record)
            .expect("a record is a row, and memory takes every byte");
    }
    text.into_inner().expect("memory takes every byte")
}
