//! What experiments say of a task's causes: those that helped are measured, those that did not take back what the history suggests.

use super::causes::{CONFLICT, Cause, Confidence, Finding};
use super::evidence::Evidence;
use super::trials::{Change, Effect, Trial, Trials};
use super::verdict::BY_HEART;
use super::words;

/// A loss that changed by less than this part did not.
pub(super) const LEAST: f64 = 0.01;

/// What was tried for one task.
pub(super) struct Experiments<'a> {
    pub(super) trials: &'a Trials,
    evidence: &'a Evidence,
    /// Every trial for the task with what it brought to the task itself.
    own: Vec<(&'a Trial, &'a Effect)>,
}

impl<'a> Experiments<'a> {
    /// `None` if nothing was tried for the task.
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

    /// The loss that a change has to come below. A task that has been learned by heart is not helped by what undoes a part of it, so it is
    /// the lowest that it had.
    pub(super) fn bound(&self) -> f64 {
        let by_heart = self
            .evidence
            .trained_skill
            .is_some_and(|skill| skill >= BY_HEART);
        match by_heart {
            true => self.evidence.least_until(self.trials.epoch),
            false => f64::INFINITY,
        }
    }

    /// The trials that helped, the best first.
    pub(super) fn helped(&self) -> Vec<(&'a Trial, &'a Effect)> {
        let before = self.bound();
        let helped =
            |(_, effect): &&(&Trial, &Effect)| effect.helped(LEAST) && effect.loss < before;
        let mut helped: Vec<_> = self.own.iter().filter(helped).copied().collect();
        helped.sort_by(|(_, a), (_, b)| a.difference.total_cmp(&b.difference));
        helped
    }

    /// All that was tried.
    pub(super) fn all(&self) -> &[(&'a Trial, &'a Effect)] {
        &self.own
    }

    /// Puts what was measured in the place of what the history suggests of the same causes.
    pub(super) fn findings(&self, suggested: Vec<Finding>) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        for (trial, effect) in self.helped() {
            let cause = self.cause(&trial.change);
            if !found.iter().any(|finding| finding.cause == cause) {
                found.push(Finding {
                    cause,
                    confidence: Confidence::Measured,
                    sentence: words::measured(self.trials, trial, effect),
                });
            }
        }
        let left = |finding: &Finding| !self.tested(&finding.cause);
        found.extend(suggested.into_iter().filter(left));
        found
    }

    /// What keeps a task from learning if a change helps it.
    fn cause(&self, change: &Change) -> Cause {
        match change {
            Change::Weight { .. } => Cause::Starved,
            Change::Alone => match self.only_other() {
                Some(other) => self.held_back_by(other),
                None => Cause::HeldBack,
            },
            Change::Without { other } => self.held_back_by(other),
            Change::OutputScale { .. } | Change::HeadRate { .. } => Cause::OutOfReach,
        }
    }

    fn held_back_by(&self, other: &str) -> Cause {
        let cosine = self.evidence.cosines.iter().find(|(name, _)| name == other);
        match cosine.is_some_and(|(_, cosine)| *cosine <= CONFLICT) {
            true => Cause::InConflictWith(other.into()),
            false => Cause::DominatedBy(other.into()),
        }
    }

    /// The other task, where there are two.
    fn only_other(&self) -> Option<&str> {
        match self.evidence.cosines.as_slice() {
            [(other, _)] => Some(other),
            _ => None,
        }
    }

    /// Whether a trial would have shown a cause that the history suggests. How many steps a head needs at least is arithmetic, which fifty
    /// steps do not refute.
    fn tested(&self, cause: &Cause) -> bool {
        let tried =
            |of: &dyn Fn(&Change) -> bool| self.own.iter().any(|(trial, _)| of(&trial.change));
        match cause {
            Cause::Starved => tried(&|change| matches!(change, Change::Weight { .. })),
            Cause::DominatedBy(other) | Cause::InConflictWith(other) => {
                tried(&|change| match change {
                    Change::Alone => true,
                    Change::Without { other: left_out } => left_out == other,
                    _ => false,
                })
            }
            Cause::HeldBack => tried(&|change| *change == Change::Alone),
            Cause::OutOfReach => self
                .helped()
                .iter()
                .any(|(trial, _)| self.cause(&trial.change) == Cause::OutOfReach),
            Cause::WeightRunningAway => false,
        }
    }
}
