//! Shares the state of a running training between its parts: the history so far, the epoch, and errors.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Baseline;
use super::uninformed::{BatchLosses, OnBatches, Uninformed};
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::history::{ALL_TASKS, History, Split, encoded, quantity, write_atomically};
use crate::task::TaskSet;

/// The journal, shared by the metrics, the recorder, the checkpointing and the trainer, which run on different threads.
#[derive(Clone)]
pub(super) struct Journal(Arc<Mutex<JournalEntries>>);

/// The contents of a [`Journal`].
pub(super) struct JournalEntries {
    pub(super) tasks: TaskSet,
    pub(super) history: SharedHistory,
    /// The current epoch, counted from 1.
    pub(super) epoch: usize,
    /// The first error of this crate that stopped the training.
    pub(super) failure: Option<Error>,
    /// The value that decides the best epoch, if not the relative loss.
    pub(super) watch: Option<Watch>,
    /// The reason of the hook that stopped the run.
    pub(super) stopped: Option<String>,
    /// The losses of the uninformed predictors in each batch of the validation data, if they were fitted.
    pub(super) uninformed: Option<OnBatches>,
    /// The losses of the epoch in each batch of the validation data.
    pub(super) valid_losses: Option<BatchLosses>,
    file: HistoryFile,
}

/// A history that can be read for a while without a copy: a copy in every epoch would make a long run quadratic.
#[derive(Clone)]
pub(super) struct SharedHistory(Arc<History>);

impl Deref for SharedHistory {
    type Target = History;

    fn deref(&self) -> &History {
        &self.0
    }
}

/// Copies the history only while another thread reads it.
impl DerefMut for SharedHistory {
    fn deref_mut(&mut self) -> &mut History {
        Arc::make_mut(&mut self.0)
    }
}

/// The file of the history, with its bytes: encoding every record again in every epoch would make a long run quadratic.
struct HistoryFile {
    path: PathBuf,
    bytes: Vec<u8>,
    /// The number of records in `bytes`.
    records: usize,
}

impl HistoryFile {
    /// Replaces the file by one with all records of a history.
    fn write(&mut self, history: &mut History) -> Result<()> {
        let (unchanged, new) = history.take_unwritten();
        if unchanged == self.records && unchanged > 0 {
            self.bytes.extend(encoded(new, false));
        } else {
            self.bytes = encoded(history.records(), true);
        }
        self.records = history.records().len();
        write_atomically(&self.path, &self.bytes)
    }
}

