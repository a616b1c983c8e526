//! Losses: a chart a task, with what the trivial predictors reach, the skills together, and the training as a whole.

use super::super::ledger::Ledger;
use super::super::lines::{LineChart, Series};
use super::super::page::{Section, grid, paragraph};
use super::{drawn, tasks_together};
use crate::history::{ALL_TASKS, Split, quantity};

const ABOUT: &str = "Raw losses before any weighting. The lines across are predictors that see no input: the best constant, \
    and the best guess that knows only the position in the sequence. A task above them has learned nothing from its \
    inputs yet, however far its loss fell.";

pub(in crate::report) fn losses(ledger: &Ledger<'_>) -> Section {
    let charts = ledger
        .tasks()
        .iter()
        .filter_map(|task| of_task(ledger, task));
    let charts: Vec<LineChart> = charts.collect();
    let mut body = match charts.is_empty() {
        true => paragraph("No losses were recorded."),
        false => paragraph(ABOUT) + &grid(drawn(&charts)),
    };
    body += &together(ledger);
    Section {
        anchor: "losses".into(),
        title: "Losses".into(),
        body,
    }
}

fn of_task(ledger: &Ledger<'_>, task: &str) -> Option<LineChart> {
    let course = |split| ledger.course(split, task, quantity::LOSS);
    let known = |name| ledger.known(Split::Valid, task, name);
    let splits = [
        ("validation", 0, Split::Valid),
        ("training", 1, Split::Train),
    ];
    let series: Vec<Series> = splits
        .into_iter()
        .map(|(name, number, split)| Series::new(name, number, course(split)))
        .filter(|series| !series.points.is_empty())
        .collect();
    (!series.is_empty()).then(|| {
        LineChart::new(task, "raw loss", series)
            .with_reference("best constant", known(quantity::CONSTANT_LOSS))
            .with_reference("position only", known(quantity::POSITION_LOSS))
    })
}

fn together(ledger: &Ledger<'_>) -> String {
    let skills = [
        (quantity::SKILL, "Skill over the best constant"),
        (quantity::SKILL_OVER_POSITION, "Skill over the position"),
    ];
    let mut charts: Vec<LineChart> = Vec::new();
    for (name, title) in skills {
        let of_tasks = tasks_together(ledger, Split::Valid, name, title, "1 − loss / reference");
        charts.extend(
            of_tasks
                .into_iter()
                .map(|chart| chart.with_reference("no skill", Some(0.0))),
        );
    }
    let whole = [
        (
            Split::Valid,
            quantity::RELATIVE_LOSS,
            "Mean loss relative to the best constant",
            "ratio",
        ),
        (
            Split::Train,
            quantity::OBJECTIVE,
            "Objective",
            "what was differentiated",
        ),
        (
            Split::Train,
            quantity::LEARNING_RATE,
            "Learning rate",
            "at the end of the epoch",
        ),
    ];
    for (split, name, title, y_name) in whole {
        let course = ledger.course(split, ALL_TASKS, name);
        if !course.is_empty() {
            let series = vec![Series::new("all tasks", 6, course)];
            charts.push(LineChart::new(title, y_name, series));
        }
    }
    match charts.is_empty() {
        true => String::new(),
        false => format!("<h3>All tasks together</h3>\n{}", grid(drawn(&charts))),
    }
}
