//! The numbers of one task that a diagnosis rests on.

use std::collections::HashMap;

use crate::history::{ALL_TASKS, History, NoBaseline, Split, quantity};

/// A fall of this many times the late change from epoch to epoch is no noise.
const FALL_OVER_NOISE: f64 = 5.0;

/// The records of a history by what they are of; looking for each in the whole history takes seconds for many tasks.
struct Index(HashMap<(Split, String, String), Vec<(usize, f64)>>);

impl Index {
    fn new(history: &History) -> Self {
        let mut index: HashMap<_, Vec<(usize, f64)>> = HashMap::new();
        for record in history.records() {
            let name = (record.split, record.task.clone(), record.quantity.clone());
            let series = index.entry(name).or_default();
            series.push((record.epoch, record.value));
        }
        for series in index.values_mut() {
            series.sort_by_key(|(epoch, _)| *epoch);
        }
        Self(index)
    }

    /// The values of all epochs, what is known before training first.
    fn all(&self, split: Split, task: &str, quantity: &str) -> &[(usize, f64)] {
        let name = (split, task.to_string(), quantity.to_string());
        self.0.get(&name).map_or(&[], Vec::as_slice)
    }

    /// The values of all epochs from the first on.
    fn series(&self, split: Split, task: &str, quantity: &str) -> &[(usize, f64)] {
        let all = self.all(split, task, quantity);
        &all[all.partition_point(|(epoch, _)| *epoch == 0)..]
    }

    /// The value of an epoch.
    fn at(&self, split: Split, task: &str, quantity: &str, epoch: usize) -> Option<f64> {
        let all = self.all(split, task, quantity);
        let found = all.binary_search_by_key(&epoch, |(epoch, _)| *epoch).ok()?;
        Some(all[found].1)
    }

    /// What was known before training.
    fn known(&self, split: Split, task: &str, quantity: &str) -> Option<f64> {
        let first = self.all(split, task, quantity).first();
        first.and_then(|(epoch, value)| (*epoch == 0).then_some(*value))
    }

    /// The cosines of two tasks, whichever comes first.
    fn cosines(&self, task: &str, other: &str) -> &[(usize, f64)] {
        let of = |a, b| self.series(Split::Train, a, &quantity::cosine_with(b));
        match of(task, other) {
            [] => of(other, task),
            found => found,
        }
    }
}

/// What a history says about one task.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) task: String,
    /// Validation losses of all epochs.
    pub(super) losses: Vec<f64>,
    /// Epochs of these losses.
    pub(super) epochs: Vec<usize>,
    pub(super) first: f64,
    pub(super) last: f64,
    /// Training losses after the first and the last epoch.
    pub(super) trained: Option<(f64, f64)>,
    /// The epoch that the skills are of: the best one, whose network is kept.
    pub(super) judged: usize,
    /// Whether that is the last one.
    pub(super) judged_last: bool,
    pub(super) skill: Option<Skill>,
    pub(super) skill_over_position: Option<Skill>,
    /// The skill after the last epoch.
    pub(super) last_skill: Option<f64>,
    pub(super) trained_skill: Option<f64>,
    /// Why there is no uninformed predictor, where that is known.
    pub(super) no_baseline: Option<NoBaseline>,
    pub(super) constant: Option<f64>,
    pub(super) position: Option<f64>,
    /// Effective weights of all epochs.
    pub(super) weights: Vec<f64>,
    /// Mean share of the gradient over the last half of the epochs.
    pub(super) share: Option<f64>,
    /// Epochs in that half that were audited.
    pub(super) audited: usize,
    /// What the strategy was told, if anything.
    pub(super) intended: Option<f64>,
    /// The same for all.
    pub(super) even: f64,
    /// Mean cosine with every other task over the last half of the epochs.
    pub(super) cosines: Vec<(String, f64)>,
    /// How far the target is from zero, and how far the optimizer could have moved a linear head in all steps.
    pub(super) reach: Option<Reach>,
    /// The objective after the first and the last epoch.
    pub(super) objective: Option<(f64, f64)>,
    /// Steps of all epochs, those in which the task had labels and no gradient, and those in which the strategy had no answer.
    pub(super) steps: f64,
    pub(super) without_gradient: f64,
    pub(super) no_solution: f64,
}

