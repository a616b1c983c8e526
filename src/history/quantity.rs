//! Names the quantities that training records.

use serde::{Deserialize, Serialize};

/// The raw loss: the mean over the task's labels in the split, before any weighting.
pub const LOSS: &str = "loss";
/// The effective weight, d objective / d raw loss: the mean over the steps of the epoch in which the task had labels.
pub const WEIGHT: &str = "weight";
/// The skill `(c - loss) / |c|`, where c is the loss of the best constant predictor.
///
/// 0 is the skill of a network without inputs, 1 is a loss of 0.
pub const SKILL: &str = "skill";
/// Half of the skill's 95 % interval on the validation data, from its differences between batches.
pub const SKILL_MARGIN: &str = "skill_margin";
/// The skill over the best predictor that knows only the position in the sequence.
pub const SKILL_OVER_POSITION: &str = "skill_over_position";
/// Half of the 95 % interval of [`SKILL_OVER_POSITION`].
pub const SKILL_OVER_POSITION_MARGIN: &str = "skill_over_position_margin";
/// The loss of the best constant predictor, recorded once as epoch 0.
///
/// Its prediction is the same for every sample and at every position.
pub const CONSTANT_LOSS: &str = "constant_loss";
/// The loss of the best predictor that knows only the position, recorded once as epoch 0 where it is below
/// [`CONSTANT_LOSS`].
pub const POSITION_LOSS: &str = "position_loss";
/// The number of the [`NoBaseline`](super::NoBaseline) of a task without an uninformed predictor, recorded once as
/// epoch 0.
pub const NO_BASELINE: &str = "no_baseline";
/// The relative loss: the mean of loss / reference over the tasks with labels.
///
/// The reference is the constant predictor's loss if known, otherwise the first validation loss. If the reference r is
/// not positive, a loss L counts as `1 + (L - r) / |r|`. The relative loss does not depend on the strategy, so it
/// chooses the checkpoints.
pub const RELATIVE_LOSS: &str = "relative_loss";
/// The number watched instead of the relative loss, if smaller is better.
pub const WATCHED_MINIMUM: &str = "watched_minimum";
/// The number watched instead of the relative loss, if larger is better.
pub const WATCHED_MAXIMUM: &str = "watched_maximum";
/// The steps of the epoch in which the task's loss was not finite.
pub const NON_FINITE_STEPS: &str = "non_finite_steps";
/// The learning rate of the network at the end of the epoch.
pub const LEARNING_RATE: &str = "learning_rate";
/// The differentiated objective: the mean over the steps of the epoch.
pub const OBJECTIVE: &str = "objective";
/// The training steps of the epoch.
pub const STEPS: &str = "steps";
/// The audited steps of the epoch in which the task had labels.
///
/// The task's gradient norm, gradient share and cosines are means over these steps.
pub const AUDITS: &str = "audits";
/// The norm of the raw loss's gradient at the representation.
pub const GRADIENT_NORM: &str = "gradient_norm";
/// The gradient share, in [0, 1]: the task's part of the summed norms of all weighted gradients at the representation.
pub const GRADIENT_SHARE: &str = "gradient_share";
/// The steps of the epoch in which the task had labels but no gradient at the representation, if the strategy measures
/// gradients.
pub const ZERO_GRADIENT_STEPS: &str = "zero_gradient_steps";
/// The steps of the epoch in which the task's loss was zero or below, for which the strategy is not defined.
pub const NOT_POSITIVE_STEPS: &str = "not_positive_steps";
/// The steps of the epoch in which a convex combination of the tasks' gradients vanished.
pub const STATIONARY_STEPS: &str = "stationary_steps";
/// The steps of the epoch in which the strategy found no weights, so the trunk did not move.
pub const NO_SOLUTION_STEPS: &str = "no_solution_steps";
/// The steps of the epoch in which the tasks' gradients were linearly dependent and one of several solutions was taken.
pub const SINGULAR_STEPS: &str = "singular_steps";
/// The change in the output of a linear head on the representation when every weight of the head moves by 1.
pub const REACH: &str = "reach";
/// The gradient share that the strategy is configured to give the task, in [0, 1], recorded once as epoch 0.
///
/// Absent if the strategy has no intended shares.
pub const INTENDED_SHARE: &str = "intended_share";
/// The root of the mean square of the task's targets in the units of its head's output, recorded once as epoch 0.
pub const TARGET_SIZE: &str = "target_size";

/// The beginning of the name of a cosine.
const COSINE_WITH: &str = "cosine_with_";

/// Returns the name of the cosine, in [-1, 1], between the gradients of a task and of `other` at the representation.
///
/// The cosine of two tasks is recorded for the first task of the pair.
pub fn cosine_with(other: &str) -> String {
    format!("{COSINE_WITH}{other}")
}

/// The direction in which a quantity improves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Smaller is better: losses, errors.
    #[default]
    Lower,
    /// Larger is better: skills, F1, accuracy.
    Higher,
}

/// A quantity that training records, and its name in texts.
struct Known {
    name: &'static str,
    words: &'static str,
    better: Option<Better>,
    /// Whether the quantity is a part of a whole, which is written in percent and not compared by ratios.
    part: bool,
}

