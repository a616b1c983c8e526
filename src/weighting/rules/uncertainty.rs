//! Computes the weights of homoscedastic uncertainty from a learned noise level of each task.
//!
//! Needs: only the losses. Remembers: a learned log sigma for each task. A. Kendall, Y. Gal, R. Cipolla, *Multi-Task
//! Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics*, CVPR 2018.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::learned;
use crate::error::Result;
use crate::task::{Task, TaskKind, TaskSet};
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, TaskValues, Weighed};

/// The largest absolute value of log sigma that has an effect.
const LARGEST: f64 = 20.0;

/// The name under which the log sigma of [`Uncertainty`] is recorded.
pub const LOG_SIGMA: &str = "log_sigma";

/// The factor of the loss of a classification task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LikelihoodForm {
    /// `L / (2 sigma^2)` for every task. The default.
    #[default]
    Uniform,
    /// `L / sigma^2` for classification tasks, as derived in the paper, and `L / (2 sigma^2)` for all other tasks.
    Likelihood,
}

/// Homoscedastic uncertainty (Kendall et al., 2018): weights from a noise level of each task, learned with the network.
///
/// `sum_k L_k / (2 sigma_k^2) + log sigma_k` with learned `log sigma_k`.
///
/// The effective weight is `1 / (2 sigma_k^2)`; the gradient of log sigma is `1 - L_k / sigma_k^2`. At the optimum of
/// sigma alone, `sigma_k^2 = L_k`: in the long run the strategy weighs by the inverse of the loss value. The objective
/// may be negative. Beyond ±20 log sigma has no effect. Give these parameters their own optimizer group, without weight
/// decay.
///
/// A loss of zero or below has no best sigma: the formula would raise the weight without bound. In such a step the task
/// keeps its weight, and its log sigma gets a gradient of 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Uncertainty {
    /// The initial log sigma of each task, from -20 to 20. Default 0 each, a sigma of 1.
    pub log_sigma: TaskValues,
    /// The factor of the loss of classification tasks. Default [`LikelihoodForm::Uniform`].
    pub form: LikelihoodForm,
}

impl Uncertainty {
    /// Sets the initial log sigma of each task.
    pub fn with_log_sigma(mut self, log_sigma: impl Into<TaskValues>) -> Self {
        self.log_sigma = log_sigma.into();
        self
    }

    /// Sets the factor of the loss of classification tasks.
    pub fn with_form(mut self, form: LikelihoodForm) -> Self {
        self.form = form;
        self
    }

    fn factor(&self, task: &Task) -> f64 {
        match (self.form, task.kind()) {
            (LikelihoodForm::Likelihood, TaskKind::Classification) => 1.0,
            _ => 0.5,
        }
    }
}

impl BuiltIn for Uncertainty {
    const NAME: &'static str = "uncertainty";
}

impl LossWeighting for Uncertainty {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let start = self.log_sigma.resolve_checked(
            LOG_SIGMA,
            tasks,
            0.0,
            "a finite number between -20 and 20",
            |s| s.abs() <= LARGEST,
        )?;
        let factors: Vec<f64> = tasks.iter().map(|task| self.factor(task)).collect();
        Ok(Memory::new(device)
            .with_learned(LOG_SIGMA, tasks, &start)
            .with_constant("factors", &factors))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let losses = step.losses;
        let active = losses.active();
        let log_sigma = memory.learned(LOG_SIGMA, losses).clamp(-LARGEST, LARGEST);
        let positive = losses.values().inner().greater_scalar(0.0);
        let still = log_sigma.clone().detach();
        let log_sigma = still.mask_where(positive, log_sigma);
        let factors = memory.constant("factors", &losses.values());
        let weights = (log_sigma.clone() * -2.0).exp() * like(factors, &log_sigma);
        learned(losses, &active, weights, log_sigma)
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        let sigma = memory.learned_values(LOG_SIGMA).exp();
        vec![StateValue::per_task("sigma", sigma)]
    }
}

/// Returns `constant`, on an autodiff device if `learned` is on an autodiff device.
fn like(
    constant: burn::tensor::Tensor<1>,
    learned: &burn::tensor::Tensor<1>,
) -> burn::tensor::Tensor<1> {
    if learned.is_autodiff() {
        burn::tensor::Tensor::from_inner(constant)
    } else {
        constant
    }
}
