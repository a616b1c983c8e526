//! Holds the hooks of a run with the type of the model erased, because every step carries them.

use std::any::Any;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::Tensor;
use burn::train::Interrupter;

use super::clock::Moment;
use super::output::StepOutput;

/// A hook that downcasts the model it receives, because the module that carries it does not know the type.
pub(super) type AnyStepHook = Box<dyn FnMut(Moment, &Seen, &dyn Any) -> ControlFlow<String> + Send>;

/// The losses and the weights of a step, each `[K]`.
pub(super) struct Seen {
    pub(super) losses: Tensor<1>,
    pub(super) weights: Tensor<1>,
}

/// The hooks of a run, carried by the model from step to step.
#[derive(Clone, Default)]
pub(super) struct StepHooks(Option<Arc<Mutex<Held>>>);

struct Held {
    hooks: Vec<AnyStepHook>,
    interrupter: Interrupter,
    seen: Option<Seen>,
    /// Whether the model is kept at the end of an epoch.
    keep_model: bool,
    model: Option<Box<dyn Any + Send>>,
}

impl fmt::Debug for StepHooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StepHooks")
    }
}

impl StepHooks {
    /// Creates the hooks of a run that `interrupter` stops. With `keep_model` the model is kept at the end of each
    /// epoch.
    pub(super) fn new(hooks: Vec<AnyStepHook>, interrupter: Interrupter, keep_model: bool) -> Self {
        if hooks.is_empty() && !keep_model {
            return Self::default();
        }
        Self(Some(Arc::new(Mutex::new(Held {
            hooks,
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

    /// Keeps the losses and weights of a step until the optimizer has updated the parameters.
    pub(super) fn keep<E>(&self, output: &StepOutput<E>) {
        if let Some(mut held) = self.lock()
            && let Some(weights) = &output.weights
        {
            let (losses, weights) = (output.losses.clone(), weights.clone());
            held.seen = Some(Seen { losses, weights });
        }
    }

    /// Calls the hooks.
    pub(super) fn after_step<T: Any + Clone + Send>(&self, now: Moment, model: &T) {
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

    /// Takes the model at the end of the last epoch.
    pub(super) fn take_model<T: Any>(&self) -> Option<T> {
        let model = self.lock()?.model.take()?;
        model.downcast().ok().map(|model| *model)
    }
}
