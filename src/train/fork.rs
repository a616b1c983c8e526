//! Runs short forks of a run: some more steps from one of its checkpoints, unchanged or with one change.
//!
//! Every fork begins with the same network and strategy, and with a fresh optimizer: moments of gradients of another
//! size would make a head with an increased weight move several times as far as in a run, and hold down a trunk whose
//! strongest task is left out. Forks with the same number receive the same batches in the same order and the same
//! random numbers, whatever the change is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use burn::data::dataloader::DataLoader;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::tensor::{Device, Tensor};
use burn::train::{InferenceStep, Interrupter, TrainStep};

use super::clock::Clock;
use super::config::{Schedule, TrainConfig};
use super::data::{DataPass, EpochLoader, Groups, Source, spread};
use super::devices::Devices;
use super::gradients::Clipping;
use super::step::{Altered, MultiTask, StepOptions};
use super::trainer::Trainer;
use super::uninformed::Reached;
use super::{part, schedule, settings_file};
use crate::error::{Error, Result};
use crate::gradient::{Audit, PendingAudit};
use crate::history::{ALL_TASKS, History, Split, quantity};
use crate::model::{Branches, MultiTaskModel};
use crate::weighting::Strategy;

/// The least number of audits in a fork.
const AUDITS: usize = 5;
/// The least fraction of the configured learning rate that forks are run with.
const LEAST_RATE: f64 = 0.05;
/// The number of training batches searched for labels of every task.
const LOOKED_AT: usize = 16;

/// The changes of a fork to the run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Alteration {
    /// The factor on the gradient of every task after the strategy.
    pub(crate) factors: Option<Vec<f64>>,
    /// Whether each task is trained.
    pub(crate) trained: Option<Vec<bool>>,
    /// A task and the factor on the output of its head.
    pub(crate) output: Option<(usize, f64)>,
    /// A task and the factor on the steps of its own parameters.
    pub(crate) head: Option<(usize, f64)>,
}

/// The result of a fork.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// The validation losses of every task.
    pub(crate) losses: Vec<ForkLosses>,
    /// The result of the audits, if there were any.
    pub(crate) audit: Option<Audit>,
}

/// The validation losses of one task after a fork, batch by batch, with the number of labels of each batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ForkLosses {
    pub(crate) losses: Vec<f64>,
    pub(crate) labels: Vec<f64>,
}

impl ForkLosses {
    /// Returns the mean over all labels; NaN if there are no labels.
    pub(crate) fn mean(&self) -> f64 {
        let labelled = self.losses.iter().zip(&self.labels);
        let sum: f64 = labelled
            .filter(|(_, labels)| **labels > 0.0)
            .map(|(loss, labels)| loss * labels)
            .sum();
        sum / self.labels.iter().sum::<f64>()
    }
}

/// Forks of one checkpoint.
pub(crate) struct Forks<M: MultiTaskModel> {
    trainer: Trainer<M>,
    fresh: MultiTask<M>,
    /// Parameters that are frozen in the run.
    frozen: HashSet<ParamId>,
    rates: ModuleLrScheduler,
    train: Arc<dyn Source<M::Batch>>,
    valid: Arc<dyn Source<M::Batch>>,
    device: Device,
    /// As many devices as in the run, all of them the main device.
    devices: Devices,
    /// The number of batches per step.
    size: usize,
    epoch: usize,
    steps: usize,
    steps_per_epoch: usize,
    most_valid: usize,
    /// The parameters that each task alone reaches; computed on first use.
    own: Option<Vec<HashSet<ParamId>>>,
}

/// The data and the length of forks.
pub(crate) struct ForkPlan<M: MultiTaskModel> {
    pub(crate) train: Arc<dyn Source<M::Batch>>,
    pub(crate) valid: Arc<dyn Source<M::Batch>>,
    pub(crate) device: Device,
    pub(crate) epoch: usize,
    pub(crate) steps: usize,
    /// The largest number of validation batches to judge a fork by.
    pub(crate) most_valid: usize,
}

