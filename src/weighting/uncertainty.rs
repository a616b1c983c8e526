//! Homoscedastic uncertainty: each task's weight follows from a noise level that is learned with the network.
//!
//! Needs: nothing but the losses. Remembers: a learnable log sigma per task. A. Kendall, Y. Gal, R. Cipolla,
//! *Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics*, CVPR 2018. At the optimum
//! of sigma alone, sigma_k^2 = L_k: in the long run it weighs by the inverse of the loss value.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::constants::{floats, on};
use super::objective::check_count;
use super::{LossWeighting, Objective, StateValue, TaskValues};
use crate::error::Result;
use crate::loss::TaskLosses;
use crate::task::{Task, TaskKind, TaskSet};

/// log sigma is kept within this distance of 0. A loss that stays exactly 0 drives it down for ever.
const LARGEST: f64 = 20.0;

/// Which factor a classification's loss gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LikelihoodForm {
    /// `L / (2 sigma^2)` for every task.
    #[default]
    Uniform,
    /// `L / sigma^2` for classification tasks, as derived in the paper, and `L / (2 sigma^2)` for the others.
    Likelihood,
}

/// Configuration of [`Uncertainty`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UncertaintyConfig {
    /// Where log sigma starts, between -20 and 20; 0 (sigma 1) by default.
    pub log_sigma: TaskValues,
    /// The factor of classification tasks.
    pub form: LikelihoodForm,
}

impl UncertaintyConfig {
    /// Sets where log sigma starts.
    pub fn with_log_sigma(mut self, log_sigma: impl Into<TaskValues>) -> Self {
        self.log_sigma = log_sigma.into();
        self
    }

    /// Sets the factor of classification tasks.
    pub fn with_form(mut self, form: LikelihoodForm) -> Self {
        self.form = form;
        self
    }

    /// Builds the strategy for `tasks`, with its parameters on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) naming the field that has a value it cannot have.
    pub fn init(&self, tasks: &TaskSet, device: &Device) -> Result<Uncertainty> {
        let start = self.log_sigma.resolve_checked(
            "log_sigma",
            tasks,
            0.0,
            "a finite number between -20 and 20",
            |s| s.abs() <= LARGEST,
        )?;
        let start: Vec<f32> = start.iter().map(|s| *s as f32).collect();
        let factor: Vec<f64> = tasks.iter().map(|task| self.factor(task)).collect();
        Ok(Uncertainty {
            log_sigma: Param::from_data(start.as_slice(), device),
            factor: floats(&factor, device),
        })
    }

    fn factor(&self, task: &Task) -> f64 {
        match (self.form, task.kind()) {
            (LikelihoodForm::Likelihood, TaskKind::Classification) => 1.0,
            _ => 0.5,
        }
    }
}

/// `sum_k L_k / (2 sigma_k^2) + log sigma_k` with learnable `log sigma_k`.
///
/// The effective weight is `1 / (2 sigma_k^2)`; the gradient of log sigma is `1 - L_k / sigma_k^2`. The objective may be
/// negative. Beyond ±20 log sigma has no effect any more. Give these parameters an optimizer group of their own, without weight decay. A task that is absent from a
/// batch leaves its sigma a gradient of exactly 0.
#[derive(Module, Debug)]
pub struct Uncertainty {
    /// log sigma, `[K]`.
    log_sigma: Param<Tensor<1>>,
    /// 1/2, or 1 for a classification in likelihood form, `[K]`; a constant.
    #[module(skip)]
    factor: Tensor<1>,
}

impl Uncertainty {
    /// The learnable log sigma, `[K]`.
    pub fn log_sigma(&self) -> &Param<Tensor<1>> {
        &self.log_sigma
    }
}

impl LossWeighting for Uncertainty {
    fn weigh(&self, losses: &TaskLosses) -> Objective {
        let active = losses.active();
        let counts = active.clone().float();
        let log_sigma = self.log_sigma.val().clamp(-LARGEST, LARGEST);
        check_count(losses, &log_sigma);
        let factor = on(&self.factor, &counts) * counts.clone();
        let weights = (log_sigma.clone() * -2.0).exp() * factor;
        let terms = losses.masked(&active) * weights.clone() + log_sigma * counts;
        Objective {
            total: terms.sum(),
            weights: weights.inner(),
        }
    }

    fn state(&self) -> Vec<StateValue> {
        vec![StateValue::per_task(
            "sigma",
            self.log_sigma.val().inner().exp(),
        )]
    }
}
