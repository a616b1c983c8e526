//! Builds the section on the effective weights and the state of the strategy.

use super::super::lines::{LineChart, LineSeries};
use super::super::page::{Section, grid, paragraph};
use super::{drawn, left_out, others, tasks_together};
use crate::history::quantity::in_words;
use crate::history::{ALL_TASKS, History, Split, quantity};

const ABOUT: &str = "The effective weight of a task is the derivative of the objective with respect to its raw loss, the mean \
    over the steps of an epoch. It says how a change of the loss counts, not how much of the gradient it makes.";

pub(in crate::report) fn weights(history: &History) -> Section {
    let weight = quantity::WEIGHT;
    let title = "Effective weights";
    let mut charts = tasks_together(history, Split::Train, weight, title, "d objective / d loss");
    let about = if charts.is_empty() {
        "No effective weights were recorded."
    } else {
        ABOUT
    };
    charts.extend(state(history));
    let body = paragraph(about) + &left_out(history) + &grid(drawn(&charts));
    Section {
        anchor: "weights".into(),
        title: "Weights".into(),
        body,
    }
}

/// Draws the quantities on training data that training itself does not record: the state of the strategy.
fn state(history: &History) -> Vec<LineChart> {
    let mut charts = Vec::new();
    for quantity in others(history) {
        let name = in_words(quantity);
        let title = format!("State of the strategy: {name}");
        charts.extend(tasks_together(
            history,
            Split::Train,
            quantity,
            &title,
            &name,
        ));
        let course = history.series(Split::Train, ALL_TASKS, quantity);
        if !course.is_empty() {
            let series = vec![LineSeries::new("all tasks", 6, course)];
            charts.push(LineChart::new(title, name, series));
        }
    }
    charts
}
