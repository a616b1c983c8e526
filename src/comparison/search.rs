//! Searches for fixed weights with a small budget, as the reference that a good strategy has to beat.
//!
//! The search has four rounds, each based on the rounds before:
//!
//! 1. the raw sum, whose history has the loss of the best constant and the gradient norm of every task;
//! 2. guesses from these numbers: weights that make the losses of a constant equal, weights that make the gradients
//!    equal, the middle between the latter and the raw sum, and the caller's weights, if any, times the root of the
//!    outputs;
//! 3. for each task in turn, four times its weight in the best candidate so far, and a fourth of the weight;
//! 4. all changes of the third round that helped, together; then random weights around the best with the remaining
//!    budget.
//!
//! The criterion of a candidate is its [relative loss](crate::history::quantity::RELATIVE_LOSS) on validation data
//! after its last epoch, which does not depend on a strategy. **The comparison reports on the same data**, so the row
//! is somewhat better than it would be on new data; mention this wherever the row is shown.

use std::collections::BTreeMap;
use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::history::{ALL_TASKS, History, Split, quantity};
use crate::task::TaskSet;
use crate::weighting::TaskValues;

/// The factor of a task's weight in the third round.
const STEP: f64 = 4.0;
/// The largest factor between the weights of a random candidate and the best so far, in either direction.
const SPREAD: f64 = 2.0;

/// The budget of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchConfig {
    /// The number of candidates, one run each; at least 1.
    pub runs: usize,
    /// The epochs of each run; at least 1.
    pub epochs: usize,
}

impl SearchConfig {
    /// The seed of the runs of the search. The seeds of compared runs start at 1, so no compared run has this seed.
    pub const SEED: u64 = 0;

    /// Checks both fields.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] with the name of the field that is 0.
    pub fn validate(&self) -> Result<()> {
        for (field, value) in [("runs", self.runs), ("epochs", self.epochs)] {
            if value == 0 {
                return Err(Error::setting(field, value, "at least 1").within("search"));
            }
        }
        Ok(())
    }
}

/// The origin of a candidate's weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The weight 1 for every task.
    Equal,
    /// 1 / the loss of the best constant.
    InverseLoss,
    /// 1 / the gradient norm at the representation.
    InverseGradient,
    /// 1 / the root of the gradient norm at the representation.
    Between,
    /// The weights given by the caller, times the root of the number of outputs of each task.
    Outputs,
    /// The best so far, with four times the weight of this task.
    More(String),
    /// The best so far, with a fourth of the weight of this task.
    Less(String),
    /// All changes of single tasks that helped, together.
    Combined,
    /// Random weights around the best so far, numbered from 1.
    Random(usize),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal => f.write_str("equal"),
            Self::InverseLoss => f.write_str("inverse-loss"),
            Self::InverseGradient => f.write_str("inverse-gradient"),
            Self::Between => f.write_str("between"),
            Self::Outputs => f.write_str("outputs"),
            Self::More(task) => write!(f, "more-{task}"),
            Self::Less(task) => write!(f, "less-{task}"),
            Self::Combined => f.write_str("combined"),
            Self::Random(number) => write!(f, "random-{number}"),
        }
    }
}

/// The weights of one run of the search.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The origin of the weights, unique in a search.
    pub origin: Origin,
    /// The weight of every task, in the order of the tasks.
    pub weights: Vec<(String, f64)>,
}

impl Candidate {
    /// Returns the weights in the form of a strategy's config.
    pub fn values(&self) -> TaskValues {
        TaskValues::ByName(self.weights.iter().cloned().collect())
    }

    /// Creates a candidate with weights rounded to three significant digits, so that a config is readable.
    fn new(origin: Origin, tasks: &[String], weight: impl Fn(usize) -> f64) -> Self {
        let rounded = |weight: f64| format!("{weight:.2e}").parse().unwrap_or(weight);
        let weights = tasks.iter().enumerate();
        Self {
            origin,
            weights: weights
                .map(|(index, task)| (task.clone(), rounded(weight(index))))
                .collect(),
        }
    }

    /// Creates a candidate with these weights times a factor per task.
    fn times(&self, origin: Origin, factor: impl Fn(&str) -> f64) -> Self {
        let tasks: Vec<String> = self.weights.iter().map(|(task, _)| task.clone()).collect();
        Self::new(origin, &tasks, |index| {
            self.weights[index].1 * factor(&tasks[index])
        })
    }

    /// Returns the task and the factor that the third round changed.
    fn step(&self) -> Option<(&str, f64)> {
        match &self.origin {
            Origin::More(task) => Some((task, STEP)),
            Origin::Less(task) => Some((task, 1.0 / STEP)),
            _ => None,
        }
    }
}

