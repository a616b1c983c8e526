//! What the quantities of a history are called on a page, and which end of them is better.

use crate::history::quantity as q;

/// Quantities with a section of their own; all others are the strategy's state or somebody's metrics.
const KNOWN: [&str; 24] = [
    q::LOSS,
    q::WEIGHT,
    q::SKILL,
    q::SKILL_OVER_POSITION,
    q::CONSTANT_LOSS,
    q::POSITION_LOSS,
    q::RELATIVE_LOSS,
    q::NON_FINITE_STEPS,
    q::LEARNING_RATE,
    q::OBJECTIVE,
    q::STEPS,
    q::GRADIENT_NORM,
    q::GRADIENT_SHARE,
    q::ZERO_GRADIENT_STEPS,
    q::NOT_POSITIVE_STEPS,
    q::STATIONARY_STEPS,
    q::NO_SOLUTION_STEPS,
    q::SINGULAR_STEPS,
    q::REACH,
    q::INTENDED_SHARE,
    q::SKILL_MARGIN,
    q::SKILL_OVER_POSITION_MARGIN,
    q::NO_BASELINE,
    q::AUDITS,
];

/// Whether a quantity is shown by one of the other sections.
pub(super) fn is_known(quantity: &str) -> bool {
    KNOWN.contains(&quantity) || quantity == q::TARGET_SIZE || is_cosine(quantity)
}

/// Whether a quantity is the cosine of two tasks' gradients.
pub(super) fn is_cosine(quantity: &str) -> bool {
    quantity.starts_with(&q::cosine_with(""))
}

/// `span_f1` as `span F1`, `hit_at_3` as `hit at 3`.
pub(in crate::report) fn in_words(quantity: &str) -> String {
    let word = |word: &str| match word {
        "f1" => "F1".to_string(),
        "iou" => "IoU".to_string(),
        other => other.to_string(),
    };
    quantity.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// Which end of a quantity is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Better {
    /// Losses, errors.
    Lower,
    /// Skills, shares of what was found.
    Higher,
}

/// Whether a quantity is a part of a whole, which ratios say little about.
pub(in crate::report) fn is_part(quantity: &str) -> bool {
    better(quantity) == Some(Better::Higher) || quantity.ends_with("share")
}

/// Which end is better, by the usual names; nothing for weights, shares and names that say nothing.
pub(in crate::report) fn better(quantity: &str) -> Option<Better> {
    let mut words = quantity.split('_');
    if quantity.starts_with(q::SKILL) {
        return Some(Better::Higher);
    }
    words.find_map(|word| match word {
        "loss" | "error" => Some(Better::Lower),
        "f1" | "iou" | "hit" | "accuracy" | "precision" | "recall" | "auc" => Some(Better::Higher),
        _ => None,
    })
}
