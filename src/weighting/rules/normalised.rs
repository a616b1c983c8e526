//! Any strategy over losses that are divided by something first.
//!
//! Needs: what the strategy inside needs. Remembers: what the division needs, and what the strategy inside remembers.

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

/// A value that is not larger than this does not divide.
const SMALLEST: f64 = 1e-8;

/// What each loss is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossNormaliser {
    /// Nothing.
    None,
    /// Its running mean, as in [`RunningMean`] with its default settings.
    #[default]
    RunningMean,
    /// Its first value.
    FirstLoss,
    /// The population deviation over the losses of the step, the same for all tasks.
    StepStatistics,
}

/// The strategy inside, over `L_k / n_k`: losses and gradients are divided by `n_k`, and the weights that it gives are too.
///
/// What divides is a constant for differentiation. Where it is not above 1e-8, the raw loss is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Normalised {
    /// What each loss is divided by.
    pub normaliser: LossNormaliser,
    /// The strategy; `upgrad` by default.
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

    /// `1 / n_k`, `[K]`; 0 for a task that is not active.
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
        // A task that is not active keeps its value, which nobody looks at: 0 would be a loss.
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
        // The same divisor for both: what a step did is not to be hidden by a mean that moved.
        let inner = memory.inner(INNER);
        self.weighting.rule().after(before, after, inner);
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        self.weighting.rule().state(memory.inner(INNER))
    }
}
