//! What a task knows: decided by its losses beside those of the trivial predictors.

use std::fmt;

use super::evidence::Evidence;

/// Skill from which a task counts as better than a trivial predictor.
pub(super) const SKILLED: f64 = 0.05;
/// Skill on the training data from which a task that has none on other data counts as learned by heart.
const BY_HEART: f64 = 0.2;
/// A loss that fell by more than this, relative to its first value, improved.
pub(super) const IMPROVED: f64 = 0.20;
/// A training loss this many times its first value has diverged.
const DIVERGED: f64 = 1.5;

/// What a task knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Beats the best constant predictor on validation data, and the best guess from the position where there is one.
    Learned,
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
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Learned => "learned",
            Self::OnlyPosition => "only its position",
            Self::OnlyMean => "only its mean",
            Self::Overfitted => "overfitted",
            Self::Diverged => "diverged",
            Self::NotTrained => "not trained",
            Self::Unlabelled => "no labels",
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
    // Without a trivial predictor to compare with, a loss that improved has to do.
    let Some(skill) = evidence.skill else {
        return if evidence.improved(IMPROVED) {
            Verdict::Learned
        } else {
            Verdict::OnlyMean
        };
    };
    let over_position = evidence.skill_over_position.unwrap_or(skill);
    let by_heart = |skill: f64| skill >= BY_HEART;
    if skill >= SKILLED && over_position >= SKILLED {
        Verdict::Learned
    } else if skill >= SKILLED {
        Verdict::OnlyPosition
    } else if evidence.trained_skill.is_some_and(by_heart) {
        Verdict::Overfitted
    } else {
        Verdict::OnlyMean
    }
}

fn diverged(evidence: &Evidence) -> bool {
    // By how much of its size, so that a loss below zero is judged by what it did and not by its sign.
    let grew = |(first, last): (f64, f64)| {
        !last.is_finite() || last - first > (DIVERGED - 1.0) * first.abs()
    };
    !evidence.last.is_finite() || evidence.trained.is_some_and(grew)
}
