//! All numbers of the last epoch in one table, with where each began and how far it went.

use super::super::ledger::Ledger;
use super::super::page::{Cell, Section, paragraph, table};
use super::super::text::number;
use super::quantities::{in_words, is_cosine};
use crate::history::{ALL_TASKS, Split};

pub(in crate::report) fn final_numbers(ledger: &Ledger<'_>) -> Section {
    let rows = rows(ledger);
    let body = match rows.is_empty() {
        true => paragraph("The history has no numbers."),
        false => {
            let head = [
                "task", "quantity", "data", "before", "first", "last", "lowest", "highest",
            ];
            table(
                "Every quantity before training, in its first and last epoch, and its range",
                &head.map(String::from),
                3,
                &rows,
            )
        }
    };
    Section {
        anchor: "numbers".into(),
        title: "All numbers".into(),
        body: body
            + &paragraph(
                "The numbers of every epoch are in history.csv beside this file: epoch, split, task, quantity, value.",
            ),
    }
}

fn rows(ledger: &Ledger<'_>) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for task in ledger.tasks().iter().chain([&ALL_TASKS]) {
        // Cosines have their matrix, and there are as many as pairs of tasks.
        for quantity in ledger.quantities().iter().filter(|q| !is_cosine(q)) {
            for (split, data) in [(Split::Train, "training"), (Split::Valid, "validation")] {
                rows.extend(row(ledger, split, data, task, quantity));
            }
        }
    }
    rows
}

fn row(
    ledger: &Ledger<'_>,
    split: Split,
    data: &str,
    task: &str,
    quantity: &str,
) -> Option<Vec<Cell>> {
    let (known, course) = (
        ledger.known(split, task, quantity),
        ledger.course(split, task, quantity),
    );
    if known.is_none() && course.is_empty() {
        return None;
    }
    let text = |value: Option<f64>| value.map_or_else(Cell::missing, |v| Cell::text(&number(v)));
    let values = || course.iter().map(|(_, value)| *value);
    Some(vec![
        Cell::name(task, None),
        Cell::subname(&in_words(quantity)),
        Cell::subname(data),
        text(known),
        text(values().next()),
        text(values().next_back()),
        text(values().reduce(f64::min)),
        text(values().reduce(f64::max)),
    ])
}
