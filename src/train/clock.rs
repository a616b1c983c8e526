//! Where in the training a step is, and when the gradients are audited.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts steps. The model is handed from step to step; all its copies count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// Steps between two audits.
    audit_every: Option<usize>,
    /// Steps of an epoch; 0 outside a run.
    steps_per_epoch: usize,
    step: Arc<AtomicUsize>,
}

/// What the clock says of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Counted from 1.
    pub(super) epoch: usize,
    /// Steps that lie behind.
    pub(super) step: usize,
    pub(super) audited: bool,
    pub(super) ends_epoch: bool,
}

impl Clock {
    /// Audits every so many steps, the first of the run included; `done` steps lie behind.
    pub(super) fn new(audit_every: Option<usize>, steps_per_epoch: usize, done: usize) -> Self {
        Self {
            audit_every,
            steps_per_epoch,
            step: Arc::new(AtomicUsize::new(done)),
        }
    }

    /// Counts a step.
    pub(super) fn tick(&self) -> Moment {
        let step = self.step.fetch_add(1, Ordering::Relaxed);
        self.at(step)
    }

    /// Returns the step that was counted last.
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
