//! Formats the lines of a finished epoch, never wider than the terminal or 100 columns, whatever the numbers are.

use std::time::Duration;

use super::columns::TaskColumns;
use super::fields::{DURATION, amount, duration};
use super::summary::Summary;
use super::{GAP, MARK, NARROWEST, WIDTH};
use crate::history::{ALL_TASKS, History, Split, quantity};

/// The largest width of the text of [`speed`].
const SPEED: usize = 80;

/// The format of the epochs of one run.
pub(in crate::train) struct EpochLines {
    epochs: usize,
    skilled: bool,
    width: usize,
    layout: Layout,
}

enum Layout {
    TaskColumns(TaskColumns),
    Summary(Summary),
}

/// The facts of an epoch that the history lacks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::train) struct EpochFacts {
    pub(in crate::train) epoch: usize,
    pub(in crate::train) took: Duration,
    /// The time of the training phase.
    pub(in crate::train) trained: Duration,
    /// Whether the epoch is the best so far.
    pub(in crate::train) best: bool,
}

impl EpochLines {
    /// Creates the format of a run, with or without colours, for a terminal of `columns` columns. Skill is shown if the
    /// history has the loss of a trivial predictor.
    pub(in crate::train) fn new(
        tasks: &[String],
        epochs: usize,
        history: &History,
        (coloured, columns): (bool, usize),
    ) -> Self {
        let width = columns.clamp(NARROWEST, WIDTH);
        let constant = quantity::CONSTANT_LOSS;
        let known = |task: &String| history.get(0, Split::Valid, task, constant).is_some();
        let skilled = tasks.iter().any(known);
        let room = width.saturating_sub(left(epochs) + MARK.len());
        let layout = match TaskColumns::fitting(tasks, room, skilled, coloured) {
            Some(columns) => Layout::TaskColumns(columns),
            None => Layout::Summary(Summary::new(tasks, skilled, coloured, width)),
        };
        Self {
            epochs,
            skilled,
            width,
            layout,
        }
    }

    /// Returns the explanation of the numbers, printed once.
    pub(in crate::train) fn legend(&self) -> String {
        let measure = match (&self.layout, self.skilled) {
            (_, true) => "; skill: 1 - loss / best constant's loss",
            (Layout::TaskColumns(_), false) => "",
            (Layout::Summary(_), false) => "; gain: 1 - loss / first loss",
        };
        format!("validation losses{measure}; *: best so far")
    }

    /// Returns the names of the columns.
    pub(in crate::train) fn heading(&self) -> Vec<String> {
        let left = format!("{:>1$}  {2:>DURATION$}", "epoch", of(self.epochs), "time");
        match &self.layout {
            Layout::TaskColumns(columns) => vec![
                " ".repeat(left.len()) + &columns.names(),
                left + &columns.heading(),
            ],
            Layout::Summary(summary) => vec![left + &summary.heading()],
        }
    }

    /// Returns the epoch, the time, and the validation results of the tasks.
    pub(in crate::train) fn line(&self, history: &History, facts: EpochFacts) -> String {
        let epoch = format!("{}/{}", facts.epoch, self.epochs);
        let time = duration(facts.took);
        let left = format!("{epoch:>0$}  {time:>DURATION$}", of(self.epochs));
        let tasks = match &self.layout {
            Layout::TaskColumns(columns) => columns.losses(history, facts.epoch, Split::Valid),
            Layout::Summary(summary) => summary.line(history, facts.epoch, left.len()),
        };
        left + &tasks + if facts.best { MARK } else { "" }
    }

    /// Returns the training losses, weights, gradient shares and speed.
    pub(in crate::train) fn details(&self, history: &History, facts: EpochFacts) -> Vec<String> {
        let left = left(self.epochs);
        let mut lines: Vec<String> = match &self.layout {
            Layout::TaskColumns(columns) => {
                let rows = columns.details(history, facts.epoch).into_iter();
                rows.map(|(label, row)| format!("{label:>left$}{}", row.trim_end()))
                    .collect()
            }
            Layout::Summary(summary) => summary.details(history, facts.epoch),
        };
        let indent = left.min(self.width.saturating_sub(SPEED + GAP));
        for part in wrapped(&speed(history, facts), self.width - indent - GAP) {
            lines.push(format!("{:indent$}  {part}", ""));
        }
        lines
    }
}

/// Returns the width of the epoch and the time.
fn left(epochs: usize) -> usize {
    of(epochs) + GAP + DURATION
}

/// Returns the width of `epoch/epochs`.
fn of(epochs: usize) -> usize {
    (2 * epochs.to_string().len() + 1).max("epoch".len())
}

/// Returns the parts of `learning rate 0.00300, 63 steps, 17.30 steps/s, objective -2.345`.
fn speed(history: &History, facts: EpochFacts) -> Vec<String> {
    let get = |quantity| history.get(facts.epoch, Split::Train, ALL_TASKS, quantity);
    let mut parts = Vec::new();
    if let Some(rate) = get(quantity::LEARNING_RATE) {
        parts.push(format!("learning rate {}", amount(rate)));
    }
    if let Some(steps) = get(quantity::STEPS) {
        let count = match steps {
            steps if (0.0..1e9).contains(&steps) => format!("{steps:.0}"),
            steps => amount(steps),
        };
        parts.push(format!("{count} steps"));
        let per_second = steps / facts.trained.as_secs_f64();
        parts.push(format!("{} steps/s", amount(per_second)));
    }
    if let Some(objective) = get(quantity::OBJECTIVE) {
        parts.push(format!("objective {}", amount(objective)));
    }
    parts
}

/// Joins parts with commas, in lines of at most `width` columns.
fn wrapped(parts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.len() + 2 + part.len() <= width => *line += &format!(", {part}"),
            _ => lines.push(part.clone()),
        }
    }
    lines
}
