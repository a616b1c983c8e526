//! Builds the section of metrics on validation data, with charts for each quantity.

use super::super::lines::{LineChart, LineSeries, Vertical};
use super::super::page::{Section, grid};
use super::{drawn, left_out, others, tasks_together};
use crate::history::quantity::{Better, better, in_words, is_part};
use crate::history::{ALL_TASKS, History, Split};

/// Builds the section, or returns `None` if there are no metrics.
pub(in crate::report) fn metrics(history: &History) -> Option<Section> {
    let mut charts = Vec::new();
    for quantity in others(history) {
        let name = in_words(quantity);
        let direction = match better(quantity) {
            Some(Better::Lower) => "lower is better",
            Some(Better::Higher) => "higher is better",
            None => "validation data",
        };
        let course = history.series(Split::Valid, ALL_TASKS, quantity);
        if !course.is_empty() {
            let series = vec![LineSeries::new("all tasks", 6, course)];
            let chart = LineChart::new(name.clone(), direction, series);
            let chart =
                chart.with_reference(CONSTANT, history.known(Split::Valid, ALL_TASKS, quantity));
            charts.push(if is_part(quantity) {
                chart.with_vertical(Vertical::Parts)
            } else {
                chart
            });
        }
        let together = tasks_together(history, Split::Valid, quantity, &name, direction);
        charts.extend(
            together
                .into_iter()
                .map(|chart| beside_constants(history, quantity, chart)),
        );
    }
    let charts: Vec<LineChart> = charts
        .into_iter()
        .map(|chart| chart.with_mark(history.best_epoch(), "best"))
        .collect();
    (!charts.is_empty()).then(|| Section {
        anchor: "metrics".into(),
        title: "Other metrics".into(),
        body: left_out(history) + &grid(drawn(&charts)),
    })
}

/// The name of the reference line: the metric of a constant predictor.
const CONSTANT: &str = "a constant";

fn beside_constants(history: &History, quantity: &str, mut chart: LineChart) -> LineChart {
    let tasks = history.tasks();
    let known = |task: &str| history.known(Split::Valid, task, quantity);
    let several = tasks.iter().filter(|task| known(task).is_some()).count() > 1;
    for task in tasks {
        let name = if several {
            format!("{CONSTANT}: {task}")
        } else {
            CONSTANT.into()
        };
        chart = chart.with_reference(&name, known(task));
    }
    chart
}