/// A skill and half of its 95 % interval, where that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Skill {
    pub(super) value: f64,
    pub(super) margin: Option<f64>,
}

/// What the optimizer could do for a task's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Root of the mean square of the targets in units of the head's output.
    pub(super) size: f64,
    /// The sum over all steps of learning rate times reach.
    pub(super) moved: f64,
    /// Steps so far.
    pub(super) steps: f64,
}

impl Reach {
    /// Steps that Adam needs at least, at the mean pace of the run.
    pub(super) fn steps_needed(&self) -> f64 {
        self.steps * self.size / self.moved.max(f64::MIN_POSITIVE)
    }
}

impl Evidence {
    /// The evidence on every task that has a loss.
    pub(super) fn of_all(history: &History) -> Vec<Self> {
        let index = Index::new(history);
        let mut tasks = history.tasks();
        let has_loss = |split, task: &&str| !index.series(split, task, quantity::LOSS).is_empty();
        tasks.retain(|task| has_loss(Split::Valid, task) || has_loss(Split::Train, task));
        let best = history.best_epoch();
        let of = |task: &&str| Self::of(&index, task, &tasks, best);
        tasks.iter().map(of).collect()
    }

    fn of(index: &Index, task: &str, tasks: &[&str], best: Option<usize>) -> Self {
        let series = |split, name| index.series(split, task, name);
        let last = |split, name| Some(series(split, name).last()?.1);
        let losses = series(Split::Valid, quantity::LOSS);
        let shares = series(Split::Train, quantity::GRADIENT_SHARE);
        let others = tasks.iter().filter(|other| **other != task);
        let last_epoch = losses.last().map_or(0, |(epoch, _)| *epoch);
        // The best epoch of the run may be one in which this task had no labels.
        let at_best = |best: &usize| losses.iter().any(|(epoch, _)| epoch == best);
        let judged = best.filter(at_best).unwrap_or(last_epoch);
        let at = |name| index.at(Split::Valid, task, name, judged);
        let skill = |value, margin| {
            Some(Skill {
                value: at(value)?,
                margin: at(margin).filter(|margin| margin.is_finite()),
            })
        };
        let reason = index.known(Split::Valid, task, quantity::NO_BASELINE);
        Self {
            task: task.into(),
            first: losses.first().map_or(f64::NAN, |(_, loss)| *loss),
            last: losses.last().map_or(f64::NAN, |(_, loss)| *loss),
            trained: ends(series(Split::Train, quantity::LOSS)),
            judged,
            judged_last: judged == last_epoch,
            skill: skill(quantity::SKILL, quantity::SKILL_MARGIN),
            skill_over_position: skill(
                quantity::SKILL_OVER_POSITION,
                quantity::SKILL_OVER_POSITION_MARGIN,
            ),
            last_skill: last(Split::Valid, quantity::SKILL),
            trained_skill: last(Split::Train, quantity::SKILL),
            no_baseline: reason.and_then(NoBaseline::from_number),
            constant: index.known(Split::Valid, task, quantity::CONSTANT_LOSS),
            position: index.known(Split::Valid, task, quantity::POSITION_LOSS),
            weights: numbers(series(Split::Train, quantity::WEIGHT)),
            share: late_mean(shares),
            audited: late(shares).len(),
            intended: index.known(Split::Train, task, quantity::INTENDED_SHARE),
            even: 1.0 / tasks.len() as f64,
            cosines: others
                .filter_map(|other| {
                    let cosine = late_mean(index.cosines(task, other))?;
                    Some((other.to_string(), cosine))
                })
                .collect(),
            reach: reach(index, task),
            objective: ends(index.series(Split::Train, ALL_TASKS, quantity::OBJECTIVE)),
            epochs: losses.iter().map(|(epoch, _)| *epoch).collect(),
            losses: numbers(losses),
            steps: total(index.series(Split::Train, ALL_TASKS, quantity::STEPS)),
            without_gradient: total(series(Split::Train, quantity::ZERO_GRADIENT_STEPS)),
            no_solution: total(index.series(Split::Train, ALL_TASKS, quantity::NO_SOLUTION_STEPS)),
        }
    }

    /// The share that counts as fair: what the strategy was told, or the same for all.
    pub(super) fn fair(&self) -> f64 {
        self.intended.unwrap_or(self.even)
    }

