//! Defines the hooks that run after a step and after an epoch.

use std::any::Any;
use std::ops::ControlFlow;

use burn::tensor::Tensor;

use super::clock::Moment;
use super::step::MultiTask;
use super::step_hooks::{AnyStepHook, Seen};
use crate::history::History;
use crate::model::MultiTaskModel;

/// The arguments of a hook after a step of the optimizer. Tensors are on the device; reading them waits for the device.
#[derive(Debug)]
#[non_exhaustive]
pub struct StepSeen<'a, M: MultiTaskModel> {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The number of steps since the run began, including this step.
    pub step: usize,
    /// The raw losses before the step, `[K]`.
    pub losses: Tensor<1>,
    /// The effective weights, `[K]`.
    pub weights: Tensor<1>,
    /// The network and the strategy after the step.
    pub model: &'a MultiTask<M>,
}

/// The arguments of a hook after an epoch, while its checkpoint is being written.
#[derive(Debug)]
#[non_exhaustive]
pub struct EpochSeen<'a, M: MultiTaskModel> {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Everything recorded so far, including this epoch.
    pub history: &'a History,
    /// The network and the strategy, in validation mode.
    pub model: &'a MultiTask<M>,
}

/// A hook after each step. `Break` stops the run with a reason ([`Outcome::stopped`](super::Outcome::stopped)); the
/// epoch in progress is lost.
pub(super) type StepHook<M> = Box<dyn FnMut(StepSeen<'_, M>) -> ControlFlow<String> + Send>;

/// A hook after each epoch. `Break` stops the run with a reason.
pub(super) type EpochHook<M> = Box<dyn FnMut(EpochSeen<'_, M>) -> ControlFlow<String> + Send>;

/// Erases the type of the model from a hook; the hook downcasts the model it receives.
pub(super) fn any<M: MultiTaskModel>(mut hook: StepHook<M>) -> AnyStepHook {
    Box::new(move |now: Moment, seen: &Seen, model: &dyn Any| {
        let model = model.downcast_ref().expect("it is the model of this run");
        hook(StepSeen {
            epoch: now.epoch,
            step: now.step + 1,
            losses: seen.losses.clone(),
            weights: seen.weights.clone(),
            model,
        })
    })
}
