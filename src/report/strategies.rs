//! Writes the page of a [`Comparison`]: the verdicts of every strategy, then charts and a table for every quantity.

use std::path::Path;

use super::comparison::{Comparison, ComparisonCell, ComparisonRow};
use super::intervals::{Interval, IntervalChart};
use super::page::{Around, Cell, Section, grid, page, paragraph, table};
use super::text::{escape, number};
use crate::error::Result;
use crate::history::quantity::{Better, better, in_words, is_part};
use crate::history::{ALL_TASKS, write_atomically};

impl Comparison {
    /// Writes the page as one self-contained file, in one move.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) with the path.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, self.html().as_bytes())
    }

    /// Returns the page as an HTML document. Equal comparisons give equal bytes.
    pub fn html(&self) -> String {
        let mut parts = vec![self.verdicts()];
        let quantities = self.quantities().into_iter();
        parts.extend(quantities.map(|quantity| self.quantity(quantity)));
        let around = Around {
            title: &self.title,
            status: &self.answer,
            facts: &self.facts,
            ..Around::default()
        };
        page(&around, &parts)
    }

    fn verdicts(&self) -> Section {
        let body = if self.rows.is_empty() {
            paragraph("There are no strategies to compare yet: no run has finished.")
        } else {
            paragraph(VERDICTS) + &self.verdict_table()
        };
        Section {
            anchor: "verdicts".into(),
            title: "Strategies and verdicts".into(),
            body,
        }
    }

    fn verdict_table(&self) -> String {
        let mut head = vec!["strategy".to_string(), "runs".into()];
        head.extend(self.tasks.iter().cloned());
        let rows = self.rows.iter().map(|row| {
            let mut cells = vec![
                Cell::name(&row.name, row.link.as_deref()),
                Cell::text(&row.runs()),
            ];
            cells.extend(
                self.tasks
                    .iter()
                    .map(|task| Cell::lines(row.verdicts_of(task))),
            );
            cells
        });
        let caption = "How many runs ended with which verdict, by task";
        table(caption, &head, head.len(), &rows.collect::<Vec<_>>())
    }

    /// Returns the quantities in the order of their first cell.
    fn quantities(&self) -> Vec<&str> {
        let mut quantities: Vec<&str> = Vec::new();
        for cell in self.rows.iter().flat_map(|row| &row.cells) {
            if !quantities.contains(&cell.quantity.as_str()) {
                quantities.push(&cell.quantity);
            }
        }
        quantities
    }

    /// Returns the tasks with cells of a quantity: first [`Comparison::tasks`] in order, then others such as `all`.
    fn tasks_with(&self, quantity: &str) -> Vec<&str> {
        let cells = || self.rows.iter().flat_map(|row| &row.cells);
        let found = |task: &str| cells().any(|c| c.quantity == quantity && c.task == task);
        let known = self.tasks.iter().map(String::as_str);
        let mut tasks: Vec<&str> = known.filter(|task| found(task)).collect();
        for cell in cells().filter(|cell| cell.quantity == quantity) {
            if !tasks.contains(&cell.task.as_str()) {
                tasks.push(&cell.task);
            }
        }
        tasks
    }

    fn quantity(&self, quantity: &str) -> Section {
        let tasks = self.tasks_with(quantity);
        let charts = tasks.iter().map(|task| self.chart(task, quantity).html());
        let direction = match better(quantity) {
            Some(Better::Lower) => format!("Lower is better. {BEST}"),
            Some(Better::Higher) => format!("Higher is better. {BEST}"),
            None => String::new(),
        };
        let about = format!("{INTERVALS} {direction}");
        Section {
            anchor: format!("quantity-{}", slug(quantity)),
            title: capitalised(&in_words(quantity)),
            body: paragraph(&about) + &grid(charts) + &self.quantity_table(quantity, &tasks),
        }
    }

    fn chart(&self, task: &str, quantity: &str) -> IntervalChart {
        let rows = self.rows.iter().filter_map(|row| {
            let cell = row.cell(task, quantity)?;
            Some(Interval {
                name: row.name.clone(),
                mean: cell.mean,
                low: cell.low,
                high: cell.high,
                values: cell.values.clone(),
            })
        });
        IntervalChart {
            title: task_title(task),
            x_name: in_words(quantity),
            ratios: !is_part(quantity),
            rows: rows.collect(),
            references: self.references_of(task, quantity),
        }
    }

    fn references_of(&self, task: &str, quantity: &str) -> Vec<(String, f64)> {
        let all = self.references.iter();
        let matching = all.filter(|r| r.task == task && r.quantity == quantity);
        matching.map(|r| (r.label.clone(), r.value)).collect()
    }

    fn quantity_table(&self, quantity: &str, tasks: &[&str]) -> String {
        let mut head = vec!["strategy".to_string()];
        head.extend(tasks.iter().map(|task| task_title(task)));
        let best: Vec<Option<f64>> = tasks.iter().map(|task| self.best(task, quantity)).collect();
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        for row in &self.rows {
            let mut cells = vec![Cell::name(&row.name, row.link.as_deref())];
            cells.extend(tasks.iter().zip(&best).map(|(task, best)| {
                row.cell(task, quantity)
                    .map_or_else(Cell::missing, |cell| cell.shown(*best))
            }));
            rows.push(cells);
        }
        rows.extend(self.reference_rows(quantity, tasks));
        let caption = format!(
            "{}: mean and 95 % interval",
            capitalised(&in_words(quantity))
        );
        table(&caption, &head, 1, &rows)
    }

    /// Builds one table row per label of a reference.
    fn reference_rows(&self, quantity: &str, tasks: &[&str]) -> Vec<Vec<Cell>> {
        let mut labels: Vec<&str> = Vec::new();
        for reference in self.references.iter().filter(|r| r.quantity == quantity) {
            if !labels.contains(&reference.label.as_str()) {
                labels.push(&reference.label);
            }
        }
        let row = |label: &&str| {
            let value = |task: &&str| {
                let found = self
                    .references_of(task, quantity)
                    .into_iter()
                    .find(|(l, _)| l == label);
                found.map_or_else(Cell::missing, |(_, value)| Cell::text(&number(value)))
            };
            let mut cells = vec![Cell::name(label, None)];
            cells.extend(tasks.iter().map(value));
            cells
        };
        labels.iter().map(row).collect()
    }

    /// Returns the best mean of a column, or `None` without a known direction or with fewer than two finite means.
    fn best(&self, task: &str, quantity: &str) -> Option<f64> {
        let cells = self.rows.iter().filter_map(|row| row.cell(task, quantity));
        let means: Vec<f64> = cells
            .map(|cell| cell.mean)
            .filter(|mean| mean.is_finite())
            .collect();
        if means.len() < 2 {
            return None;
        }
        let means = means.into_iter();
        match better(quantity)? {
            Better::Lower => means.reduce(f64::min),
            Better::Higher => means.reduce(f64::max),
        }
    }
}

