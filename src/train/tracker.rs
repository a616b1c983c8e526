//! Records every task: sums losses, weights and state on the device, and reads them once at the end of an epoch.

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::{Bool, Tensor, TensorReadError};
use burn::train::Interrupter;
use burn::train::metric::{Adaptor, Metric, MetricMetadata, MetricName, SerializedEntry};

use super::journal::{Journal, JournalEntries};
use super::output::StepOutput;
use super::uninformed::LossRows;
use crate::error::Error;
use crate::gradient::{Audit, PendingAudit};
use crate::history::{ALL_TASKS, History, Split, quantity};
use crate::weighting::StateValue;
use crate::weighting::solve::Degenerate;

/// The number of steps between two checks for losses that are not finite.
const LOOK_EVERY: usize = 25;

/// The largest number of pairs of tasks whose cosines are all recorded, the pairs of 64 tasks.
const ALL_PAIRS: usize = 64 * 63 / 2;

/// The part of a step's output that the tracker uses.
pub(super) struct TrackedStep {
    losses: Tensor<1>,
    active: Tensor<1, Bool>,
    non_finite: Tensor<1, Bool>,
    weights: Option<Tensor<1>>,
    objective: Option<Tensor<1>>,
    state: Vec<StateValue>,
    audit: Option<PendingAudit>,
    counts: Tensor<1>,
    not_positive: Option<Tensor<1, Bool>>,
    flag: Option<Degenerate>,
    unanswered: bool,
    without_gradient: Vec<usize>,
}

impl<E> Adaptor<TrackedStep> for StepOutput<E> {
    fn adapt(&self) -> TrackedStep {
        TrackedStep {
            losses: self.losses.clone(),
            active: self.active.clone(),
            non_finite: self.non_finite.clone(),
            weights: self.weights.clone(),
            objective: self.objective.clone(),
            state: self.state.clone(),
            audit: self.audit.clone(),
            counts: self.counts.clone(),
            not_positive: self.not_positive.clone(),
            flag: self.flag,
            unanswered: self.unanswered,
            without_gradient: self.without_gradient.clone(),
        }
    }
}

/// Sums over the steps of an epoch, each `[K]` or `[1]`, on the device.
#[derive(Clone)]
struct Sums {
    /// The sum of loss times labels over the steps in which the task was active.
    losses: Tensor<1>,
    /// The number of labels in the steps in which the task was active.
    counts: Tensor<1>,
    /// The number of steps in which the task was active.
    active: Tensor<1>,
    /// The number of steps with a loss that is not finite.
    non_finite: Tensor<1>,
    /// The number of steps with a loss that the strategy cannot weigh because the loss is not positive.
    not_positive: Option<Tensor<1>>,
    weights: Option<Tensor<1>>,
    objective: Option<Tensor<1>>,
}

impl Sums {
    fn of(step: &TrackedStep) -> Self {
        let inactive = step.active.clone().bool_not();
        let counts = step.counts.clone();
        Self {
            losses: step.losses.clone().mask_fill(inactive, 0.0) * counts.clone(),
            counts,
            active: step.active.clone().float(),
            non_finite: step.non_finite.clone().float(),
            not_positive: step.not_positive.clone().map(|tasks| tasks.float()),
            weights: step.weights.clone(),
            objective: step.objective.clone(),
        }
    }

    fn plus(self, other: Self) -> Self {
        let both = |a: Option<Tensor<1>>, b: Option<Tensor<1>>| Some(a? + b?);
        Self {
            losses: self.losses + other.losses,
            counts: self.counts + other.counts,
            active: self.active + other.active,
            non_finite: self.non_finite + other.non_finite,
            not_positive: both(self.not_positive, other.not_positive),
            weights: both(self.weights, other.weights),
            objective: both(self.objective, other.objective),
        }
    }
}

