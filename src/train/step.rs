//! One step of the training loop, and the module that holds what a step needs.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use burn::module::{Module, ModuleDisplay};
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bool, Device, Tensor};
use burn::train::{InferenceStep, TrainOutput, TrainStep};

use super::clock::{Clock, Moment};
use super::config::NonFinitePolicy;
use super::gradients::Clipping;
use super::hooks::StepHooks;
use super::output::StepOutput;
use super::saves::Saves;
use crate::loss::TaskLosses;
use crate::model::{Branches, MultiTaskModel};
use crate::step::{Forward, Pass, Scale};
use crate::weighting::{Needs, Strategy};

/// A network and the strategy that weighs its losses: what is trained, saved and resumed as one.
///
/// They are named submodules, so the network's parameters are recorded under `network.` whatever the strategy.
///
/// As a `TrainStep` of Burn it takes the batches of one step of the optimizer: one, or the parts of a large batch whose gradients
/// are added up. See [`TrainConfig::accumulate`](super::TrainConfig::accumulate).
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
    pub(super) clipping: Clipping,
    pub(super) non_finite: NonFinitePolicy,
    pub(super) clock: Clock,
    pub(super) hooks: StepHooks,
    pub(super) after: After,
    pub(super) altered: Altered,
    /// Files that a step waits for, where the device reads tensors late.
    pub(super) saves: Option<Saves>,
}

/// What an experiment changes in every step.
#[derive(Clone, Debug, Default)]
pub(super) struct Altered {
    /// What the gradient of each task is multiplied by after the strategy, `[K]`.
    factors: Option<Tensor<1>>,
    /// Whether each task is trained, `[K]`.
    trained: Option<Tensor<1, Bool>>,
}

impl Altered {
    pub(super) fn new(factors: Option<&[f64]>, trained: Option<&[bool]>, plain: &Device) -> Self {
        let floats = |factors: &[f64]| {
            let factors: Vec<f32> = factors.iter().map(|factor| *factor as f32).collect();
            Tensor::from_floats(factors.as_slice(), plain)
        };
        Self {
            factors: factors.map(floats),
            trained: trained.map(|trained| Tensor::from_data(trained, plain)),
        }
    }
}

/// The batches and the losses of a step whose strategy wants to see the losses after it.
#[derive(Clone, Default)]
pub(super) struct After(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl fmt::Debug for After {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("After")
    }
}

impl After {
    fn put<B: Send + 'static>(&self, batches: Vec<B>, losses: TaskLosses) {
        *self.lock() = Some(Box::new((batches, losses)));
    }

    fn take<B: Send + 'static>(&self) -> Option<(Vec<B>, TaskLosses)> {
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

    /// Has steps wait for checkpoints that are being written, where the device reads tensors late.
    pub(super) fn waiting_for(mut self, saves: &Saves, device: &Device) -> Self {
        self.options.saves = (!reads_at_once(device)).then(|| saves.clone());
        self
    }

    pub(super) fn with_options(mut self, options: StepOptions) -> Self {
        self.options = options;
        self
    }
}

/// Whether a tensor that is read has its values on the host at once.
fn reads_at_once(device: &Device) -> bool {
    #[cfg(feature = "cpu-kernels")]
    return crate::host::serves(device);
    #[cfg(not(feature = "cpu-kernels"))]
    {
        let _ = device;
        false
    }
}

/// A batch of a step and what the heads gave for it, if they ran already.
struct Part<'a, M: MultiTaskModel> {
    batch: &'a M::Batch,
    forward: Option<Forward<M::Shared>>,
    /// For each task the share of the step's labels that lies in this part; none where the part is the step.
    shares: Option<Tensor<1>>,
    /// The share of the step's samples.
    of_samples: f64,
    /// Whether the labels were counted for what they are.
    labels_known: bool,
}

impl<M: MultiTaskModel> MultiTask<M> {
    /// The raw losses in the plain form: all heads read one representation.
    fn losses(&self, representation: M::Shared, batch: &M::Batch) -> TaskLosses {
        let tasks = self.network.tasks().len();
        let branches = Branches::together(representation, tasks);
        self.network.task_losses(branches, batch)
    }

