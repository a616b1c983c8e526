//! Finds the causes why a task did not learn more. Each rule checks one cause, so several can be found.

use std::fmt;

use super::evidence::Evidence;
use super::findings;
use super::verdict::{IMPROVED, Verdict};

/// The largest relative change of a loss that counts as no change.
const STILL: f64 = 0.02;
/// A share below this part of the intended share counts as far below it.
const FAR_BELOW: f64 = 1.0 / 3.0;
/// The gradient share from which a task dominates, if it is also [`TIMES_INTENDED`] times the intended share.
const DOMINANT: f64 = 0.6;
const TIMES_INTENDED: f64 = 1.5;
/// The cosine below which two gradients conflict.
pub(super) const CONFLICT: f64 = -0.15;
/// The part of another task's gradient share from which a task can hold it back.
const STRONG: f64 = 0.5;
/// A weight that changed by more than this factor and still changes is running away.
const RAN: f64 = 10.0;
/// The relative change from epoch to epoch that counts as still going on.
const GOING_ON: f64 = 0.02;
/// The epochs at the end of a run over which a change counts as still going on.
const AT_THE_END: usize = 3;
/// The number of audited epochs from which their mean is reliable.
const ENOUGH_AUDITS: usize = 3;

/// The cause why a task did not learn more.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// Its loss hardly changes while other tasks learn, and its gradient share is far below the intended share.
    Starved,
    /// Another task has most of the gradient.
    DominatedBy(String),
    /// Its gradient conflicts with that of another task, whose gradient share is more than half as large.
    InConflictWith(String),
    /// Other tasks keep it from learning: without them its loss falls.
    HeldBackBy(String),
    /// Its head moves too slowly: its loss falls if the head moves further in every step.
    SlowHead,
    /// Its targets are further from zero than the optimizer could move a head in all steps.
    OutOfReach,
    /// Its weight grows or falls without bound while its loss does not improve.
    WeightRunningAway,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starved => f.write_str("starved"),
            Self::DominatedBy(other) => write!(f, "dominated by {other}"),
            Self::InConflictWith(other) => write!(f, "in conflict with {other}"),
            Self::HeldBackBy(others) => write!(f, "held back by {others}"),
            Self::SlowHead => f.write_str("its head moves too slowly"),
            Self::OutOfReach => f.write_str("out of the optimizer's reach"),
            Self::WeightRunningAway => f.write_str("weight running away"),
        }
    }
}

/// The confidence in a [`Finding`], in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Confidence {
    /// The cause fits the history, but so might another one.
    Low,
    /// The numbers of the history are far beyond the threshold of the cause, but no experiment was made.
    Medium,
    /// An experiment made a change, and the loss fell by more than chance explains.
    Measured,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "perhaps",
            Self::Medium => "it may be",
            Self::Measured => "measured",
        })
    }
}

/// A cause with its confidence and its evidence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// The confidence in the cause.
    pub confidence: Confidence,
    /// The evidence in words and numbers, without a final full stop.
    pub sentence: String,
}

/// Returns all causes that the evidence shows, the surest first.
pub(super) fn findings(
    evidence: &Evidence,
    others: &[&Evidence],
    verdict: Verdict,
) -> Vec<Finding> {
    let case = Case {
        evidence,
        others,
        verdict,
    };
    let mut found: Vec<Finding> = [
        case.starved(),
        case.dominated(),
        case.in_conflict(),
        case.out_of_reach(),
        case.weight_running_away(),
    ]
    .into_iter()
    .flatten()
    .collect();
    // The sort is stable: among equal confidence, the more specific rule above comes first.
    found.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    found
}

/// A task beside the other tasks.
struct Case<'a> {
    evidence: &'a Evidence,
    others: &'a [&'a Evidence],
    verdict: Verdict,
}

