//! What a program has called after a step and after an epoch.

use std::any::Any;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::Tensor;
use burn::train::Interrupter;

use super::clock::Moment;
use super::output::StepOutput;
use super::step::MultiTask;
use crate::history::History;
use crate::model::MultiTaskModel;

/// What a hook sees after a step of the optimizer. Tensors are on the device; reading them waits for it.
#[derive(Debug)]
pub struct StepSeen<'a, M: MultiTaskModel> {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Steps since the run began, this one included.
    pub step: usize,
    /// The raw losses before the step, `[K]`.
    pub losses: Tensor<1>,
    /// The effective weights, `[K]`.
    pub weights: Tensor<1>,
    /// The network and the strategy after the step.
    pub model: &'a MultiTask<M>,
}

/// What a hook sees after an epoch, when its checkpoint is written.
#[derive(Debug)]
pub struct EpochSeen<'a, M: MultiTaskModel> {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Everything recorded so far, this epoch included.
    pub history: &'a History,
    /// The network and the strategy, in validation mode.
    pub model: &'a MultiTask<M>,
}

/// A hook after each step. `Break` stops the run with a reason, [`Outcome::stopped`](super::Outcome::stopped); the epoch is lost.
pub(super) type StepHook<M> = Box<dyn FnMut(StepSeen<'_, M>) -> ControlFlow<String> + Send>;

/// A hook after each epoch. `Break` stops the run with a reason.
pub(super) type EpochHook<M> = Box<dyn FnMut(EpochSeen<'_, M>) -> ControlFlow<String> + Send>;

/// A hook that finds out by itself whose model it sees: the module it is carried in does not know.
type AnyStepHook = Box<dyn FnMut(Moment, &Seen, &dyn Any) -> ControlFlow<String> + Send>;

/// The losses and the weights of a step.
struct Seen {
    losses: Tensor<1>,
    weights: Tensor<1>,
}

/// The hooks of a run, carried by the model from step to step.
#[derive(Clone, Default)]
pub(super) struct StepHooks(Option<Arc<Mutex<Held>>>);

struct Held {
    hooks: Vec<AnyStepHook>,
    interrupter: Interrupter,
    seen: Option<Seen>,
    /// Whether somebody wants the model at the end of an epoch.
    keep_model: bool,
    model: Option<Box<dyn Any + Send>>,
}

impl fmt::Debug for StepHooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StepHooks")
    }
}

impl StepHooks {
    /// Hooks of a run that `interrupter` stops. With `keep_model` the model is kept at the end of each epoch.
    pub(super) fn new<M: MultiTaskModel>(
        hooks: Vec<StepHook<M>>,
        interrupter: Interrupter,
        keep_model: bool,
    ) -> Self {
        if hooks.is_empty() && !keep_model {
            return Self::default();
        }
        let any = |mut hook: StepHook<M>| -> AnyStepHook {
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
        };
        Self(Some(Arc::new(Mutex::new(Held {
            hooks: hooks.into_iter().map(any).collect(),
            interrupter,
            seen: None,
            keep_model,
            model: None,
        }))))
    }

    fn lock(&self) -> Option<MutexGuard<'_, Held>> {
        let held = self.0.as_ref()?;
        Some(held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what a step saw until the optimizer has moved the parameters.
    pub(super) fn keep<E>(&self, output: &StepOutput<E>) {
        if let Some(mut held) = self.lock()
            && let Some(weights) = &output.weights
        {
            let (losses, weights) = (output.losses.clone(), weights.clone());
            held.seen = Some(Seen { losses, weights });
        }
    }

    /// Calls the hooks.
    pub(super) fn after_step<M: MultiTaskModel>(&self, now: Moment, model: &MultiTask<M>) {
        let Some(mut held) = self.lock() else { return };
        let held = &mut *held;
        if let Some(seen) = held.seen.take() {
            for hook in &mut held.hooks {
                if let ControlFlow::Break(reason) = hook(now, &seen, model) {
                    held.interrupter.stop(Some(&reason));
                }
            }
        }
        if held.keep_model && now.ends_epoch {
            held.model = Some(Box::new(model.clone()));
        }
    }

    /// The model at the end of the last epoch.
    pub(super) fn take_model<M: MultiTaskModel>(&self) -> Option<MultiTask<M>> {
        let model = self.lock()?.model.take()?;
        model.downcast().ok().map(|model| *model)
    }
}