    /// The raw losses of a training step.
    fn trained(&self, branches: Branches<M::Shared>, batch: &M::Batch) -> TaskLosses {
        let losses = self.network.task_losses(branches, batch);
        match &self.options.altered.trained {
            Some(trained) => losses.with_present(trained.clone()),
            None => losses,
        }
    }

    fn pass(&self, now: Moment) -> Pass<'_> {
        Pass::new(&self.weighting)
            .at(now.epoch, now.step)
            .audited(now.audited)
    }

    fn forward(&self, now: Moment, batch: &M::Batch) -> Forward<M::Shared> {
        let heads = |branches| self.trained(branches, batch);
        let representation = self.network.represent(batch);
        self.pass(now).forward(representation, &heads)
    }

    /// The parts of a step, each with its share of the labels. They are counted before anything is weighed: by the network
    /// where it can ([`MultiTaskModel::labels`]), by the samples where no loss says otherwise, and from the losses of all parts
    /// where the first one tells of labels.
    fn parts<'a>(&self, now: Moment, batches: &'a [M::Batch]) -> Vec<Part<'a, M>> {
        let samples: Vec<usize> = batches.iter().map(M::samples).collect();
        let all: usize = samples.iter().sum();
        let part = |(batch, samples): (&'a M::Batch, &usize)| Part {
            batch,
            forward: None,
            shares: None,
            of_samples: *samples as f64 / all.max(1) as f64,
            labels_known: batches.len() == 1,
        };
        let mut parts: Vec<Part<'a, M>> = batches.iter().zip(&samples).map(part).collect();
        if parts.len() == 1 {
            return parts;
        }
        let told: Option<Vec<_>> = batches.iter().map(|b| self.network.labels(b)).collect();
        let mut known = told.is_some();
        let counts = match told {
            Some(counts) => counts.into_iter().map(Tensor::inner).collect(),
            None => {
                parts[0].forward = Some(self.forward(now, &batches[0]));
                let first = parts[0].forward.as_ref().expect("it ran");
                known = first.losses.tells_labels();
                if known {
                    for part in &mut parts[1..] {
                        part.forward = Some(self.forward(now, part.batch));
                    }
                }
                self.counted(&parts, &samples)
            }
        };
        let labels = counts.iter().cloned().reduce(|sum, next| sum + next);
        let labels = labels.expect("there are parts").clamp_min(1e-30);
        for (part, counts) in parts.iter_mut().zip(counts) {
            part.shares = Some(counts / labels.clone());
            part.labels_known = known;
        }
        parts
    }

    /// What each task counts by in each part, `[K]`.
    fn counted(&self, parts: &[Part<'_, M>], samples: &[usize]) -> Vec<Tensor<1>> {
        let first = parts[0].forward.as_ref().expect("the first part ran");
        let device = first.losses.values().device().inner();
        let each = parts.iter().zip(samples);
        each.map(|(part, samples)| match &part.forward {
            Some(forward) => forward.losses.counts(*samples),
            None => Tensor::full([self.network.tasks().len()], *samples as f64, &device),
        })
        .collect()
    }

    /// Weighs one part of a step and goes back through it.
    fn weigh(
        &self,
        now: Moment,
        part: Part<'_, M>,
    ) -> (
        StepOutput<M::Evaluation>,
        Option<GradientsParams>,
        TaskLosses,
    ) {
        let forward = part.forward;
        let forward = forward.unwrap_or_else(|| self.forward(now, part.batch));
        assert!(
            part.labels_known || !forward.losses.tells_labels(),
            "gradients are added up over several batches, of which the first has labels for every task and another tells how many \
             it has: implement `MultiTaskModel::labels`, so that they are known before the first is weighed"
        );
        let heads = |branches| self.trained(branches, part.batch);
        let mut pass = self.pass(now);
        let factors = &self.options.altered.factors;
        let shares = match (&part.shares, factors) {
            (Some(shares), Some(factors)) => Some(shares.clone() * factors.clone()),
            (shares, factors) => shares.as_ref().or(factors.as_ref()).cloned(),
        };
        if let Some(shares) = shares {
            pass = pass.sharing(shares);
        }
        let weighed = pass.weigh_losses(forward, &heads);
        let samples = M::samples(part.batch);
        let mut output = StepOutput::new(&weighed.losses, samples).weighed(&weighed.weighed);
        output.state = self.weighting.state();
        if self.options.non_finite == NonFinitePolicy::Skip
            && output.non_finite.clone().any().into_scalar::<bool>()
        {
            return (output, None, weighed.losses.detached());
        }
        let mut passed = weighed.backward();
        if now.audited {
            // Not of a step that is skipped: gradients that are not finite would spoil the mean.
            output.audit = passed.audit();
        }
        let mut gradients = passed.take_gradients(self);
        if part.shares.is_some() {
            let factor = Tensor::full([1], part.of_samples, &output.losses.device());
            let gradients = &mut gradients;
            self.weighting.visit(&mut Scale { gradients, factor });
        }
        (output, Some(gradients), passed.losses().detached())
    }
}

