//! Writes the results as text: one table per kind of quantity, with marks and their legend.

use std::fmt::Write;

use super::answer::is_learned;
use super::interval::Interval;
use super::results::{OtherTarget, Results};
use crate::history::{ALL_TASKS, quantity};
use crate::printable::printable;
use crate::train::Better;

/// The mark of the best value of a column.
const BEST: &str = "*";
/// The mark of a value whose interval overlaps that of the best.
const ALIKE: &str = "~";
/// The mark of a value that is not the quantity of the other rows.
const OTHER: &str = "†";

/// A column: one quantity of one task.
struct Column<'a> {
    header: &'a str,
    task: &'a str,
    quantity: &'a str,
    /// The better end of the quantity, if any.
    better: Option<Better>,
}

impl Results {
    /// Writes the whole comparison as text: losses, skills, metrics, gradient shares, seconds per step, verdicts, the
    /// legend of the marks, and the answer.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let tasks = self.tasks();
        let of_tasks = |quantity, better| -> Vec<Column<'_>> {
            let column = |task| Column {
                header: task,
                task,
                quantity,
                better,
            };
            tasks.iter().map(|task| column(*task)).collect()
        };
        let (lower, higher) = (Some(Better::Lower), Some(Better::Higher));
        let mut losses = of_tasks(quantity::LOSS, lower);
        losses.push(whole("relative loss", quantity::RELATIVE_LOSS, lower));
        let of_domain = self.metrics().iter().map(|metric| Column {
            header: &metric.header,
            task: &metric.task,
            quantity: &metric.quantity,
            better: Some(metric.better),
        });
        for (title, columns) in [
            ("validation loss after the last epoch", losses),
            (
                "skill: 1 - loss / loss of the best constant",
                of_tasks(quantity::SKILL, higher),
            ),
            ("metrics on validation data", of_domain.collect()),
            (
                "gradient share at the representation, mean over the last half of the epochs",
                of_tasks(quantity::GRADIENT_SHARE, None),
            ),
            (
                "seconds of a training step",
                vec![whole("step", Results::SECONDS_PER_STEP, None)],
            ),
        ] {
            text += &block(self, title, &columns);
        }
        text += &verdicts(self, &tasks);
        text += &legend(self);
        format!("{text}{}\n", printable(&self.answer()))
    }
}

impl Results {
    /// Writes the differences between the validation losses of every row and of a reference in percent, paired by seed,
    /// with the 95 % interval of the mean.
    ///
    /// The text is empty if the reference has no finished run or there is no other row.
    pub fn differences(&self, reference: &str) -> String {
        let mut tasks = self.tasks();
        tasks.push(ALL_TASKS);
        let strategies = self.strategies();
        let others = || strategies.iter().filter(|strategy| **strategy != reference);
        let cell = |strategy: &str, task: &str| {
            let name = if task == ALL_TASKS {
                quantity::RELATIVE_LOSS
            } else {
                quantity::LOSS
            };
            if !self.is_comparable(strategy, task, name) {
                return format!("{OTHER} ");
            }
            match self.paired(strategy, reference, task, name) {
                Some(interval) => percent(&interval),
                None => "- ".into(),
            }
        };
        let columns: Vec<Vec<String>> = tasks
            .iter()
            .map(|task| {
                let header = if *task == ALL_TASKS {
                    "relative loss"
                } else {
                    *task
                };
                let cells = others().map(|strategy| cell(strategy, task));
                std::iter::once(format!("{header} ")).chain(cells).collect()
            })
            .collect();
        if self.counts(reference).0 == 0 || others().next().is_none() {
            return String::new();
        }
        let title = format!(
            "validation loss beside `{reference}`, percent, paired by seed; +: above it, -: below it, beyond the 95 % interval"
        );
        let names: Vec<String> = others().map(|name| name.to_string()).collect();
        aligned(&title, &names, &columns)
    }
}