const fn known(
    name: &'static str,
    words: &'static str,
    better: Option<Better>,
    part: bool,
) -> Known {
    Known {
        name,
        words,
        better,
        part,
    }
}

const LOWER: Option<Better> = Some(Better::Lower);
const HIGHER: Option<Better> = Some(Better::Higher);

/// Every quantity that training itself records.
const TABLE: [Known; 27] = [
    known(LOSS, "loss", LOWER, false),
    known(WEIGHT, "effective weight", None, false),
    known(SKILL, "skill", HIGHER, true),
    known(SKILL_MARGIN, "margin of the skill", None, true),
    known(SKILL_OVER_POSITION, "skill over position", HIGHER, true),
    known(
        SKILL_OVER_POSITION_MARGIN,
        "margin of the skill over position",
        None,
        true,
    ),
    known(CONSTANT_LOSS, "loss of the best constant", None, false),
    known(
        POSITION_LOSS,
        "loss of the best guess from the position",
        None,
        false,
    ),
    known(NO_BASELINE, "why there is no baseline", None, false),
    known(RELATIVE_LOSS, "relative loss", LOWER, false),
    known(WATCHED_MINIMUM, "watched minimum", LOWER, false),
    known(WATCHED_MAXIMUM, "watched maximum", HIGHER, false),
    known(
        NON_FINITE_STEPS,
        "steps with a loss that is not finite",
        LOWER,
        false,
    ),
    known(LEARNING_RATE, "learning rate", None, false),
    known(OBJECTIVE, "objective", None, false),
    known(STEPS, "steps", None, false),
    known(AUDITS, "audits", None, false),
    known(GRADIENT_NORM, "gradient norm", None, false),
    known(GRADIENT_SHARE, "gradient share", None, true),
    known(
        ZERO_GRADIENT_STEPS,
        "steps without a gradient",
        LOWER,
        false,
    ),
    known(
        NOT_POSITIVE_STEPS,
        "steps with a loss that is not positive",
        LOWER,
        false,
    ),
    known(STATIONARY_STEPS, "stationary steps", None, false),
    known(NO_SOLUTION_STEPS, "steps without weights", LOWER, false),
    known(
        SINGULAR_STEPS,
        "steps with dependent gradients",
        None,
        false,
    ),
    known(REACH, "reach", None, false),
    known(INTENDED_SHARE, "intended share", None, true),
    known(TARGET_SIZE, "size of the targets", None, false),
];

fn row(quantity: &str) -> Option<&'static Known> {
    TABLE.iter().find(|known| known.name == quantity)
}

/// Returns whether training itself records the quantity, so no metric can have its name.
pub(crate) fn is_recorded(quantity: &str) -> bool {
    row(quantity).is_some() || is_cosine(quantity)
}

/// Returns whether a quantity is the cosine of two tasks' gradients.
pub(crate) fn is_cosine(quantity: &str) -> bool {
    cosine_of(quantity).is_some()
}

/// Returns the other task of a cosine, or `None` for another quantity.
pub(crate) fn cosine_of(quantity: &str) -> Option<&str> {
    quantity.strip_prefix(COSINE_WITH)
}

/// Returns the name of a quantity in a text: `span_f1` is `span F1`, `hit_at_3` is `hit at 3`.
pub(crate) fn in_words(quantity: &str) -> String {
    if let Some(known) = row(quantity) {
        return known.words.into();
    }
    let word = |word: &str| match word {
        "f1" => "F1".to_string(),
        "iou" => "IoU".to_string(),
        other => other.to_string(),
    };
    quantity.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// Returns the direction in which a quantity improves, from the table or from the usual words in names of metrics.
/// Returns `None` if no direction is known.
pub(crate) fn better(quantity: &str) -> Option<Better> {
    if let Some(known) = row(quantity) {
        return known.better;
    }
    quantity.split('_').find_map(|word| match word {
        "loss" | "error" => LOWER,
        "f1" | "iou" | "hit" | "accuracy" | "precision" | "recall" | "auc" => HIGHER,
        _ => None,
    })
}

/// Returns whether a quantity is a part of a whole, which is not compared by ratios.
pub(crate) fn is_part(quantity: &str) -> bool {
    match row(quantity) {
        Some(known) => known.part,
        None => better(quantity) == HIGHER || quantity.ends_with("share"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_words_and_a_direction() {
        assert_eq!(in_words("span_f1"), "span F1");
        assert_eq!(in_words(WEIGHT), "effective weight");
        assert_eq!(better(SKILL), HIGHER);
        assert_eq!(better("error_in_bars"), LOWER);
        assert_eq!(better(WEIGHT), None);
        assert!(is_part("accuracy") && is_part(GRADIENT_SHARE) && !is_part(LOSS));
        assert!(is_recorded(&cosine_with("a")) && !is_recorded("accuracy"));
    }

    #[test]
    fn no_quantity_is_in_the_table_twice() {
        for known in &TABLE {
            let same = TABLE.iter().filter(|other| other.name == known.name);
            assert_eq!(same.count(), 1, "{}", known.name);
        }
    }
}