impl<M: MultiTaskModel> Forks<M> {
    /// Prepares forks. The checkpoint is read when a fork begins.
    pub(crate) fn new(
        trainer: Trainer<M>,
        network: M,
        weighting: Strategy,
        history: &History,
        plan: ForkPlan<M>,
    ) -> Result<Self> {
        let config = trainer.config();
        let tracked = plan.device.clone().autodiff();
        let batches = plan.train.batches();
        let devices = trainer.devices(&tracked).all_on_main();
        settings_file::check_devices(devices.len(), trainer.directory())?;
        let size = config.accumulate.saturating_mul(devices.len());
        let per_pass = batches.div_ceil(size);
        let fresh = MultiTask::new(network, weighting);
        part::check(&config.parts, &fresh)?;
        let fresh = fresh.train().fork(&tracked);
        Ok(Self {
            frozen: part::frozen(&fresh, &config.parts),
            rates: rates(config, history)?,
            steps_per_epoch: config.steps_per_epoch.unwrap_or(per_pass),
            devices,
            size,
            train: plan.train,
            valid: plan.valid,
            device: plan.device,
            epoch: plan.epoch,
            steps: plan.steps,
            most_valid: plan.most_valid,
            own: None,
            trainer,
            fresh,
        })
    }

    /// Returns the network and the strategy of the checkpoint, ready for training.
    fn begin(&self, alteration: &Alteration) -> Result<Begun<M>> {
        let fresh = part::set_frozen(self.fresh.clone(), &self.frozen, true);
        let start = self
            .trainer
            .start(fresh, self.steps_per_epoch, Some(self.epoch))?;
        let config = self.trainer.config();
        let mut model = start.model;
        if let Some((task, factor)) = alteration.output
            && let Some(scaled) = model.network.with_output_scale(task, factor)
        {
            model.network = scaled.train();
        }
        let every = config.audit_every.unwrap_or(usize::MAX);
        let every = every.min((self.steps / AUDITS).max(1));
        let plain = self.device.clone().inner();
        let clipping = Clipping::new(&model, config.clip_norm, &config.parts);
        let model = model.with_options(StepOptions {
            clipping,
            non_finite: config.non_finite,
            clock: Clock::new(
                Some(every),
                self.steps_per_epoch,
                self.steps_per_epoch * self.epoch,
            ),
            altered: Altered::new(
                alteration.factors.as_deref(),
                alteration.trained.as_deref(),
                &plain,
            ),
            devices: self.devices.clone(),
            ..StepOptions::default()
        });
        Ok(Begun {
            model,
            optimizer: self.trainer.fresh_optimizer()?,
        })
    }

    /// Returns whether the network has an output factor for the head of a task.
    pub(crate) fn scales(&self, task: usize) -> bool {
        self.fresh.network.with_output_scale(task, 2.0).is_some()
    }

    /// Returns whether a task has parameters that no other task reaches.
    pub(crate) fn has_own(&mut self, task: usize) -> Result<bool> {
        Ok(!self.own()?[task].is_empty())
    }

    fn own(&mut self) -> Result<&[HashSet<ParamId>]> {
        if self.own.is_none() {
            self.own = Some(self.find_own()?);
        }
        Ok(self.own.as_deref().expect("it was just found"))
    }

    /// Returns the losses at the checkpoint.
    pub(crate) fn at_the_start(&self) -> Result<Vec<ForkLosses>> {
        let begun = self.begin(&Alteration::default())?;
        self.evaluate(begun.model)
    }

