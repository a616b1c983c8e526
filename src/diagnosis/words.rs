//! Verdicts and findings in sentences: what happened, in numbers, and what to try next.

use super::causes::Finding;
use super::evidence::{Evidence, Reach};
use super::verdict::{SKILLED, Verdict};

/// Verdict, evidence and findings.
pub(super) fn sentence(evidence: &Evidence, verdict: Verdict, findings: &[Finding]) -> String {
    let mut text = what_it_knows(evidence, verdict);
    for finding in findings {
        text += &format!(
            " {}: {}.",
            capital(&finding.confidence.to_string()),
            finding.sentence
        );
    }
    if findings.is_empty() {
        text += &nothing_found(evidence, verdict);
    }
    text += &said_by_the_strategy(evidence);
    text
}

fn what_it_knows(evidence: &Evidence, verdict: Verdict) -> String {
    let task = &evidence.task;
    let course = course(evidence);
    match verdict {
        Verdict::Learned => format!("{task} learned: {course}{}.", over_trivial(evidence)),
        Verdict::OnlyPosition => format!(
            "{task} knows only its position: {course}{}.",
            over_trivial(evidence)
        ),
        Verdict::OnlyMean if evidence.skill.is_some_and(|skill| skill < -SKILLED) => format!(
            "{task} knows no more than its mean, and not even that yet: {course}{}; train longer.",
            beside_constant(evidence)
        ),
        Verdict::OnlyMean => format!(
            "{task} knows only its mean: {course}{}.",
            beside_constant(evidence)
        ),
        Verdict::Overfitted => overfitted(evidence),
        Verdict::Diverged => diverged(evidence),
        Verdict::NotTrained => format!("{task} is not trained: its weight is 0."),
        Verdict::Unlabelled => format!(
            "{task} has no labels in the validation data, so what it learned is unknown; its training loss went from {} to {}.",
            number(evidence.trained.map_or(f64::NAN, |(first, _)| first)),
            number(evidence.trained.map_or(f64::NAN, |(_, last)| last)),
        ),
    }
}

/// What the strategy said of steps that it could not weigh in the ordinary way.
fn said_by_the_strategy(evidence: &Evidence) -> String {
    let mut text = String::new();
    let of_all = |steps: f64| format!("{steps:.0} of {:.0} steps", evidence.steps);
    if evidence.without_gradient > 0.0 {
        text += &format!(
            " It had labels but no gradient at the representation in {}.",
            of_all(evidence.without_gradient)
        );
    }
    if evidence.no_solution > 0.0 {
        text += &format!(
            " The strategy had no weights to give in {}, in which the trunk did not move.",
            of_all(evidence.no_solution)
        );
    }
    text
}

fn course(evidence: &Evidence) -> String {
    if evidence.signed() {
        // A percentage of a number whose zero means nothing would mean nothing.
        return format!(
            "its validation loss went from {} to {}",
            number(evidence.first),
            number(evidence.last)
        );
    }
    format!(
        "its validation loss went from {} to {} ({:+.1} %)",
        number(evidence.first),
        number(evidence.last),
        100.0 * evidence.change()
    )
}

fn overfitted(evidence: &Evidence) -> String {
    let best = match evidence.best() {
        Some((epoch, loss)) if loss < evidence.last => {
            format!(" (best: {} after epoch {epoch})", number(loss))
        }
        _ => String::new(),
    };
    format!(
        "{} overfitted: on its training data it is {:.0} % below the best constant, on validation data {:.0} % above; {}{best}; \
         more data or more dropout would help, fewer epochs would do no harm.",
        evidence.task,
        100.0 * evidence.trained_skill.unwrap_or_default(),
        -100.0 * evidence.skill.unwrap_or_default(),
        course(evidence),
    )
}

fn diverged(evidence: &Evidence) -> String {
    let task = &evidence.task;
    let last = number(evidence.last);
    let advice = "lower the learning rate or its weight";
    match evidence.trained {
        Some((before, after)) => format!(
            "{task} diverged: its training loss went from {} to {}, its validation loss is {last}; {advice}.",
            number(before),
            number(after),
        ),
        None => format!("{task} diverged: its validation loss is {last}; {advice}."),
    }
}

fn over_trivial(evidence: &Evidence) -> String {
    let Some(skill) = evidence.skill else {
        return "; there is no trivial predictor to compare with".into();
    };
    let over = |skill: f64, what: &str| match skill >= 0.0 {
        true => format!("{:.0} % below the {what}", 100.0 * skill),
        false => format!("{:.0} % above the {what}", -100.0 * skill),
    };
    let constant = over(skill, "best constant");
    match evidence.skill_over_position {
        Some(position) => format!(
            ", {constant} and {}{}",
            over(position, "best guess from the position alone"),
            reaches(evidence.position)
        ),
        None => format!(", {constant}"),
    }
}

fn reaches(loss: Option<f64>) -> String {
    loss.map_or_else(String::new, |loss| format!(" ({})", number(loss)))
}

