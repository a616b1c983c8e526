//! Plans the changes to try for a task from the measurements without a change.

use crate::diagnosis::{Change, Verdict};
use crate::history::{History, Split, quantity};
use crate::statistics::mean;
use crate::task::TaskSet;
use crate::train::fork::{Alteration, Ended};

/// The smallest factor of a weight that justifies a trial.
const LEAST_FACTOR: f64 = 1.5;
/// The largest factor of a weight, limited by single precision.
const MOST_FACTOR: f64 = 1e6;
/// The gradient share from which a task may hold back others.
const DOMINANT: f64 = 0.5;
/// The cosine up to which two gradients may conflict.
const AGAINST: f64 = -0.05;
/// The factor of a head's output if the size of its targets is unknown.
const OUTPUT_FACTOR: f64 = 8.0;
/// The range of the factor of a head's output.
const OUTPUT_FACTORS: std::ops::RangeInclusive<f64> = 2.0..=1000.0;

/// Returns whether a task with the verdict gets experiments.
///
/// A fork does not undo overfitting, a task without labels cannot be measured, and a task without weight is not meant
/// to learn.
pub(super) fn watched(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Undecided | Verdict::OnlyPosition | Verdict::OnlyMean | Verdict::NoBaseline
    )
}

/// The measurements of the forks without a change.
pub(super) struct Seen {
    /// The mean gradient share of each task, in [0, 1]; NaN if not measured.
    pub(super) shares: Vec<f64>,
    /// The mean cosine of each pair of tasks; NaN if not measured.
    pub(super) cosines: Vec<Vec<f64>>,
}

impl Seen {
    pub(super) fn of(forks: &[Ended], tasks: usize) -> Self {
        let audits: Vec<_> = forks
            .iter()
            .filter_map(|fork| fork.audit.as_ref())
            .collect();
        let measured = |task: usize| audits.iter().filter(move |audit| audit.measured[task] > 0);
        let share = |task: usize| {
            let shares: Vec<f64> = measured(task).map(|audit| audit.shares[task]).collect();
            mean(&shares)
        };
        let cosine = |task: usize, other: usize| {
            let both = measured(task).filter(|audit| audit.measured[other] > 0);
            mean(
                &both
                    .map(|audit| audit.cosines[task][other])
                    .collect::<Vec<f64>>(),
            )
        };
        let row = |task| (0..tasks).map(|other| cosine(task, other)).collect();
        Self {
            shares: (0..tasks).map(share).collect(),
            cosines: (0..tasks).map(row).collect(),
        }
    }
}

/// The factors to try for a task's head; `None` if the head does not support the change.
pub(super) struct Offered {
    pub(super) output: Option<f64>,
    pub(super) head: Option<f64>,
}

pub(super) fn name(tasks: &TaskSet, task: usize) -> &str {
    tasks.names().nth(task).expect("it is one of them")
}

/// Returns the factor of a head's output: the size of its targets, rounded to a power of two and clamped to
/// [`OUTPUT_FACTORS`].
pub(super) fn output_factor(history: &History, tasks: &TaskSet, task: usize) -> f64 {
    let size = history.get(0, Split::Valid, name(tasks, task), quantity::TARGET_SIZE);
    let size = size.filter(|size| *size > 0.0 && size.is_finite());
    let factor = size.map_or(OUTPUT_FACTOR, |size| size.log2().round().exp2());
    factor.clamp(*OUTPUT_FACTORS.start(), *OUTPUT_FACTORS.end())
}

/// Returns the factor of a weight that changes a gradient share to `wanted` while the other gradients stay unchanged:
/// `wanted (1 - share) / (share (1 - wanted))`.
pub(super) fn factor_for(share: f64, wanted: f64) -> f64 {
    wanted * (1.0 - share) / (share * (1.0 - wanted))
}

