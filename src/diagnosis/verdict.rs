//! Decides what a task learned, from its losses and those of the trivial predictors.

use std::fmt;

use super::evidence::{Evidence, Skill};

/// The skill from which a task is better than a trivial predictor, whose own loss is known to about 2 %.
const SKILLED: f64 = 0.02;
/// The skill on the training data from which a task without skill on validation data counts as overfitted.
pub(super) const BY_HEART: f64 = 0.2;
/// The relative fall from which a loss counts as improved.
pub(super) const IMPROVED: f64 = 0.20;
/// The multiple of its first value from which a training loss counts as diverged.
const DIVERGED: f64 = 1.5;

/// The verdict on a task: what it learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Better than the best constant predictor on validation data, and than the best guess from the position where
    /// there is one.
    ///
    /// The skill is at least 0.02, the accuracy to which the uninformed predictors are known, and its whole 95 %
    /// interval is above 0.
    Learned,
    /// Not distinguishable from an uninformed predictor: the 95 % interval of the skill over the best constant or over
    /// the best guess from the position contains 0, or there are too few validation data for an interval.
    Undecided,
    /// Better than the best constant predictor, but not better than the best guess from the position alone.
    OnlyPosition,
    /// No better than the best constant predictor.
    OnlyMean,
    /// Better than the best constant predictor on the training data only.
    Overfitted,
    /// The validation or training loss is not finite, or the training loss grew by more than half of its first value.
    Diverged,
    /// Its weight was 0 in every epoch.
    NotTrained,
    /// The validation data have no label of the task.
    Unlabelled,
    /// There is no trivial predictor to compare with, so what the task learned is unknown.
    NoBaseline,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Learned => "learned",
            Self::Undecided => "undecided",
            Self::OnlyPosition => "only its position",
            Self::OnlyMean => "no better than a constant",
            Self::Overfitted => "overfitted",
            Self::Diverged => "diverged",
            Self::NotTrained => "not trained",
            Self::Unlabelled => "no labels",
            Self::NoBaseline => "unknown: no baseline",
        })
    }
}

pub(super) fn verdict(evidence: &Evidence) -> Verdict {
    if evidence.losses.is_empty() {
        return Verdict::Unlabelled;
    }
    if diverged(evidence) {
        return Verdict::Diverged;
    }
    if evidence.not_trained() {
        return Verdict::NotTrained;
    }
    let Some(skill) = evidence.skill else {
        return Verdict::NoBaseline;
    };
    let by_heart = |skill: f64| skill >= BY_HEART;
    let standing = Standing::of(skill);
    if standing == Standing::NoBetter {
        return if evidence.trained_skill.is_some_and(by_heart) {
            Verdict::Overfitted
        } else {
            Verdict::OnlyMean
        };
    }
    match evidence.skill_over_position.map(Standing::of) {
        Some(Standing::NoBetter) if standing == Standing::Better => Verdict::OnlyPosition,
        Some(Standing::NoBetter | Standing::Unsure) => Verdict::Undecided,
        Some(Standing::Better) | None if standing == Standing::Better => Verdict::Learned,
        _ => Verdict::Undecided,
    }
}

/// A comparison of a task with a trivial predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Better,
    /// Better on these validation data, but they are too few for certainty.
    Unsure,
    NoBetter,
}

impl Standing {
    fn of(skill: Skill) -> Self {
        let sure = skill
            .margin
            .is_some_and(|margin| skill.value - margin > 0.0);
        match skill.value >= SKILLED {
            true if sure => Self::Better,
            true => Self::Unsure,
            false => Self::NoBetter,
        }
    }
}

fn diverged(evidence: &Evidence) -> bool {
    // Relative to the absolute value, so that the rule also holds for losses below zero.
    let grew = |(first, last): (f64, f64)| {
        !last.is_finite() || last - first > (DIVERGED - 1.0) * first.abs()
    };
    !evidence.last.is_finite() || evidence.trained.is_some_and(grew)
}