/// Formats a difference: `-3.1 ±1.2 -`. The mark `+` or `-` means that the interval excludes zero.
fn percent(interval: &Interval) -> String {
    let mark = if interval.low > 0.0 {
        "+"
    } else if interval.high < 0.0 {
        "-"
    } else {
        " "
    };
    let mut text = format!("{:+.1}", interval.mean);
    if interval.half().is_finite() {
        let _ = write!(text, " ±{:.1}", interval.half());
    }
    format!("{text} {mark}")
}

fn whole<'a>(header: &'a str, quantity: &'a str, better: Option<Better>) -> Column<'a> {
    Column {
        header,
        task: ALL_TASKS,
        quantity,
        better,
    }
}

/// Writes a table with one number per strategy and column. The text is empty if no run recorded any of them.
fn block(results: &Results, title: &str, columns: &[Column<'_>]) -> String {
    let columns: Vec<Vec<String>> = columns
        .iter()
        .filter_map(|column| cells(results, column))
        .collect();
    if columns.is_empty() {
        String::new()
    } else {
        aligned(title, &names(results), &columns)
    }
}

fn names(results: &Results) -> Vec<String> {
    let name = |strategy: &str| match results.counts(strategy) {
        (_, 0) => strategy.to_string(),
        (finished, failed) => format!("{strategy} ({failed} of {} failed)", finished + failed),
    };
    results.strategies().into_iter().map(name).collect()
}

/// Returns the header and a cell per strategy, or `None` if no run recorded the quantity.
fn cells(results: &Results, column: &Column<'_>) -> Option<Vec<String>> {
    let Column {
        header,
        task,
        quantity,
        better,
    } = column;
    let strategies = results.strategies();
    let of = |strategy: &&str| results.summary(strategy, task, quantity);
    let found: Vec<Option<Interval>> = strategies
        .iter()
        .map(|strategy| of(strategy).map(|summary| summary.interval()))
        .collect();
    found.iter().flatten().next()?;
    // A mean over only the seeds that did not fail is biased, so it cannot be the best.
    let eligible: Vec<Option<Interval>> = strategies
        .iter()
        .zip(&found)
        .map(|(strategy, interval)| {
            let (finished, failed) = results.counts(strategy);
            let whole = |i: &Interval| failed == 0 && i.count == finished;
            let comparable = results.is_comparable(strategy, task, quantity);
            interval.filter(|interval| comparable && whole(interval))
        })
        .collect();
    // If no row learned the task, none is the best.
    let told = match *task {
        ALL_TASKS => results.tasks().iter().any(|task| is_learned(results, task)),
        task => is_learned(results, task),
    };
    let best = best(&eligible, *better).filter(|_| told);
    let cells = strategies.iter().zip(found.iter().zip(&eligible));
    let shown = cells.map(|(strategy, (interval, eligible))| {
        let planned = results.counts(strategy).0;
        let mark = match (eligible, best) {
            _ if !results.is_comparable(strategy, task, quantity) => OTHER,
            (Some(own), Some(best)) if own.mean == best.mean => BEST,
            (Some(own), Some(best)) if own.overlaps(&best) => ALIKE,
            _ => " ",
        };
        let loss = *better == Some(Better::Lower) || *quantity == Results::SECONDS_PER_STEP;
        format!("{} {mark}", number(*interval, planned, loss))
    });
    Some(
        std::iter::once(format!("{header}  "))
            .chain(shown)
            .collect(),
    )
}

/// Returns the best interval, or `None` if the quantity has no better end or all of several means are equal.
fn best(eligible: &[Option<Interval>], better: Option<Better>) -> Option<Interval> {
    let all = || eligible.iter().flatten().copied();
    let by_mean = |a: &Interval, b: &Interval| a.mean.total_cmp(&b.mean);
    let (low, high) = (all().min_by(by_mean)?, all().max_by(by_mean)?);
    match better {
        _ if low.mean == high.mean && all().count() > 1 => None,
        Some(Better::Lower) => Some(low),
        Some(Better::Higher) => Some(high),
        None => None,
    }
}

/// Formats a mean with its interval: `15.82 ±0.03`, and the number of runs if some have no finite value.
fn number(interval: Option<Interval>, runs: usize, loss: bool) -> String {
    let Some(interval) = interval else {
        return "-".into();
    };
    if interval.count == 0 {
        return "not finite".into();
    }
    let digits = if loss { digits(interval.mean) } else { 3 };
    let mut text = format!("{:.digits$}", interval.mean);
    if interval.is_clipped() {
        let _ = write!(
            text,
            " ({:.digits$} to {:.digits$})",
            interval.low, interval.high
        );
    } else if interval.half().is_finite() {
        let _ = write!(text, " ±{:.digits$}", interval.half());
    }
    if interval.count < runs {
        let _ = write!(text, " ({} of {runs})", interval.count);
    }
    text
}

/// Returns the decimals of a loss, because losses differ by four powers of ten between tasks.
fn digits(loss: f64) -> usize {
    match loss.abs() {
        loss if loss >= 100.0 => 1,
        loss if loss >= 10.0 => 2,
        loss if loss >= 0.1 => 3,
        loss if loss >= 0.01 => 4,
        _ => 5,
    }
}

fn verdicts(results: &Results, tasks: &[&str]) -> String {
    let strategies = results.strategies();
    let cell = |strategy: &str, task: &str| {
        let counts = results.verdict_counts(strategy, task);
        let told = counts.iter().map(|(name, count)| format!("{name} {count}"));
        format!("{}  ", told.collect::<Vec<_>>().join(", "))
    };
    let columns: Vec<Vec<String>> = tasks
        .iter()
        .map(|task| {
            let cells = strategies.iter().map(|strategy| cell(strategy, task));
            std::iter::once(format!("{task}  ")).chain(cells).collect()
        })
        .collect();
    aligned("verdicts and the number of runs", &names(results), &columns)
}

/// Writes a title and a table: the names flush left, the columns flush right. Names cannot act on a terminal.
fn aligned(title: &str, names: &[String], columns: &[Vec<String>]) -> String {
    let shown = |texts: &[String]| -> Vec<String> {
        let texts = texts.iter().map(|text| printable(text).into_owned());
        texts.collect()
    };
    let (title, names) = (printable(title), shown(names));
    let columns: Vec<Vec<String>> = columns.iter().map(|column| shown(column)).collect();
    let width = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max();
    let first = width(&names).unwrap_or(0);
    let header = std::iter::once("").chain(names.iter().map(String::as_str));
    let mut text = format!("{title}\n");
    for (line, name) in header.enumerate() {
        let mut row = format!("  {name:<first$}");
        for column in &columns {
            let width = width(column).unwrap_or(0);
            let _ = write!(row, "  {:>width$}", column[line]);
        }
        text += row.trim_end();
        text.push('\n');
    }
    text + "\n"
}

fn legend(results: &Results) -> String {
    let strategies = results.strategies();
    let several = strategies
        .iter()
        .any(|strategy| results.counts(strategy).0 > 1);
    let mut lines = if several {
        vec![
            "±  half of the 95 % interval of the mean over the seeds (Student's t); other data is another question".into(),
            format!("{BEST}  the best of its column"),
            format!("{ALIKE}  its interval and that of the best overlap: these seeds do not tell the two apart"),
        ]
    } else {
        vec![format!(
            "{BEST}  the best of its column; one seed has no interval, so no difference can be told from chance"
        )]
    };
    lines.extend(results.other_targets().map(|other| {
        let OtherTarget {
            strategy,
            task,
            why,
        } = other;
        let text = format!("{OTHER}  the {task} of {strategy} {why}: not compared");
        printable(&text).into_owned()
    }));
    lines.push(String::new());
    lines.join("\n")
}
