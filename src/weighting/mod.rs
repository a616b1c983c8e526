//! Strategies: raw losses in, one objective out, with the true effective weight of every task beside it.
//!
//! A strategy implements [`LossWeighting`]. The ones of this crate are listed in [`Weighting`], chosen by a
//! [`WeightingConfig`] that is plain JSON; a strategy of your own implements the trait and is used everywhere a
//! built-in one is.
//!
//! | strategy | objective | when to use it |
//! |---|---|---|
//! | [`RunningMean`] | `sum w_k L_k / m_k` | the baseline: equalises loss values, which says nothing about gradients |
//! | [`Uncertainty`] | `sum L_k / (2 sigma_k^2) + log sigma_k` | no idea of good weights; losses that are likelihoods |
//! | [`GradientScale`] | `sum w_k sqrt(n_k) L_k / m_k` | tasks averaged over many outputs that should count more |
//! | [`ScalarCountdown`] | that of the strategy inside it | one number instead of a sequence as the target |
//! | [`BatchStatistics`] | `sum w_k sqrt(n_k) (L_k - mean) / std` | losses of very different size, no history wanted |
//! | [`GradientShare`] | `sum s_k L_k / g_k` | every task is to have its share `s_k` of the shared gradient |
//! | [`Manual`] | `sum w_k L_k`, raw or over `m_k` | known weights; the fair baseline once they are tuned |
//!
//! with raw loss `L_k`, running mean `m_k` of it and `g_k` of the norm of its gradient, fixed weight `w_k` and elements `n_k` of task k. What divides a loss is a
//! constant for differentiation.
//!
//! **What every strategy keeps to.** State lives in the module record, so a saved and loaded strategy continues with
//! the same numbers. Nothing is read back to the host in [`LossWeighting::weigh`]. A task without labels, or with a loss
//! that is not finite, gets weight 0 and leaves the state alone. A loss of exactly zero is legal.

mod batch_statistics;
mod config;
mod constants;
mod gradient_scale;
mod gradient_share;
mod manual;
mod objective;
mod running_mean;
mod scalar_countdown;
mod state;
mod task_values;
mod uncertainty;

pub use batch_statistics::{BatchStatistics, BatchStatisticsConfig};
pub use config::{Weighting, WeightingConfig};
pub use gradient_scale::{GradientScale, GradientScaleConfig};
pub use gradient_share::{GradientShare, GradientShareConfig};
pub use manual::{Manual, ManualConfig};
pub use objective::Objective;
pub use running_mean::{Normaliser, RunningMean, RunningMeanConfig};
pub use scalar_countdown::{ScalarCountdown, ScalarCountdownConfig, ScalarCountdownInner};
pub use state::{StateValue, remember};
pub use task_values::TaskValues;
pub use uncertainty::{LikelihoodForm, Uncertainty, UncertaintyConfig};

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;

use crate::loss::TaskLosses;

/// A strategy: turns the raw losses of a step into the objective to differentiate.
///
/// # Example: a strategy of your own
///
/// ```
/// use burn::module::Module;
/// use burn::tensor::{Device, Tensor};
/// use equipoise::loss::TaskLosses;
/// use equipoise::weighting::{LossWeighting, Objective, StateValue};
///
/// /// Weighs by the inverse of each raw loss, as a constant.
/// #[derive(Module, Debug)]
/// struct Inverse {}
///
/// impl LossWeighting for Inverse {
///     fn weigh(&self, losses: &TaskLosses) -> Objective {
///         let active = losses.active();
///         let values = losses.masked(&active).inner();
///         let weights = values.clamp_min(1e-8).recip() * active.float();
///         Objective::linear(losses, weights)
///     }
///
///     fn state(&self) -> Vec<StateValue> {
///         Vec::new()
///     }
/// }
///
/// let device = Device::flex().autodiff();
/// let losses = TaskLosses::from_values(Tensor::from_floats([2.0, 0.5], &device).require_grad());
/// let objective = Inverse {}.weigh(&losses);
/// assert_eq!(objective.total.into_scalar::<f32>(), 2.0);
/// ```
pub trait LossWeighting: Module + ModuleDisplay + 'static {
    /// One training step: updates the strategy's running state and returns the objective.
    ///
    /// Works on tensors with and without autodiff; without, the objective is a plain number.
    ///
    /// # Panics
    ///
    /// If the number of losses is not the number of tasks the strategy was made for.
    fn weigh(&self, losses: &TaskLosses) -> Objective;

    /// Named values worth logging (sigma per task, running means), still on the device: read them only when a line is
    /// logged.
    fn state(&self) -> Vec<StateValue>;

    /// The weights that somebody gave the tasks, `[K]`, if the strategy has such: what each task's part of the gradient is
    /// measured against. `None` if all are meant to count alike.
    fn intended(&self) -> Option<Tensor<1>> {
        None
    }

    /// Whether [`observe`](Self::observe) does anything.
    fn observes(&self) -> bool {
        false
    }

    /// Tells the strategy the norm of each task's raw gradient at the representation, `[K]`, off the graph, before the
    /// weights of the step are asked for. The [`Trainer`](crate::train::Trainer) does so in every step that it audits; in a
    /// loop of your own, pass [`AuditSample::norms`](crate::gradient::AuditSample::norms).
    ///
    /// A norm that is not finite is as good as none.
    fn observe(&self, _norms: Tensor<1>) {}
}
