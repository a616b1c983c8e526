//! Which changes are tried for a task: those that what was measured without a change gives a reason for.

use crate::diagnosis::{Change, Verdict};
use crate::history::{History, Split, quantity};
use crate::statistics::mean;
use crate::task::TaskSet;
use crate::train::fork::{Alteration, Ended};

/// A share that would have to grow by less than this is even enough.
const LEAST_FACTOR: f64 = 1.5;
/// The largest factor: single precision has no use for more.
const MOST_FACTOR: f64 = 1e6;
/// A task with this share of the gradient may hold back others.
const DOMINANT: f64 = 0.5;
/// A cosine below this may be a conflict.
const AGAINST: f64 = -0.05;
/// The factor of a head's output where the size of its targets is not known, and its range where it is.
const OUTPUT_FACTOR: f64 = 8.0;
const OUTPUT_FACTORS: std::ops::RangeInclusive<f64> = 2.0..=1000.0;

/// Whether a task of this verdict is worth experiments. No fork undoes what a task learned by heart; a task without labels cannot be seen, and
/// one without weight is not meant to learn.
pub(super) fn watched(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Undecided | Verdict::OnlyPosition | Verdict::OnlyMean | Verdict::NoBaseline
    )
}

/// What the forks without a change measured.
pub(super) struct Seen {
    /// Mean share of each task; NaN where it was not measured.
    pub(super) shares: Vec<f64>,
    /// Mean cosines.
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

/// The factors that a task's head can be given; none where it can have none.
pub(super) struct Offered {
    pub(super) output: Option<f64>,
    pub(super) head: Option<f64>,
}

/// The name of a task.
pub(super) fn name(tasks: &TaskSet, task: usize) -> &str {
    tasks.names().nth(task).expect("it is one of them")
}

/// How far a head's output is from its targets at first, rounded to a power of two.
pub(super) fn output_factor(history: &History, tasks: &TaskSet, task: usize) -> f64 {
    let size = history.get(0, Split::Valid, name(tasks, task), quantity::TARGET_SIZE);
    let size = size.filter(|size| *size > 0.0 && size.is_finite());
    let factor = size.map_or(OUTPUT_FACTOR, |size| size.log2().round().exp2());
    factor.clamp(*OUTPUT_FACTORS.start(), *OUTPUT_FACTORS.end())
}

/// What a weight has to be multiplied by for a share of the gradient to become `wanted`, the other gradients staying as they are:
/// `wanted (1 - share) / (share (1 - wanted))`.
pub(super) fn factor_for(share: f64, wanted: f64) -> f64 {
    wanted * (1.0 - share) / (share * (1.0 - wanted))
}

/// The changes to try for a task, each with what it does to a fork.
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

/// The factor that makes a share even, where it is clearly less.
fn to_even(share: f64, tasks: usize) -> Option<f64> {
    if tasks < 2 || !(share > 0.0 && share < 1.0) {
        return None;
    }
    let factor = factor_for(share, 1.0 / tasks as f64).min(MOST_FACTOR);
    (factor >= LEAST_FACTOR).then_some(factor)
}

/// The tasks that may hold back another: the one with most of the gradient, and the one that pulls away most. Of two tasks the other one
/// is all others.
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
        // 0.0001 of two: followed, it is 0.5.
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
        // The one that has most of the gradient also pulls away.
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
