//! What the parts of a running training tell each other: the history so far, the epoch, and what went wrong.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Baseline;
use super::uninformed::{BatchLosses, OnBatches, Uninformed};
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::history::{ALL_TASKS, History, Split, quantity};
use crate::task::TaskSet;

/// Shared by the metrics, the recorder, the checkpointing and the trainer, which run on different threads.
#[derive(Clone)]
pub(super) struct Journal(Arc<Mutex<JournalEntries>>);

/// The journal's contents.
pub(super) struct JournalEntries {
    pub(super) tasks: TaskSet,
    pub(super) history: History,
    /// The epoch being trained.
    pub(super) epoch: usize,
    /// What stopped the training, if something of ours did.
    pub(super) failure: Option<Error>,
    /// What decides which epoch is the best, if not the relative loss.
    pub(super) watch: Option<Watch>,
    /// Why a hook stopped the run, if one did.
    pub(super) stopped: Option<String>,
    /// What the uninformed predictors reach in each batch of the validation data, where they were fitted.
    pub(super) uninformed: Option<OnBatches>,
    /// The losses of the epoch in each batch of the validation data.
    pub(super) valid_losses: Option<BatchLosses>,
    path: PathBuf,
}

impl Journal {
    pub(super) fn new(tasks: TaskSet, history: History, path: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(JournalEntries {
            tasks,
            epoch: history.last_epoch() + 1,
            history,
            failure: None,
            watch: None,
            stopped: None,
            uninformed: None,
            valid_losses: None,
            path,
        })))
    }

    /// A thread that panicked while it held the lock left numbers behind, not broken ones.
    pub(super) fn lock(&self) -> MutexGuard<'_, JournalEntries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JournalEntries {
    /// Records what trivial predictors reach that somebody gave, before the first epoch.
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

    /// Records what the uninformed predictors reach, or that it is not known.
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

    /// Records what metrics reach without inputs.
    pub(super) fn record_references(&mut self, references: &[(String, f64)]) {
        for (name, value) in references {
            let (task, quantity) = name.split_once('/').unwrap_or((ALL_TASKS, name));
            self.history.record(0, Split::Valid, task, quantity, *value);
        }
    }

    /// Records what share each task is to have, if somebody said so.
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

    /// Adds what follows from the losses of the epoch, and writes the history.
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

    pub(super) fn write(&self) -> Result<()> {
        self.history.write_csv(&self.path)
    }

    fn record_skill(&mut self, split: Split, task: &str, reference: &str, name: &str) {
        let history = &self.history;
        let loss = history.get(self.epoch, split, task, quantity::LOSS);
        let reference = history.get(0, split, task, reference);
        let known = reference.filter(|reference| *reference != 0.0 && reference.is_finite());
        if let (Some(loss), Some(reference)) = (loss, known) {
            // The same number; a quotient of positive losses keeps its bits.
            let skill = if reference > 0.0 {
                1.0 - loss / reference
            } else {
                (reference - loss) / reference.abs()
            };
            self.history.record(self.epoch, split, task, name, skill);
        }
    }

    /// Records how sure the skills on the validation data are.
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

    /// Mean over the tasks with labels in this epoch of validation loss / reference; `None` if there is no such task.
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

    /// As [`History::best_epoch`].
    pub(super) fn best_epoch(&self) -> Option<usize> {
        self.history.best_epoch()
    }
}

/// A loss beside its reference: 1 where they are the same, less where it is better, whatever the sign of either.
fn relative_to(loss: f64, reference: f64) -> f64 {
    if reference > 0.0 {
        return loss / reference;
    }
    // Without any size to compare with, a loss counts as it is.
    let size = if reference == 0.0 {
        1.0
    } else {
        reference.abs()
    };
    1.0 + (loss - reference) / size
}
