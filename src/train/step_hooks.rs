//! The hooks of a run, as every step carries them: they do not know whose model it is.

use std::any::Any;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::Tensor;
use burn::train::Interrupter;

use super::clock::Moment;
use super::output::StepOutput;

/// A hook that finds out by itself whose model it sees: the module it is carried in does not know.
pub(super) type AnyStepHook = Box<dyn FnMut(Moment, &Seen, &dyn Any) -> ControlFlow<String> + Send>;

/// The losses and the weights of a step.
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

    /// Returns the model at the end of the last epoch.
    pub(super) fn take_model<T: Any>(&self) -> Option<T> {
        let model = self.lock()?.model.take()?;
        model.downcast().ok().map(|model| *model)
    }
}