impl<M: MultiTaskModel> TrainStep for MultiTask<M> {
    type Input = Vec<M::Batch>;
    type Output = StepOutput<M::Evaluation>;

    fn step(&self, batches: Vec<M::Batch>) -> TrainOutput<Self::Output> {
        assert!(!batches.is_empty(), "a step needs at least one batch");
        if let Some(saves) = &self.options.saves {
            saves.wait();
        }
        let now = self.options.clock.tick();
        let (mut outputs, mut losses) = (Vec::new(), Vec::new());
        let mut gradients = Gathered::default();
        for part in self.parts(now, &batches) {
            let (output, found, seen) = self.weigh(now, part);
            gradients.add(self, found);
            outputs.push(output);
            losses.push(seen);
        }
        let skipped = gradients.skipped;
        if self.weighting.needs() == Needs::LossesAfterStep && !skipped {
            let counts: Vec<_> = outputs.iter().map(|output| output.counts.clone()).collect();
            let before = match losses.as_slice() {
                [only] => only.clone(),
                parts => TaskLosses::joined(parts, &counts),
            };
            self.options.after.put(batches, before);
        }
        let item = StepOutput::joined(outputs);
        self.options.hooks.keep(&item);
        TrainOutput {
            grads: gradients.take(),
            item,
        }
    }

    fn optimize(
        self,
        optimizer: &mut ModuleOptimizer,
        learning_rate: ModuleLearningRate,
        mut gradients: GradientsParams,
    ) -> Self {
        self.options.clipping.apply(&self, &mut gradients);
        let moved: Self = optimizer.step(learning_rate, self, gradients);
        if let Some((batches, before)) = moved.options.after.take::<M::Batch>() {
            let losses = |batch| {
                let together =
                    Branches::together(moved.network.represent(batch), moved.network.tasks().len());
                let losses = moved.trained(together, batch);
                losses.detached()
            };
            let after: Vec<TaskLosses> = batches.iter().map(losses).collect();
            let after = match after.as_slice() {
                [only] => only.clone(),
                parts => {
                    let each = parts.iter().zip(&batches);
                    let counts = each.map(|(part, batch)| part.counts(M::samples(batch)));
                    TaskLosses::joined(parts, &counts.collect::<Vec<_>>())
                }
            };
            moved.weighting.after_step(&before, &after);
        }
        moved
            .options
            .hooks
            .after_step(moved.options.clock.now(), &moved);
        moved
    }
}

/// The gradients of the parts of a step, added up. With one part they are its own, untouched.
#[derive(Default)]
struct Gathered {
    first: Option<GradientsParams>,
    /// Whether a part had a loss that was not finite, and the policy is to leave out the step.
    skipped: bool,
}

impl Gathered {
    fn add<M: MultiTaskModel>(&mut self, module: &MultiTask<M>, next: Option<GradientsParams>) {
        let Some(next) = next else {
            self.skipped = true;
            return;
        };
        let Some(first) = self.first.take() else {
            self.first = Some(next);
            return;
        };
        let mut sum = GradientsAccumulator::new();
        sum.accumulate(module, first);
        sum.accumulate(module, next);
        self.first = Some(sum.grads());
    }

    fn take(self) -> GradientsParams {
        match self.first {
            Some(gradients) if !self.skipped => gradients,
            _ => GradientsParams::new(),
        }
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