const VERDICTS: &str = "A run is one training with one seed; every strategy had the same data and the same budget. A task \
    learned if it beats, on data it was not trained on, the predictors that see no input.";
const INTERVALS: &str = "Means over the runs of a strategy, with the 95 % interval of the mean where there is more than one \
    run.";
const BEST: &str = "The best mean is bold; where intervals overlap much, the order says little.";

impl ComparisonRow {
    fn cell(&self, task: &str, quantity: &str) -> Option<&ComparisonCell> {
        let mut cells = self.cells.iter();
        cells.find(|cell| cell.task == task && cell.quantity == quantity)
    }

    fn runs(&self) -> String {
        match self.failed {
            0 => self.seeds.to_string(),
            failed => format!("{}, {failed} failed", self.seeds),
        }
    }

    /// Formats the verdicts on a task: `2 of 3 learned`.
    fn verdicts_of(&self, task: &str) -> Vec<String> {
        let of_task = self.verdicts.iter().filter(|(name, _)| name == task);
        let counts = of_task.flat_map(|(_, counts)| counts);
        let shown = counts.map(|(verdict, count)| match self.seeds {
            1 => verdict.clone(),
            seeds => format!("{count} of {seeds} {verdict}"),
        });
        shown.collect()
    }
}

impl ComparisonCell {
    fn shown(&self, best: Option<f64>) -> Cell {
        let mean = escape(&number(self.mean));
        let mean = if best == Some(self.mean) {
            format!("<b>{mean}</b>")
        } else {
            mean
        };
        let interval = if self.low.is_nan() || self.high.is_nan() {
            String::new()
        } else {
            format!(
                "<br/><small>[{}, {}]</small>",
                number(self.low),
                number(self.high)
            )
        };
        Cell::html(mean + &interval)
    }
}

fn task_title(task: &str) -> String {
    match task {
        ALL_TASKS => "all tasks".into(),
        task => task.into(),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

/// Replaces every character that an anchor cannot have by a hyphen.
fn slug(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    text.chars().map(plain).collect()
}
