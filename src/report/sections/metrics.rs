//! Everything else that was measured on validation data: one chart a quantity.

use super::super::ledger::Ledger;
use super::super::lines::{LineChart, Series, Vertical};
use super::super::page::{Section, grid};
use super::quantities::{Better, better, in_words, is_known, is_part};
use super::{drawn, tasks_together};
use crate::history::{ALL_TASKS, Split};

/// None if nothing else was measured.
pub(in crate::report) fn metrics(ledger: &Ledger<'_>) -> Option<Section> {
    let mut charts = Vec::new();
    for quantity in ledger.quantities().iter().filter(|q| !is_known(q)) {
        let name = in_words(quantity);
        let direction = match better(quantity) {
            Some(Better::Lower) => "lower is better",
            Some(Better::Higher) => "higher is better",
            None => "validation data",
        };
        let course = ledger.course(Split::Valid, ALL_TASKS, quantity);
        if !course.is_empty() {
            let series = vec![Series::new("all tasks", 6, course)];
            let chart = LineChart::new(name.clone(), direction, series);
            charts.push(match is_part(quantity) {
                true => chart.with_vertical(Vertical::Parts),
                false => chart,
            });
        }
        charts.extend(tasks_together(
            ledger,
            Split::Valid,
            quantity,
            &name,
            direction,
        ));
    }
    (!charts.is_empty()).then(|| Section {
        anchor: "metrics".into(),
        title: "Other metrics".into(),
        body: grid(drawn(&charts)),
    })
}
