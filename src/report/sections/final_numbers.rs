//! Builds the table of all quantities: value before training, first, last, lowest and highest value.

use super::super::page::{Cell, Section, folded, paragraph, table};
use super::super::text::number;
use crate::history::quantity::{in_words, is_cosine};
use crate::history::{ALL_TASKS, History, Split};

/// The largest number of rows.
const MOST_ROWS: usize = 5000;

pub(in crate::report) fn final_numbers(history: &History) -> Section {
    let rows = rows(history);
    let note = if rows.len() < MOST_ROWS {
        String::new()
    } else {
        paragraph(&format!("The first {MOST_ROWS} rows are shown."))
    };
    let body = if rows.is_empty() {
        paragraph("The history has no numbers.")
    } else {
        let head = [
            "task", "quantity", "data", "before", "first", "last", "lowest", "highest",
        ];
        table(
            "Every quantity before training, in its first and last epoch, and its range",
            &head.map(String::from),
            3,
            &rows,
        ) + &note
    };
    Section {
        anchor: "numbers".into(),
        title: "All numbers".into(),
        body: folded("Show them", &body)
            + &paragraph(
                "The numbers of every epoch are in history.csv beside this file: epoch, split, task, quantity, value.",
            ),
    }
}

fn rows(history: &History) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for task in history.tasks().into_iter().chain([ALL_TASKS]) {
        // Cosines have one value per pair of tasks and are in the matrix.
        for quantity in history.quantities().filter(|q| !is_cosine(q)) {
            for (split, data) in [(Split::Train, "training"), (Split::Valid, "validation")] {
                if rows.len() < MOST_ROWS {
                    rows.extend(row(history, split, data, task, quantity));
                }
            }
        }
    }
    rows
}

fn row(
    history: &History,
    split: Split,
    data: &str,
    task: &str,
    quantity: &str,
) -> Option<Vec<Cell>> {
    let (known, course) = (
        history.known(split, task, quantity),
        history.series(split, task, quantity),
    );
    if known.is_none() && course.is_empty() {
        return None;
    }
    let text = |value: Option<f64>| value.map_or_else(Cell::missing, |v| Cell::text(&number(v)));
    Some(vec![
        Cell::name(task, None),
        Cell::subname(&in_words(quantity)),
        Cell::subname(data),
        text(known),
        text(course.earliest()),
        text(course.latest()),
        text(course.least().map(|(_, value)| value)),
        text(course.largest().map(|(_, value)| value)),
    ])
}
