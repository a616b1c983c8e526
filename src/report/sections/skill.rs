//! Builds the section of skills over the epochs.

use super::super::lines::LineChart;
use super::super::page::{Section, grid, paragraph};
use super::{drawn, tasks_together};
use crate::history::{History, Split, quantity};

/// The lowest skill on the axis. The size of lower skills does not matter, so they are drawn at the edge.
const FLOOR: f64 = -0.5;

const ABOUT: &str = "How far each task is below the loss of a predictor that has seen no input, on validation data. The line at 0 is that \
    predictor: a task on it has learned nothing from its inputs, however far its loss fell.";

/// Builds the section, or returns `None` if no skill was recorded.
pub(in crate::report) fn skill(history: &History) -> Option<Section> {
    let both = [
        (quantity::SKILL, "Skill over the best constant"),
        (
            quantity::SKILL_OVER_POSITION,
            "Skill over the best guess from the position",
        ),
    ];
    let charts: Vec<LineChart> = both
        .into_iter()
        .flat_map(|(name, title)| {
            tasks_together(history, Split::Valid, name, title, "1 − loss / reference")
        })
        .map(|chart| {
            chart
                .with_reference("no skill", Some(0.0))
                .with_floor(FLOOR)
                .with_mark(history.best_epoch(), "best")
        })
        .collect();
    (!charts.is_empty()).then(|| Section {
        anchor: "skill".into(),
        title: "Skill".into(),
        body: paragraph(ABOUT) + &grid(drawn(&charts)),
    })
}
