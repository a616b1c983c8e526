//! Draws the cosines between the tasks' gradients: the strongest over epochs, and all in a matrix.

use std::collections::{BTreeSet, HashMap};

use super::super::lines::{LineChart, LineSeries, Vertical};
use super::super::page::{grid, paragraph};
use super::matrix::matrix;
use crate::history::History;

/// The largest number of pairs drawn over epochs. The matrix has all pairs.
const PAIRS: usize = 6;

const ABOUT: &str = "The cosine between two tasks' gradients at the representation: below 0 they pull against each other, \
    near 0 they leave each other alone.";

/// Returns a chart and a matrix, or an empty text if there are no cosines.
pub(super) fn cosines(history: &History) -> String {
    let pairs = pairs(history);
    if pairs.is_empty() {
        return String::new();
    }
    let means = |task: &str, other: &str| history.cosine(task, other).late_mean();
    let caption = "Mean cosine over the last half of the epochs";
    let table = matrix(caption, &history.tasks(), means);
    format!(
        "<h3>Do the tasks agree?</h3>\n{}{}",
        paragraph(ABOUT),
        grid([strongest(history, pairs).html(), table])
    )
}

pub(super) fn has_cosines(history: &History) -> bool {
    let mut tasks = history.tasks().into_iter();
    tasks.any(|task| history.cosines_of(task).next().is_some())
}

/// Draws the pairs with the largest absolute mean cosine over epochs.
fn strongest(history: &History, mut pairs: Vec<Pair<'_>>) -> LineChart {
    let all = pairs.len();
    // The sort is stable, so equal pairs keep the order of the tasks.
    pairs.sort_by(|a, b| b.strength().total_cmp(&a.strength()));
    pairs.truncate(PAIRS);
    let series = pairs.iter().enumerate().map(|(number, pair)| {
        let name = format!("{} × {}", pair.task, pair.other);
        LineSeries::new(name, number, history.cosine(pair.task, pair.other))
    });
    let note = if all > PAIRS {
        format!("The {PAIRS} of {all} pairs that are farthest from 0 in the last half.")
    } else {
        String::new()
    };
    LineChart::new("Cosines between tasks", "cosine", series.collect())
        .with_vertical(Vertical::Signed)
        .with_note(note)
        .with_long_names()
}

/// Two tasks and their mean cosine over the last half of the epochs.
struct Pair<'a> {
    task: &'a str,
    other: &'a str,
    mean: f64,
}

impl Pair<'_> {
    /// Returns the absolute mean cosine, or 0 if the mean is NaN.
    fn strength(&self) -> f64 {
        if self.mean.is_nan() {
            0.0
        } else {
            self.mean.abs()
        }
    }
}

/// Returns the recorded pairs, in the order of the tasks.
fn pairs(history: &History) -> Vec<Pair<'_>> {
    let tasks = history.tasks();
    let positions = tasks.iter().enumerate();
    let positions: HashMap<&str, usize> = positions.map(|(at, task)| (*task, at)).collect();
    let mut found = BTreeSet::new();
    for (at, task) in tasks.iter().enumerate() {
        let others = history.cosines_of(task);
        let others = others.filter_map(|(other, _)| positions.get(other).copied());
        let others = others.filter(|other| *other != at);
        found.extend(others.map(|other| (at.min(other), at.max(other))));
    }
    let pair = |(first, second): (usize, usize)| {
        let (task, other) = (tasks[first], tasks[second]);
        let mean = history.cosine(task, other).late_mean();
        let mean = mean.unwrap_or(f64::NAN);
        Pair { task, other, mean }
    };
    found.into_iter().map(pair).collect()
}