/// Counts of the strategy's messages in the steps of an epoch, on the host.
#[derive(Clone, Default)]
struct Said {
    flags: HashMap<Degenerate, usize>,
    unanswered: usize,
    /// The number of steps without a gradient, by the position of the task.
    without_gradient: HashMap<usize, usize>,
}

impl Said {
    fn hear(&mut self, step: &TrackedStep) {
        if let Some(flag) = step.flag {
            *self.flags.entry(flag).or_default() += 1;
        }
        self.unanswered += usize::from(step.unanswered);
        for task in &step.without_gradient {
            *self.without_gradient.entry(*task).or_default() += 1;
        }
    }
}

/// A metric of one split over all tasks.
#[derive(Clone)]
pub(super) struct Tracker {
    split: Split,
    journal: Journal,
    /// Stops the training when a loss is not finite; `None` if such steps are skipped.
    interrupter: Option<Interrupter>,
    /// The name of the strategy in messages.
    strategy: String,
    sums: Option<Sums>,
    /// The losses of each batch of the validation data.
    rows: LossRows,
    said: Said,
    steps: usize,
    state: Vec<StateValue>,
    audits: Option<PendingAudit>,
    learning_rate: Option<f64>,
}

impl Tracker {
    pub(super) fn new(
        split: Split,
        journal: Journal,
        interrupter: Option<Interrupter>,
        strategy: &str,
    ) -> Self {
        Self {
            split,
            journal,
            interrupter,
            strategy: strategy.into(),
            sums: None,
            rows: LossRows::default(),
            said: Said::default(),
            steps: 0,
            state: Vec::new(),
            audits: None,
            learning_rate: None,
        }
    }

    /// Stops the training if a loss since the start of the epoch was not finite, or not positive where the strategy
    /// needs positive losses.
    fn look(&self) -> Result<(), TensorReadError> {
        let (Some(interrupter), Some(sums)) = (&self.interrupter, &self.sums) else {
            return Ok(());
        };
        let steps = self.steps;
        let mut entries = self.journal.lock();
        let epoch = entries.epoch;
        let name =
            |entries: &JournalEntries, task| entries.tasks.names().nth(task).unwrap_or("?").into();
        let error = if let Some((task, count)) = most(&sums.non_finite)? {
            Error::NonFiniteLoss {
                task: name(&entries, task),
                epoch,
                count,
                steps,
            }
        } else if let Some(not_positive) = &sums.not_positive
            && let Some((task, count)) = most(not_positive)?
        {
            Error::NotPositiveLoss {
                task: name(&entries, task),
                strategy: self.strategy.clone(),
                epoch,
                count,
                steps,
            }
        } else {
            return Ok(());
        };
        interrupter.stop(Some(&error.to_string()));
        entries.failure.get_or_insert(error);
        Ok(())
    }

