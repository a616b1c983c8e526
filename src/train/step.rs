//! Runs one step of the training loop, and defines the module that holds the state of a step.

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
use super::devices::Devices;
use super::gradients::Clipping;
use super::output::StepOutput;
use super::saves::Saves;
use super::step_hooks::StepHooks;
use crate::loss::TaskLosses;
use crate::model::{Branches, MultiTaskModel};
use crate::step::{Forward, Pass, Portion, Scale};
use crate::weighting::{Needs, Strategy};

/// A network and the strategy that weighs its losses, trained, saved and resumed as one module.
///
/// Both are named submodules, so the parameters of the network are recorded under `network.` whatever the strategy.
///
/// As a `TrainStep` of Burn it takes the batches of one step of the optimizer: one batch, or the parts of a large batch
/// whose gradients are added up. See [`TrainConfig::accumulate`](super::TrainConfig::accumulate) and
/// [`Trainer::with_more_devices`](super::Trainer::with_more_devices).
#[derive(Module, Debug)]
pub struct MultiTask<M: Module + ModuleDisplay> {
    /// The network.
    pub network: M,
    /// The strategy.
    pub weighting: Strategy,
    #[module(skip)]
    options: StepOptions,
}

/// Options of a step.
#[derive(Clone, Debug, Default)]
pub(super) struct StepOptions {
    pub(super) clipping: Clipping,
    pub(super) non_finite: NonFinitePolicy,
    pub(super) clock: Clock,
    pub(super) hooks: StepHooks,
    pub(super) after: After,
    pub(super) altered: Altered,
    pub(super) devices: Devices,
    /// The files that a step waits for, if the device reads tensors late.
    pub(super) saves: Option<Saves>,
}

/// The changes of an experiment to every step.
#[derive(Clone, Debug, Default)]
pub(super) struct Altered {
    /// Factors on the gradient of each task after the strategy, `[K]`.
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

/// The batches and the losses of a step, for a strategy that reads the losses after the step.
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
    /// Combines a network and a strategy.
    pub fn new(network: M, weighting: Strategy) -> Self {
        Self {
            network,
            weighting,
            options: StepOptions::default(),
        }
    }

    /// Makes steps wait for checkpoints that are being written, if the device reads tensors late.
    pub(super) fn waiting_for(mut self, saves: &Saves, device: &Device) -> Self {
        self.options.saves = (!reads_at_once(device)).then(|| saves.clone());
        self
    }

    pub(super) fn with_options(mut self, options: StepOptions) -> Self {
        self.options = options;
        self
    }
}

/// Returns whether a tensor has its values on the host as soon as it is read.
fn reads_at_once(device: &Device) -> bool {
    #[cfg(feature = "cpu-kernels")]
    return crate::host::serves(device);
    #[cfg(not(feature = "cpu-kernels"))]
    {
        let _ = device;
        false
    }
}

/// The batches of a step that are weighed together, one for each device, and the outputs of the heads if they have run.
struct Part<'a, M: MultiTaskModel> {
    /// The batches, each with the network on its device.
    batches: Vec<(&'a M, &'a M::Batch)>,
    forward: Option<Vec<Forward<M::Shared>>>,
    /// For each task, the share of the step's labels in this part; `None` if the part is the whole step.
    shares: Option<Tensor<1>>,
    /// The share of the step's samples.
    of_samples: f64,
    /// Whether the number of labels of each task is known.
    labels_known: bool,
}

impl<M: MultiTaskModel> Part<'_, M> {
    fn samples(&self) -> usize {
        self.batches
            .iter()
            .map(|(_, batch)| M::samples(batch))
            .sum()
    }
}

/// The result of one part of a step: the output, the gradients unless the part is skipped, and the losses.
type Gone<E> = (StepOutput<E>, Option<GradientsParams>, TaskLosses);

impl<M: MultiTaskModel> MultiTask<M> {
    /// Returns the raw losses in the plain form, where all heads read one representation.
    fn losses(&self, representation: M::Shared, batch: &M::Batch) -> TaskLosses {
        let tasks = self.network.tasks().len();
        let branches = Branches::together(representation, tasks);
        self.network.task_losses(branches, batch)
    }

