//! The numbers of one task that a diagnosis rests on.

use crate::history::{ALL_TASKS, History, Split, quantity};

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
    pub(super) skill: Option<f64>,
    pub(super) trained_skill: Option<f64>,
    pub(super) skill_over_position: Option<f64>,
    pub(super) constant: Option<f64>,
    pub(super) position: Option<f64>,
    /// Effective weights of all epochs.
    pub(super) weights: Vec<f64>,
    /// Mean share of the gradient over the last half of the epochs.
    pub(super) share: Option<f64>,
    /// Epochs in that half that were audited.
    pub(super) audited: usize,
    pub(super) intended: f64,
    /// Mean cosine with every other task over the last half of the epochs.
    pub(super) cosines: Vec<(String, f64)>,
    /// How far the target is spread, and how far the optimizer could have moved a linear head in all steps.
    pub(super) reach: Option<Reach>,
    /// The objective after the first and the last epoch.
    pub(super) objective: Option<(f64, f64)>,
}

/// What the optimizer could do for a task's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Standard deviation of the targets in units of the head's output.
    pub(super) spread: f64,
    /// The sum over all steps of learning rate times reach.
    pub(super) moved: f64,
    /// Steps so far.
    pub(super) steps: f64,
}

impl Reach {
    /// Steps that Adam needs at least, at the mean pace of the run.
    pub(super) fn steps_needed(&self) -> f64 {
        self.steps * self.spread / self.moved.max(f64::MIN_POSITIVE)
    }
}

impl Evidence {
    /// The evidence on every task that has a validation loss.
    pub(super) fn of_all(history: &History) -> Vec<Self> {
        let tasks = history.tasks();
        let with_loss: Vec<&str> = tasks
            .into_iter()
            .filter(|task| {
                !history
                    .series(Split::Valid, task, quantity::LOSS)
                    .is_empty()
            })
            .collect();
        with_loss
            .iter()
            .map(|task| Self::of(history, task, &with_loss))
            .collect()
    }

    fn of(history: &History, task: &str, tasks: &[&str]) -> Self {
        let (epochs, losses): (Vec<usize>, Vec<f64>) = history
            .series(Split::Valid, task, quantity::LOSS)
            .into_iter()
            .unzip();
        let trained = history.series(Split::Train, task, quantity::LOSS);
        let last = |split, name| history.last(split, task, name);
        let shares = history.series(Split::Train, task, quantity::GRADIENT_SHARE);
        let others = tasks.iter().filter(|other| **other != task);
        let intended = history.get(0, Split::Train, task, quantity::INTENDED_SHARE);
        Self {
            task: task.into(),
            first: losses[0],
            last: losses[losses.len() - 1],
            trained: ends(&trained),
            skill: last(Split::Valid, quantity::SKILL),
            trained_skill: last(Split::Train, quantity::SKILL),
            skill_over_position: last(Split::Valid, quantity::SKILL_OVER_POSITION),
            constant: history.get(0, Split::Valid, task, quantity::CONSTANT_LOSS),
            position: history.get(0, Split::Valid, task, quantity::POSITION_LOSS),
            weights: numbers(history.series(Split::Train, task, quantity::WEIGHT)),
            share: late_mean(&shares),
            audited: late(&shares).len(),
            intended: intended.unwrap_or(1.0 / tasks.len() as f64),
            cosines: others
                .filter_map(|other| {
                    let cosine = late_mean(&history.cosine(task, other))?;
                    Some((other.to_string(), cosine))
                })
                .collect(),
            reach: reach(history, task),
            objective: ends(&history.series(Split::Train, ALL_TASKS, quantity::OBJECTIVE)),
            losses,
            epochs,
        }
    }

    /// Relative change of the validation loss; negative is better.
    pub(super) fn change(&self) -> f64 {
        match self.first == 0.0 {
            true => 0.0,
            false => self.last / self.first - 1.0,
        }
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

fn numbers(series: Vec<(usize, f64)>) -> Vec<f64> {
    series.into_iter().map(|(_, value)| value).collect()
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
fn reach(history: &History, task: &str) -> Option<Reach> {
    let spread = history.get(0, Split::Valid, task, quantity::TARGET_SPREAD)?;
    let of_all = |name| history.series(Split::Train, ALL_TASKS, name);
    let reaches = of_all(quantity::REACH);
    let typical = reaches.iter().map(|(_, reach)| reach).sum::<f64>() / reaches.len() as f64;
    if !typical.is_finite() {
        return None;
    }
    let (mut moved, mut steps) = (0.0, 0.0);
    for (epoch, count) in of_all(quantity::STEPS) {
        let at = |name| history.get(epoch, Split::Train, ALL_TASKS, name);
        moved += count * at(quantity::LEARNING_RATE)? * at(quantity::REACH).unwrap_or(typical);
        steps += count;
    }
    (steps > 0.0).then_some(Reach {
        spread,
        moved,
        steps,
    })
}
