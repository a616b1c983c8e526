//! Collects the numbers of one task for its diagnosis.

use std::collections::{BTreeMap, HashMap};

use crate::history::{ALL_TASKS, History, NoBaseline, Split, quantity};

/// A fall of more than this many times the late change from epoch to epoch is no noise.
const FALL_OVER_NOISE: f64 = 5.0;

/// The numbers of one task from a history.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) task: String,
    /// Validation losses of all epochs that have one.
    pub(super) losses: Vec<f64>,
    /// The epochs of `losses`.
    pub(super) epochs: Vec<usize>,
    pub(super) first: f64,
    pub(super) last: f64,
    /// Training losses after the first and the last epoch.
    pub(super) trained: Option<(f64, f64)>,
    /// The epoch of the skills: the best epoch, whose network is kept.
    pub(super) judged: usize,
    /// Whether `judged` is the last epoch.
    pub(super) judged_last: bool,
    pub(super) skill: Option<Skill>,
    pub(super) skill_over_position: Option<Skill>,
    /// The skill after the last epoch.
    pub(super) last_skill: Option<f64>,
    pub(super) trained_skill: Option<f64>,
    /// The reason why there is no uninformed predictor, if recorded.
    pub(super) no_baseline: Option<NoBaseline>,
    pub(super) constant: Option<f64>,
    pub(super) position: Option<f64>,
    /// Effective weights of all epochs.
    pub(super) weights: Vec<f64>,
    /// Mean gradient share over the last half of the epochs.
    pub(super) share: Option<f64>,
    /// The number of audited epochs in `share`.
    pub(super) audited: usize,
    /// The gradient share configured in the strategy.
    pub(super) intended: Option<f64>,
    /// The even share, 1 / number of tasks.
    pub(super) even: f64,
    /// Mean cosine with every other task over the last half of the epochs.
    pub(super) cosines: Vec<(String, f64)>,
    /// The size of the targets, and how far the optimizer could move a linear head in all steps.
    pub(super) reach: Option<HeadReach>,
    /// The objective after the first and the last epoch.
    pub(super) objective: Option<(f64, f64)>,
    /// Steps of all epochs; below the steps with labels and no gradient, and the steps in which the strategy found no
    /// weights.
    pub(super) steps: f64,
    pub(super) without_gradient: f64,
    pub(super) no_solution: f64,
}

/// A skill and half of its 95 % interval, if known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Skill {
    pub(super) value: f64,
    pub(super) margin: Option<f64>,
}

/// How far the optimizer could move a task's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadReach {
    /// The root of the mean square of the targets in units of the head's output.
    pub(super) size: f64,
    /// The sum over all steps of learning rate times reach.
    pub(super) moved: f64,
    pub(super) steps: f64,
}

impl HeadReach {
    /// Returns the smallest number of steps that Adam needs, at the mean pace of the run.
    pub(super) fn steps_needed(&self) -> f64 {
        self.steps * self.size / self.moved.max(f64::MIN_POSITIVE)
    }
}

impl Evidence {
    /// Collects the evidence on every task that has a loss.
    pub(super) fn of_all(history: &History) -> Vec<Self> {
        let mut tasks = history.tasks();
        let has_loss = |split, task: &&str| !history.series(split, task, quantity::LOSS).is_empty();
        tasks.retain(|task| has_loss(Split::Valid, task) || has_loss(Split::Train, task));
        let best = history.best_epoch();
        let all = tasks.iter().zip(mean_cosines(history, &tasks));
        all.map(|(task, cosines)| Self::of(history, task, tasks.len(), cosines, best))
            .collect()
    }

    fn of(
        history: &History,
        task: &str,
        tasks: usize,
        cosines: Vec<(String, f64)>,
        best: Option<usize>,
    ) -> Self {
        let series = |split, name| history.series(split, task, name);
        let last = |split, name| series(split, name).latest();
        let losses = series(Split::Valid, quantity::LOSS);
        let shares = series(Split::Train, quantity::GRADIENT_SHARE);
        let last_epoch = losses.last().map_or(0, |(epoch, _)| *epoch);
        // The best epoch of the run may be one in which this task had no labels.
        let at_best = |best: &usize| losses.iter().any(|(epoch, _)| epoch == best);
        let judged = best.filter(at_best).unwrap_or(last_epoch);
        let at = |name| series(Split::Valid, name).at(judged);
        let skill = |value, margin| {
            Some(Skill {
                value: at(value)?,
                margin: at(margin).filter(|margin| margin.is_finite()),
            })
        };
        let of_all = |name| history.series(Split::Train, ALL_TASKS, name);
        let reason = history.known(Split::Valid, task, quantity::NO_BASELINE);
        Self {
            task: task.into(),
            first: losses.first().map_or(f64::NAN, |(_, loss)| *loss),
            last: losses.last().map_or(f64::NAN, |(_, loss)| *loss),
            trained: series(Split::Train, quantity::LOSS).ends(),
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
            constant: history.known(Split::Valid, task, quantity::CONSTANT_LOSS),
            position: history.known(Split::Valid, task, quantity::POSITION_LOSS),
            weights: series(Split::Train, quantity::WEIGHT).values().collect(),
            share: shares.late_mean(),
            audited: shares.late().len(),
            intended: history.known(Split::Train, task, quantity::INTENDED_SHARE),
            even: 1.0 / tasks as f64,
            cosines,
            reach: reach(history, task),
            objective: of_all(quantity::OBJECTIVE).ends(),
            epochs: losses.iter().map(|(epoch, _)| *epoch).collect(),
            losses: losses.values().collect(),
            steps: of_all(quantity::STEPS).total(),
            without_gradient: series(Split::Train, quantity::ZERO_GRADIENT_STEPS).total(),
            no_solution: of_all(quantity::NO_SOLUTION_STEPS).total(),
        }
    }

