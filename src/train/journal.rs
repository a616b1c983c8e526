//! What the parts of a running training tell each other: the history so far, the epoch, and what went wrong.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Baseline;
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::history::{ALL_TASKS, History, Split, quantity};
use crate::task::TaskSet;

/// Shared by the metrics, the recorder, the checkpointing and the trainer, which run on different threads.
#[derive(Clone)]
pub(super) struct Journal(Arc<Mutex<Entries>>);

/// The journal's contents.
pub(super) struct Entries {
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
    path: PathBuf,
}

impl Journal {
    pub(super) fn new(tasks: TaskSet, history: History, path: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(Entries {
            tasks,
            epoch: history.last_epoch() + 1,
            history,
            failure: None,
            watch: None,
            stopped: None,
            path,
        })))
    }

    /// A thread that panicked while it held the lock left numbers behind, not broken ones.
    pub(super) fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// Records what the trivial predictors reach, before the first epoch.
    pub(super) fn record_baselines(&mut self, baselines: &[Baseline]) {
        for baseline in baselines {
            let Baseline { split, task, .. } = baseline;
            let constant = baseline.constant;
            self.history
                .record(0, *split, task, quantity::CONSTANT_LOSS, constant);
            for (quantity, value) in [
                (quantity::POSITION_LOSS, baseline.position),
                (quantity::TARGET_SPREAD, baseline.spread),
            ] {
                if let Some(value) = value {
                    self.history.record(0, *split, task, quantity, value);
                }
            }
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
        if let (Some(loss), Some(reference)) = (loss, reference)
            && reference > 0.0
        {
            self.history
                .record(self.epoch, split, task, name, 1.0 - loss / reference);
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
