//! Running-mean normalisation: each loss divided by the mean of its own past.
//!
//! Needs: fixed weights `w_k`. Remembers: the running mean `m_k` of each task's raw loss and how many losses went into
//! it. The strategy [`RunningMean`] is the baseline this crate was written against: it equalises loss *values*, while
//! what a task receives at the shared representation is a *gradient*.

use burn::module::{Module, RunningState};
use burn::tensor::{Bool, Device, Tensor};
use serde::{Deserialize, Serialize};

use super::constants::{floats, on};
use super::objective::check_count;
use super::{LossWeighting, Objective, StateValue, TaskValues, remember};
use crate::error::{Error, Result};
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// A mean that is not larger than this does not divide.
const SMALLEST_MEAN: f64 = 1e-8;
/// Likewise for gradients, which are much smaller than losses; its inverse times a loss is still a finite number.
const SMALLEST_NORM: f64 = 1e-20;

/// Configuration of [`RunningMean`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunningMeanConfig {
    /// Fixed weights `w_k`, finite and not negative; 1/K each by default.
    pub weights: TaskValues,
    /// How much of the old mean stays at each step after the warm-up, in [0, 1).
    pub momentum: f64,
    /// Steps with the plain cumulative mean before the exponential one, at least 1.
    pub warmup: usize,
}

impl Default for RunningMeanConfig {
    fn default() -> Self {
        Self {
            weights: TaskValues::default(),
            momentum: 0.95,
            warmup: 10,
        }
    }
}

impl RunningMeanConfig {
    /// Sets the fixed weights.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Sets the momentum after the warm-up.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets the steps of the warm-up.
    pub fn with_warmup(mut self, warmup: usize) -> Self {
        self.warmup = warmup;
        self
    }

    /// Builds the strategy for `tasks`, with its state on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the field that has a value it cannot have.
    pub fn init(&self, tasks: &TaskSet, device: &Device) -> Result<RunningMean> {
        Ok(RunningMean {
            weights: floats(&self.weights.weights(tasks)?, device),
            normaliser: Normaliser::new(tasks.len(), self.momentum, self.warmup, device)?,
        })
    }
}

/// `sum_k w_k L_k / sg(m_k)`: fixed weights over losses divided by their running means.
///
/// ```text
/// m_k = mean of the losses so far               in the first `warmup` steps of task k
/// m_k = momentum m_k + (1 - momentum) L_k       after them
/// ```
///
/// The mean takes in this step's loss before it divides. Where `m_k <= 1e-8`, the raw loss is used.
#[derive(Module, Debug)]
pub struct RunningMean {
    /// Fixed weights, `[K]`; a constant.
    #[module(skip)]
    weights: Tensor<1>,
    normaliser: Normaliser,
}

impl LossWeighting for RunningMean {
    fn weigh(&self, losses: &TaskLosses) -> Objective {
        let scales = self.normaliser.update(losses);
        Objective::linear(losses, scales.clone() * on(&self.weights, &scales))
    }

    fn state(&self) -> Vec<StateValue> {
        self.normaliser.state()
    }
    fn intended(&self) -> Option<Tensor<1>> {
        Some(self.weights.clone())
    }
}

/// The running means of all tasks, shared by every strategy that divides by them.
#[derive(Module, Debug)]
pub struct Normaliser {
    /// Running mean of each raw loss, `[K]`.
    mean: RunningState<Tensor<1>>,
    /// Losses taken in so far, `[K]`; float because it only has to tell the warm-up from what follows.
    count: RunningState<Tensor<1>>,
    momentum: f64,
    warmup: usize,
}

impl Normaliser {
    /// Means of nothing yet, for `tasks` tasks.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `momentum` is outside [0, 1) or `warmup` is 0.
    pub fn new(tasks: usize, momentum: f64, warmup: usize, device: &Device) -> Result<Self> {
        if !(0.0..1.0).contains(&momentum) {
            return Err(Error::setting(
                "momentum",
                momentum,
                "at least 0 and below 1",
            ));
        }
        if warmup == 0 {
            return Err(Error::setting("warmup", warmup, "at least 1 step"));
        }
        let zeros = || Tensor::zeros([tasks], &device.clone().inner());
        Ok(Self {
            mean: RunningState::new(zeros()),
            count: RunningState::new(zeros()),
            momentum,
            warmup,
        })
    }

    /// Takes this step's losses into the means and returns `1 / m_k`, `[K]`: 1 where the mean is too small to divide by,
    /// 0 for inactive tasks. Off the graph.
    pub fn update(&self, losses: &TaskLosses) -> Tensor<1> {
        check_count(losses, &self.mean.value());
        let active = losses.active();
        let mean = self.advance(&losses.masked(&active).inner(), &active);
        inverse(mean, SMALLEST_MEAN) * active.float()
    }

    /// Takes in values that are no losses and not negative; those that are not finite leave their mean alone.
    pub(super) fn take(&self, values: Tensor<1>) {
        let values = values.inner();
        let finite = values.clone().is_finite();
        self.advance(&values.mask_fill(finite.clone().bool_not(), 0.0), &finite);
    }

    /// `1 / m_k`, `[K]`, and 1 where nothing or only zeros were taken in.
    pub(super) fn scales(&self) -> Tensor<1> {
        inverse(self.mean.value(), SMALLEST_NORM)
    }

    /// Takes the active tasks' losses into the state and returns the means.
    fn advance(&self, values: &Tensor<1>, active: &Tensor<1, Bool>) -> Tensor<1> {
        let moved = active.clone().float();
        let mean = on(&self.mean.value(), values);
        let count = on(&self.count.value(), values) + moved.clone();
        // The cumulative mean is a running mean whose rate is 1 / count.
        let warm = count.clone().greater_scalar(self.warmup as f64);
        let rate = count
            .clone()
            .clamp_min(1.0)
            .recip()
            .mask_fill(warm, 1.0 - self.momentum);
        let mean = mean.clone() + (values.clone() - mean) * rate * moved;
        remember(&self.mean, mean.clone());
        remember(&self.count, count);
        mean
    }

    /// The running means, for the log.
    pub fn state(&self) -> Vec<StateValue> {
        self.state_as("running_mean")
    }

    pub(super) fn state_as(&self, name: &'static str) -> Vec<StateValue> {
        vec![StateValue::per_task(name, self.mean.value())]
    }
}

/// `1 / mean`, and 1 where the mean is not above `smallest`.
fn inverse(mean: Tensor<1>, smallest: f64) -> Tensor<1> {
    let small = mean.clone().lower_equal_scalar(smallest);
    mean.recip().mask_fill(small, 1.0)
}