/// A candidate with the history of its run.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The candidate.
    pub candidate: Candidate,
    /// The history of its run; `None` if the run failed without a history.
    pub history: Option<History>,
}

impl Tried {
    /// Returns the relative validation loss after epoch `epochs`, or `None` if the run did not reach the epoch or the
    /// loss is not finite.
    pub fn criterion(&self, epochs: usize) -> Option<f64> {
        let history = self.history.as_ref()?;
        let name = quantity::RELATIVE_LOSS;
        let value = history.get(epochs, Split::Valid, ALL_TASKS, name);
        value.filter(|value| value.is_finite())
    }
}

/// Returns the candidates of the next round, empty when the budget is spent. The result depends only on the arguments.
///
/// `in_mind` are weights in the order of the tasks; times the root of the outputs, they are one of the guesses.
pub fn next(
    search: &SearchConfig,
    tasks: &TaskSet,
    tried: &[Tried],
    in_mind: Option<&[f64]>,
) -> Vec<Candidate> {
    let left = search.runs.saturating_sub(tried.len());
    let middle = match best(search, tried) {
        Some((best, _)) => best.clone(),
        None => Candidate::new(Origin::Equal, &names(tasks), |_| 1.0),
    };
    let stepped = tried.iter().any(|tried| tried.candidate.step().is_some());
    let mut round = match tried {
        [] => vec![middle],
        [first] => {
            let guesses = guesses(tasks, first.history.as_ref(), in_mind);
            if guesses.is_empty() {
                steps(&middle)
            } else {
                guesses
            }
        }
        _ if !stepped => steps(&middle),
        _ => last_round(search, tried, &middle, left),
    };
    round.truncate(left);
    round
}