fn beside_constant(evidence: &Evidence) -> String {
    match evidence.constant {
        Some(constant) => format!(", and the best constant reaches {}", number(constant)),
        None => String::new(),
    }
}

/// What is left to try when nothing stands in the way that the history shows.
fn nothing_found(evidence: &Evidence, verdict: Verdict) -> String {
    let share = evidence.share.map(|share| {
        let beside = match share >= evidence.intended {
            true => "no less than",
            false => "not far below",
        };
        format!(
            "its share of the gradient, {}, is {beside} the intended {}, and no stronger task works against it",
            percent(share),
            percent(evidence.intended)
        )
    });
    match (verdict, share) {
        (Verdict::OnlyMean | Verdict::OnlyPosition, Some(share)) => {
            format!(
                " No cause in the gradients: {share}; more data, more steps or another target are next to try."
            )
        }
        (Verdict::OnlyMean | Verdict::OnlyPosition, None) => {
            " Its gradients were not audited, so no cause is known; audit them.".into()
        }
        _ => String::new(),
    }
}

/// The sentence of [`Cause::Starved`](super::Cause::Starved).
pub(super) fn starved(evidence: &Evidence, other: &Evidence) -> String {
    let beside = format!(
        "it is starved: its loss moved by {:+.1} % while that of {} moved by {:+.1} %",
        100.0 * evidence.change(),
        other.task,
        100.0 * other.change()
    );
    match evidence.share {
        Some(share) => format!(
            "{beside}, and {} of the gradient at the representation is its own, where {} was meant; raise its weight about {}-fold",
            percent(share),
            percent(evidence.intended),
            fold(evidence.intended / share)
        ),
        None => format!("{beside}; audit the gradients to be sure, then raise its weight"),
    }
}

/// The sentence of [`Cause::DominatedBy`](super::Cause::DominatedBy).
pub(super) fn dominated(evidence: &Evidence, own: f64, other: &Evidence, share: f64) -> String {
    format!(
        "{} dominates: it has {} of the gradient at the representation ({} was meant), {} has {}; lower the weight of {} about {}-fold",
        other.task,
        percent(share),
        percent(other.intended),
        evidence.task,
        percent(own),
        other.task,
        fold(share / other.intended)
    )
}

/// The sentence of [`Cause::InConflictWith`](super::Cause::InConflictWith).
pub(super) fn in_conflict(other: &str, cosine: f64) -> String {
    format!(
        "it pulls against {other}: the cosine of their gradients at the representation is {cosine:.2}; give each of them more \
         layers of its own, or combine their gradients so that neither undoes the other"
    )
}

/// The sentence of [`Cause::OutOfReach`](super::Cause::OutOfReach).
pub(super) fn out_of_reach(reach: &Reach) -> String {
    // A head whose targets are of size one already gains nothing from a factor.
    let advice = match reach.spread >= 2.0 {
        true => format!(
            "multiply the head's output by about {}, or train longer",
            number(reach.spread)
        ),
        false => "train longer, or with a higher learning rate".into(),
    };
    format!(
        "its targets are out of the optimizer's reach: they spread by {} around their mean, and at this learning rate {:.0} steps \
         can move a head by {} at most, so at least {:.0} steps are needed; {advice}",
        number(reach.spread),
        reach.steps,
        number(reach.moved),
        reach.steps_needed(),
    )
}

/// The sentence of [`Cause::WeightRunningAway`](super::Cause::WeightRunningAway).
pub(super) fn running_away(evidence: &Evidence, first: f64, last: f64, negative: bool) -> String {
    let objective = match (negative, evidence.objective) {
        (true, Some((_, objective))) => {
            format!(" and the objective is {} by now", number(objective))
        }
        _ => String::new(),
    };
    let advice = match last > first {
        true => "bound the weight, give the weights a smaller learning rate, or stop earlier",
        false => {
            "give it a fixed weight: what learns its weight has turned it down because it is hard"
        }
    };
    format!(
        "its weight runs away: it went from {} to {} and still does not stand, while the loss does not get better{objective}; {advice}",
        number(first),
        number(last)
    )
}

fn percent(share: f64) -> String {
    match share < 0.0995 {
        true => format!("{:.1} %", 100.0 * share),
        false => format!("{:.0} %", 100.0 * share),
    }
}

/// A factor to change a weight by; more than a thousandfold is not advice any more.
fn fold(factor: f64) -> String {
    match factor {
        f if !f.is_finite() || f > 1000.0 => "1000".into(),
        f if f >= 9.5 => format!("{f:.0}"),
        f => format!("{f:.1}"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Four digits that matter.
pub(crate) fn number(value: f64) -> String {
    // Below, five decimals would show nothing of it; above, most digits would be noise.
    let odd = value != 0.0 && !(1e-5..1e7).contains(&value.abs());
    if odd && value.is_finite() {
        return format!("{value:.3e}");
    }
    let digits = match value.abs() {
        v if v >= 100.0 => 1,
        v if v >= 10.0 => 2,
        v if v >= 1.0 => 3,
        v if v >= 0.1 => 4,
        _ => 5,
    };
    format!("{value:.digits$}")
}