impl Case<'_> {
    /// Returns whether the verdict needs a cause. A task that learned has none, and a task that diverged or overfitted
    /// did not lack gradient.
    fn knows_little(&self) -> bool {
        use Verdict::{NoBaseline, OnlyMean, OnlyPosition};
        matches!(self.verdict, OnlyMean | OnlyPosition | NoBaseline)
    }

    /// Returns the other task that improved most, if any improved.
    fn best_other(&self) -> Option<&Evidence> {
        let improved = |other: &&&Evidence| other.improved(IMPROVED);
        let others = self.others.iter().filter(improved);
        others
            .min_by(|a, b| a.change().total_cmp(&b.change()))
            .copied()
    }

    fn starved(&self) -> Option<Finding> {
        let evidence = self.evidence;
        let other = self.best_other()?;
        let still = evidence.change().abs() < STILL;
        let little = matches!(self.verdict, Verdict::OnlyMean | Verdict::NoBaseline);
        if !little || !still {
            return None;
        }
        let confidence = match evidence.share {
            // Without an audit only the losses count.
            None => Confidence::Low,
            Some(share) if share >= FAR_BELOW * evidence.fair() => return None,
            Some(share) => self.sure(share < FAR_BELOW / 2.0 * evidence.fair()),
        };
        Some(Finding {
            cause: Cause::Starved,
            confidence,
            sentence: findings::starved(evidence, other),
        })
    }

    fn dominated(&self) -> Option<Finding> {
        let evidence = self.evidence;
        let own = evidence.share?;
        let largest = self
            .others
            .iter()
            .filter_map(|other| Some((other, other.share?)))
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        let (other, share) = largest?;
        let dominant = share >= DOMINANT && share >= TIMES_INTENDED * other.fair();
        if !self.knows_little() || !dominant || own >= evidence.fair() / 2.0 {
            return None;
        }
        Some(Finding {
            cause: Cause::DominatedBy(other.task.clone()),
            confidence: self.sure(share >= 2.0 * TIMES_INTENDED * other.fair()),
            sentence: findings::dominated(evidence, own, other, share),
        })
    }

    fn in_conflict(&self) -> Option<Finding> {
        let evidence = self.evidence;
        let own = evidence.share.unwrap_or(evidence.fair());
        // A task with much less gradient than this one cannot hold it back.
        let strong = |name: &str| {
            let found = self.others.iter().find(|other| other.task == name);
            found.is_some_and(|other| other.share.unwrap_or(other.fair()) > STRONG * own)
        };
        let worst = evidence
            .cosines
            .iter()
            .filter(|(name, _)| strong(name))
            .min_by(|(_, a), (_, b)| a.total_cmp(b));
        let (name, cosine) = worst?;
        if !self.knows_little() || *cosine > CONFLICT {
            return None;
        }
        Some(Finding {
            cause: Cause::InConflictWith(name.clone()),
            confidence: self.sure(*cosine <= 2.0 * CONFLICT),
            sentence: findings::in_conflict(name, *cosine),
        })
    }

    fn out_of_reach(&self) -> Option<Finding> {
        let reach = self.evidence.reach?;
        let needed = reach.steps_needed();
        if !self.knows_little() || needed <= reach.steps {
            return None;
        }
        Some(Finding {
            cause: Cause::OutOfReach,
            confidence: if needed > 3.0 * reach.steps {
                Confidence::Medium
            } else {
                Confidence::Low
            },
            sentence: findings::out_of_reach(&reach),
        })
    }

    fn weight_running_away(&self) -> Option<Finding> {
        let evidence = self.evidence;
        let weights = &evidence.weights;
        let (first, last) = (weights.first()?.abs(), weights.last()?.abs());
        let factor = last / first.max(f64::MIN_POSITIVE);
        let end = weights.len().checked_sub(AT_THE_END + 1)?;
        let going_on = weights[end..].windows(2).all(|pair| {
            if factor > 1.0 {
                pair[1].abs() > pair[0].abs() * (1.0 + GOING_ON)
            } else {
                pair[1].abs() < pair[0].abs() * (1.0 - GOING_ON)
            }
        });
        let ran = !(1.0 / RAN..=RAN).contains(&factor);
        if !self.knows_little() || !ran || !going_on || self.still_improves() {
            return None;
        }
        let negative = evidence.objective.is_some_and(|(_, last)| last < 0.0);
        Some(Finding {
            cause: Cause::WeightRunningAway,
            confidence: if negative || factor < 1.0 {
                Confidence::Medium
            } else {
                Confidence::Low
            },
            sentence: findings::running_away(evidence, first, last, negative),
        })
    }

    /// Returns whether the smallest loss is among the last epochs and clearly below all earlier losses.
    fn still_improves(&self) -> bool {
        let losses = &self.evidence.losses;
        let Some(before) = losses.len().checked_sub(AT_THE_END) else {
            return true;
        };
        let least = |losses: &[f64]| losses.iter().copied().fold(f64::INFINITY, f64::min);
        least(&losses[before..]) < least(&losses[..before]) * (1.0 - GOING_ON)
    }

    /// Returns `Medium` if the numbers are clear and there are enough audits.
    fn sure(&self, clear: bool) -> Confidence {
        if clear && self.evidence.audited >= ENOUGH_AUDITS {
            Confidence::Medium
        } else {
            Confidence::Low
        }
    }
}