    /// Runs the fork with a number and a change.
    ///
    /// # Errors
    ///
    /// [`Error::Training`] if the data failed or the run was interrupted; the errors of reading the checkpoint.
    pub(crate) fn run(
        &mut self,
        number: usize,
        alteration: &Alteration,
        interrupter: &Interrupter,
    ) -> Result<Ended> {
        let own = match alteration.head {
            Some((task, factor)) => Some((self.own()?[task].clone(), factor)),
            None => None,
        };
        let Begun {
            mut model,
            mut optimizer,
        } = self.begin(alteration)?;
        let config = self.trainer.config();
        let tracked = self.device.clone().autodiff();
        let seed = DataPass::new(!config.seed, 1 + number).seed_of(0);
        let size = self.size;
        let batches = EpochLoader::new(self.train.clone(), M::samples, Some(seed), &tracked)
            .of_length(self.steps.saturating_mul(size));
        let groups = Groups { batches, size };
        let mut rates = self.rates.clone();
        let mut audits: Option<PendingAudit> = None;
        for group in groups.iter() {
            if interrupter.should_stop() {
                return Err(failed("it was interrupted"));
            }
            let group = group.map_err(|error| failed(&error.to_string()))?;
            let output = TrainStep::step(&model, group);
            audits = match (audits, output.item.audit) {
                (Some(sum), Some(next)) => Some(sum.plus(next)),
                (sum, next) => sum.or(next),
            };
            let before = own.as_ref().map(|(own, _)| values(&model, own));
            model = model.optimize(&mut optimizer, rates.step(), output.grads);
            if let (Some(before), Some((_, factor))) = (before, &own) {
                model = further(model, before, *factor);
            }
        }
        let audit = audits.map(|audits| audits.read()).transpose();
        Ok(Ended {
            audit: audit.map_err(|error| failed(&error.to_string()))?,
            losses: self.evaluate(model)?,
        })
    }

    /// Returns the validation losses of all tasks, in one transfer.
    fn evaluate(&self, model: MultiTask<M>) -> Result<Vec<ForkLosses>> {
        let model = model.with_options(StepOptions::default()).valid();
        let plain = self.device.clone().inner();
        let tasks = model.network.tasks().len();
        let mut seen = Vec::new();
        let pass = DataPass::new(0, 1);
        for batch in spread(self.valid.as_ref(), pass, self.most_valid, &plain) {
            let batch = batch.map_err(|error| failed(&error.to_string()))?;
            let output = InferenceStep::step(&model, batch);
            let inactive = output.active.bool_not();
            seen.push(output.losses.mask_fill(inactive, 0.0));
            seen.push(output.counts);
            // A loss that is not finite counts as a loss of the fork, not as a missing label.
            seen.push(output.non_finite.float());
        }
        let numbers = if seen.is_empty() {
            Vec::new()
        } else {
            Tensor::cat(seen, 0)
                .try_into_vec_as::<f32>()
                .map_err(|error| failed(&error.to_string()))?
        };
        let mut found = vec![ForkLosses::default(); tasks];
        for batch in numbers.chunks(3 * tasks) {
            for (task, found) in found.iter_mut().enumerate() {
                let broken = batch[2 * tasks + task] > 0.0;
                let (loss, labels) = (batch[task], batch[tasks + task]);
                found
                    .losses
                    .push(f64::from(if broken { f32::NAN } else { loss }));
                found
                    .labels
                    .push(f64::from(if broken { 1.0 } else { labels }));
            }
        }
        Ok(found)
    }

