//! Watches every task: sums losses, weights and state on the device, and reads them once at the end of an epoch.

use std::sync::Arc;

use burn::tensor::{Bool, Tensor, TensorReadError};
use burn::train::Interrupter;
use burn::train::metric::{Adaptor, Metric, MetricMetadata, MetricName, SerializedEntry};

use super::journal::{Entries, Journal};
use super::step::StepOutput;
use crate::error::Error;
use crate::gradient::{Audit, AuditSample};
use crate::history::{ALL_TASKS, Split, quantity};
use crate::weighting::StateValue;

/// Steps between two looks for losses that are not finite.
const LOOK_EVERY: usize = 25;

/// What the tracker takes from a step.
pub(super) struct TrackedStep {
    losses: Tensor<1>,
    active: Tensor<1, Bool>,
    non_finite: Tensor<1, Bool>,
    weights: Option<Tensor<1>>,
    objective: Option<Tensor<1>>,
    state: Vec<StateValue>,
    audit: Option<AuditSample>,
    samples: usize,
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
            samples: self.samples,
        }
    }
}

/// Sums over the steps of an epoch, each `[K]` or `[1]`, on the device.
#[derive(Clone)]
struct Sums {
    /// Loss times samples, over the steps in which the task was active.
    losses: Tensor<1>,
    /// Samples in those steps.
    samples: Tensor<1>,
    /// Steps with a loss that was not finite.
    non_finite: Tensor<1>,
    weights: Option<Tensor<1>>,
    objective: Option<Tensor<1>>,
}

impl Sums {
    fn of(step: &TrackedStep) -> Self {
        let samples = step.active.clone().float() * step.samples as f64;
        let inactive = step.active.clone().bool_not();
        Self {
            losses: step.losses.clone().mask_fill(inactive, 0.0) * samples.clone(),
            samples,
            non_finite: step.non_finite.clone().float(),
            weights: step.weights.clone(),
            objective: step.objective.clone(),
        }
    }

    fn plus(self, other: Self) -> Self {
        let both = |a: Option<Tensor<1>>, b: Option<Tensor<1>>| Some(a? + b?);
        Self {
            losses: self.losses + other.losses,
            samples: self.samples + other.samples,
            non_finite: self.non_finite + other.non_finite,
            weights: both(self.weights, other.weights),
            objective: both(self.objective, other.objective),
        }
    }
}

/// A metric of one split over all tasks.
#[derive(Clone)]
pub(super) struct Tracker {
    split: Split,
    journal: Journal,
    /// Stops the training when a loss is not finite; none if such steps are skipped.
    interrupter: Option<Interrupter>,
    sums: Option<Sums>,
    steps: usize,
    state: Vec<StateValue>,
    audits: Option<AuditSample>,
    learning_rate: Option<f64>,
}

impl Tracker {
    pub(super) fn new(split: Split, journal: Journal, interrupter: Option<Interrupter>) -> Self {
        Self {
            split,
            journal,
            interrupter,
            sums: None,
            steps: 0,
            state: Vec::new(),
            audits: None,
            learning_rate: None,
        }
    }

    /// Stops the training if a loss was not finite since the epoch began.
    fn look(&self) -> Result<(), TensorReadError> {
        let (Some(interrupter), Some(sums)) = (&self.interrupter, &self.sums) else {
            return Ok(());
        };
        let counts = sums.non_finite.clone().try_into_vec_as::<f32>()?;
        // A broken loss breaks the parameters and with them every other loss, one step later: the task that was broken
        // most often was broken first.
        let most = counts.iter().copied().fold(0.0, f32::max);
        let Some(task) = counts.iter().position(|count| *count == most && most > 0.0) else {
            return Ok(());
        };
        let mut entries = self.journal.lock();
        let error = Error::NonFiniteLoss {
            task: entries.tasks.names().nth(task).unwrap_or("?").into(),
            epoch: entries.epoch,
            count: counts[task] as usize,
            steps: self.steps,
        };
        interrupter.stop(Some(&error.to_string()));
        entries.failure.get_or_insert(error);
        Ok(())
    }

    fn record(&self, sums: &Sums) -> Result<(), TensorReadError> {
        let read = |tensor: &Tensor<1>| tensor.clone().try_into_vec_as::<f32>();
        let losses = read(&sums.losses)?;
        let samples = read(&sums.samples)?;
        let non_finite = read(&sums.non_finite)?;
        let weights = sums.weights.as_ref().map(read).transpose()?;
        let objective = sums.objective.as_ref().map(read).transpose()?;
        let mut entries = self.journal.lock();
        let steps = self.steps as f64;
        for task in 0..losses.len() {
            let broken = f64::from(non_finite[task]);
            if samples[task] > 0.0 || broken > 0.0 {
                let mean = f64::from(losses[task]) / f64::from(samples[task]);
                // In validation nothing is skipped: a mean over the finite part would hide the rest.
                let hidden = broken > 0.0 && self.split == Split::Valid;
                let loss = if hidden { f64::NAN } else { mean };
                self.put(&mut entries, task, quantity::LOSS, loss);
            }
            if let Some(weights) = &weights {
                let mean = f64::from(weights[task]) / steps;
                self.put(&mut entries, task, quantity::WEIGHT, mean);
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
        if let Some(audits) = &self.audits {
            self.record_audit(&mut entries, &audits.read()?);
        }
        for value in &self.state {
            let numbers = value.read();
            for (task, number) in numbers.iter().enumerate() {
                match value.is_per_task() {
                    true => self.put(&mut entries, task, value.name(), *number),
                    false => self.put_for_all(&mut entries, value.name(), *number),
                }
            }
        }
        Ok(())
    }

    fn record_audit(&self, entries: &mut Entries, audit: &Audit) {
        let names: Vec<String> = entries.tasks.names().map(String::from).collect();
        for task in 0..names.len() {
            for (quantity, values) in [
                (quantity::GRADIENT_NORM, &audit.norms),
                (quantity::GRADIENT_SHARE, &audit.shares),
                (quantity::HEAD_GRADIENT_NORM, &audit.head_norms),
            ] {
                self.put(entries, task, quantity, values[task]);
            }
            for (other, name) in names.iter().enumerate().skip(task + 1) {
                let cosine = audit.cosines[task][other];
                self.put(entries, task, &quantity::cosine_with(name), cosine);
            }
        }
        self.put_for_all(entries, quantity::REACH, audit.reach);
    }

    fn put(&self, entries: &mut Entries, task: usize, quantity: &str, value: f64) {
        if let Some(name) = entries.tasks.names().nth(task).map(String::from) {
            let epoch = entries.epoch;
            entries
                .history
                .record(epoch, self.split, &name, quantity, value);
        }
    }

    fn put_for_all(&self, entries: &mut Entries, quantity: &str, value: f64) {
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
        self.steps = 0;
        self.state = Vec::new();
        self.audits = None;
    }
}
