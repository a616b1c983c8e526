//! The verdicts in words: a card for each task.

use super::super::ledger::Ledger;
use super::super::page::{Section, paragraph};
use super::super::text::{count, escape, number, percent};
use crate::diagnosis::{TaskDiagnosis, Verdict, diagnose};
use crate::history::{History, Split, quantity};

pub(in crate::report) fn verdicts(history: &History, ledger: &Ledger<'_>) -> Section {
    let diagnoses = diagnose(history);
    let cards = ledger.tasks().iter().map(|task| {
        let found = diagnoses.iter().find(|diagnosis| diagnosis.task == *task);
        card(ledger, task, found)
    });
    let cards: String = cards.collect();
    let body = match cards.is_empty() {
        true => paragraph("The history has no task: no epoch was finished."),
        false => format!(
            "{}<div class=\"cards\">\n{cards}</div>\n",
            paragraph(&total(ledger, &diagnoses))
        ),
    };
    Section {
        anchor: "verdicts".into(),
        title: "What became of each task".into(),
        body,
    }
}

/// `3 of 4 tasks learned in 20 epochs.`
fn total(ledger: &Ledger<'_>, diagnoses: &[TaskDiagnosis]) -> String {
    let learned = diagnoses.iter().filter(|d| d.verdict == Verdict::Learned);
    let epochs = ledger.tasks().iter().flat_map(|task| {
        let losses = |split| ledger.course(split, task, quantity::LOSS);
        [losses(Split::Valid).len(), losses(Split::Train).len()]
    });
    format!(
        "{} of {} learned in {}. Losses are raw losses on validation data; skill is 1 − loss / loss of a predictor that \
         has seen no input: 0 is no better than it, 1 is perfect.",
        learned.count(),
        count(ledger.tasks().len(), "task"),
        count(epochs.max().unwrap_or(0), "epoch"),
    )
}

fn card(ledger: &Ledger<'_>, task: &str, diagnosis: Option<&TaskDiagnosis>) -> String {
    let good = diagnosis.is_some_and(|d| d.verdict == Verdict::Learned);
    let (class, sign) = if good {
        ("card good", "✓")
    } else {
        ("card", "!")
    };
    let label = diagnosis.map_or("no verdict".into(), TaskDiagnosis::label);
    let sentence = diagnosis.map_or("It has no validation loss.".into(), |d| d.sentence.clone());
    let numbers = numbers(ledger, task);
    let numbers = numbers
        .iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>\n"));
    format!(
        "<article class=\"{class}\">\n<h3>{}</h3>\n<p class=\"verdict\">{sign} {}</p>\n<p>{}</p>\n<dl>\n{}</dl>\n</article>\n",
        escape(task),
        escape(&label),
        escape(&sentence),
        numbers.collect::<String>()
    )
}

fn numbers(ledger: &Ledger<'_>, task: &str) -> Vec<(&'static str, String)> {
    let valid = |name| ledger.course(Split::Valid, task, name);
    let train = |name| ledger.course(Split::Train, task, name);
    let value = |course: &[(usize, f64)]| course.last().map(|(_, value)| *value);
    let plain = |found: Option<f64>| found.map(number);
    let share = |found: Option<f64>| found.map(percent);
    let known = [
        (
            "first validation loss",
            valid(quantity::LOSS).first().map(|(_, v)| number(*v)),
        ),
        ("last validation loss", plain(value(valid(quantity::LOSS)))),
        ("skill over constant", share(value(valid(quantity::SKILL)))),
        (
            "skill over position",
            share(value(valid(quantity::SKILL_OVER_POSITION))),
        ),
        (
            "effective weight, last",
            plain(value(train(quantity::WEIGHT))),
        ),
        (
            "gradient share, last",
            share(value(train(quantity::GRADIENT_SHARE))),
        ),
    ];
    let known = known.into_iter();
    known
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
