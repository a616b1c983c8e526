//! Strategies: what a step saw in, the effective weights of its tasks out.
//!
//! A strategy is a rule, which is plain data and never changes ([`LossWeighting`]), and a [`Memory`] of named values, which is
//! recorded. [`Strategy`] holds both and is what a model or a loop of one's own holds. [`StrategyConfig`] picks a
//! rule from JSON by its name in [the table of strategies](StrategyTable).
//!
//! The pages under `docs/` list every strategy with its formula, its source, what it needs, remembers and costs, and when it
//! fails.
//!
//! **What every strategy keeps to.** All that it remembers is in the module record by name, so a saved and loaded strategy
//! continues with the same numbers. Nothing is read back to the host, except by a strategy that needs the Gram matrix:
//! it reads K x K numbers and K losses in one transfer. A task without labels, or with a loss that is not finite, gets
//! weight 0 and leaves the memory alone.

pub mod gram;
#[doc(hidden)]
pub mod solve;

#[cfg(feature = "train")]
mod adopt;
mod at_path;
mod config;
mod draws;
mod from_gram;
mod identity;
mod memory;
mod normaliser;
mod options;
mod rules;
mod state;
mod step;
mod strategy;
mod table;
mod task_values;
mod weighed;

pub use config::StrategyConfig;
pub use identity::Identity;
pub use memory::Memory;
pub use options::Heads;
pub use rules::*;
pub use state::StateValue;
pub use step::{Numbers, Step};
pub use strategy::Strategy;
pub use table::{BuiltIn, StrategyRow, StrategyTable};
pub use task_values::TaskValues;
pub use weighed::Weighed;
pub(crate) use weighed::check_count;

use std::fmt::Debug;

use burn::tensor::Device;

use crate::error::Result;
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// The input that a strategy needs before it can weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Needs {
    /// The raw losses.
    Losses,
    /// The raw losses, and the Gram matrix in the steps in which the gradients are audited anyway.
    GramWhenAudited,
    /// The raw losses, and those of the same batch after the step: one more forward pass.
    LossesAfterStep,
    /// The Gram matrix in every step.
    Gram,
}

/// The behaviour of a strategy: weights from what a step saw.
///
/// The type that implements it is the rule with its settings. It never changes; what moves from step to step is in the
/// [`Memory`] that it makes.
///
/// # Example: a strategy of your own
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use equipoise::loss::TaskLosses;
/// use equipoise::weighting::{LossWeighting, Memory, Step, Strategy, Weighed};
/// use equipoise::{Result, Task, TaskSet};
///
/// /// Weighs by the inverse of each raw loss, as a constant.
/// #[derive(Debug)]
/// struct Inverse;
///
/// impl LossWeighting for Inverse {
///     fn memory(&self, _tasks: &TaskSet, device: &Device) -> Result<Memory> {
///         Ok(Memory::new(device))
///     }
///
///     fn weigh(&self, step: &Step<'_>, _memory: &Memory) -> Weighed {
///         let active = step.losses.active();
///         let values = step.losses.masked(&active).inner();
///         let weights = values.clamp_min(1e-8).recip() * active.float();
///         Weighed::linear(step.losses, weights)
///     }
/// }
///
/// let device = Device::flex().autodiff();
/// let tasks = TaskSet::new([Task::regression("a", 1), Task::regression("b", 1)])?;
/// let strategy = Strategy::new(Inverse, &tasks, &device)?;
/// let losses = TaskLosses::from_values(Tensor::from_floats([2.0, 0.5], &device).require_grad());
/// assert_eq!(strategy.weigh(&losses).total.into_scalar::<f32>(), 2.0);
/// # Ok::<(), equipoise::Error>(())
/// ```
pub trait LossWeighting: Debug + Send + Sync + 'static {
    /// Returns what the strategy has to see before it can weigh.
    fn needs(&self) -> Needs {
        Needs::Losses
    }

    /// Makes the memory before the first step, and checks the settings against the tasks.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) naming the field that has a value it cannot have,
    /// [`Error::Tasks`](crate::Error::Tasks) if the strategy cannot weigh these tasks.
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory>;

    /// Returns the weights that the user gave the tasks, if the strategy has weights: what each task's part of the gradient is
    /// measured against. `None` if all are meant to count alike.
    fn intended(&self, _tasks: &TaskSet) -> Option<Vec<f64>> {
        None
    }

    /// Weighs one training step and moves the memory on.
    ///
    /// Works on tensors with and without autodiff; without, the objective is a plain number.
    ///
    /// # Panics
    ///
    /// If the number of losses is not the number of tasks that the memory was made for.
    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed;

    /// Updates the memory from the losses of a batch before and after the step; called only for [`Needs::LossesAfterStep`].
    fn after(&self, _before: &TaskLosses, _after: &TaskLosses, _memory: &Memory) {}

    /// Returns values worth logging, still on the device.
    fn state(&self, _memory: &Memory) -> Vec<StateValue> {
        Vec::new()
    }
}
