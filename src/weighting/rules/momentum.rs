//! Smooths the weights of an inner strategy over steps (CR-MOGM).
//!
//! Needs: the needs of the inner strategy. Remembers: the smoothed weights, and the memory of the inner strategy.
//! S. Zhou, W. Zhang, J. Jiang, W. Zhong, J. Gu, W. Zhu, *On the Convergence of Stochastic Multi-Objective Gradient
//! Manipulation and Beyond*, NeurIPS 2022.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::UpGrad;
use super::support::check;
use crate::error::{Error, Result};
use crate::loss::TaskLosses;
use crate::task::TaskSet;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, StateValue, Step, StrategyConfig, Weighed,
};

/// CR-MOGM (Zhou et al., 2022): the weights of an inner strategy, smoothed over steps.
///
/// `l = a l + (1 - a) w` with the weights `w` of the inner strategy, the first of which are taken unchanged.
///
/// An absent task, and a step in which the inner strategy has no answer, leave `l` unchanged. A strategy that
/// learns its weights is refused as the inner strategy, because smoothed weights have no gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Momentum {
    /// The part `a` of the old weights that stays at each step, in [0, 1). Default 0.9.
    pub momentum: f64,
    /// The inner strategy, whose weights are smoothed. Default `upgrad`.
    pub weighting: StrategyConfig,
}

impl Default for Momentum {
    fn default() -> Self {
        Self {
            momentum: 0.9,
            weighting: StrategyConfig::new(UpGrad::default()),
        }
    }
}

impl BuiltIn for Momentum {
    const NAME: &'static str = "momentum";
}

const INNER: &str = "weighting";

impl LossWeighting for Momentum {
    fn needs(&self) -> Needs {
        self.weighting.rule().needs()
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let fits = (0.0..1.0).contains(&self.momentum);
        check("momentum", self.momentum, fits, "at least 0 and below 1")?;
        let inner = self.weighting.rule().memory(tasks, device);
        let inner = inner.map_err(|error| error.within(INNER))?;
        if inner.learns() {
            let expected = "a strategy that does not learn its weights";
            return Err(Error::setting(INNER, self.weighting.name(), expected));
        }
        let zeros = vec![0.0; tasks.len()];
        Ok(Memory::new(device)
            .with_buffer("smoothed", &zeros)
            .with_buffer("seen", &zeros)
            .with_inner(INNER, inner))
    }

    fn intended(&self, tasks: &TaskSet) -> Option<Vec<f64>> {
        self.weighting.rule().intended(tasks)
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let found = self.weighting.rule().weigh(step, memory.inner(INNER));
        let [old, seen] = ["smoothed", "seen"].map(|name| memory.buffer_on(name, &found.weights));
        let active = step.losses.active();
        let smoothed = if found.unanswered {
            old
        } else {
            let new = seen.clone().equal_elem(0.0);
            let mixed = old.clone() * self.momentum + found.weights.clone() * (1.0 - self.momentum);
            let mixed = mixed.mask_where(new, found.weights);
            memory.remember("seen", seen.max_pair(active.clone().float()));
            old.mask_where(active.clone(), mixed)
        };
        memory.remember("smoothed", smoothed.clone());
        let weights = smoothed * active.float();
        Weighed {
            flag: found.flag,
            without_gradient: found.without_gradient,
            not_positive: found.not_positive,
            ..Weighed::linear(step.losses, weights)
        }
    }

    fn after(&self, before: &TaskLosses, after: &TaskLosses, memory: &Memory) {
        let inner = memory.inner(INNER);
        self.weighting.rule().after(before, after, inner);
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        self.weighting.rule().state(memory.inner(INNER))
    }
}
