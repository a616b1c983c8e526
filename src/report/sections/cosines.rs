//! Whether the tasks' gradients agree: the cosines of pairs of tasks, the strongest over epochs and all in a matrix.

use super::super::ledger::Ledger;
use super::super::lines::{LineChart, Series, Vertical};
use super::super::page::{grid, paragraph};
use super::matrix::matrix;

/// Pairs of tasks that are drawn over epochs; the matrix has all of them.
const PAIRS: usize = 6;

const ABOUT: &str = "The cosine between two tasks' gradients at the representation: below 0 they pull against each other, \
    near 0 they leave each other alone.";

/// Empty if there are none.
pub(super) fn cosines(ledger: &Ledger<'_>) -> String {
    let pairs = pairs(ledger);
    if pairs.is_empty() {
        return String::new();
    }
    let means = |task: &str, other: &str| {
        let course = ledger.cosine(task, other);
        (!course.is_empty()).then(|| late_mean(course))
    };
    let caption = "Mean cosine over the last half of the epochs";
    let table = matrix(caption, ledger.tasks(), means);
    format!(
        "<h3>Do the tasks agree?</h3>\n{}{}",
        paragraph(ABOUT),
        grid([strongest(ledger, pairs).html(), table])
    )
}

/// Whether any cosine was recorded.
pub(super) fn has_cosines(ledger: &Ledger<'_>) -> bool {
    !pairs(ledger).is_empty()
}

/// The pairs that are farthest from 0, over epochs.
fn strongest(ledger: &Ledger<'_>, mut pairs: Vec<Pair<'_>>) -> LineChart {
    let all = pairs.len();
    // A stable sort: of equal pairs the first tasks come first.
    pairs.sort_by(|a, b| b.strength().total_cmp(&a.strength()));
    pairs.truncate(PAIRS);
    let series = pairs.iter().enumerate().map(|(number, pair)| {
        let name = format!("{} × {}", pair.task, pair.other);
        Series::new(name, number, ledger.cosine(pair.task, pair.other))
    });
    let note = match all > PAIRS {
        true => format!("The {PAIRS} of {all} pairs that are farthest from 0 in the last half."),
        false => String::new(),
    };
    LineChart::new("Cosines between tasks", "cosine", series.collect())
        .with_vertical(Vertical::Signed)
        .with_note(note)
        .with_long_names()
}

/// Two tasks and the mean cosine over the last half of the epochs.
struct Pair<'a> {
    task: &'a str,
    other: &'a str,
    mean: f64,
}

impl Pair<'_> {
    /// A mean that is not known counts as nothing.
    fn strength(&self) -> f64 {
        match self.mean.is_nan() {
            true => 0.0,
            false => self.mean.abs(),
        }
    }
}

fn pairs<'a>(ledger: &Ledger<'a>) -> Vec<Pair<'a>> {
    let tasks = ledger.tasks();
    let mut pairs = Vec::new();
    for (index, task) in tasks.iter().enumerate() {
        for other in &tasks[index + 1..] {
            let course = ledger.cosine(task, other);
            if !course.is_empty() {
                let mean = late_mean(course);
                pairs.push(Pair { task, other, mean });
            }
        }
    }
    pairs
}

/// The mean of the finite values in the last half; NaN if there is none.
fn late_mean(course: &[(usize, f64)]) -> f64 {
    let late = course[course.len() / 2..].iter().map(|(_, value)| *value);
    let finite: Vec<f64> = late.filter(|value| value.is_finite()).collect();
    finite.iter().sum::<f64>() / finite.len() as f64
}
