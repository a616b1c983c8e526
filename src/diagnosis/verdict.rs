//! What a task knows: decided by its losses beside those of the trivial predictors.

use std::fmt;

use super::evidence::{Evidence, Skill};

/// Skill from which a task counts as better than a trivial predictor, whose own loss is known to about 2 %.
const SKILLED: f64 = 0.02;
/// Skill on the training data from which a task that has none on other data counts as learned by heart.
pub(super) const BY_HEART: f64 = 0.2;
/// A loss that fell by more than this, relative to its first value, improved.
pub(super) const IMPROVED: f64 = 0.20;
/// A training loss this many times its first value has diverged.
const DIVERGED: f64 = 1.5;

/// What a task knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Beats the best constant predictor on validation data, and the best guess from the position where there is one: by more than what the
    /// uninformed predictors are known to, and with its whole 95 % interval.
    Learned,
    /// Beats them, but not with its whole 95 % interval, or there are too few validation data for an interval.
    Undecided,
    /// Beats the best constant, but not the best guess from the position alone.
    OnlyPosition,
    /// No better than the best constant predictor.
    OnlyMean,
    /// Beats the best constant on the training data only.
    Overfitted,
    /// Its loss is not finite, or grew while it was trained on.
    Diverged,
    /// Its weight was 0 in every epoch.
    NotTrained,
    /// The validation data have no label for it, so nothing is known.
    Unlabelled,
    /// There is no trivial predictor to compare with, so what it learned is not known.
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

/// How a task stands beside a trivial predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Better,
    /// Better on these validation data, which are too few to tell.
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
    // By how much of its size, so that a loss below zero is judged by what it did and not by its sign.
    let grew = |(first, last): (f64, f64)| {
        !last.is_finite() || last - first > (DIVERGED - 1.0) * first.abs()
    };
    !evidence.last.is_finite() || evidence.trained.is_some_and(grew)
}