/// Returns the changes to try for a task, each with its alteration of a fork.
pub(super) fn changes(
    task: usize,
    tasks: &TaskSet,
    seen: &Seen,
    offered: &Offered,
) -> Vec<(Change, Alteration)> {
    let count = tasks.len();
    let mut all = Vec::new();
    if let Some(factor) = to_even(seen.shares[task], count) {
        let factors = (0..count).map(|other| if other == task { factor } else { 1.0 });
        let made = Alteration {
            factors: Some(factors.collect()),
            ..Alteration::default()
        };
        all.push((Change::Weight { factor }, made));
    }
    let training = |trained: &dyn Fn(usize) -> bool| Alteration {
        trained: Some((0..count).map(trained).collect()),
        ..Alteration::default()
    };
    if count > 1 {
        all.push((Change::Alone, training(&|other| other == task)));
    }
    for other in holding_back(task, seen) {
        let other_name = name(tasks, other).to_string();
        let change = Change::Without { other: other_name };
        all.push((change, training(&|trained| trained != other)));
    }
    if let Some(factor) = offered.output {
        let made = Alteration {
            output: Some((task, factor)),
            ..Alteration::default()
        };
        all.push((Change::OutputScale { factor }, made));
    }
    if let Some(factor) = offered.head {
        let made = Alteration {
            head: Some((task, factor)),
            ..Alteration::default()
        };
        all.push((Change::HeadRate { factor }, made));
    }
    all
}

/// Returns the factor that makes a gradient share even, at most [`MOST_FACTOR`]. Returns `None` if the factor is below
/// [`LEAST_FACTOR`], the share is not inside (0, 1), or there is only one task.
fn to_even(share: f64, tasks: usize) -> Option<f64> {
    if tasks < 2 || !(share > 0.0 && share < 1.0) {
        return None;
    }
    let factor = factor_for(share, 1.0 / tasks as f64).min(MOST_FACTOR);
    (factor >= LEAST_FACTOR).then_some(factor)
}

/// Returns the tasks that may hold back `task`: a task with at least half of the gradient, and the task with the most
/// negative cosine.
///
/// Returns no task for two tasks, because leaving out the other task is [`Change::Alone`].
fn holding_back(task: usize, seen: &Seen) -> Vec<usize> {
    let count = seen.shares.len();
    if count < 3 {
        return Vec::new();
    }
    let others = || (0..count).filter(|other| *other != task);
    let dominant = others().find(|other| seen.shares[*other] >= DOMINANT);
    let cosine = |other: &usize| seen.cosines[task][*other];
    let against = others()
        .filter(|other| cosine(other) <= AGAINST)
        .min_by(|a, b| cosine(a).total_cmp(&cosine(b)));
    let mut found: Vec<usize> = dominant.into_iter().chain(against).collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Task;

    fn seen(shares: [f64; 3], cosine: f64) -> Seen {
        Seen {
            shares: shares.to_vec(),
            cosines: vec![
                vec![1.0, 0.1, cosine],
                vec![0.1, 1.0, 0.0],
                vec![cosine, 0.0, 1.0],
            ],
        }
    }

    fn names() -> TaskSet {
        TaskSet::new(["a", "b", "c"].map(|name| Task::regression(name, 1))).unwrap()
    }

    fn planned(seen: &Seen, offered: &Offered) -> Vec<String> {
        let all = changes(0, &names(), seen, offered);
        all.iter().map(|(change, _)| change.to_string()).collect()
    }

    #[test]
    fn a_weight_makes_the_share_even() {
        // With the factor, a share of 0.0001 becomes 0.5.
        let factor = factor_for(0.0001, 0.5);
        assert!((factor - 9999.0).abs() < 1e-6);
        let weighted = 0.0001 * factor;
        assert!((weighted / (weighted + 0.9999) - 0.5).abs() < 1e-12);
        assert_eq!(to_even(0.4, 3), None);
        assert_eq!(to_even(0.0, 3), None);
        assert_eq!(to_even(f64::NAN, 3), None);
    }

    #[test]
    fn changes_have_a_reason() {
        let nothing = Offered {
            output: None,
            head: None,
        };
        assert_eq!(
            planned(&seen([0.4, 0.3, 0.3], 0.0), &nothing),
            ["no other task"]
        );
        let starved = seen([0.02, 0.9, 0.08], -0.4);
        assert_eq!(
            planned(&starved, &nothing),
            ["24 times its weight", "no other task", "no b", "no c"]
        );
        // The task with most of the gradient also has the most negative cosine.
        assert_eq!(
            planned(&seen([0.4, 0.0, 0.6], -0.4), &nothing),
            ["no other task", "no c"]
        );
        let both = Offered {
            output: Some(8.0),
            head: Some(10.0),
        };
        assert_eq!(
            planned(&seen([0.4, 0.3, 0.3], 0.0), &both),
            [
                "no other task",
                "8.0 times its output",
                "10 times its head's learning rate"
            ]
        );
    }
}
