//! Defines the output of a step for metrics and hooks.

use burn::tensor::{Bool, ExecutionError, Tensor};
use burn::train::ItemLazy;

use crate::gradient::PendingAudit;
use crate::loss::TaskLosses;
use crate::weighting::solve::Degenerate;
use crate::weighting::{StateValue, Weighed};

/// The output of a step for the metrics. Everything stays on the device until it is read.
#[derive(Clone, Debug)]
pub struct StepOutput<E> {
    /// The raw losses, `[K]`.
    pub losses: Tensor<1>,
    /// Whether each task had labels and a finite loss, `[K]`.
    pub active: Tensor<1, Bool>,
    /// Whether each task had labels and a loss that is not finite, `[K]`.
    pub non_finite: Tensor<1, Bool>,
    /// The weight of each task in a mean over batches, `[K]`: the number of its labels or of the samples, 0 for
    /// inactive tasks.
    pub counts: Tensor<1>,
    /// Whether the strategy cannot weigh the loss of each task because the loss is not positive, `[K]`.
    pub not_positive: Option<Tensor<1, Bool>>,
    /// The degenerate case of the strategy in this step, if there was one.
    pub flag: Option<Degenerate>,
    /// Whether the strategy returned no weights, so that the trunk does not move.
    pub unanswered: bool,
    /// The positions of the active tasks without a gradient, if the strategy reads gradients.
    pub without_gradient: Vec<usize>,
    /// The effective weights, `[K]`; `None` in validation.
    pub weights: Option<Tensor<1>>,
    /// The objective, `[1]`; `None` in validation.
    pub objective: Option<Tensor<1>>,
    /// The state of the strategy after the step; empty in validation.
    pub state: Vec<StateValue>,
    /// The gradients of the tasks; only in audited training steps.
    pub audit: Option<PendingAudit>,
    /// The number of samples in the batch.
    pub samples: usize,
    /// The input of the metrics of the domain; `None` in training.
    pub evaluation: Option<E>,
}

impl<E> StepOutput<E> {
    pub(super) fn new(losses: &TaskLosses, samples: usize) -> Self {
        Self {
            losses: losses.values().inner(),
            active: losses.active(),
            counts: losses.counts(samples),
            not_positive: None,
            flag: None,
            unanswered: false,
            without_gradient: Vec::new(),
            non_finite: losses.non_finite(),
            weights: None,
            objective: None,
            state: Vec::new(),
            audit: None,
            samples,
            evaluation: None,
        }
    }

    /// Replaces the losses by those of the whole batch; the output must be the sum of its parts.
    pub(super) fn with_losses(mut self, losses: &TaskLosses) -> Self {
        self.losses = losses.values().inner();
        self.active = losses.active();
        self.counts = self.counts.mask_fill(self.active.clone().bool_not(), 0.0);
        self
    }

    /// Adds the results of the strategy.
    pub(super) fn weighed(mut self, seen: &Weighed) -> Self {
        self.weights = Some(seen.weights.clone());
        self.objective = Some(seen.total.clone().inner());
        self.not_positive = seen.not_positive.clone();
        self.flag = seen.flag;
        self.unanswered = seen.unanswered;
        self.without_gradient = seen.without_gradient.clone();
        self
    }

    /// Combines the outputs of the parts of a step: losses are means over all labels, weights are means over the parts
    /// in which the task counts, weighted by its labels there.
    ///
    /// # Panics
    ///
    /// If `parts` is empty.
    pub(super) fn joined(parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.into_iter().next().expect("it is there");
        }
        let add = |sum: Tensor<1>, next: Tensor<1>| sum + next;
        let sum_of = |of: &dyn Fn(&Self) -> Tensor<1>| parts.iter().map(of).reduce(add);
        let sum = |of: &dyn Fn(&Self) -> Tensor<1>| sum_of(of).expect("a step has a part");
        let counts = sum(&|part| part.counts.clone());
        let mean = |of: &dyn Fn(&Self) -> Tensor<1>| {
            let sum = sum(&|part| {
                let inactive = part.active.clone().bool_not();
                of(part).mask_fill(inactive, 0.0) * part.counts.clone()
            });
            sum / counts.clone().clamp_min(1e-30)
        };
        let losses = mean(&|part| part.losses.clone());
        let weighed = parts.iter().all(|part| part.weights.is_some());
        let weights = weighed.then(|| mean(&|part| part.weights.clone().expect("all have them")));
        let samples: usize = parts.iter().map(|part| part.samples).sum();
        let objective = parts.iter().map(|part| {
            let objective = part.objective.clone()?;
            Some(objective * (part.samples as f64 / samples.max(1) as f64))
        });
        let objective = objective.collect::<Option<Vec<_>>>();
        let either = |a: Tensor<1, Bool>, b: Tensor<1, Bool>| a.bool_or(b);
        let any = |of: &dyn Fn(&Self) -> Tensor<1, Bool>| parts.iter().map(of).reduce(either);
        let active = any(&|part| part.active.clone()).expect("a step has a part");
        let non_finite = any(&|part| part.non_finite.clone()).expect("a step has a part");
        let not_positive = parts.iter().filter_map(|part| part.not_positive.clone());
        let mut without_gradient: Vec<usize> = Vec::new();
        for task in parts.iter().flat_map(|part| &part.without_gradient) {
            if !without_gradient.contains(task) {
                without_gradient.push(*task);
            }
        }
        Self {
            losses,
            active,
            non_finite,
            counts,
            not_positive: not_positive.reduce(either),
            flag: parts.iter().find_map(|part| part.flag),
            unanswered: parts.iter().any(|part| part.unanswered),
            without_gradient,
            weights,
            objective: objective.and_then(|all| all.into_iter().reduce(add)),
            state: parts
                .last()
                .map(|part| part.state.clone())
                .unwrap_or_default(),
            audit: parts
                .iter()
                .filter_map(|part| part.audit.clone())
                .reduce(PendingAudit::plus),
            samples,
            evaluation: None,
        }
    }
}

impl<E: Send> ItemLazy for StepOutput<E> {
    fn sync(self) -> Result<Self, ExecutionError> {
        self.losses.device().flush()?;
        Ok(self)
    }
}
