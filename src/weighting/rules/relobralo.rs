//! Computes the weights of ReLoBRaLo from present and past losses.
//!
//! Needs: the losses. Remembers: the first and the last loss of each task, the weights, and the state of a generator.
//! R. Bischof, M. Kraus, *Multi-Objective Loss Balancing for Physics-Informed Deep Learning*, 2021.

use burn::tensor::{Device, Tensor};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::support::{check, check_positive, count, softmax};
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed, draws};

/// The number added to a loss in a divisor.
const EPSILON: f64 = 1e-12;

/// ReLoBRaLo (Bischof and Kraus, 2021): relative loss balancing with random lookback.
///
/// `sum_k l_k L_k` with weights that follow the ratio of each loss to its last value, and occasionally to its first
/// value.
///
/// ```text
/// h(a) = K softmax(L_k / (T L_k(a) + 1e-12))
/// l(t) = alpha (rho l(t-1) + (1 - rho) h(0)) + (1 - alpha) h(t-1)       rho = 1 with probability `lookback`, else 0
/// ```
///
/// The weights start at 1 and sum to K. A task that was not present before keeps its weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relobralo {
    /// The temperature `T` of the softmax, above 0. Default 1.
    pub temperature: f64,
    /// The part of the past weights that stays at each step, from 0 to 1. Default 0.95.
    pub alpha: f64,
    /// The probability that the past is the last step and not the first step, from 0 to 1. Default 0.99.
    pub lookback: f64,
    /// The seed of the random lookback. Default 0.
    pub seed: u64,
}

impl Default for Relobralo {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            alpha: 0.95,
            lookback: 0.99,
            seed: 0,
        }
    }
}

impl BuiltIn for Relobralo {
    const NAME: &'static str = "relobralo";
}

impl Relobralo {
    /// Weighs one step with a given rho.
    fn advance(&self, step: &Step<'_>, memory: &Memory, rho: f64) -> Weighed {
        let active = step.losses.active();
        let values = step.losses.masked(&active).inner();
        let [first, last, old, seen] =
            ["first", "last", "weights", "seen"].map(|name| memory.buffer_on(name, &values));
        let new = seen.clone().equal_elem(0.0);
        let first = first.mask_where(new.clone(), values.clone());
        let last = last.mask_where(new.clone(), values.clone());

        let tasks = count(&active);
        let against = |past: &Tensor<1>| {
            let divisor = past.clone() * self.temperature + EPSILON;
            let zero = divisor.clone().abs().lower_equal_scalar(1e-30);
            let relative = values.clone() / divisor.mask_fill(zero, EPSILON);
            softmax(relative, &active) * tasks.clone()
        };
        let past = old.clone() * rho + against(&first) * (1.0 - rho);
        let weights = past * self.alpha + against(&last) * (1.0 - self.alpha);
        let known = new.bool_not().bool_and(active.clone());
        let weights = old.mask_where(known, weights);

        memory.remember("first", first);
        memory.remember("last", last.mask_where(active.clone(), values));
        memory.remember("weights", weights.clone());
        let counts = active.float();
        memory.remember("seen", seen.max_pair(counts.clone()));
        Weighed::linear(step.losses, weights * counts)
    }
}

impl LossWeighting for Relobralo {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        check_positive("temperature", self.temperature)?;
        let share = "between 0 and 1";
        check(
            "alpha",
            self.alpha,
            (0.0..=1.0).contains(&self.alpha),
            share,
        )?;
        let lookback = (0.0..=1.0).contains(&self.lookback);
        check("lookback", self.lookback, lookback, share)?;
        let zeros = vec![0.0; tasks.len()];
        let memory = Memory::new(device)
            .with_buffer("first", &zeros)
            .with_buffer("last", &zeros)
            .with_buffer("weights", &vec![1.0; tasks.len()])
            .with_buffer("seen", &zeros);
        Ok(draws::slot(memory))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let mut generator = draws::next(self.seed, memory);
        let rho = f64::from(u8::from(generator.random_bool(self.lookback)));
        self.advance(step, memory, rho)
    }
}
