//! What reaches the representation: whose gradient it is, whether the tasks agree, and how large the gradients are.

use super::super::ledger::Ledger;
use super::super::lines::LineChart;
use super::super::page::{Section, grid, paragraph};
use super::cosines::{cosines, has_cosines};
use super::shares::shares;
use super::{drawn, tasks_together};
use crate::history::{Split, quantity};

const NOT_AUDITED: &str = "The gradients of this run were not audited, so there is nothing to show about shares, conflicts \
    and norms. An audit every few steps (the training setting audit_every) measures them.";

pub(in crate::report) fn gradients(ledger: &Ledger<'_>) -> Section {
    let body = match audited(ledger) {
        true => shares(ledger) + &cosines(ledger) + &norms(ledger),
        false => paragraph(NOT_AUDITED),
    };
    Section {
        anchor: "gradients".into(),
        title: "Gradients".into(),
        body,
    }
}

fn audited(ledger: &Ledger<'_>) -> bool {
    let recorded = |name| {
        let course = |task: &&str| !ledger.course(Split::Train, task, name).is_empty();
        ledger.tasks().iter().any(course)
    };
    recorded(quantity::GRADIENT_SHARE) || recorded(quantity::GRADIENT_NORM) || has_cosines(ledger)
}

fn norms(ledger: &Ledger<'_>) -> String {
    let charts = tasks_together(
        ledger,
        Split::Train,
        quantity::GRADIENT_NORM,
        "Gradient norms at the representation",
        "norm of the raw loss's gradient",
    );
    let charts: Vec<LineChart> = charts.into_iter().collect();
    match charts.is_empty() {
        true => String::new(),
        false => format!(
            "<h3>How large the gradients are</h3>\n{}",
            grid(drawn(&charts))
        ),
    }
}
