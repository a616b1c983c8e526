//! What experiments say of a task's causes: those that helped are measured, those that did not take back what the history suggests.

use super::causes::{CONFLICT, Cause, Confidence, Finding};
use super::evidence::Evidence;
use super::findings;
use super::trials::{Change, Effect, LEAST, Trial, Trials};
use super::verdict::BY_HEART;

/// A task with this share of the gradient has most of it.
const MOST: f64 = 0.5;

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

    /// The loss that a change has to come below: that of the checkpoint, so that what only slows a decline is no help. A task that has been
    /// learned by heart is not helped by what undoes a part of it, so for it the lowest that it had.
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

    /// The trials that helped, the best first.
    pub(super) fn helped(&self) -> Vec<(&'a Trial, &'a Effect)> {
        let before = self.bound();
        let helped =
            |(_, effect): &&(&Trial, &Effect)| effect.helped(LEAST) && effect.loss < before;
        let mut helped: Vec<_> = self.own.iter().filter(helped).copied().collect();
        helped.sort_by(|(_, a), (_, b)| a.difference.total_cmp(&b.difference));
        helped
    }

    /// Whether no trial can have helped: each has an interval that says so.
    pub(super) fn all_refuted(&self) -> bool {
        let out = |(_, effect): &(&Trial, &Effect)| effect.refuted(LEAST);
        self.own.iter().all(out)
    }

    /// All that was tried.
    pub(super) fn all(&self) -> &[(&'a Trial, &'a Effect)] {
        &self.own
    }

    /// Puts what was measured in the place of what the history suggests of the same causes.
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

    /// What keeps a task from learning if a change helps it.
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

    /// The other task, where there are two.
    fn only_other<'b>(&self, trial: &'b Trial) -> Option<&'b str> {
        match trial.effects.as_slice() {
            [a, b] if a.task == self.evidence.task => Some(&b.task),
            [a, _] => Some(&a.task),
            _ => None,
        }
    }

    /// Whether a trial shows that a cause is none that the history suggests, or measured it. How many steps a head needs at least is
    /// arithmetic, which fifty steps do not refute.
    fn tested(&self, cause: &Cause) -> bool {
        let decided = |(trial, effect): &(&Trial, &Effect)| {
            let about = match (cause, &trial.change) {
                (Cause::Starved, Change::Weight { .. }) => true,
                (
                    Cause::DominatedBy(other) | Cause::InConflictWith(other),
                    Change::Without { other: left_out },
                ) => left_out == other,
                // Without any of the others, that one is left out as well.
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