impl Journal {
    pub(super) fn new(tasks: TaskSet, history: History, path: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(JournalEntries {
            tasks,
            epoch: history.last_epoch().saturating_add(1),
            history: SharedHistory(Arc::new(history)),
            failure: None,
            watch: None,
            stopped: None,
            uninformed: None,
            valid_losses: None,
            file: HistoryFile {
                path,
                bytes: Vec::new(),
                records: 0,
            },
        })))
    }

    /// Locks the journal. A thread that panicked during the lock left valid numbers, so a poisoned lock is ignored.
    pub(super) fn lock(&self) -> MutexGuard<'_, JournalEntries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JournalEntries {
    /// Records the losses of the trivial predictors that the caller gave, as epoch 0.
    pub(super) fn record_baselines(&mut self, baselines: &[Baseline]) {
        for baseline in baselines {
            let Baseline { split, task, .. } = baseline;
            for (quantity, value) in [
                (quantity::CONSTANT_LOSS, baseline.constant),
                (quantity::POSITION_LOSS, baseline.position),
                (quantity::TARGET_SIZE, baseline.size),
            ] {
                if let Some(value) = value {
                    self.history.record(0, *split, task, quantity, value);
                }
            }
        }
    }

    /// Records the losses of the uninformed predictors, or the reason why there are none.
    pub(super) fn record_uninformed(&mut self, found: &Uninformed) {
        let names: Vec<String> = self.tasks.names().map(String::from).collect();
        for (task, name) in names.iter().enumerate() {
            if let Some(reason) = found.missing(task) {
                let value = reason.number();
                self.history
                    .record(0, Split::Valid, name, quantity::NO_BASELINE, value);
            }
            for split in [Split::Train, Split::Valid] {
                let constant = found.constant(split, task);
                let position = found.position(split, task);
                for (quantity, value) in [
                    (quantity::CONSTANT_LOSS, constant),
                    (quantity::POSITION_LOSS, position),
                ] {
                    if let Some(value) = value {
                        self.history.record(0, split, name, quantity, value);
                    }
                }
            }
        }
    }

    /// Records the values of metrics without inputs.
    pub(super) fn record_references(&mut self, references: &[(String, f64)]) {
        for (name, value) in references {
            let (task, quantity) = name.split_once('/').unwrap_or((ALL_TASKS, name));
            self.history.record(0, Split::Valid, task, quantity, *value);
        }
    }

    /// Records the intended share of each task, if the strategy has intended weights.
    pub(super) fn record_intended(&mut self, weights: Option<Vec<f64>>) {
        let Some(weights) = weights else { return };
        let sum: f64 = weights.iter().map(|weight| weight.abs()).sum();
        let names: Vec<String> = self.tasks.names().map(String::from).collect();
        for (name, weight) in names.iter().zip(weights) {
            let share = weight.abs() / sum.max(f64::MIN_POSITIVE);
            let quantity = quantity::INTENDED_SHARE;
            self.history.record(0, Split::Train, name, quantity, share);
        }
    }

    /// Records the values that follow from the losses of the epoch, writes the history and advances the epoch.
    pub(super) fn close_epoch(&mut self) -> Result<()> {
        let names: Vec<String> = self.tasks.names().map(String::from).collect();
        for split in [Split::Train, Split::Valid] {
            for name in &names {
                self.record_skill(split, name, quantity::CONSTANT_LOSS, quantity::SKILL);
                let over = quantity::SKILL_OVER_POSITION;
                self.record_skill(split, name, quantity::POSITION_LOSS, over);
            }
        }
        self.record_margins(&names);
        if let Some(relative) = self.relative_loss(&names) {
            let name = quantity::RELATIVE_LOSS;
            self.history
                .record(self.epoch, Split::Valid, ALL_TASKS, name, relative);
        }
        if let Some(watch) = &self.watch {
            watch.record(&mut self.history, self.epoch)?;
        }
        self.write()?;
        self.epoch += 1;
        Ok(())
    }

    pub(super) fn write(&mut self) -> Result<()> {
        self.file.write(&mut self.history)
    }

    fn record_skill(&mut self, split: Split, task: &str, reference: &str, name: &str) {
        let history = &self.history;
        let loss = history.get(self.epoch, split, task, quantity::LOSS);
        let reference = history.get(0, split, task, reference);
        let known = reference.filter(|reference| *reference != 0.0 && reference.is_finite());
        if let (Some(loss), Some(reference)) = (loss, known) {
            // Both forms agree for a positive reference; the first keeps the bits of the quotient.
            let skill = if reference > 0.0 {
                1.0 - loss / reference
            } else {
                (reference - loss) / reference.abs()
            };
            self.history.record(self.epoch, split, task, name, skill);
        }
    }

    /// Records the uncertainty of the skills on the validation data.
    fn record_margins(&mut self, names: &[String]) {
        let Some(losses) = self.valid_losses.take() else {
            return;
        };
        for (task, name) in names.iter().enumerate() {
            for (reference, of_batches, margin) in [
                (
                    quantity::CONSTANT_LOSS,
                    self.uninformed.as_ref().map(|u| &u.constant),
                    quantity::SKILL_MARGIN,
                ),
                (
                    quantity::POSITION_LOSS,
                    self.uninformed.as_ref().and_then(|u| u.position.as_ref()),
                    quantity::SKILL_OVER_POSITION_MARGIN,
                ),
            ] {
                let Some(reference) = self.history.get(0, Split::Valid, name, reference) else {
                    continue;
                };
                if let Some(value) = losses.margin(task, reference, of_batches) {
                    self.history
                        .record(self.epoch, Split::Valid, name, margin, value);
                }
            }
        }
    }

    /// Returns the mean of validation loss / reference over the tasks with labels in this epoch; `None` if there is no
    /// such task.
    fn relative_loss(&self, names: &[String]) -> Option<f64> {
        let relative = |name: &String| {
            let losses = self.history.series(Split::Valid, name, quantity::LOSS);
            let constant = self
                .history
                .get(0, Split::Valid, name, quantity::CONSTANT_LOSS);
            let reference = constant.or(losses.first().map(|(_, loss)| *loss))?;
            let (_, last) = losses.last().filter(|(epoch, _)| *epoch == self.epoch)?;
            Some(relative_to(*last, reference))
        };
        let all: Vec<f64> = names.iter().filter_map(relative).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    }

    /// Returns the best epoch, as [`History::best_epoch`].
    pub(super) fn best_epoch(&self) -> Option<usize> {
        self.history.best_epoch()
    }
}

/// Returns a loss relative to its reference: 1 if they are equal, less if the loss is better, whatever their signs.
fn relative_to(loss: f64, reference: f64) -> f64 {
    if reference > 0.0 {
        return loss / reference;
    }
    // Without a size to compare with, the loss itself counts.
    let size = if reference == 0.0 {
        1.0
    } else {
        reference.abs()
    };
    1.0 + (loss - reference) / size
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that are kept from epoch to epoch are those of the whole history, whatever changed in between.
    #[test]
    fn the_file_is_that_of_the_whole_history() {
        let folder = tempfile::tempdir().unwrap();
        let (file, whole) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
        let tasks = TaskSet::new([crate::task::Task::regression("a", 1)]).unwrap();
        let journal = Journal::new(tasks, History::new(), file.clone());
        let mut entries = journal.lock();
        let changes: [fn(&mut History); 7] = [
            |_| (),
            |history| history.record(1, Split::Valid, "a", quantity::LOSS, 1.0),
            |history| history.record(2, Split::Valid, "two\nlines", quantity::LOSS, 2.0),
            // A record that was written before.
            |history| history.record(1, Split::Valid, "a", quantity::LOSS, 3.0),
            |history| history.record(3, Split::Valid, "a", quantity::LOSS, 4.0),
            |history| history.truncate_after(2),
            |history| history.record(3, Split::Valid, "a", quantity::LOSS, 5.0),
        ];
        for (step, change) in changes.into_iter().enumerate() {
            change(&mut entries.history);
            entries.write().unwrap();
            entries.history.write_csv(&whole).unwrap();
            let read = |path| std::fs::read_to_string(path).unwrap();
            assert_eq!(read(&file), read(&whole), "after change {step}");
        }
    }

    #[test]
    fn a_reader_keeps_what_it_read() {
        let mut history = SharedHistory(Arc::new(History::new()));
        history.record(1, Split::Valid, "a", quantity::LOSS, 1.0);
        let read = history.clone();
        history.record(2, Split::Valid, "a", quantity::LOSS, 2.0);
        assert_eq!((read.last_epoch(), history.last_epoch()), (1, 2));
    }
}
