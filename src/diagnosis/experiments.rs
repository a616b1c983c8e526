//! Combines the causes that the history suggests with the results of experiments.
//!
//! A change that helped makes its cause a measured one; a change that is refuted removes the suggested cause.

use super::causes::{CONFLICT, Cause, Confidence, Finding};
use super::evidence::Evidence;
use super::findings;
use super::trials::{Change, Effect, LEAST, Trial, Trials};
use super::verdict::BY_HEART;

/// The gradient share from which a task has most of the gradient.
const MOST: f64 = 0.5;

/// The experiments made for one task.
pub(super) struct Experiments<'a> {
    pub(super) trials: &'a Trials,
    evidence: &'a Evidence,
    /// Every trial for the task, with its effect on the task itself.
    own: Vec<(&'a Trial, &'a Effect)>,
}

impl<'a> Experiments<'a> {
    /// Returns `None` if no trial was made for the task.
    pub(super) fn of(evidence: &'a Evidence, trials: &'a Trials) -> Option<Self> {
        let task = &evidence.task;
        let of_task = trials.trials.iter().filter(|trial| &trial.task == task);
        let own = of_task.filter_map(|trial| Some((trial, trial.effect(task)?)));
        let own: Vec<_> = own.collect();
        (!own.is_empty()).then_some(Self {
            trials,
            evidence,
            own,
        })
    }

    /// Returns the loss that a change must fall below to help.
    ///
    /// This is the loss at the checkpoint, because a change that only slows a rise is no help. For an overfitted task
    /// it is the lowest loss so far, because a change that only undoes some overfitting is no help either.
    pub(super) fn bound(&self) -> f64 {
        let start = self.trials.start_of(&self.evidence.task);
        let start = start.unwrap_or(f64::INFINITY);
        let by_heart = self
            .evidence
            .trained_skill
            .is_some_and(|skill| skill >= BY_HEART);
        if by_heart {
            start.min(self.evidence.least_until(self.trials.epoch))
        } else {
            start
        }
    }

    /// Returns the trials that helped, the best first.
    pub(super) fn helped(&self) -> Vec<(&'a Trial, &'a Effect)> {
        let before = self.bound();
        let helped =
            |(_, effect): &&(&Trial, &Effect)| effect.helped(LEAST) && effect.loss < before;
        let mut helped: Vec<_> = self.own.iter().filter(helped).copied().collect();
        helped.sort_by(|(_, a), (_, b)| a.difference.total_cmp(&b.difference));
        helped
    }

    /// Returns whether the interval of every trial excludes that it helped.
    pub(super) fn all_refuted(&self) -> bool {
        let out = |(_, effect): &(&Trial, &Effect)| effect.refuted(LEAST);
        self.own.iter().all(out)
    }

    pub(super) fn all(&self) -> &[(&'a Trial, &'a Effect)] {
        &self.own
    }

    /// Returns the measured causes and the suggested ones that no trial tested.
    pub(super) fn findings(&self, suggested: Vec<Finding>) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        for (trial, effect) in self.helped() {
            let cause = self.cause(trial);
            if !found.iter().any(|finding| finding.cause == cause) {
                found.push(Finding {
                    cause,
                    confidence: Confidence::Measured,
                    sentence: findings::measured(self.trials, trial, effect),
                });
            }
        }
        let left = |finding: &Finding| !self.tested(&finding.cause);
        found.extend(suggested.into_iter().filter(left));
        found
    }

    /// Returns the cause that a helpful change reveals.
    fn cause(&self, trial: &Trial) -> Cause {
        match &trial.change {
            Change::Weight { .. } => Cause::Starved,
            Change::Alone => match self.only_other(trial) {
                Some(other) => self.held_back_by(other),
                None => Cause::HeldBackBy("the other tasks".into()),
            },
            Change::Without { other } => self.held_back_by(other),
            Change::OutputScale { .. } | Change::HeadRate { .. } => Cause::SlowHead,
        }
    }

    fn held_back_by(&self, other: &str) -> Cause {
        let cosine = self.evidence.cosines.iter().find(|(name, _)| name == other);
        let conflict = cosine.is_some_and(|(_, cosine)| *cosine <= CONFLICT);
        let share = self.trials.share_of(other).unwrap_or(0.0);
        if conflict {
            Cause::InConflictWith(other.into())
        } else if share >= MOST {
            Cause::DominatedBy(other.into())
        } else {
            Cause::HeldBackBy(other.into())
        }
    }

    fn only_other<'b>(&self, trial: &'b Trial) -> Option<&'b str> {
        match trial.effects.as_slice() {
            [a, b] if a.task == self.evidence.task => Some(&b.task),
            [a, _] => Some(&a.task),
            _ => None,
        }
    }

    /// Returns whether a trial refuted or measured a suggested cause.
    ///
    /// [`Cause::OutOfReach`] is never tested: the steps that a head needs are arithmetic, which a short fork does not
    /// refute.
    fn tested(&self, cause: &Cause) -> bool {
        let decided = |(trial, effect): &(&Trial, &Effect)| {
            let about = match (cause, &trial.change) {
                (Cause::Starved, Change::Weight { .. }) => true,
                (
                    Cause::DominatedBy(other) | Cause::InConflictWith(other),
                    Change::Without { other: left_out },
                ) => left_out == other,
                // A fork without any other task leaves out this one too.
                (Cause::DominatedBy(_) | Cause::InConflictWith(_), Change::Alone) => {
                    effect.refuted(LEAST) || self.only_other(trial).is_some()
                }
                _ => false,
            };
            about && (effect.refuted(LEAST) || effect.helped(LEAST))
        };
        self.own.iter().any(decided)
    }
}
