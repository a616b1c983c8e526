//! Builds the sections of a run's page, one section per file.

mod answers;
mod chosen;
mod cosines;
mod final_numbers;
mod gradients;
mod losses;
mod matrix;
mod metrics;
mod shares;
mod skill;
mod verdicts;
mod weights;

pub(super) use answers::answers;
pub(super) use chosen::{drawn_tasks, listed};
pub(super) use final_numbers::final_numbers;
pub(super) use gradients::gradients;
pub(super) use losses::losses;
pub(super) use metrics::metrics;
pub(super) use skill::skill;
pub(super) use verdicts::verdicts;
pub(super) use weights::weights;

use super::axis::Axis;
use super::lines::{LineChart, LineSeries, Vertical};
use super::page::paragraph;
use super::style_class::SERIES;
use crate::history::quantity::is_part;
use crate::history::{History, Split, quantity};

/// Draws one line per task for a quantity, in charts of at most [`SERIES`] lines with the same axis.
fn tasks_together(
    history: &History,
    split: Split,
    quantity: &str,
    title: &str,
    y_name: &str,
) -> Vec<LineChart> {
    let series: Vec<LineSeries> = history
        .tasks()
        .iter()
        .enumerate()
        .map(|(number, task)| LineSeries::new(*task, number, history.series(split, task, quantity)))
        .filter(|series| !series.points.is_empty())
        .collect();
    let all = series.len();
    let values = series
        .iter()
        .flat_map(|s| s.points.iter().map(|(_, value)| *value));
    let axis = if is_part(quantity) {
        Axis::from_zero(values)
    } else {
        Axis::of(values)
    };
    let mut charts = Vec::new();
    let mut rest = series;
    while !rest.is_empty() {
        let next = rest.split_off(rest.len().min(SERIES));
        let first = charts.len() * SERIES + 1;
        let title = match all {
            1 => format!("{title} of {}", rest[0].name),
            all if all > SERIES => {
                format!(
                    "{title}, tasks {first} to {} of {all}",
                    first + rest.len() - 1
                )
            }
            _ => title.into(),
        };
        charts
            .push(LineChart::new(title, y_name, rest).with_vertical(Vertical::Fixed(axis.clone())));
        rest = next;
    }
    charts
}

/// The largest number of quantities that training itself does not record and that are drawn.
const OTHERS: usize = 60;

/// Iterates over the first [`OTHERS`] quantities that training itself does not record: the strategy's state and metrics.
fn others(history: &History) -> impl Iterator<Item = &str> {
    all_others(history).take(OTHERS)
}

fn all_others(history: &History) -> impl Iterator<Item = &str> {
    history
        .quantities()
        .filter(|name| !quantity::is_recorded(name))
}

/// Returns a sentence if not all of the other quantities are drawn, otherwise an empty text.
fn left_out(history: &History) -> String {
    let count = all_others(history).count();
    if count > OTHERS {
        paragraph(&format!(
            "The first {OTHERS} of {count} quantities are drawn."
        ))
    } else {
        String::new()
    }
}

fn drawn(charts: &[LineChart]) -> Vec<String> {
    charts.iter().map(LineChart::html).collect()
}