    /// Returns the raw losses of a training step.
    fn trained(&self, network: &M, branches: Branches<M::Shared>, batch: &M::Batch) -> TaskLosses {
        let losses = network.task_losses(branches, batch);
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

    fn forward(&self, now: Moment, part: &Part<'_, M>) -> Vec<Forward<M::Shared>> {
        let run = |(network, batch): &(&M, &M::Batch)| {
            let heads = |branches| self.trained(network, branches, batch);
            let representation = network.represent(batch);
            self.pass(now).forward(representation, &heads)
        };
        part.batches.iter().map(run).collect()
    }

    /// Returns the parts of a step, each with its share of the labels. Labels are counted before anything is weighed:
    /// by the network if it can ([`MultiTaskModel::labels`]), from the losses of all parts if the first part knows its
    /// number of labels, and by the samples otherwise.
    fn parts<'a>(
        &self,
        now: Moment,
        networks: &[&'a M],
        batches: &'a [M::Batch],
    ) -> Vec<Part<'a, M>> {
        let all: usize = batches.iter().map(M::samples).sum();
        let rounds: Vec<_> = batches.chunks(networks.len()).collect();
        let only = rounds.len() == 1;
        let part = |batches: &'a [M::Batch]| {
            let mut part = Part {
                batches: networks.iter().copied().zip(batches).collect(),
                forward: None,
                shares: None,
                of_samples: 1.0,
                labels_known: only,
            };
            part.of_samples = part.samples() as f64 / all.max(1) as f64;
            part
        };
        let mut parts: Vec<Part<'a, M>> = rounds.into_iter().map(part).collect();
        if only {
            return parts;
        }
        let told: Option<Vec<_>> = parts.iter().map(|part| self.told(part)).collect();
        let mut known = told.is_some();
        let counts = match told {
            Some(counts) => counts,
            None => {
                let first = self.forward(now, &parts[0]);
                known = first.iter().any(|f| f.losses.tells_labels());
                parts[0].forward = Some(first);
                if known {
                    for part in &mut parts[1..] {
                        part.forward = Some(self.forward(now, part));
                    }
                }
                self.counted(&parts)
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

    /// Returns the number of labels of each task in a part according to the network, `[K]` on the main device.
    fn told(&self, part: &Part<'_, M>) -> Option<Tensor<1>> {
        let each = part.batches.iter();
        let each: Option<Vec<_>> = each.map(|(network, batch)| network.labels(batch)).collect();
        let mut each = each?.into_iter().map(Tensor::inner);
        let first = each.next()?;
        let main = first.device();
        Some(each.fold(first, |sum, next| sum + next.to_device(&main)))
    }

    /// Returns the weight of each task in each part, `[K]` on the main device.
    fn counted(&self, parts: &[Part<'_, M>]) -> Vec<Tensor<1>> {
        let first = parts[0].forward.as_ref().expect("the first part ran");
        let main = first[0].losses.values().device().inner();
        let of = |part: &Part<'_, M>| match &part.forward {
            Some(forward) => {
                let each = forward.iter().zip(&part.batches);
                let counts = each.map(|(forward, (_, batch))| {
                    let counts = forward.losses.counts(M::samples(batch));
                    counts.to_device(&main)
                });
                let sum = counts.reduce(|sum, next| sum + next);
                sum.expect("a part has a batch")
            }
            None => Tensor::full([self.network.tasks().len()], part.samples() as f64, &main),
        };
        parts.iter().map(of).collect()
    }

    /// Weighs one part of a step and runs its backward pass.
    fn weigh(&self, now: Moment, mut part: Part<'_, M>) -> Gone<M::Evaluation> {
        let forward = part.forward.take();
        let forward = forward.unwrap_or_else(|| self.forward(now, &part));
        assert!(
            part.labels_known || !forward.iter().any(|f| f.losses.tells_labels()),
            "gradients are added up over several batches, of which the first has labels for every task and another tells how many \
             it has: implement `MultiTaskModel::labels`, so that they are known before the first is weighed"
        );
        let mut pass = self.pass(now);
        let factors = &self.options.altered.factors;
        let shares = match (&part.shares, factors) {
            (Some(shares), Some(factors)) => Some(shares.clone() * factors.clone()),
            (shares, factors) => shares.as_ref().or(factors.as_ref()).cloned(),
        };
        if let Some(shares) = shares {
            pass = pass.sharing(shares);
        }
        let (output, mut gradients, losses) = match part.batches.len() {
            1 => self.weigh_one(now, &pass, &part, forward),
            _ => self.weigh_several(now, &pass, &part, forward),
        };
        if let Some(gradients) = &mut gradients
            && part.shares.is_some()
        {
            let factor = Tensor::full([1], part.of_samples, &output.losses.device());
            self.weighting.visit(&mut Scale { gradients, factor });
        }
        (output, gradients, losses)
    }

    fn weigh_one(
        &self,
        now: Moment,
        pass: &Pass<'_>,
        part: &Part<'_, M>,
        forward: Vec<Forward<M::Shared>>,
    ) -> Gone<M::Evaluation> {
        let (network, batch) = part.batches[0];
        let heads = |branches| self.trained(network, branches, batch);
        let forward = forward.into_iter().next().expect("a part has a batch");
        let weighed = pass.weigh_losses(forward, &heads);
        let mut output = StepOutput::new(&weighed.losses, part.samples()).weighed(&weighed.weighed);
        output.state = self.weighting.state();
        if self.skips(&output) {
            return (output, None, weighed.losses.detached());
        }
        let mut passed = weighed.backward();
        if now.audited {
            // Only of steps that are not skipped: gradients that are not finite would spoil the mean.
            output.audit = passed.audit();
        }
        let gradients = passed.take_gradients(self);
        (output, Some(gradients), passed.losses().detached())
    }

    /// Weighs a part with batches on several devices; otherwise as [`weigh_one`](Self::weigh_one).
    fn weigh_several(
        &self,
        now: Moment,
        pass: &Pass<'_>,
        part: &Part<'_, M>,
        forward: Vec<Forward<M::Shared>>,
    ) -> Gone<M::Evaluation> {
        let heads = part.batches.iter().map(|(network, batch)| {
            move |branches: Branches<M::Shared>| self.trained(network, branches, batch)
        });
        let heads: Vec<_> = heads.collect();
        let told = part.batches.iter();
        let told: Option<Vec<_>> = told.map(|(network, batch)| network.labels(batch)).collect();
        let each = forward.into_iter().zip(&heads).zip(&part.batches);
        let portions = each.enumerate();
        let portions = portions.map(|(at, ((forward, heads), (_, batch)))| Portion {
            forward,
            samples: M::samples(batch),
            labels: told.as_ref().map(|told| told[at].clone().inner()),
            heads,
        });
        let weighed = pass.weigh_parts(portions.collect());
        let outputs = weighed.parts.iter().zip(&part.batches);
        let outputs =
            outputs.map(|(losses, (_, batch))| StepOutput::new(losses, M::samples(batch)));
        let output = StepOutput::joined(outputs.collect());
        let mut output = output
            .with_losses(&weighed.losses)
            .weighed(&weighed.weighed);
        output.state = self.weighting.state();
        let losses = weighed.losses.clone();
        if self.skips(&output) {
            return (output, None, losses);
        }
        if now.audited {
            output.audit = weighed.audit();
        }
        let networks: Vec<&M> = part.batches.iter().map(|(network, _)| *network).collect();
        let gradients = weighed.backward(&networks, self);
        (output, Some(gradients), losses)
    }

    /// Returns whether the step is skipped because a loss is not finite.
    fn skips(&self, output: &StepOutput<M::Evaluation>) -> bool {
        self.options.non_finite == NonFinitePolicy::Skip
            && output.non_finite.clone().any().into_scalar::<bool>()
    }

    /// Returns the losses of a step after the parameters were updated, on the main device.
    fn losses_after(&self, batches: &[M::Batch]) -> TaskLosses {
        let copies = self.options.devices.copies(&self.network, batches.len());
        let networks: Vec<&M> = [&self.network].into_iter().chain(&copies).collect();
        let losses = |(network, batch): (&M, &M::Batch)| {
            let representation = network.represent(batch);
            let together = Branches::together(representation, network.tasks().len());
            self.trained(network, together, batch).detached()
        };
        let each = networks.into_iter().cycle().zip(batches);
        let mut each: Vec<TaskLosses> = each.map(losses).collect();
        if each.len() == 1 {
            return each.remove(0);
        }
        let main = each[0].values().device();
        let each: Vec<TaskLosses> = each.iter().map(|losses| losses.on(&main)).collect();
        let counts = each.iter().zip(batches);
        let counts = counts.map(|(losses, batch)| losses.counts(M::samples(batch)));
        TaskLosses::joined(&each, &counts.collect::<Vec<_>>())
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
        let copies = self.options.devices.copies(&self.network, batches.len());
        let networks: Vec<&M> = [&self.network].into_iter().chain(&copies).collect();
        for part in self.parts(now, &networks, &batches) {
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
            let after = moved.losses_after(&batches);
            moved.weighting.after_step(&before, &after);
        }
        moved
            .options
            .hooks
            .after_step(moved.options.clock.now(), &moved);
        moved
    }
}

/// The sum of the gradients of the parts of a step. The gradients of a single part stay unchanged.
#[derive(Default)]
struct Gathered {
    first: Option<GradientsParams>,
    /// Whether a part had a loss that is not finite under the policy to skip the step.
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
