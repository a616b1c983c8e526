//! Draws the gradient shares of all tasks together, with the number of audits.

use super::super::lines::LineChart;
use super::super::page::{grid, paragraph};
use super::{drawn, tasks_together};
use crate::history::{History, Split, quantity};

const ABOUT: &str = "A task's share is its part of the summed norms of all weighted gradients at the shared representation, \
    the mean over the audited steps of an epoch in which it had labels.";

/// Returns the charts, or an empty text if no shares were recorded.
pub(super) fn shares(history: &History, all: usize) -> String {
    let title = "Whose gradient moves the representation";
    let charts = tasks_together(
        history,
        Split::Train,
        quantity::GRADIENT_SHARE,
        title,
        "gradient share",
    );
    let charts: Vec<LineChart> = charts
        .into_iter()
        .map(|chart| {
            let even = 1.0 / all.max(1) as f64;
            let chart = chart.with_mark(history.best_epoch(), "best");
            if meant(history).is_empty() {
                chart.with_reference("even", Some(even))
            } else {
                chart
            }
        })
        .collect();
    if charts.is_empty() {
        return String::new();
    }
    let mut about = ABOUT.to_string();
    about += &audits(history);
    about += &meant(history);
    paragraph(&about) + &grid(drawn(&charts))
}

fn audits(history: &History) -> String {
    let of = |task: &&str| history.series(Split::Train, task, quantity::AUDITS).total();
    let counts: Vec<f64> = history.tasks().iter().map(of).collect();
    let least = counts.iter().copied().fold(f64::INFINITY, f64::min);
    let most = counts.iter().copied().fold(0.0, f64::max);
    if most == 0.0 {
        String::new()
    } else if least == most {
        format!(" {most:.0} audits in all.")
    } else {
        format!(" {least:.0} to {most:.0} audits in all, as the tasks had labels.")
    }
}

/// Describes the intended shares. Returns an empty text if none were recorded.
fn meant(history: &History) -> String {
    let told = history.tasks().into_iter().filter_map(|task| {
        let share = history.known(Split::Train, task, quantity::INTENDED_SHARE)?;
        Some(format!("{task} {:.0} %", 100.0 * share))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        String::new()
    } else {
        format!(" Meant were {}.", told.join(", "))
    }
}
