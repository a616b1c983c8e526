//! The number that decides which epoch is the best.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use crate::history::quantity::Better;
use crate::history::{ALL_TASKS, History, Split, quantity};

/// The number of the validation data by which the best epoch is chosen and patience is lost: a task's loss, or a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The task, `all` for a number of no task.
    #[serde(default = "all")]
    pub task: String,
    /// The quantity, as the history calls it.
    pub quantity: String,
    /// Which way it gets better.
    #[serde(default)]
    pub better: Better,
}

fn all() -> String {
    ALL_TASKS.into()
}

/// Files the watched numbers of all epochs anew: a run may be resumed with another watch, or with none.
pub(super) fn refile(watch: Option<&Watch>, history: &mut History) {
    for name in [quantity::WATCHED_MINIMUM, quantity::WATCHED_MAXIMUM] {
        history.forget(name);
    }
    let Some(watch) = watch else { return };
    for (epoch, value) in &history
        .series(Split::Valid, &watch.task, &watch.quantity)
        .clone()
    {
        history.record(epoch, Split::Valid, ALL_TASKS, watch.name(), value);
    }
}

impl Watch {
    /// Returns the quantity under which the number is filed, so that the best epoch is found.
    fn name(&self) -> &'static str {
        match self.better {
            Better::Lower => quantity::WATCHED_MINIMUM,
            Better::Higher => quantity::WATCHED_MAXIMUM,
        }
    }

    /// Watches the loss of a task.
    pub fn loss_of(task: impl Into<String>) -> Self {
        Self::lowest(task, quantity::LOSS)
    }

    /// Watches a number that gets better as it falls.
    pub fn lowest(task: impl Into<String>, quantity: impl Into<String>) -> Self {
        Self {
            task: task.into(),
            quantity: quantity.into(),
            better: Better::Lower,
        }
    }

    /// Watches a number that gets better as it rises.
    pub fn highest(task: impl Into<String>, quantity: impl Into<String>) -> Self {
        Self {
            better: Better::Higher,
            ..Self::lowest(task, quantity)
        }
    }

    /// Files the number of an epoch under the name by which the best epoch is found.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if nothing was recorded under this name, in this epoch or before.
    pub(super) fn record(&self, history: &mut History, epoch: usize) -> Result<()> {
        let series = history.series(Split::Valid, &self.task, &self.quantity);
        let Some((last, value)) = series.last().copied() else {
            let there = history
                .records()
                .iter()
                .filter(|record| record.epoch == epoch && record.split == Split::Valid);
            let there: Vec<String> = there
                .map(|record| format!("{}/{}", record.task, record.quantity))
                .collect();
            let found = format!("{}/{}", self.task, self.quantity);
            let expected = format!(
                "a number that is recorded of the validation data; there are {}",
                there.join(", ")
            );
            return Err(Error::setting("watch", found, expected));
        };
        // Without labels in this epoch's validation data there is nothing to compare.
        if last == epoch {
            history.record(epoch, Split::Valid, ALL_TASKS, self.name(), value);
        }
        Ok(())
    }
}
