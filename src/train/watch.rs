//! Defines the value that decides the best epoch.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use crate::history::quantity::Better;
use crate::history::{ALL_TASKS, History, Split, quantity};

/// The value of the validation data that decides the best epoch and early stopping: the loss of a task, or a metric.
///
/// # Example
///
/// ```
/// use equipoise::train::{TrainConfig, Watch};
///
/// let watch = Watch::highest("price", "accuracy");
/// let config = TrainConfig::default().with_watch(Some(watch)).with_patience(Some(5));
/// config.validate()?;
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The task; `all` for a quantity of no single task. Default `all`.
    #[serde(default = "all")]
    pub task: String,
    /// The quantity, by its name in the history.
    pub quantity: String,
    /// The direction of improvement. Default [`Better::Lower`].
    #[serde(default)]
    pub better: Better,
}

fn all() -> String {
    ALL_TASKS.into()
}

/// Recomputes the watched values of all epochs, because a run may be resumed with another watch, or with none.
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
    /// Returns the quantity that the watched value is recorded under.
    fn name(&self) -> &'static str {
        match self.better {
            Better::Lower => quantity::WATCHED_MINIMUM,
            Better::Higher => quantity::WATCHED_MAXIMUM,
        }
    }

    /// Creates a watch on the validation loss of a task.
    pub fn loss_of(task: impl Into<String>) -> Self {
        Self::lowest(task, quantity::LOSS)
    }

    /// Creates a watch on a quantity that improves as it falls.
    pub fn lowest(task: impl Into<String>, quantity: impl Into<String>) -> Self {
        Self {
            task: task.into(),
            quantity: quantity.into(),
            better: Better::Lower,
        }
    }

    /// Creates a watch on a quantity that improves as it rises.
    pub fn highest(task: impl Into<String>, quantity: impl Into<String>) -> Self {
        Self {
            better: Better::Higher,
            ..Self::lowest(task, quantity)
        }
    }

    /// Records the watched value of an epoch under the name that the best epoch is chosen by.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the watched quantity has no value in this epoch or before.
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
        // Without labels in the validation data of this epoch there is no value to compare.
        if last == epoch {
            history.record(epoch, Split::Valid, ALL_TASKS, self.name(), value);
        }
        Ok(())
    }
}
