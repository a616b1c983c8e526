//! Writes the sentences of suggested and measured causes.

use super::evidence::{Evidence, HeadReach};
use super::trials::{Change, Effect, LEAST, Trial, Trials, times};
use crate::text::{number, percent};

/// Writes the sentence of a change that helped: its effect on the task, and the harm to other tasks.
pub(super) fn measured(trials: &Trials, trial: &Trial, effect: &Effect) -> String {
    let what = match &trial.change {
        Change::Weight { factor } => format!("raising its weight {}-fold", times(*factor)),
        Change::Alone => "training no other task".into(),
        Change::Without { other } => format!("not training {other}"),
        Change::OutputScale { factor } => {
            format!("multiplying its head's output by {}", times(*factor))
        }
        Change::HeadRate { factor } => {
            format!("multiplying its head's learning rate by {}", times(*factor))
        }
    };
    let tried = trials.of(&trial.task).count();
    let brought = format!(
        "{what} brought its loss down by {} in {} steps ({} instead of {}; {} forks from epoch {}, one of {tried} changes tried)",
        spread(-effect.difference, effect.margin),
        trials.steps,
        number(effect.loss),
        number(effect.unchanged),
        trials.forks,
        trials.epoch
    );
    let left_out = |name: &str| match &trial.change {
        Change::Alone => true,
        Change::Without { other } => other == name,
        _ => false,
    };
    let others = trial.effects.iter();
    let others = others.filter(|other| other.task != effect.task && !left_out(&other.task));
    let paid: Vec<String> = others
        .filter(|other| other.harmed(LEAST))
        .map(|other| {
            if other.broke() {
                format!("the loss of {} is no longer finite", other.task)
            } else {
                format!(
                    "the loss of {} rose by {}",
                    other.task,
                    spread(other.difference, other.margin)
                )
            }
        })
        .collect();
    if paid.is_empty() {
        brought
    } else {
        format!("{brought}; {}", paid.join(", "))
    }
}

/// Formats a part and its margin: `3.1 ± 0.4 %`.
fn spread(part: f64, margin: f64) -> String {
    format!("{:.1} ± {:.1} %", 100.0 * part, 100.0 * margin)
}

pub(super) fn meant(evidence: &Evidence) -> String {
    match evidence.intended {
        Some(intended) => format!("{} was meant", percent(intended)),
        None => format!("an even share is {}", percent(evidence.even)),
    }
}

/// Writes the sentence of [`Cause::Starved`](super::Cause::Starved).
pub(super) fn starved(evidence: &Evidence, other: &Evidence) -> String {
    let beside = format!(
        "it is starved: its loss moved by {:+.1} % while that of {} moved by {:+.1} %",
        100.0 * evidence.change(),
        other.task,
        100.0 * other.change()
    );
    match evidence.share {
        Some(share) => format!(
            "{beside}, and {} of the gradient at the representation is its own ({}). A task with nothing to learn looks the same",
            percent(share),
            meant(evidence)
        ),
        None => format!("{beside}; its share of the gradients was not audited"),
    }
}

/// Writes the sentence of [`Cause::DominatedBy`](super::Cause::DominatedBy).
pub(super) fn dominated(evidence: &Evidence, own: f64, other: &Evidence, share: f64) -> String {
    format!(
        "{} dominates: it has {} of the gradient at the representation ({}), {} has {}",
        other.task,
        percent(share),
        meant(other),
        evidence.task,
        percent(own),
    )
}

/// Writes the sentence of [`Cause::InConflictWith`](super::Cause::InConflictWith).
pub(super) fn in_conflict(other: &str, cosine: f64) -> String {
    format!(
        "it pulls against {other}: the cosine of their gradients at the representation is {cosine:.2}"
    )
}

/// Writes the sentence of [`Cause::OutOfReach`](super::Cause::OutOfReach).
pub(super) fn out_of_reach(reach: &HeadReach) -> String {
    format!(
        "its targets are out of the optimizer's reach: they are about {} from zero, and at this learning rate {:.0} steps \
         can move a head by {} at most, so at least {:.0} steps are needed",
        number(reach.size),
        reach.steps,
        number(reach.moved),
        reach.steps_needed(),
    )
}

/// Writes the sentence of [`Cause::WeightRunningAway`](super::Cause::WeightRunningAway).
pub(super) fn running_away(evidence: &Evidence, first: f64, last: f64, negative: bool) -> String {
    let objective = match (negative, evidence.objective) {
        (true, Some((_, objective))) => {
            format!(" and the objective is {} by now", number(objective))
        }
        _ => String::new(),
    };
    format!(
        "its weight runs away: it went from {} to {} and still moves, while the loss does not get better{objective}",
        number(first),
        number(last)
    )
}