/// Returns the candidate with the smallest relative loss, the earliest of equals.
pub fn best<'a>(search: &SearchConfig, tried: &'a [Tried]) -> Option<(&'a Candidate, f64)> {
    tried
        .iter()
        .filter_map(|tried| Some((&tried.candidate, tried.criterion(search.epochs)?)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
}

fn names(tasks: &TaskSet) -> Vec<String> {
    tasks.names().map(String::from).collect()
}

fn guesses(set: &TaskSet, first: Option<&History>, in_mind: Option<&[f64]>) -> Vec<Candidate> {
    let Some(history) = first else {
        return Vec::new();
    };
    let tasks = &names(set)[..];
    let constant = |task: &str| history.get(0, Split::Valid, task, quantity::CONSTANT_LOSS);
    let Some(losses) = positive(tasks, constant) else {
        return Vec::new();
    };
    // Scaled so that the objective of a constant is the number of tasks, so gradient clipping affects all candidates
    // alike.
    let scaled = |origin: Origin, weights: Vec<f64>| {
        let objective: f64 = weights.iter().zip(&losses).map(|(w, l)| w * l).sum();
        let scale = tasks.len() as f64 / objective;
        Candidate::new(origin, tasks, |index| weights[index] * scale)
    };
    let power = |values: &[f64], power| values.iter().map(|v: &f64| v.powf(power)).collect();
    let mut all = vec![scaled(Origin::InverseLoss, power(&losses, -1.0))];
    if let Some(norms) = positive(tasks, |task| mean_gradient(history, task)) {
        all.push(scaled(Origin::InverseGradient, power(&norms, -1.0)));
        all.push(scaled(Origin::Between, power(&norms, -0.5)));
    }
    all.extend(in_mind.map(|weights| scaled(Origin::Outputs, outputs(set, weights))));
    all
}

fn outputs(tasks: &TaskSet, weights: &[f64]) -> Vec<f64> {
    let elements = tasks.iter().map(|task| (task.elements() as f64).sqrt());
    weights.iter().zip(elements).map(|(w, n)| w * n).collect()
}

fn positive(tasks: &[String], value: impl Fn(&str) -> Option<f64>) -> Option<Vec<f64>> {
    let usable = |value: &f64| value.is_finite() && *value > 0.0;
    let values = tasks.iter().map(|task| value(task).filter(usable));
    values.collect()
}

fn mean_gradient(history: &History, task: &str) -> Option<f64> {
    let norms = history.series(Split::Train, task, quantity::GRADIENT_NORM);
    let sum: f64 = norms.iter().map(|(_, norm)| norm).sum();
    (!norms.is_empty()).then(|| sum / norms.len() as f64)
}

/// Returns the third round: each task once with more and once with less weight.
fn steps(middle: &Candidate) -> Vec<Candidate> {
    let tasks = middle.weights.iter().map(|(task, _)| task);
    let step = |origin: Origin, turn: &str, by: f64| {
        middle.times(origin, |task| if task == turn { by } else { 1.0 })
    };
    tasks
        .flat_map(|task| {
            [
                step(Origin::More(task.clone()), task, STEP),
                step(Origin::Less(task.clone()), task, 1.0 / STEP),
            ]
        })
        .collect()
}

fn last_round(
    search: &SearchConfig,
    tried: &[Tried],
    middle: &Candidate,
    count: usize,
) -> Vec<Candidate> {
    let combined = tried.iter().any(|t| t.candidate.origin == Origin::Combined);
    if !combined && let Some(candidate) = combine(search, tried) {
        return vec![candidate];
    }
    around(middle, count)
}

/// Combines the steps that helped, for each task the better of its two. Returns `None` unless at least two tasks
/// change.
fn combine(search: &SearchConfig, tried: &[Tried]) -> Option<Candidate> {
    let before = tried.iter().position(|t| t.candidate.step().is_some())?;
    let (start, reached) = best(search, &tried[..before])?;
    let helped: Vec<(&str, f64, f64)> = tried
        .iter()
        .filter_map(|tried| {
            let (task, factor) = tried.candidate.step()?;
            let criterion = tried.criterion(search.epochs)?;
            (criterion < reached).then_some((task, factor, criterion))
        })
        .collect();
    let better_of_two = |turn: &str| {
        let own = helped.iter().filter(|(task, _, _)| *task == turn);
        let best = own.min_by(|(_, _, a), (_, _, b)| a.total_cmp(b));
        best.map_or(1.0, |(_, factor, _)| *factor)
    };
    let changed = start
        .weights
        .iter()
        .filter(|(task, _)| better_of_two(task) != 1.0);
    (changed.count() > 1).then(|| start.times(Origin::Combined, better_of_two))
}

fn around(middle: &Candidate, count: usize) -> Vec<Candidate> {
    let mut random = ChaCha8Rng::seed_from_u64(SearchConfig::SEED);
    (1..=count)
        .map(|number| {
            let draw = middle.weights.iter().map(|(task, _)| {
                let factor = SPREAD.powf(random.random_range(-1.0..=1.0));
                (task.clone(), factor)
            });
            let factors: BTreeMap<String, f64> = draw.collect();
            middle.times(Origin::Random(number), |task| factors[task])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Task;

    const SEARCH: SearchConfig = SearchConfig {
        runs: 14,
        epochs: 2,
    };

    const IN_MIND: [f64; 4] = [0.1, 0.7, 0.1, 0.1];

    fn tasks() -> TaskSet {
        TaskSet::new([
            Task::classification("kind", 3),
            Task::regression("point", 2),
            Task::binary("mask", 105),
            Task::regression("level", 105),
        ])
        .unwrap()
    }

    fn tried(candidate: Candidate, criterion: f64, norms: bool) -> Tried {
        let mut history = History::new();
        let about = [1.0, 0.01, 0.25, 16.0]
            .into_iter()
            .zip([0.1, 0.01, 0.05, 0.2]);
        for (task, (loss, norm)) in tasks().names().zip(about) {
            history.record(0, Split::Valid, task, quantity::CONSTANT_LOSS, loss);
            if norms {
                history.record(1, Split::Train, task, quantity::GRADIENT_NORM, norm);
            }
        }
        let name = quantity::RELATIVE_LOSS;
        history.record(2, Split::Valid, ALL_TASKS, name, criterion);
        let history = Some(history);
        Tried { candidate, history }
    }

    /// Runs a whole search whose criterion is a function of the weights.
    fn search(
        search: &SearchConfig,
        norms: bool,
        criterion: impl Fn(&Candidate) -> f64,
    ) -> Vec<Tried> {
        let mut all = Vec::new();
        loop {
            let round = next(search, &tasks(), &all, Some(&IN_MIND));
            if round.is_empty() {
                return all;
            }
            for candidate in round {
                let value = criterion(&candidate);
                all.push(tried(candidate, value, norms));
            }
        }
    }

    fn origins(tried: &[Tried]) -> Vec<String> {
        tried
            .iter()
            .map(|tried| tried.candidate.origin.to_string())
            .collect()
    }

    fn weights(candidate: &Candidate) -> Vec<f64> {
        candidate
            .weights
            .iter()
            .map(|(_, weight)| *weight)
            .collect()
    }

    /// Returns the distance of the weights from the best ones, up to a common factor.
    fn distance(candidate: &Candidate, wanted: [f64; 4]) -> f64 {
        let logs = weights(candidate)
            .into_iter()
            .zip(wanted)
            .map(|(w, best)| (w / best).ln());
        let logs: Vec<f64> = logs.collect();
        let mean = logs.iter().sum::<f64>() / 4.0;
        logs.iter().map(|log| (log - mean).powi(2)).sum()
    }

    #[test]
    fn guesses_then_steps_then_what_helped() {
        // Better than the raw sum: more weight on the kind, less on the mask.
        let all = search(&SEARCH, true, |candidate| {
            distance(candidate, [3.5, 1.0, 0.28, 1.0])
        });
        let expected = [
            "equal",
            "inverse-loss",
            "inverse-gradient",
            "between",
            "outputs",
            "more-kind",
            "less-kind",
            "more-point",
            "less-point",
            "more-mask",
            "less-mask",
            "more-level",
            "less-level",
            "combined",
        ];
        assert_eq!(origins(&all), expected);
        assert_eq!(weights(&all[0].candidate), [1.0; 4]);
        assert_eq!(weights(&all[1].candidate), [1.0, 100.0, 4.0, 0.0625]);
        // 1/0.1, 1/0.01, 1/0.05, 1/0.2 over an objective of 10 + 1 + 5 + 80 = 96, times 4.
        assert_eq!(weights(&all[2].candidate), [0.417, 4.17, 0.833, 0.208]);
        // 0.1, 0.7, 0.1, 0.1 times the roots of 3, 2, 105, 105, over an objective of 16.84, times 4.
        assert_eq!(weights(&all[4].candidate), [0.0412, 0.235, 0.243, 0.243]);
        // The raw sum is the best guess, and each of these steps from it helps on its own.
        assert_eq!(best(&SEARCH, &all[..5]).unwrap().0.origin, Origin::Equal);
        assert_eq!(weights(&all[13].candidate), [4.0, 1.0, 0.25, 1.0]);
    }

    #[test]
    fn finds_better_weights_than_any_guess_and_the_same_again() {
        let wanted = [0.1, 30.0, 1.0, 0.2];
        let all = search(&SEARCH, true, |candidate| distance(candidate, wanted));
        let guessed = best(&SEARCH, &all[..5]).unwrap().1;
        let (found, reached) = best(&SEARCH, &all).unwrap();
        assert!(reached < guessed / 4.0, "{found:?} {reached} {guessed}");
        let again = search(&SEARCH, true, |candidate| distance(candidate, wanted));
        let candidates = |tried: &[Tried]| {
            tried
                .iter()
                .map(|t| t.candidate.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(candidates(&all), candidates(&again));
    }

    #[test]
    fn where_no_step_helps_the_rest_is_random_around_the_best() {
        let all = search(&SEARCH, true, |candidate| distance(candidate, [1.0; 4]));
        assert_eq!(origins(&all)[13..], ["random-1"]);
        for tried in &all[13..] {
            assert!(
                weights(&tried.candidate)
                    .iter()
                    .all(|w| (0.499..=2.01).contains(w))
            );
        }
        assert_eq!(best(&SEARCH, &all).unwrap().0.origin, Origin::Equal);
    }

    #[test]
    fn does_without_gradient_norms_and_with_a_small_budget() {
        let all = search(&SEARCH, false, |_| 1.0);
        assert_eq!(all.len(), 14);
        assert!(!origins(&all).contains(&"inverse-gradient".to_string()));
        let small = SearchConfig { runs: 2, epochs: 2 };
        assert_eq!(
            origins(&search(&small, true, |_| 1.0)),
            ["equal", "inverse-loss"]
        );
    }

    #[test]
    fn a_candidate_that_failed_is_not_chosen() {
        let all = search(&SEARCH, true, |candidate| match &candidate.origin {
            Origin::Equal => f64::NAN,
            Origin::More(task) if task == "mask" => 0.5,
            _ => 1.0,
        });
        let (found, _) = best(&SEARCH, &all).unwrap();
        assert_eq!(found.origin, Origin::More("mask".into()));
        let failed = Tried {
            candidate: all[0].candidate.clone(),
            history: None,
        };
        assert!(best(&SEARCH, std::slice::from_ref(&failed)).is_none());
        assert_eq!(
            next(&SEARCH, &tasks(), &[failed], None).len(),
            8,
            "steps from equal"
        );
    }

    #[test]
    fn a_run_that_ended_too_early_is_not_judged() {
        let candidate = Candidate::new(Origin::Equal, &super::names(&tasks()), |_| 1.0);
        assert_eq!(tried(candidate.clone(), 0.9, true).criterion(2), Some(0.9));
        assert_eq!(tried(candidate, 0.9, true).criterion(3), None);
    }
}
