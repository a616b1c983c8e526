//! Builds the first section: verdict, causes and remedy of each task.

use std::collections::{HashMap, HashSet};

use super::super::page::{Section, folded, paragraph};
use super::super::sparkline::sparkline;
use super::super::text::{count, escape, spread};
use crate::diagnosis::{Finding, Remedy, TaskDiagnosis, Verdict};
use crate::history::{History, Series, Split, quantity};

/// The range of the drawn skill. Lower skills are clipped.
const SHOWN: (f64, f64) = (-0.5, 1.0);

const NOTHING: &str = "–";

/// Builds the section. `commands` has pairs of a task and its remedy as a command. If not all tasks are drawn, those in `drawn`
/// come first, and the others are folded; `all` is the number of tasks of the whole history.
pub(in crate::report) fn answers(
    history: &History,
    diagnoses: &[TaskDiagnosis],
    commands: &[(String, String)],
    drawn: Option<&HashSet<String>>,
    all: usize,
) -> Section {
    let tasks = tasks(history);
    let of_task: HashMap<&str, &TaskDiagnosis> = diagnoses
        .iter()
        .map(|diagnosis| (diagnosis.task.as_str(), diagnosis))
        .collect();
    let row = |task: &&str| {
        let found = of_task.get(task).copied();
        let command = commands.iter().find(|(name, _)| name == task);
        row(history, task, found, command.map(|(_, text)| text.as_str()))
    };
    let is_drawn = |task: &&str| drawn.is_none_or(|names| names.contains(*task));
    let first: String = tasks
        .iter()
        .filter(|task| is_drawn(task))
        .map(row)
        .collect();
    let others = tasks.iter().filter(|task| !is_drawn(task));
    let others: String = others.map(row).collect();
    let mut body = if first.is_empty() {
        paragraph("The history has no task: no epoch was finished.")
    } else {
        paragraph(&total(history, diagnoses)) + &rows_table(&first)
    };
    if let Some(names) = drawn {
        let rest = tasks.len().saturating_sub(names.len());
        body += &paragraph(&chosen(names.len(), tasks.len(), all));
        body += &folded(&format!("The other {rest} tasks"), &rows_table(&others));
    }
    Section {
        anchor: "answers".into(),
        title: "What each task learned".into(),
        body,
    }
}

/// Says which tasks the page shows, where it does not show all.
fn chosen(drawn: usize, listed: usize, all: usize) -> String {
    let first = if listed < all {
        format!(" Only the first tasks of {all} are listed.")
    } else {
        String::new()
    };
    format!(
        "The charts, sentences and numbers below are those of the {drawn} tasks with the lowest skill of {listed}.{first} \
         The numbers of all tasks are in history.csv beside this file."
    )
}

fn rows_table(rows: &str) -> String {
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Answers\">\n<table class=\"answers\">\n\
             <thead><tr><th scope=\"col\" class=\"left\">task</th><th scope=\"col\" class=\"left\">verdict</th>\
             <th scope=\"col\" class=\"left\">skill</th><th scope=\"col\" class=\"left\">why</th>\
             <th scope=\"col\" class=\"left\">what to do</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n",
    )
}

/// Formats the summary: `3 of 4 tasks learned; best epoch 17 of 20.`
fn total(history: &History, diagnoses: &[TaskDiagnosis]) -> String {
    let learned = diagnoses.iter().filter(|d| d.verdict == Verdict::Learned);
    let best = match history.best_epoch() {
        Some(best) => format!("best epoch {best} of {}", history.last_epoch()),
        None => count(history.last_epoch(), "epoch"),
    };
    format!(
        "{} of {} learned; {best}. Skill is 1 − loss / loss of a predictor that has seen no input: 0 is no better than it, 1 is perfect.",
        learned.count(),
        count(tasks(history).len(), "task"),
    )
}

/// Returns the tasks that have a loss. Metrics may be recorded under other names.
fn tasks(history: &History) -> Vec<&str> {
    let has_loss = |task: &&str| {
        let of = |split| !history.series(split, task, quantity::LOSS).is_empty();
        of(Split::Valid) || of(Split::Train)
    };
    history.tasks().into_iter().filter(has_loss).collect()
}

