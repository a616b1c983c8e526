//! Standardisation over the losses of one step: all tasks on one scale without any history.
//!
//! Needs: fixed weights `w_k` and the elements `n_k`. Remembers: nothing that matters for the next step; the last mean
//! and what divided (the deviation, or 1 in its place) are kept for the log. The statistics are over the K losses of this
//! step, so the batch size does not enter. They are constants for differentiation, while the gradient flows through each
//! loss: a form that standardises plain numbers instead has no gradient at all.

use burn::module::{Module, RunningState};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::constants::{floats, on};
use super::objective::check_count;
use super::{LossWeighting, Objective, StateValue, TaskValues, remember};
use crate::error::Result;
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// A deviation that is not larger than this is replaced by 1.
const SMALLEST_STD: f64 = 1e-8;

/// Configuration of [`BatchStatistics`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchStatisticsConfig {
    /// Fixed weights `w_k`, finite and not negative; 1/K each by default.
    pub weights: TaskValues,
    /// Subtract the mean. It changes the objective's value, not its gradient. Default: yes.
    pub center: bool,
    /// Multiply by the square root of the elements. Default: yes.
    pub scale_by_elements: bool,
}

impl Default for BatchStatisticsConfig {
    fn default() -> Self {
        Self {
            weights: TaskValues::default(),
            center: true,
            scale_by_elements: true,
        }
    }
}

impl BatchStatisticsConfig {
    /// Sets the fixed weights.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Sets whether the mean is subtracted.
    pub fn with_center(mut self, center: bool) -> Self {
        self.center = center;
        self
    }

    /// Sets whether each loss is multiplied by the square root of its elements.
    pub fn with_scale_by_elements(mut self, scale: bool) -> Self {
        self.scale_by_elements = scale;
        self
    }

    /// Builds the strategy for `tasks`, with its state on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) naming the field that has a value it cannot have.
    pub fn init(&self, tasks: &TaskSet, device: &Device) -> Result<BatchStatistics> {
        let mut weights = self.weights.weights(tasks)?;
        if self.scale_by_elements {
            for (weight, task) in weights.iter_mut().zip(tasks.iter()) {
                *weight *= (task.elements() as f64).sqrt();
            }
        }
        let zero = || RunningState::new(Tensor::zeros([1], &device.clone().inner()));
        Ok(BatchStatistics {
            weights: floats(&weights, device),
            mean: zero(),
            std: zero(),
            center: self.center,
        })
    }
}

/// `sum_k w_k sqrt(n_k) (L_k - sg(mean)) / sg(std)` with the mean and the population standard deviation of this step's
/// active losses. A deviation of at most 1e-8 (one task alone, or all equal) is replaced by 1.
#[derive(Module, Debug)]
pub struct BatchStatistics {
    /// `w_k sqrt(n_k)`, `[K]`; a constant.
    #[module(skip)]
    weights: Tensor<1>,
    mean: RunningState<Tensor<1>>,
    std: RunningState<Tensor<1>>,
    center: bool,
}

impl LossWeighting for BatchStatistics {
    fn weigh(&self, losses: &TaskLosses) -> Objective {
        let active = losses.active();
        let values = losses.masked(&active).inner();
        check_count(losses, &self.weights);
        let counts = active.float();
        let tasks = counts.clone().sum().clamp_min(1.0);
        let mean = values.clone().sum() / tasks.clone();
        let deviations = (values - mean.clone()) * counts.clone();
        let std = (deviations.square().sum() / tasks).sqrt();
        let divisor = std
            .clone()
            .mask_fill(std.lower_equal_scalar(SMALLEST_STD), 1.0);
        let weights = on(&self.weights, &counts) * counts / divisor.clone();
        let offset = self
            .center
            .then(|| (weights.clone().sum() * mean.clone()).neg());
        remember(&self.mean, mean);
        remember(&self.std, divisor);
        Objective::affine(losses, weights, offset)
    }

    fn state(&self) -> Vec<StateValue> {
        vec![
            StateValue::global("loss_mean", self.mean.value()),
            StateValue::global("loss_std", self.std.value()),
        ]
    }
    fn intended(&self) -> Option<Tensor<1>> {
        Some(self.weights.clone())
    }
}
