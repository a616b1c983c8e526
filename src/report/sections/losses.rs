//! Builds the section of losses: a chart per task with the uninformed predictors, and charts of all tasks together.

use super::super::lines::{LineChart, LineSeries};
use super::super::page::{Section, grid, paragraph};
use super::drawn;
use crate::history::{ALL_TASKS, History, Split, quantity};

const ABOUT: &str = "Raw losses before any weighting. The lines across are predictors that see no input: the best constant, \
    and the best guess that knows only the position in the sequence.";

pub(in crate::report) fn losses(history: &History) -> Section {
    let tasks = history.tasks().into_iter();
    let charts: Vec<LineChart> = tasks.filter_map(|task| of_task(history, task)).collect();
    let mut body = if charts.is_empty() {
        paragraph("No losses were recorded.")
    } else {
        paragraph(ABOUT) + &grid(drawn(&charts))
    };
    body += &together(history);
    Section {
        anchor: "losses".into(),
        title: "Losses".into(),
        body,
    }
}

fn of_task(history: &History, task: &str) -> Option<LineChart> {
    let course = |split| history.series(split, task, quantity::LOSS);
    let known = |name| history.known(Split::Valid, task, name);
    let splits = [
        ("validation", 0, Split::Valid),
        ("training", 1, Split::Train),
    ];
    let series: Vec<LineSeries> = splits
        .into_iter()
        .map(|(name, number, split)| LineSeries::new(name, number, course(split)))
        .filter(|series| !series.points.is_empty())
        .collect();
    (!series.is_empty()).then(|| {
        LineChart::new(task, "raw loss", series)
            .with_reference("best constant", known(quantity::CONSTANT_LOSS))
            .with_reference("position only", known(quantity::POSITION_LOSS))
            .with_mark(history.best_epoch(), "best")
    })
}

fn together(history: &History) -> String {
    let mut charts: Vec<LineChart> = Vec::new();
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
        let course = history.series(split, ALL_TASKS, name);
        if !course.is_empty() {
            let series = vec![LineSeries::new("all tasks", 6, course)];
            let chart = LineChart::new(title, y_name, series);
            charts.push(chart.with_mark(history.best_epoch(), "best"));
        }
    }
    if charts.is_empty() {
        String::new()
    } else {
        format!("<h3>All tasks together</h3>\n{}", grid(drawn(&charts)))
    }
}