    fn record(&self, sums: &Sums) -> Result<(), TensorReadError> {
        let read = |tensor: &Tensor<1>| tensor.clone().try_into_vec_as::<f32>();
        let losses = read(&sums.losses)?;
        let counts = read(&sums.counts)?;
        let active = read(&sums.active)?;
        let non_finite = read(&sums.non_finite)?;
        let weights = sums.weights.as_ref().map(read).transpose()?;
        let not_positive = sums.not_positive.as_ref().map(read).transpose()?;
        let objective = sums.objective.as_ref().map(read).transpose()?;
        let rows = self.rows.clone().read();
        let mut entries = self.journal.lock();
        if self.split == Split::Valid {
            // Only the uncertainty of the skill depends on these losses, so an error is ignored.
            entries.valid_losses = rows.ok();
        }
        let steps = self.steps as f64;
        for task in 0..losses.len() {
            let broken = f64::from(non_finite[task]);
            if counts[task] > 0.0 || broken > 0.0 {
                let mean = f64::from(losses[task]) / f64::from(counts[task]);
                // Validation skips nothing: a mean over the finite part would hide the rest.
                let hidden = broken > 0.0 && self.split == Split::Valid;
                let loss = if hidden { f64::NAN } else { mean };
                self.put(&mut entries, task, quantity::LOSS, loss);
            }
            if let Some(weights) = &weights {
                let mean = f64::from(weights[task]) / f64::from(active[task].max(1.0));
                self.put(&mut entries, task, quantity::WEIGHT, mean);
            }
            for (quantity, count) in [
                (
                    quantity::NOT_POSITIVE_STEPS,
                    not_positive.as_ref().map(|n| n[task] as usize),
                ),
                (
                    quantity::ZERO_GRADIENT_STEPS,
                    self.said.without_gradient.get(&task).copied(),
                ),
            ] {
                if let Some(count) = count.filter(|count| *count > 0) {
                    self.put(&mut entries, task, quantity, count as f64);
                }
            }
            if broken > 0.0 {
                self.put(&mut entries, task, quantity::NON_FINITE_STEPS, broken);
            }
        }
        if let Some(objective) = objective {
            let mean = f64::from(objective[0]) / steps;
            self.put_for_all(&mut entries, quantity::OBJECTIVE, mean);
        }
        if let Some(rate) = self.learning_rate {
            self.put_for_all(&mut entries, quantity::LEARNING_RATE, rate);
        }
        if self.split == Split::Train {
            self.put_for_all(&mut entries, quantity::STEPS, steps);
        }
        for (flag, quantity) in [
            (Degenerate::Stationary, quantity::STATIONARY_STEPS),
            (Degenerate::Singular, quantity::SINGULAR_STEPS),
        ] {
            if let Some(count) = self.said.flags.get(&flag) {
                self.put_for_all(&mut entries, quantity, *count as f64);
            }
        }
        if self.said.unanswered > 0 {
            let count = self.said.unanswered as f64;
            self.put_for_all(&mut entries, quantity::NO_SOLUTION_STEPS, count);
        }
        if let Some(audits) = &self.audits {
            self.record_audit(&mut entries, &audits.read()?);
        }
        for value in &self.state {
            let numbers = value.read();
            for (task, number) in numbers.iter().enumerate() {
                if value.is_per_task() {
                    self.put(&mut entries, task, value.name(), *number);
                } else {
                    self.put_for_all(&mut entries, value.name(), *number);
                }
            }
        }
        Ok(())
    }

    fn record_audit(&self, entries: &mut JournalEntries, audit: &Audit) {
        let names: Vec<String> = entries.tasks.names().map(String::from).collect();
        let measured = |task: usize| audit.measured[task] > 0;
        let pairs = pairs(&entries.history, &names, audit);
        // A task without a label in any audited step was not measured, so its gradient is unknown.
        for task in (0..names.len()).filter(|task| measured(*task)) {
            for (quantity, values) in [
                (quantity::GRADIENT_NORM, &audit.norms),
                (quantity::GRADIENT_SHARE, &audit.shares),
            ] {
                self.put(entries, task, quantity, values[task]);
            }
            self.put(entries, task, quantity::AUDITS, audit.measured[task] as f64);
            for other in pairs[task].iter().copied().filter(|other| measured(*other)) {
                let cosine = audit.cosines[task][other];
                self.put(entries, task, &quantity::cosine_with(&names[other]), cosine);
            }
        }
        self.put_for_all(entries, quantity::REACH, audit.reach);
    }

    fn put(&self, entries: &mut JournalEntries, task: usize, quantity: &str, value: f64) {
        // Not of the names, which would be counted one by one.
        if let Some(name) = entries
            .tasks
            .iter()
            .nth(task)
            .map(|task| task.name().to_string())
        {
            let epoch = entries.epoch;
            entries
                .history
                .record(epoch, self.split, &name, quantity, value);
        }
    }

    fn put_for_all(&self, entries: &mut JournalEntries, quantity: &str, value: f64) {
        let epoch = entries.epoch;
        entries
            .history
            .record(epoch, self.split, ALL_TASKS, quantity, value);
    }
}