    /// Returns for each task the parameters that its loss alone reaches, found on batches with labels of the task.
    fn find_own(&self) -> Result<Vec<HashSet<ParamId>>> {
        // Clones share running statistics; the statistics of this network have no other user.
        let network = self.begin(&Alteration::default())?.model.network;
        let network = &network.valid().train();
        let tracked = self.device.clone().autodiff();
        let tasks = network.tasks().len();
        let mut missing: HashSet<usize> = (0..tasks).collect();
        let mut reached = Reached::default();
        let pass = DataPass::new(0, 1);
        for batch in spread(self.train.as_ref(), pass, LOOKED_AT, &tracked) {
            let batch = batch.map_err(|error| failed(&error.to_string()))?;
            missing.retain(|task| {
                let branches = Branches::together(network.represent(&batch), tasks);
                let losses = network.task_losses(branches, &batch);
                let labels = losses.counts(M::samples(&batch)).narrow(0, *task, 1);
                let there = labels.into_scalar::<f32>() > 0.0;
                let loss = losses.masked(&losses.active()).narrow(0, *task, 1);
                let loss = losses.part(*task).cloned().unwrap_or(loss);
                if there && loss.is_tracked() {
                    let gradients = GradientsParams::from_grads(loss.backward(), network);
                    reached.add(network, *task, &gradients);
                }
                !there
            });
            if missing.is_empty() {
                break;
            }
        }
        // The parameters of a task without labels are unknown, and might be shared.
        let known = missing.is_empty();
        let own = |task| {
            if known {
                reached.alone(task)
            } else {
                HashSet::new()
            }
        };
        Ok((0..tasks).map(own).collect())
    }
}

/// A fork before its first step.
struct Begun<M: MultiTaskModel> {
    model: MultiTask<M>,
    optimizer: burn::optim::ModuleOptimizer,
}

fn failed(reason: &str) -> Error {
    Error::Training {
        reason: format!("the probe ended: {reason}"),
    }
}

/// Returns the learning rates of a fork: constant, at the median over the epochs of the run, because a schedule may end
/// near zero.
fn rates(config: &TrainConfig, history: &History) -> Result<ModuleLrScheduler> {
    let series = history.series(Split::Train, ALL_TASKS, quantity::LEARNING_RATE);
    let mut seen: Vec<f64> = series.into_iter().map(|(_, rate)| rate).collect();
    seen.retain(|rate| *rate > 0.0);
    seen.sort_by(f64::total_cmp);
    let typical = seen.get(seen.len() / 2).copied();
    let factor = typical.map_or(1.0, |typical| typical / config.learning_rate);
    // The end of a short schedule says nothing about its middle.
    let factor = if factor < LEAST_RATE { 1.0 } else { factor };
    let mut constant = config.clone().with_schedule(Schedule::Constant);
    constant.learning_rate *= factor;
    if let Some(rate) = &mut constant.weighting_learning_rate {
        *rate *= factor;
    }
    for part in &mut constant.parts {
        if let Some(rate) = &mut part.learning_rate {
            *rate *= factor;
        }
    }
    schedule::scheduler(&constant, None, 1)
}

/// Returns the values of the parameters in `of`, flat.
fn values<M: Module>(module: &M, of: &HashSet<ParamId>) -> HashMap<ParamId, Tensor<1>> {
    struct Read<'a> {
        of: &'a HashSet<ParamId>,
        found: HashMap<ParamId, Tensor<1>>,
    }
    impl ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self.of.contains(&param.id) {
                let value = param.val().inner().flatten(0, D - 1);
                self.found.insert(param.id, value);
            }
        }
    }
    let found = HashMap::new();
    let mut read = Read { of, found };
    module.visit(&mut read);
    read.found
}

/// Extends the last step of parameters: each parameter moves from `before` by `factor` times the step.
fn further<M: Module>(module: M, before: HashMap<ParamId, Tensor<1>>, factor: f64) -> M {
    struct Move {
        before: HashMap<ParamId, Tensor<1>>,
        factor: f64,
    }
    impl ModuleMapper for Move {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let Some(before) = self.before.get(&param.id) else {
                return param;
            };
            let factor = self.factor;
            param.map(|value| {
                let before = before.clone().reshape(value.dims());
                let went = value.clone().inner() - before.clone();
                let moved = before + went * factor;
                Tensor::from_inner(moved).set_require_grad(value.is_require_grad())
            })
        }
    }
    module.map(&mut Move { before, factor })
}
