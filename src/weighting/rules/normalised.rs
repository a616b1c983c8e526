//! Applies an inner strategy to losses that are divided first.
//!
//! Needs: the needs of the inner strategy. Remembers: the state of the divisor, and the memory of the inner strategy.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::support::count;
use super::{RunningMean, UpGrad};
use crate::error::Result;
use crate::loss::{Gram, TaskLosses};
use crate::task::TaskSet;
use crate::weighting::normaliser::Normaliser;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, StateValue, Step, StrategyConfig, Weighed,
};

/// The largest value that is replaced by 1 as a divisor.
const SMALLEST: f64 = 1e-8;

/// The divisor of each loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossNormaliser {
    /// No divisor.
    None,
    /// The running mean of the loss, as in [`RunningMean`] with the default settings. The default.
    #[default]
    RunningMean,
    /// The first value of the loss.
    FirstLoss,
    /// The population deviation over the losses of the step, equal for all tasks.
    StepStatistics,
}

/// An inner strategy over divided losses `L_k / n_k`.
///
/// The losses and gradients that the inner strategy gets are divided by `n_k`, and so are its weights. The divisor is a
/// constant for differentiation. Where `n_k` is at most 1e-8, the raw loss is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Normalised {
    /// The divisor `n_k` of each loss. Default [`LossNormaliser::RunningMean`].
    pub normaliser: LossNormaliser,
    /// The inner strategy. Default `upgrad`.
    pub weighting: StrategyConfig,
}

impl Default for Normalised {
    fn default() -> Self {
        Self {
            normaliser: LossNormaliser::default(),
            weighting: StrategyConfig::new(UpGrad::default()),
        }
    }
}

impl BuiltIn for Normalised {
    const NAME: &'static str = "normalised";
}

const INNER: &str = "weighting";

impl Normalised {
    fn running_mean() -> Normaliser {
        let RunningMean {
            momentum, warmup, ..
        } = RunningMean::default();
        Normaliser::new(momentum, warmup)
    }

    /// Returns `1 / n_k`, `[K]`; 0 for an inactive task.
    fn scales(&self, losses: &TaskLosses, memory: &Memory) -> Tensor<1> {
        let active = losses.active();
        let counts = active.clone().float();
        match self.normaliser {
            LossNormaliser::None => counts,
            LossNormaliser::RunningMean => Self::running_mean().update(losses, memory),
            LossNormaliser::FirstLoss => {
                let values = losses.masked(&active).inner();
                let [first, seen] =
                    ["first_loss", "seen"].map(|name| memory.buffer_on(name, &values));
                let new = seen.clone().equal_elem(0.0).bool_and(active);
                let first = first.mask_where(new, values);
                memory.remember("first_loss", first.clone());
                memory.remember("seen", seen.max_pair(counts.clone()));
                inverse(first) * counts
            }
            LossNormaliser::StepStatistics => {
                let values = losses.masked(&active).inner();
                let tasks = count(&active);
                let mean = values.clone().sum() / tasks.clone();
                let deviations = (values - mean) * counts.clone();
                let std = (deviations.square().sum() / tasks).sqrt();
                inverse(std) * counts
            }
        }
    }
}

fn inverse(value: Tensor<1>) -> Tensor<1> {
    let small = value.clone().lower_equal_scalar(SMALLEST);
    value.recip().mask_fill(small, 1.0)
}

impl LossWeighting for Normalised {
    fn needs(&self) -> Needs {
        self.weighting.rule().needs()
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let inner = self.weighting.rule().memory(tasks, device);
        let inner = inner.map_err(|error| error.within(INNER))?;
        let memory = Memory::new(device).with_inner(INNER, inner);
        let zeros = vec![0.0; tasks.len()];
        match self.normaliser {
            LossNormaliser::RunningMean => Self::running_mean().slots(memory, tasks.len()),
            LossNormaliser::FirstLoss => Ok(memory
                .with_buffer("first_loss", &zeros)
                .with_buffer("seen", &zeros)),
            _ => Ok(memory),
        }
    }

    fn intended(&self, tasks: &TaskSet) -> Option<Vec<f64>> {
        self.weighting.rule().intended(tasks)
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let scales = self.scales(step.losses, memory);
        // An inactive task keeps its value, which is never read; times 0 it would look like a loss of 0.
        let inactive = step.losses.active().bool_not();
        let divided = step.losses.scaled(&scales.clone().mask_fill(inactive, 1.0));
        let gram = step.gram.map(|gram| Gram::scaled(gram, &scales));
        let seen = step.seen_as(&divided, gram.as_ref());
        let found = self.weighting.rule().weigh(&seen, memory.inner(INNER));
        Weighed {
            weights: found.weights.clone() * scales,
            ..found
        }
    }

    fn after(&self, before: &TaskLosses, after: &TaskLosses, memory: &Memory) {
        // Both losses stay raw: a divisor that moved in between would hide the effect of the step.
        let inner = memory.inner(INNER);
        self.weighting.rule().after(before, after, inner);
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        self.weighting.rule().state(memory.inner(INNER))
    }
}
