//! Computes weights from the coefficient of variation of the losses.
//!
//! Needs: losses whose running mean is not zero. Remembers: the running mean of each loss, and the mean and the
//! variance of the ratio of the loss to its running mean. R. Groenendijk, S. Karaoglu, T. Gevers, T. Mensink,
//! *Multi-Loss Weighting with Coefficient of Variations*, WACV 2021.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::count;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// The largest divisor that counts as zero.
const TINY: f64 = 1e-30;

/// CoV weighting (Groenendijk et al., 2021): more weight for a task whose loss ratio still varies.
///
/// `sum_k w_k L_k` with `w_k` proportional to `std(l_k) / mean(l_k)`, `l_k` the ratio of the loss to the mean of its
/// past.
///
/// Mean and population deviation are over the ratios before this step. The weights sum to 1, and are equal in the first
/// two steps and as long as no ratio has changed. A task with fewer than two earlier losses gets an equal share.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cov {}

impl BuiltIn for Cov {
    const NAME: &'static str = "cov";
}

impl LossWeighting for Cov {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let zeros = vec![0.0; tasks.len()];
        Ok(Memory::new(device)
            .with_buffer("mean_loss", &zeros)
            .with_buffer("mean_ratio", &zeros)
            .with_buffer("squares", &zeros)
            .with_buffer("steps", &zeros))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let active = step.losses.active();
        let values = step.losses.masked(&active).inner();
        let counts = active.clone().float();
        let [mean_loss, mean_ratio, squares, steps] =
            ["mean_loss", "mean_ratio", "squares", "steps"]
                .map(|name| memory.buffer_on(name, &values));

        let variation = (squares.clone() / steps.clone().clamp_min(1.0)).sqrt()
            / mean_ratio.clone().abs().clamp_min(TINY);
        let tasks = count(&active);
        let new = steps.clone().lower_equal_scalar(1.0);
        // Tasks with a past divide their part of the sum by variation; every other task gets 1/K.
        let known = new.clone().bool_not().bool_and(active).float();
        let variation = variation * known.clone();
        let sum = variation.clone().sum();
        let still = sum.clone().lower_equal_scalar(TINY);
        let share = known.clone().sum() / tasks.clone();
        let known_weights = variation / sum.clamp_min(TINY) * share;
        let equal = counts.clone() / tasks;
        let weights = known_weights
            .mask_where(new, equal.clone())
            .mask_where(still.expand(equal.shape()), equal)
            * counts.clone();

        let first = steps.clone().equal_elem(0.0);
        let zero = mean_loss.clone().abs().lower_equal_scalar(TINY);
        let ratio = (values.clone() / mean_loss.clone()).mask_fill(first.bool_or(zero), 1.0);
        let steps = steps + counts.clone();
        let rate = counts / steps.clone().clamp_min(1.0);
        let new_ratio = mean_ratio.clone() + (ratio.clone() - mean_ratio.clone()) * rate.clone();
        // An absent task has rate 0 and adds nothing.
        let present = rate.clone().greater_scalar(0.0).float();
        let added = (ratio.clone() - mean_ratio) * (ratio - new_ratio.clone()) * present;
        memory.remember("squares", squares + added);
        memory.remember("mean_ratio", new_ratio);
        memory.remember("mean_loss", mean_loss.clone() + (values - mean_loss) * rate);
        memory.remember("steps", steps);
        Weighed::linear(step.losses, weights)
    }
}
