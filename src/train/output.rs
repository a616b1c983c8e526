//! What a step leaves behind for metrics and hooks.

use burn::tensor::{Bool, ExecutionError, Tensor};
use burn::train::ItemLazy;

use crate::gradient::PendingAudit;
use crate::loss::TaskLosses;
use crate::weighting::solve::Degenerate;
use crate::weighting::{StateValue, Weighed};

/// What a step leaves behind for the metrics; everything stays on the device until somebody reads it.
#[derive(Clone, Debug)]
pub struct StepOutput<E> {
    /// Raw losses, `[K]`.
    pub losses: Tensor<1>,
    /// Tasks that had labels and a finite loss, `[K]`.
    pub active: Tensor<1, Bool>,
    /// Tasks whose loss was not finite though they had labels, `[K]`.
    pub non_finite: Tensor<1, Bool>,
    /// What each task counts by in a mean over batches, `[K]`: its labels or the samples, 0 where it is not active.
    pub counts: Tensor<1>,
    /// Tasks whose loss the strategy cannot weigh because it is not positive, `[K]`.
    pub not_positive: Option<Tensor<1, Bool>>,
    /// What the strategy had to say of the step, if it had no ordinary answer.
    pub flag: Option<Degenerate>,
    /// Whether the strategy had no weights to give, so that the trunk does not move.
    pub unanswered: bool,
    /// Tasks that were present and had no gradient, by position, where the strategy looked.
    pub without_gradient: Vec<usize>,
    /// Effective weights, `[K]`; none in validation.
    pub weights: Option<Tensor<1>>,
    /// The objective, `[1]`; none in validation.
    pub objective: Option<Tensor<1>>,
    /// The strategy's state after the step; empty in validation.
    pub state: Vec<StateValue>,
    /// The tasks' gradients, in the training steps that are audited.
    pub audit: Option<PendingAudit>,
    /// Samples in the batch.
    pub samples: usize,
    /// What the metrics of the domain need; none in training.
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

    /// Returns the same with the losses of the whole batch, of which this is the sum of the parts.
    pub(super) fn with_losses(mut self, losses: &TaskLosses) -> Self {
        self.losses = losses.values().inner();
        self.active = losses.active();
        self.counts = self.counts.mask_fill(self.active.clone().bool_not(), 0.0);
        self
    }

    /// Returns the same with what a strategy made of the losses.
    pub(super) fn weighed(mut self, seen: &Weighed) -> Self {
        self.weights = Some(seen.weights.clone());
        self.objective = Some(seen.total.clone().inner());
        self.not_positive = seen.not_positive.clone();
        self.flag = seen.flag;
        self.unanswered = seen.unanswered;
        self.without_gradient = seen.without_gradient.clone();
        self
    }

    /// Returns the output of a whole step from those of its parts: losses are means over all labels, weights means over the parts in which
    /// the task counts, by its labels there.
    ///
    /// # Panics
    ///
    /// If there is no part.
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
