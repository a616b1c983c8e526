//! Computes the effective weights of the tasks in every step: the trait of strategies, and the built-in strategies.
//!
//! A strategy consists of a rule, plain data that never changes ([`LossWeighting`]), and a [`Memory`] of named
//! values, which is recorded. [`Strategy`] holds both and is the field of a model or of a training loop.
//! [`StrategyConfig`] selects a rule from JSON by its name in [the table of strategies](StrategyTable).
//!
//! The page `docs/strategies.md` lists the formula, source, needs, memory, cost and failure conditions of every
//! strategy.
//!
//! Every strategy guarantees three properties:
//!
//! * The complete memory of the strategy is in the module record, by name. A saved and loaded strategy continues with
//!   the same numbers.
//! * The strategy reads nothing back to the host, unless it needs the Gram matrix: then it reads the K x K numbers with
//!   the losses in one transfer.
//! * A task without labels, or with a loss that is not finite, gets weight 0 and does not change the memory.

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

/// The input that a strategy needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Needs {
    /// The raw losses.
    Losses,
    /// The raw losses, and the Gram matrix in the steps whose gradients are audited.
    GramWhenAudited,
    /// The raw losses, and the losses of the same batch after the step, which cost one more forward pass.
    LossesAfterStep,
    /// The Gram matrix in every step.
    Gram,
}

/// The behaviour of a strategy: computes weights from the losses and gradients of a step.
///
/// The implementing type is the rule with its settings. The rule never changes; values that change from step to step
/// are in the [`Memory`] that the rule creates.
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
    /// Returns the input that the strategy needs.
    fn needs(&self) -> Needs {
        Needs::Losses
    }

    /// Creates the memory before the first step. Checks the settings against the tasks.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) naming the field whose value is not allowed,
    /// [`Error::Tasks`](crate::Error::Tasks) if the strategy cannot weigh these tasks.
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory>;

    /// Returns the user's weights of the tasks, against which the gradient shares are compared, or `None` if all
    /// tasks should have equal shares.
    fn intended(&self, _tasks: &TaskSet) -> Option<Vec<f64>> {
        None
    }

    /// Weighs a training step and updates the memory.
    ///
    /// Accepts tensors with and without autodiff. Without autodiff the objective has no graph.
    ///
    /// # Panics
    ///
    /// If the number of losses differs from the number of tasks of the memory.
    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed;

    /// Updates the memory from the losses of a batch before and after the step. Called only for
    /// [`Needs::LossesAfterStep`].
    fn after(&self, _before: &TaskLosses, _after: &TaskLosses, _memory: &Memory) {}

    /// Returns values for the log, still on the device.
    fn state(&self, _memory: &Memory) -> Vec<StateValue> {
        Vec::new()
    }
}
