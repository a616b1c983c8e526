//! The results as text: one block for each kind of quantity, with what may be concluded marked in it and said below it.

use std::fmt::Write;

use super::interval::Interval;
use super::results::Results;
use crate::history::{ALL_TASKS, quantity};

/// The best of its column.
const BEST: &str = "*";
/// Its interval and that of the best overlap.
const ALIKE: &str = "~";
/// Not the quantity of the other rows.
const OTHER: &str = "†";

/// Which way a quantity is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Lower,
    Higher,
    Neither,
}

/// One column: a quantity of a task.
struct Column<'a> {
    header: &'a str,
    task: &'a str,
    quantity: &'a str,
}

/// The whole comparison: losses, skills, expansions found, gradient shares, verdicts, and what the marks mean.
pub fn render(results: &Results) -> String {
    let mut text = String::new();
    let tasks = results.tasks();
    let of_tasks = |quantity| -> Vec<Column<'_>> {
        let column = |task| Column {
            header: task,
            task,
            quantity,
        };
        tasks.iter().map(|task| column(*task)).collect()
    };
    let mut losses = of_tasks(quantity::LOSS);
    losses.push(whole("relative loss", quantity::RELATIVE_LOSS));
    let found = vec![
        whole("span F1", "span_f1"),
        whole("IoU", "iou"),
        whole("hit@3", "hit_at_3"),
        Column {
            header: "type accuracy",
            task: "type",
            quantity: "accuracy",
        },
    ];
    for (title, columns, better) in [
        (
            "validation loss after the last epoch",
            losses,
            Better::Lower,
        ),
        (
            "skill: 1 - loss / loss of the best constant",
            of_tasks(quantity::SKILL),
            Better::Higher,
        ),
        (
            "expansions found in validation windows",
            found,
            Better::Higher,
        ),
        (
            "gradient share at the representation, mean over the last half of the epochs",
            of_tasks(quantity::GRADIENT_SHARE),
            Better::Neither,
        ),
    ] {
        text += &block(results, title, &columns, better);
    }
    text += &verdicts(results, &tasks);
    text + &legend(results)
}

fn whole<'a>(header: &'a str, quantity: &'a str) -> Column<'a> {
    Column {
        header,
        task: ALL_TASKS,
        quantity,
    }
}

/// A table of one number per strategy and column. Nothing if no run recorded any of them.
fn block(results: &Results, title: &str, columns: &[Column<'_>], better: Better) -> String {
    let columns: Vec<Vec<String>> = columns
        .iter()
        .filter_map(|column| cells(results, column, better))
        .collect();
    match columns.is_empty() {
        true => String::new(),
        false => aligned(title, &names(results), &columns),
    }
}

fn names(results: &Results) -> Vec<String> {
    let name = |strategy: &str| match results.counts(strategy) {
        (_, 0) => strategy.to_string(),
        (finished, failed) => format!("{strategy} ({failed} of {} failed)", finished + failed),
    };
    results.strategies().into_iter().map(name).collect()
}

/// The header and a cell per strategy.
fn cells(results: &Results, column: &Column<'_>, better: Better) -> Option<Vec<String>> {
    let Column {
        header,
        task,
        quantity,
    } = column;
    let strategies = results.strategies();
    let of = |strategy: &&str| results.summary(strategy, task, quantity);
    let found: Vec<Option<Interval>> = strategies
        .iter()
        .map(|strategy| of(strategy).map(|summary| summary.interval()))
        .collect();
    found.iter().flatten().next()?;
    // A mean over the seeds that did not fail says nothing about the strategy, so it cannot be the best.
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
    let best = best(&eligible, better);
    let cells = strategies.iter().zip(found.iter().zip(&eligible));
    let shown = cells.map(|(strategy, (interval, eligible))| {
        let planned = results.counts(strategy).0;
        let mark = match (eligible, best) {
            _ if !results.is_comparable(strategy, task, quantity) => OTHER,
            (Some(own), Some(best)) if own.mean == best.mean => BEST,
            (Some(own), Some(best)) if own.overlaps(&best) => ALIKE,
            _ => " ",
        };
        let loss = better == Better::Lower;
        format!("{} {mark}", number(*interval, planned, loss))
    });
    Some(
        std::iter::once(format!("{header}  "))
            .chain(shown)
            .collect(),
    )
}

/// `None` if no better one can be told, all of several being the same.
fn best(eligible: &[Option<Interval>], better: Better) -> Option<Interval> {
    let all = || eligible.iter().flatten().copied();
    let by_mean = |a: &Interval, b: &Interval| a.mean.total_cmp(&b.mean);
    let (low, high) = (all().min_by(by_mean)?, all().max_by(by_mean)?);
    match better {
        _ if low.mean == high.mean && all().count() > 1 => None,
        Better::Lower => Some(low),
        Better::Higher => Some(high),
        Better::Neither => None,
    }
}

/// `15.82 ±0.03`, and how many runs it is of where some have no finite value.
fn number(interval: Option<Interval>, runs: usize, loss: bool) -> String {
    let Some(interval) = interval else {
        return "-".into();
    };
    if interval.count == 0 {
        return "not finite".into();
    }
    let digits = if loss { digits(interval.mean) } else { 3 };
    let mut text = format!("{:.digits$}", interval.mean);
    if interval.half().is_finite() {
        let _ = write!(text, " ±{:.digits$}", interval.half());
    }
    if interval.count < runs {
        let _ = write!(text, " ({} of {runs})", interval.count);
    }
    text
}

/// Losses differ by four powers of ten between tasks; everything else is near 1.
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

/// A title and columns flush right; the first, the names, flush left.
fn aligned(title: &str, names: &[String], columns: &[Vec<String>]) -> String {
    let width = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max();
    let first = width(names).unwrap_or(0);
    let header = std::iter::once("").chain(names.iter().map(String::as_str));
    let mut text = format!("{title}\n");
    for (line, name) in header.enumerate() {
        let mut row = format!("  {name:<first$}");
        for column in columns {
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
    let mut lines = match several {
        true => vec![
            "±  half of the 95 % interval of the mean over the seeds (Student's t); other data is another question".into(),
            format!("{BEST}  the best of its column"),
            format!("{ALIKE}  its interval and that of the best overlap: these seeds do not tell the two apart"),
        ],
        false => vec![format!(
            "{BEST}  the best of its column; one seed has no interval, so no difference can be told from chance"
        )],
    };
    if let Some(strategy) = results.other_target().next() {
        lines.push(format!(
            "{OTHER}  {strategy} has one number per window as its countdown, another target than the others: not compared"
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
