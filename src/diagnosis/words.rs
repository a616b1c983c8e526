//! Writes the sentence of a task: its verdict in numbers, the findings and the remedy.

use super::causes::Finding;
use super::evidence::{Evidence, Skill};
use super::experiments::Experiments;
use super::findings::meant;
use super::remedy::Remedy;
use super::trials::{Effect, LEAST, Trial};
use super::verdict::Verdict;
use crate::history::NoBaseline;
use crate::text::{number, percent};

/// A skill below minus this value is written as a multiple of the constant's loss, not in percent.
const FAR: f64 = 9.0;

pub(super) fn sentence(
    evidence: &Evidence,
    verdict: Verdict,
    findings: &[Finding],
    experiments: Option<&Experiments<'_>>,
    remedy: Option<&Remedy>,
) -> String {
    let mut text = what_it_knows(evidence, verdict);
    for finding in findings {
        text += &format!(
            " {}: {}.",
            capital(&finding.confidence.to_string()),
            finding.sentence
        );
    }
    match experiments.filter(|_| verdict != Verdict::Learned) {
        Some(experiments) if experiments.helped().is_empty() => {
            text += &nothing_helped(experiments);
        }
        None if findings.is_empty() => text += &nothing_found(evidence, verdict),
        _ => {}
    }
    if let Some(remedy) = remedy {
        text += &format!(" Next: {}.", remedy.sentence(&evidence.task));
    }
    text += &said_by_the_strategy(evidence);
    text
}

fn what_it_knows(evidence: &Evidence, verdict: Verdict) -> String {
    let task = &evidence.task;
    let course = course(evidence);
    match verdict {
        Verdict::Learned => format!(
            "{task} learned: {}{}; {course}.",
            judged(evidence),
            later(evidence)
        ),
        Verdict::Undecided => format!(
            "Whether {task} learned is not known from so few validation data: {}; {course}.",
            judged(evidence)
        ),
        Verdict::OnlyPosition => format!(
            "{task} knows only its position: {}; {course}.",
            judged(evidence)
        ),
        Verdict::OnlyMean => format!(
            "{task} is no better than a constant: {}; {course}.",
            judged(evidence)
        ),
        Verdict::Overfitted => overfitted(evidence),
        Verdict::Diverged => diverged(evidence),
        Verdict::NotTrained => format!("{task} is not trained: its weight is 0."),
        Verdict::Unlabelled => format!(
            "{task} has no labels in the validation data, so what it learned is unknown; its training loss went from {} to {}.",
            number(evidence.trained.map_or(f64::NAN, |(first, _)| first)),
            number(evidence.trained.map_or(f64::NAN, |(_, last)| last)),
        ),
        Verdict::NoBaseline => format!(
            "What {task} learned is unknown, because there is no uninformed predictor to compare with ({}): {course}.",
            no_baseline(evidence)
        ),
    }
}

fn no_baseline(evidence: &Evidence) -> &'static str {
    match evidence.no_baseline {
        Some(NoBaseline::NotTheSamples) => {
            "the first dimension of the representation is not the samples of a batch; \
             `MultiTaskModel::without_inputs` gives batches to compare with"
        }
        Some(NoBaseline::NoLabels) => "the training data that were looked at have no label for it",
        Some(NoBaseline::NotConverged) => "the baseline did not converge",
        None if evidence.constant == Some(0.0) => "a constant has a loss of 0",
        None => "none was recorded; the training setting `baseline` fits it",
    }
}

/// Compares the task with the trivial predictors at the epoch whose network is kept.
fn judged(evidence: &Evidence) -> String {
    let Some(skill) = evidence.skill else {
        return "there is no trivial predictor to compare with".into();
    };
    let when = if evidence.judged_last {
        format!("after epoch {},", evidence.judged)
    } else {
        format!("at the best epoch ({})", evidence.judged)
    };
    let constant = against(skill, evidence.constant, "best constant");
    match evidence.skill_over_position {
        Some(position) => format!(
            "{when} {constant}{} and {}{}",
            reaches(evidence.constant),
            against(
                position,
                evidence.position,
                "best guess from the position alone"
            ),
            reaches(evidence.position)
        ),
        None => format!("{when} {constant}{}", reaches(evidence.constant)),
    }
}

/// Compares a skill with a reference: in units of the loss if the reference is negative, otherwise in percent.
fn against(skill: Skill, reference: Option<f64>, what: &str) -> String {
    match reference.filter(|reference| *reference < 0.0) {
        Some(reference) => {
            let where_ = if skill.value >= 0.0 { "below" } else { "above" };
            let size = number(skill.value.abs() * reference.abs());
            match skill.margin {
                Some(margin) => format!(
                    "{size} ± {} {where_} the {what}",
                    number(margin * reference.abs())
                ),
                None => format!("{size} {where_} the {what}"),
            }
        }
        None => beside(skill, what),
    }
}