impl Metric for Tracker {
    type Input = TrackedStep;

    fn name(&self) -> MetricName {
        Arc::new("tasks".into())
    }

    fn update(
        &mut self,
        step: &TrackedStep,
        metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        let sums = Sums::of(step);
        self.sums = Some(match self.sums.take() {
            Some(before) => before.plus(sums),
            None => sums,
        });
        if self.split == Split::Valid {
            self.rows.push(step.losses.clone(), step.counts.clone());
        }
        self.said.hear(step);
        self.steps += 1;
        self.state = step.state.clone();
        self.audits = match (self.audits.take(), step.audit.clone()) {
            (Some(before), Some(new)) => Some(before.plus(new)),
            (before, new) => before.or(new),
        };
        self.learning_rate = metadata.lr.as_ref().map(|rate| rate.base());
        if self.steps.is_multiple_of(LOOK_EVERY) {
            self.look()?;
        }
        Ok(SerializedEntry::not_available(None))
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        if let Some(sums) = &self.sums {
            self.look()?;
            self.record(sums)?;
        }
        Ok(SerializedEntry::not_available(None))
    }

    fn clear(&mut self) {
        self.sums = None;
        self.rows = LossRows::default();
        self.said = Said::default();
        self.steps = 0;
        self.state = Vec::new();
        self.audits = None;
    }
}

/// Returns the later tasks whose cosine with each task is recorded: all of them, up to [`ALL_PAIRS`] pairs.
///
/// The pairs of many tasks would fill the history, so only one pair of each task is recorded then: the one farthest in
/// conflict at the first audit of the run. The choice stays, because the extremes of every epoch would look like conflicts by
/// chance.
fn pairs(history: &History, names: &[String], audit: &Audit) -> Vec<Vec<usize>> {
    let count = names.len();
    if count * count.saturating_sub(1) / 2 <= ALL_PAIRS {
        return (0..count).map(|task| (task + 1..count).collect()).collect();
    }
    let chosen = recorded_pairs(history, names);
    if chosen.iter().any(|others| !others.is_empty()) {
        return chosen;
    }
    let mut chosen = vec![Vec::new(); count];
    for (task, cosines) in audit.cosines.iter().enumerate() {
        let others = (0..count).filter(|other| *other != task && audit.measured[*other] > 0);
        let worst = others.min_by(|a, b| cosines[*a].total_cmp(&cosines[*b]));
        if let Some(other) = worst {
            let (first, second) = (task.min(other), task.max(other));
            if !chosen[first].contains(&second) {
                chosen[first].push(second);
            }
        }
    }
    chosen.iter_mut().for_each(|others| others.sort_unstable());
    chosen
}

/// Returns the pairs that the history has, by the position of their tasks.
fn recorded_pairs(history: &History, names: &[String]) -> Vec<Vec<usize>> {
    let positions = names.iter().enumerate();
    let positions: HashMap<&str, usize> = positions.map(|(at, name)| (name.as_str(), at)).collect();
    let of = |name: &String| {
        let others = history.cosines_of(name);
        let others = others.filter_map(|(other, _)| positions.get(other).copied());
        let mut others: Vec<usize> = others.collect();
        others.sort_unstable();
        others
    };
    names.iter().map(of).collect()
}

/// Returns the task with the largest count and the count, if any count is above 0. A loss that is not finite spoils the
/// parameters, and one step later every other loss: the task with the largest count came first.
fn most(counts: &Tensor<1>) -> Result<Option<(usize, usize)>, TensorReadError> {
    let counts = counts.clone().try_into_vec_as::<f32>()?;
    let most = counts.iter().copied().fold(0.0, f32::max);
    let task = counts.iter().position(|count| *count == most);
    Ok(task
        .filter(|_| most > 0.0)
        .map(|task| (task, most as usize)))
}