    /// Returns the fair share: the share configured in the strategy, otherwise the even share.
    pub(super) fn fair(&self) -> f64 {
        self.intended.unwrap_or(self.even)
    }

    /// Returns the change of the validation loss over the size of its first value; negative is better.
    pub(super) fn change(&self) -> f64 {
        if self.first == 0.0 {
            0.0
        } else {
            (self.last - self.first) / self.first.abs()
        }
    }

    /// Returns whether the loss was ever zero or below, as a likelihood can be. Then zero and percentages have no
    /// meaning.
    pub(super) fn signed(&self) -> bool {
        self.losses.iter().any(|loss| *loss <= 0.0)
    }

    /// Returns the fall of the loss as a multiple of its typical late change from epoch to epoch.
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

    /// Returns whether the loss fell by more than `part` of its first value; for a loss that can be negative, by
    /// clearly more than its late changes.
    pub(super) fn improved(&self, part: f64) -> bool {
        if self.signed() {
            self.fall_over_noise() > FALL_OVER_NOISE
        } else {
            self.change() < -part
        }
    }

    pub(super) fn not_trained(&self) -> bool {
        !self.weights.is_empty() && self.weights.iter().all(|weight| *weight == 0.0)
    }

    /// Returns the smallest finite validation loss up to an epoch, infinity if there is none.
    pub(super) fn least_until(&self, epoch: usize) -> f64 {
        let until = self.epochs.iter().zip(&self.losses);
        let until = until.filter(|(at, loss)| **at <= epoch && loss.is_finite());
        until.map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min)
    }

    /// Returns the validation loss after an epoch, NaN if there is none.
    pub(super) fn loss_at(&self, epoch: usize) -> f64 {
        let mut losses = self.epochs.iter().zip(&self.losses);
        let found = losses.find(|(at, _)| **at == epoch);
        found.map_or(f64::NAN, |(_, loss)| *loss)
    }

    /// Returns the epoch with the smallest validation loss, and the loss.
    pub(super) fn best(&self) -> Option<(usize, f64)> {
        let finite = self.epochs.iter().zip(&self.losses);
        finite
            .filter(|(_, loss)| loss.is_finite())
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(epoch, loss)| (*epoch, *loss))
    }
}

/// Returns the mean cosines of each task with others over the last half of the epochs, in the order of the tasks. Only what was
/// recorded is looked at: a thousand tasks have a million pairs.
fn mean_cosines(history: &History, tasks: &[&str]) -> Vec<Vec<(String, f64)>> {
    let positions = tasks.iter().enumerate();
    let positions: HashMap<&str, usize> = positions.map(|(at, task)| (*task, at)).collect();
    // By the positions of both tasks: a pair that was recorded in both orders counts once.
    let mut found: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for (at, task) in tasks.iter().enumerate() {
        for (other, series) in history.cosines_of(task) {
            let mean = series.late_mean();
            let other = positions.get(other).copied().filter(|other| *other != at);
            if let (Some(other), Some(mean)) = (other, mean) {
                found.insert((at, other), mean);
                found.entry((other, at)).or_insert(mean);
            }
        }
    }
    let mut means = vec![Vec::new(); tasks.len()];
    for ((at, other), mean) in found {
        means[at].push((tasks[other].to_owned(), mean));
    }
    means
}

/// Computes how far the optimizer could move a linear head in all steps of the run. Epochs without an audit count with
/// the mean reach of the others.
fn reach(history: &History, task: &str) -> Option<HeadReach> {
    let size = history.known(Split::Valid, task, quantity::TARGET_SIZE)?;
    let of_all = |name| history.series(Split::Train, ALL_TASKS, name);
    let (reaches, rates) = (of_all(quantity::REACH), of_all(quantity::LEARNING_RATE));
    // Summed in the order of the epochs, so that the same history gives the same bits.
    let typical = reaches.total() / reaches.len() as f64;
    if !typical.is_finite() {
        return None;
    }
    let (mut moved, mut steps) = (0.0, 0.0);
    for (epoch, count) in of_all(quantity::STEPS) {
        moved += count * rates.at(epoch)? * reaches.at(epoch).unwrap_or(typical);
        steps += count;
    }
    (steps > 0.0).then_some(HeadReach { size, moved, steps })
}
