//! Standardises the losses over the tasks of one step: all tasks on one scale without any history.
//!
//! Needs: fixed weights `w_k` and the elements `n_k`. Remembers: nothing that matters for the next step; the last mean
//! and the last divisor (the deviation, or 1 in its place) are kept for the log.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::count;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, StateValue, Step, TaskValues, Weighed};

/// The largest deviation that is replaced by 1.
const SMALLEST_STD: f64 = 1e-8;

/// Weighted losses, standardised over the tasks of one step.
///
/// `sum_k w_k sqrt(n_k) (L_k - sg(mean)) / sg(std)` with the mean and the population standard deviation of this step's
/// active losses. A deviation of at most 1e-8 (a single task, or equal losses) is replaced by 1.
///
/// The statistics are over the K losses of the step, so the batch size does not enter. They are constants for
/// differentiation, while the gradient flows through each loss: a form that standardises plain numbers has no gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchStatistics {
    /// The fixed weights `w_k`, from 0 to 1e30, not all 0. Default 1/K each.
    pub weights: TaskValues,
    /// Whether the mean is subtracted, which changes the value of the objective, not its gradient. Default `true`.
    pub center: bool,
    /// Whether each loss is multiplied by `sqrt(n_k)`, with the output elements `n_k` of the task. Default `true`.
    pub scale_by_elements: bool,
}

impl Default for BatchStatistics {
    fn default() -> Self {
        Self {
            weights: TaskValues::default(),
            center: true,
            scale_by_elements: true,
        }
    }
}

impl BatchStatistics {
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

    /// Sets whether each loss is multiplied by the square root of its number of elements.
    pub fn with_scale_by_elements(mut self, scale: bool) -> Self {
        self.scale_by_elements = scale;
        self
    }

    fn scaled(&self, tasks: &TaskSet) -> Result<Vec<f64>> {
        if self.scale_by_elements {
            self.weights.scaled_by_elements(tasks)
        } else {
            self.weights.weights(tasks)
        }
    }
}

impl BuiltIn for BatchStatistics {
    const NAME: &'static str = "batch-statistics";
}

impl LossWeighting for BatchStatistics {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device)
            .with_constant("weights", &self.scaled(tasks)?)
            .with_buffer("mean", &[0.0])
            .with_buffer("std", &[0.0]))
    }

    fn intended(&self, tasks: &TaskSet) -> Option<Vec<f64>> {
        self.scaled(tasks).ok()
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let active = step.losses.active();
        let values = step.losses.masked(&active).inner();
        let tasks = count(&active);
        let counts = active.float();
        let mean = values.clone().sum() / tasks.clone();
        let deviations = (values - mean.clone()) * counts.clone();
        let std = (deviations.square().sum() / tasks).sqrt();
        let divisor = std
            .clone()
            .mask_fill(std.lower_equal_scalar(SMALLEST_STD), 1.0);
        let weights = memory.constant("weights", &counts) * counts / divisor.clone();
        let offset = self
            .center
            .then(|| (weights.clone().sum() * mean.clone()).neg());
        memory.remember("mean", mean);
        memory.remember("std", divisor);
        Weighed::affine(step.losses, weights, offset)
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        vec![
            StateValue::global("loss_mean", memory.buffer("mean")),
            StateValue::global("loss_std", memory.buffer("std")),
        ]
    }
}
