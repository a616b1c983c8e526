//! One step: representation, raw losses, objective, gradients; and the module that holds what a step needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::{Module, ModuleDisplay};
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Bool, ExecutionError, Tensor};
use burn::train::{InferenceStep, ItemLazy, TrainOutput, TrainStep};

use super::config::NonFinitePolicy;
use super::gradients::clip_norm;
use crate::gradient::{AuditSample, measure};
use crate::loss::TaskLosses;
use crate::model::MultiTaskModel;
use crate::weighting::{LossWeighting, StateValue};

/// A network and the strategy that weighs its losses: what is trained, saved and resumed as one.
///
/// They are named submodules, so the network's parameters are recorded under `network.` whatever the strategy.
#[derive(Module, Debug)]
pub struct MultiTask<M: Module + ModuleDisplay, W: Module + ModuleDisplay> {
    /// The network.
    pub network: M,
    /// The strategy.
    pub weighting: W,
    #[module(skip)]
    options: StepOptions,
}

/// What a step does beside the plain thing.
#[derive(Clone, Debug, Default)]
pub(super) struct StepOptions {
    pub(super) clip_norm: Option<f64>,
    pub(super) non_finite: NonFinitePolicy,
    pub(super) audits: Option<Audits>,
}

/// When the gradients are audited. The model is handed from step to step; all its copies count together.
#[derive(Clone, Debug)]
pub(super) struct Audits {
    every: usize,
    step: Arc<AtomicUsize>,
}

impl Audits {
    /// Every so many steps, the first of the run included; `done` steps lie behind.
    pub(super) fn every(every: usize, done: usize) -> Self {
        Self {
            every,
            step: Arc::new(AtomicUsize::new(done)),
        }
    }

    /// Counts a step, and says whether it is one to audit.
    fn due(&self) -> bool {
        let step = self.step.fetch_add(1, Ordering::Relaxed);
        step.is_multiple_of(self.every)
    }
}

impl<M: Module + ModuleDisplay, W: Module + ModuleDisplay> MultiTask<M, W> {
    /// Puts a network and a strategy together.
    pub fn new(network: M, weighting: W) -> Self {
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

    /// Has the gradients audited from now on.
    pub(super) fn audit(&mut self, audits: Audits) {
        self.options.audits = Some(audits);
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

impl<M: MultiTaskModel, W: LossWeighting> TrainStep for MultiTask<M, W> {
    type Input = M::Batch;
    type Output = StepOutput<M::Evaluation>;

    fn step(&self, batch: M::Batch) -> TrainOutput<Self::Output> {
        let due = self.options.audits.as_ref().is_some_and(Audits::due);
        let representation = self.network.represent(&batch);
        let losses = self.network.task_losses(representation.clone(), &batch);
        let mut output = StepOutput::new(&losses, M::samples(&batch));
        let measured = due.then(|| measure(&self.network, representation, &batch));
        if let Some(measured) = &measured {
            self.weighting.observe(measured.norms.clone());
        }
        let objective = self.weighting.weigh(&losses);
        let weights = objective.weights;
        output.weights = Some(weights.clone());
        output.objective = Some(objective.total.clone().inner());
        output.state = self.weighting.state();
        if self.options.non_finite == NonFinitePolicy::Skip
            && output.non_finite.clone().any().into_scalar::<bool>()
        {
            return TrainOutput {
                grads: GradientsParams::new(),
                item: output,
            };
        }
        // Not of a step that is skipped: gradients that are not finite would spoil the mean.
        output.audit = measured.map(|measured| measured.weighted(weights));
        TrainOutput::new(self, objective.total.backward(), output)
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
        optimizer.step(learning_rate, self, gradients)
    }
}

impl<M: MultiTaskModel, W: LossWeighting> InferenceStep for MultiTask<M, W> {
    type Input = M::Batch;
    type Output = StepOutput<M::Evaluation>;

    fn step(&self, batch: M::Batch) -> Self::Output {
        let representation = self.network.represent(&batch);
        let losses = self.network.task_losses(representation.clone(), &batch);
        let mut output = StepOutput::new(&losses, M::samples(&batch));
        output.evaluation = Some(self.network.evaluate(representation, &batch));
        output
    }
}
