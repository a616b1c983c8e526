//! Counts steps, and decides which steps are audited.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the steps of a run. All copies of the model share one count.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// The number of steps between two audits.
    audit_every: Option<usize>,
    /// The number of steps of an epoch; 0 outside a run.
    steps_per_epoch: usize,
    step: Arc<AtomicUsize>,
}

/// The position of a step in the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The epoch, counted from 1.
    pub(super) epoch: usize,
    /// The number of steps before this step.
    pub(super) step: usize,
    pub(super) audited: bool,
    pub(super) ends_epoch: bool,
}

impl Clock {
    /// Creates a clock after `done` steps, with an audit every `audit_every` steps from the first step of the run.
    pub(super) fn new(audit_every: Option<usize>, steps_per_epoch: usize, done: usize) -> Self {
        Self {
            audit_every,
            steps_per_epoch,
            step: Arc::new(AtomicUsize::new(done)),
        }
    }

    /// Counts a step and returns its position.
    pub(super) fn tick(&self) -> Moment {
        let step = self.step.fetch_add(1, Ordering::Relaxed);
        self.at(step)
    }

    /// Returns the position of the last counted step.
    pub(super) fn now(&self) -> Moment {
        self.at(self.step.load(Ordering::Relaxed).saturating_sub(1))
    }

    fn at(&self, step: usize) -> Moment {
        let of_epoch = self.steps_per_epoch;
        Moment {
            epoch: 1 + step.checked_div(of_epoch).unwrap_or(0),
            step,
            audited: self
                .audit_every
                .is_some_and(|every| step.is_multiple_of(every)),
            ends_epoch: of_epoch > 0 && (step + 1).is_multiple_of(of_epoch),
        }
    }
}