/// Compares a skill with a reference in percent: `12 ± 3 % below the best constant`.
fn beside(skill: Skill, what: &str) -> String {
    if skill.value < -FAR {
        return format!(
            "at {} times the loss of the {what}",
            number(1.0 - skill.value)
        );
    }
    let where_ = if skill.value >= 0.0 { "below" } else { "above" };
    let size = percent(skill.value.abs());
    match skill.margin {
        Some(margin) => {
            let size = size.trim_end_matches(" %");
            format!("{size} ± {} {where_} the {what}", percent(margin))
        }
        None => format!("{size} {where_} the {what}"),
    }
}

/// Describes the last epoch of a task that overfitted after the kept epoch.
fn later(evidence: &Evidence) -> String {
    let gone = evidence
        .last_skill
        .filter(|skill| !evidence.judged_last && *skill <= 0.0);
    match gone {
        Some(skill) => format!(
            " (after the last epoch it is {}: what came after was overfitted)",
            beside(
                Skill {
                    value: skill,
                    margin: None
                },
                "best constant"
            )
        ),
        None => String::new(),
    }
}

/// Reports the steps without a gradient and the steps without weights.
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
    // The skills in the sentence may belong to an earlier epoch.
    let until = if evidence.judged_last {
        ""
    } else {
        " by the last epoch"
    };
    if evidence.signed() {
        // A percentage has no meaning for a loss without a meaningful zero.
        return format!(
            "its validation loss went from {} to {}{until}",
            number(evidence.first),
            number(evidence.last)
        );
    }
    format!(
        "its validation loss went from {} to {}{until} ({:+.1} %)",
        number(evidence.first),
        number(evidence.last),
        100.0 * evidence.change()
    )
}

fn overfitted(evidence: &Evidence) -> String {
    let best = match evidence.best() {
        Some((epoch, loss)) if loss < evidence.last => {
            format!(" (lowest: {} after epoch {epoch})", number(loss))
        }
        _ => String::new(),
    };
    let trained = Skill {
        value: evidence.trained_skill.unwrap_or_default(),
        margin: None,
    };
    format!(
        "{} overfitted: on its training data it is {}, on validation data {}; {}{best}.",
        evidence.task,
        beside(trained, "best constant"),
        judged(evidence),
        course(evidence),
    )
}

fn diverged(evidence: &Evidence) -> String {
    let task = &evidence.task;
    let last = number(evidence.last);
    match evidence.trained {
        Some((before, after)) => format!(
            "{task} diverged: its training loss went from {} to {}, its validation loss is {last}.",
            number(before),
            number(after),
        ),
        None => format!("{task} diverged: its validation loss is {last}."),
    }
}

fn reaches(loss: Option<f64>) -> String {
    loss.map_or_else(String::new, |loss| format!(" ({})", number(loss)))
}

/// Reports that the history shows no cause.
fn nothing_found(evidence: &Evidence, verdict: Verdict) -> String {
    match (verdict, evidence.share) {
        (Verdict::OnlyMean | Verdict::OnlyPosition, Some(share)) => format!(
            " No cause shows in the gradients: it has {} of the gradient at the representation ({}), and no strong task works against \
             it.",
            percent(share),
            meant(evidence)
        ),
        (Verdict::OnlyMean | Verdict::OnlyPosition, None) => {
            " Its gradients were not audited, so no cause is known.".into()
        }
        _ => String::new(),
    }
}

fn nothing_helped(experiments: &Experiments<'_>) -> String {
    let tried = experiments.all().iter().map(|(trial, effect)| {
        let percent = |part: f64| format!("{:.1}", 100.0 * part);
        format!(
            "{} ({:+.1} ± {} %)",
            trial.change,
            100.0 * effect.difference,
            percent(effect.margin)
        )
    });
    let trials = experiments.trials;
    let undone = |(_, effect): &(&Trial, &Effect)| effect.helped(LEAST);
    let what = if experiments.all().iter().any(undone) {
        format!("below the {} that it had", number(experiments.bound()))
    } else {
        format!("down by {}", percent(LEAST))
    };
    let sure = if experiments.all_refuted() {
        ""
    } else {
        " for sure"
    };
    format!(
        " Nothing that was tried brought its loss {what}{sure} in {} steps ({} forks from epoch {}): {}.",
        trials.steps,
        trials.forks,
        trials.epoch,
        tried.collect::<Vec<String>>().join(", ")
    )
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
