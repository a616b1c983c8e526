//! Builds the section on the gradients at the representation: shares, cosines and norms.

use super::super::lines::LineChart;
use super::super::page::{Section, grid, paragraph};
use super::cosines::{cosines, has_cosines};
use super::shares::shares;
use super::{drawn, tasks_together};
use crate::history::{History, Split, quantity};

const NOT_AUDITED: &str = "The gradients of this run were not audited, so there is nothing to show about shares, conflicts \
    and norms. An audit every few steps (the training setting audit_every) measures them.";

/// Builds the section; `all` is the number of tasks of the whole history.
pub(in crate::report) fn gradients(history: &History, all: usize) -> Section {
    let body = if audited(history) {
        shares(history, all) + &cosines(history) + &norms(history)
    } else {
        paragraph(NOT_AUDITED)
    };
    Section {
        anchor: "gradients".into(),
        title: "Gradients".into(),
        body,
    }
}

fn audited(history: &History) -> bool {
    let recorded = |name| {
        let course = |task: &&str| !history.series(Split::Train, task, name).is_empty();
        history.tasks().iter().any(course)
    };
    recorded(quantity::GRADIENT_SHARE) || recorded(quantity::GRADIENT_NORM) || has_cosines(history)
}

fn norms(history: &History) -> String {
    let charts = tasks_together(
        history,
        Split::Train,
        quantity::GRADIENT_NORM,
        "Gradient norms at the representation",
        "norm of the raw loss's gradient",
    );
    let charts: Vec<LineChart> = charts.into_iter().collect();
    if charts.is_empty() {
        String::new()
    } else {
        format!(
            "<h3>How large the gradients are</h3>\n{}",
            grid(drawn(&charts))
        )
    }
}
