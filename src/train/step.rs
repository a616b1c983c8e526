//! One step of the training loop, and the module that holds what a step needs.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use burn::module::{Module, ModuleDisplay};
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Bool, ExecutionError, Tensor};
use burn::train::{InferenceStep, ItemLazy, TrainOutput, TrainStep};

use super::config::NonFinitePolicy;
use super::gradients::clip_norm;
use crate::gradient::AuditSample;
use crate::loss::TaskLosses;
use crate::model::{Branches, MultiTaskModel};
use crate::step::Pass;
use crate::weighting::solve::Degenerate;
use crate::weighting::{Needs, StateValue, Strategy};

/// A network and the strategy that weighs its losses: what is trained, saved and resumed as one.
///
/// They are named submodules, so the network's parameters are recorded under `network.` whatever the strategy.
#[derive(Module, Debug)]
pub struct MultiTask<M: Module + ModuleDisplay> {
    /// The network.
    pub network: M,
    /// The strategy.
    pub weighting: Strategy,
    #[module(skip)]
    options: StepOptions,
}

/// What a step does beside the plain thing.
#[derive(Clone, Debug, Default)]
pub(super) struct StepOptions {
    pub(super) clip_norm: Option<f64>,
    pub(super) non_finite: NonFinitePolicy,
    pub(super) clock: Clock,
    pub(super) after: After,
}

/// Where in the training a step is, and when the gradients are audited. The model is handed from step to step; all its
/// copies count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// Steps between two audits.
    audit_every: Option<usize>,
    /// Steps of an epoch; 0 outside a run.
    steps_per_epoch: usize,
    step: Arc<AtomicUsize>,
}

/// What the clock says of a step.
#[derive(Clone, Copy, Debug)]
struct Moment {
    epoch: usize,
    step: usize,
    audited: bool,
}

impl Clock {
    /// Audits every so many steps, the first of the run included; `done` steps lie behind.
    pub(super) fn new(audit_every: Option<usize>, steps_per_epoch: usize, done: usize) -> Self {
        Self {
            audit_every,
            steps_per_epoch,
            step: Arc::new(AtomicUsize::new(done)),
        }
    }

    /// Counts a step.
    fn tick(&self) -> Moment {
        let step = self.step.fetch_add(1, Ordering::Relaxed);
        Moment {
            epoch: 1 + step.checked_div(self.steps_per_epoch).unwrap_or(0),
            step,
            audited: self
                .audit_every
                .is_some_and(|every| step.is_multiple_of(every)),
        }
    }
}

/// The batch and the losses of a step whose strategy wants to see the losses after it.
#[derive(Clone, Default)]
pub(super) struct After(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl fmt::Debug for After {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("After")
    }
}

impl After {
    fn put<B: Send + 'static>(&self, batch: B, losses: TaskLosses) {
        *self.lock() = Some(Box::new((batch, losses)));
    }

    fn take<B: Send + 'static>(&self) -> Option<(B, TaskLosses)> {
        let held = self.lock().take()?;
        held.downcast().ok().map(|held| *held)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Module + ModuleDisplay> MultiTask<M> {
    /// Puts a network and a strategy together.
    pub fn new(network: M, weighting: Strategy) -> Self {
        Self {
            network,
            weighting,
            options: StepOptions::default(),
        }
    }

    pub(super) fn with_options(mut self, options: StepOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets where in the training the next step is, and when gradients are audited.
    pub(super) fn set_clock(&mut self, clock: Clock) {
        self.options.clock = clock;
    }
}

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
    pub audit: Option<AuditSample>,
    /// Samples in the batch.
    pub samples: usize,
    /// What the metrics of the domain need; none in training.
    pub evaluation: Option<E>,
}

impl<E> StepOutput<E> {
    fn new(losses: &TaskLosses, samples: usize) -> Self {
        let values = losses.values().inner();
        let inactive = losses.active().bool_not();
        let non_finite = match losses.present() {
            Some(present) => inactive.bool_and(present),
            None => inactive,
        };
        Self {
            losses: values,
            active: losses.active(),
            counts: losses.counts(samples),
            not_positive: None,
            flag: None,
            unanswered: false,
            without_gradient: Vec::new(),
            non_finite,
            weights: None,
            objective: None,
            state: Vec::new(),
            audit: None,
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

impl<M: MultiTaskModel> TrainStep for MultiTask<M> {
    type Input = M::Batch;
    type Output = StepOutput<M::Evaluation>;

    fn step(&self, batch: M::Batch) -> TrainOutput<Self::Output> {
        let now = self.options.clock.tick();
        let representation = self.network.represent(&batch);
        let pass = Pass::new(&self.weighting)
            .at(now.epoch, now.step)
            .audited(now.audited);
        let heads = |branches| self.network.task_losses(branches, &batch);
        let weighed = pass.weigh(representation, heads);
        let mut output = StepOutput::new(&weighed.losses, M::samples(&batch));
        let seen = &weighed.weighed;
        output.weights = Some(seen.weights.clone());
        output.objective = Some(seen.total.clone().inner());
        output.not_positive = seen.not_positive.clone();
        output.flag = seen.flag;
        output.unanswered = seen.unanswered;
        output.without_gradient = seen.without_gradient.clone();
        output.state = self.weighting.state();
        if self.options.non_finite == NonFinitePolicy::Skip
            && output.non_finite.clone().any().into_scalar::<bool>()
        {
            return TrainOutput {
                grads: GradientsParams::new(),
                item: output,
            };
        }
        let mut passed = weighed.backward();
        if now.audited {
            // Not of a step that is skipped: gradients that are not finite would spoil the mean.
            output.audit = passed.audit();
        }
        let gradients = passed.take_gradients(self);
        if self.weighting.needs() == Needs::LossesAfterStep {
            self.options.after.put(batch, passed.losses().detached());
        }
        TrainOutput {
            grads: gradients,
            item: output,
        }
    }

    fn optimize(
        self,
        optimizer: &mut ModuleOptimizer,
        learning_rate: ModuleLearningRate,
        mut gradients: GradientsParams,
    ) -> Self {
        if let Some(largest) = self.options.clip_norm {
            clip_norm(&self.network, &mut gradients, largest);
        }
        let moved: Self = optimizer.step(learning_rate, self, gradients);
        if let Some((batch, before)) = moved.options.after.take::<M::Batch>() {
            let losses = moved.losses(moved.network.represent(&batch), &batch);
            moved.weighting.after_step(&before, &losses);
        }
        moved
    }
}

impl<M: MultiTaskModel> MultiTask<M> {
    /// The raw losses in the plain form: all heads read one representation.
    fn losses(&self, representation: M::Shared, batch: &M::Batch) -> TaskLosses {
        let tasks = self.network.tasks().len();
        let branches = Branches::together(representation, tasks);
        self.network.task_losses(branches, batch)
    }
}

impl<M: MultiTaskModel> InferenceStep for MultiTask<M> {
    type Input = M::Batch;
    type Output = StepOutput<M::Evaluation>;

    fn step(&self, batch: M::Batch) -> Self::Output {
        let representation = self.network.represent(&batch);
        let losses = self.losses(representation.clone(), &batch);
        let mut output = StepOutput::new(&losses, M::samples(&batch));
        output.evaluation = self.network.evaluate(representation, &batch);
        output
    }
}
