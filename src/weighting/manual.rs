//! Fixed weights, over raw or over running-mean-normalised losses.
//!
//! Needs: weights somebody chose. Remembers: the running means, if it normalises. Tuned by a search, this is the
//! baseline every other strategy has to beat.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::constants::{floats, on};
use super::objective::check_count;
use super::{LossWeighting, Normaliser, Objective, RunningMeanConfig, StateValue, TaskValues};
use crate::error::Result;
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// Configuration of [`Manual`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ManualConfig {
    /// The weights `w_k`, finite and not negative; 1/K each by default.
    pub weights: TaskValues,
    /// Divide each loss by its running mean before weighing. Default: yes.
    pub normalise: bool,
    /// How much of the old mean stays at each step after the warm-up, in [0, 1).
    pub momentum: f64,
    /// Steps with the plain cumulative mean before the exponential one, at least 1.
    pub warmup: usize,
}

impl Default for ManualConfig {
    fn default() -> Self {
        let RunningMeanConfig {
            weights,
            momentum,
            warmup,
        } = RunningMeanConfig::default();
        Self {
            weights,
            normalise: true,
            momentum,
            warmup,
        }
    }
}

impl ManualConfig {
    /// Sets the weights.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Self {
        self.weights = weights.into();
        self
    }

    /// Sets whether each loss is divided by its running mean first.
    pub fn with_normalise(mut self, normalise: bool) -> Self {
        self.normalise = normalise;
        self
    }

    /// Builds the strategy for `tasks`, with its state on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) naming the field that has a value it cannot have.
    pub fn init(&self, tasks: &TaskSet, device: &Device) -> Result<Manual> {
        let normaliser = Normaliser::new(tasks.len(), self.momentum, self.warmup, device)?;
        Ok(Manual {
            weights: floats(&self.weights.weights(tasks)?, device),
            normaliser: self.normalise.then_some(normaliser),
        })
    }
}

/// `sum_k w_k L_k / sg(m_k)`, or `sum_k w_k L_k` on raw losses.
#[derive(Module, Debug)]
pub struct Manual {
    /// The weights, `[K]`; a constant.
    #[module(skip)]
    weights: Tensor<1>,
    normaliser: Option<Normaliser>,
}

impl LossWeighting for Manual {
    fn weigh(&self, losses: &TaskLosses) -> Objective {
        check_count(losses, &self.weights);
        let scales = match &self.normaliser {
            Some(normaliser) => normaliser.update(losses),
            None => losses.active().float(),
        };
        Objective::linear(losses, scales.clone() * on(&self.weights, &scales))
    }

    fn state(&self) -> Vec<StateValue> {
        self.normaliser
            .as_ref()
            .map_or_else(Vec::new, Normaliser::state)
    }
    fn intended(&self) -> Option<Tensor<1>> {
        Some(self.weights.clone())
    }
}