    /// Change of the validation loss over the size of its first value; negative is better.
    pub(super) fn change(&self) -> f64 {
        if self.first == 0.0 {
            0.0
        } else {
            (self.last - self.first) / self.first.abs()
        }
    }

    /// Whether the loss has been zero or below, as a likelihood can be. Its zero has no meaning then, and neither has a percentage.
    pub(super) fn signed(&self) -> bool {
        self.losses.iter().any(|loss| *loss <= 0.0)
    }

    /// How many times its late change from epoch to epoch the loss has fallen by.
    pub(super) fn fall_over_noise(&self) -> f64 {
        let late = &self.losses[self.losses.len() / 2..];
        let mut changes: Vec<f64> = late.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
        changes.sort_by(f64::total_cmp);
        let typical = changes.get(changes.len() / 2).copied().unwrap_or(0.0);
        let fall = self.first - self.last;
        if fall <= 0.0 {
            0.0
        } else {
            fall / typical.max(f64::MIN_POSITIVE)
        }
    }

    /// Whether the loss fell by more than `part` of its first value; a loss that can be negative, by clearly more than it still moves.
    pub(super) fn improved(&self, part: f64) -> bool {
        if self.signed() {
            self.fall_over_noise() > FALL_OVER_NOISE
        } else {
            self.change() < -part
        }
    }

    /// Whether the task had weight 0 in every epoch.
    pub(super) fn not_trained(&self) -> bool {
        !self.weights.is_empty() && self.weights.iter().all(|weight| *weight == 0.0)
    }

    /// The smallest validation loss up to an epoch; infinite if there is none.
    pub(super) fn least_until(&self, epoch: usize) -> f64 {
        let until = self.epochs.iter().zip(&self.losses);
        let until = until.filter(|(at, loss)| **at <= epoch && loss.is_finite());
        until.map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min)
    }

    /// The epoch with the smallest validation loss, and that loss.
    pub(super) fn best(&self) -> Option<(usize, f64)> {
        let finite = self.epochs.iter().zip(&self.losses);
        finite
            .filter(|(_, loss)| loss.is_finite())
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(epoch, loss)| (*epoch, *loss))
    }
}

fn ends(series: &[(usize, f64)]) -> Option<(f64, f64)> {
    Some((series.first()?.1, series.last()?.1))
}

fn total(series: &[(usize, f64)]) -> f64 {
    series.iter().map(|(_, value)| value).sum()
}

fn numbers(series: &[(usize, f64)]) -> Vec<f64> {
    series.iter().map(|(_, value)| *value).collect()
}

/// The last half of a series: what training ends with, without the first steps, which are unlike all others.
fn late(series: &[(usize, f64)]) -> &[(usize, f64)] {
    &series[series.len() / 2..]
}

fn late_mean(series: &[(usize, f64)]) -> Option<f64> {
    let late = late(series);
    let finite: Vec<f64> = late
        .iter()
        .map(|(_, v)| *v)
        .filter(|v| v.is_finite())
        .collect();
    (!finite.is_empty()).then(|| finite.iter().sum::<f64>() / finite.len() as f64)
}

/// What the optimizer could move a linear head by in all steps of the run. An epoch without an audit counts with the mean
/// of the others.
fn reach(index: &Index, task: &str) -> Option<Reach> {
    let size = index.known(Split::Valid, task, quantity::TARGET_SIZE)?;
    let of_all = |name| index.series(Split::Train, ALL_TASKS, name);
    let reaches: HashMap<usize, f64> = of_all(quantity::REACH).iter().copied().collect();
    let rates: HashMap<usize, f64> = of_all(quantity::LEARNING_RATE).iter().copied().collect();
    // Summed in the order of the epochs, so that the same history gives the same bits.
    let sum: f64 = of_all(quantity::REACH).iter().map(|(_, reach)| reach).sum();
    let typical = sum / reaches.len() as f64;
    if !typical.is_finite() {
        return None;
    }
    let (mut moved, mut steps) = (0.0, 0.0);
    for (epoch, count) in of_all(quantity::STEPS) {
        moved += count * rates.get(epoch)? * reaches.get(epoch).unwrap_or(&typical);
        steps += count;
    }
    (steps > 0.0).then_some(Reach { size, moved, steps })
}