fn row(
    history: &History,
    task: &str,
    diagnosis: Option<&TaskDiagnosis>,
    command: Option<&str>,
) -> String {
    let good = diagnosis.is_some_and(|d| d.verdict == Verdict::Learned);
    let (class, sign) = if good { ("good", "✓") } else { ("bad", "!") };
    let verdict = diagnosis.map_or("no verdict".into(), |d| d.verdict.to_string());
    format!(
        "<tr class=\"{class}\"><th scope=\"row\">{}</th><td class=\"verdict\">{sign} {}</td><td class=\"skill\">{}</td>\
         {}{}</tr>\n",
        escape(task),
        escape(&verdict),
        skill(history, task, diagnosis),
        words(&why(diagnosis)),
        words(&what_to_do(task, diagnosis, command)),
    )
}

fn words(text: &str) -> String {
    // The style sheet hides empty cells on a phone.
    let class = if text == NOTHING {
        "words none"
    } else {
        "words"
    };
    format!("<td class=\"{class}\">{text}</td>")
}

/// Formats the skill: a sparkline, and the value in the best epoch.
fn skill(history: &History, task: &str, diagnosis: Option<&TaskDiagnosis>) -> String {
    let series = history.series(Split::Valid, task, quantity::SKILL);
    let Some(skill) = diagnosis.and_then(|d| d.skill) else {
        return "unknown".into();
    };
    let margin = diagnosis.and_then(|d| d.skill_margin);
    let text = spread(skill, margin);
    format!(
        "{} <span>{}</span>",
        line(task, series, diagnosis),
        escape(&text)
    )
}

fn line(task: &str, series: &Series, diagnosis: Option<&TaskDiagnosis>) -> String {
    let points: Vec<(f64, f64)> = series
        .into_iter()
        .map(|(epoch, value)| (epoch as f64, value))
        .collect();
    let about = format!("skill of {task} over the epochs, from −50 % to 100 %");
    let told = diagnosis.map(|diagnosis| diagnosis.epoch as f64);
    sparkline(&points, SHOWN.0, SHOWN.1, 0.0, told, &about)
}

/// Formats the causes, each with its confidence.
fn why(diagnosis: Option<&TaskDiagnosis>) -> String {
    let Some(diagnosis) = diagnosis else {
        return "it has no validation loss".into();
    };
    let told = |finding: &Finding| format!("{}: {}", finding.confidence, finding.cause);
    let causes: Vec<String> = diagnosis.findings.iter().map(told).collect();
    match (causes.is_empty(), diagnosis.verdict) {
        (false, _) => escape(&causes.join("; ")),
        (true, Verdict::Learned) => NOTHING.into(),
        (true, Verdict::Undecided) => "too few validation data".into(),
        (true, Verdict::Overfitted) => "it knows its training data by heart".into(),
        (true, _) if diagnosis.remedy == Some(Remedy::MoreData) => {
            "nothing that was tried helped".into()
        }
        (true, Verdict::NotTrained) => "its weight is 0".into(),
        (true, Verdict::Unlabelled) => "the validation data have no label for it".into(),
        (true, Verdict::Diverged) => "its loss grew, or is not finite".into(),
        (true, _) if diagnosis.remedy == Some(Remedy::ProbeMore) => {
            "what was tried did not tell".into()
        }
        (true, _) => "no cause is known".into(),
    }
}

/// Replaces backticks by `code` elements.
fn with_code(text: &str) -> String {
    let part = |(at, part): (usize, &str)| match at % 2 {
        0 => part.to_owned(),
        _ => format!("<code>{part}</code>"),
    };
    text.split('`').enumerate().map(part).collect()
}

fn what_to_do(task: &str, diagnosis: Option<&TaskDiagnosis>, command: Option<&str>) -> String {
    let remedy = diagnosis.and_then(|d| d.remedy.as_ref());
    match (command, remedy) {
        (Some(command), Some(Remedy::Strategy(_))) => {
            format!(
                "<code class=\"copy\">{}</code> (not measured)",
                escape(command)
            )
        }
        (Some(command), _) => format!("<code class=\"copy\">{}</code>", escape(command)),
        (None, Some(remedy)) => with_code(&escape(&remedy.sentence(task))),
        (None, None) => NOTHING.into(),
    }
}
