//! Provides the shared parts of the strategies: checks of settings, softmax over the active tasks, positive losses.

use burn::tensor::{Bool, Tensor};

use crate::error::{Error, Result};
use crate::loss::TaskLosses;
use crate::weighting::Weighed;

/// The logit of an inactive task: far below every other, and finite, so that a difference of two is 0 and not NaN.
const LOWEST: f64 = -1e30;

/// Checks that a setting fits.
pub(super) fn check(field: &str, value: f64, fits: bool, expected: &str) -> Result<()> {
    if fits {
        Ok(())
    } else {
        Err(Error::setting(field, value, expected))
    }
}

/// Checks that a setting is a positive finite number.
pub(super) fn check_positive(field: &str, value: f64) -> Result<()> {
    let fits = value > 0.0 && value.is_finite();
    check(field, value, fits, "a positive finite number")
}

/// Computes the softmax over the active tasks, `[K]`; 0 for inactive tasks.
pub(super) fn softmax(logits: Tensor<1>, active: &Tensor<1, Bool>) -> Tensor<1> {
    let logits = logits.mask_fill(active.clone().bool_not(), LOWEST);
    let largest = logits.clone().max();
    let powers = (logits - largest).exp() * active.clone().float();
    let sum = powers.clone().sum().clamp_min(f64::from(f32::MIN_POSITIVE));
    powers / sum
}

/// Returns the number of active tasks, `[1]`; 1 if there is none.
pub(super) fn count(active: &Tensor<1, Bool>) -> Tensor<1> {
    active.clone().float().sum().clamp_min(1.0)
}

/// The losses of a strategy that is defined only for positive losses.
pub(super) struct Positive {
    /// The losses off the graph, `[K]`; 1 where a task does not count, so that a logarithm or an inverse is finite.
    pub(super) values: Tensor<1>,
    /// The tasks that are active and have a positive loss, `[K]`.
    pub(super) active: Tensor<1, Bool>,
    refused: Tensor<1, Bool>,
}

impl Positive {
    pub(super) fn of(losses: &TaskLosses) -> Self {
        let active = losses.active();
        let values = losses.masked(&active).inner();
        let positive = values.clone().greater_scalar(0.0);
        let counts = active.clone().bool_and(positive.clone());
        let refused = active.bool_and(positive.bool_not());
        Self {
            values: values.mask_fill(counts.clone().bool_not(), 1.0),
            active: counts,
            refused,
        }
    }

    /// Returns 1 for the tasks that count and 0 for the others, `[K]`.
    pub(super) fn counts(&self) -> Tensor<1> {
        self.active.clone().float()
    }

    /// Adds the tasks whose loss is not positive to the answer of a strategy.
    pub(super) fn mark_refused(self, mut weighed: Weighed) -> Weighed {
        weighed.not_positive = Some(self.refused);
        weighed
    }
}

/// Computes `sum_k w_k L_k + r_k` over the active tasks, with weights and regularisers attached to learned values.
pub(super) fn learned(
    losses: &TaskLosses,
    active: &Tensor<1, Bool>,
    weights: Tensor<1>,
    regularisers: Tensor<1>,
) -> Weighed {
    let counts = active.clone().float();
    // The constants follow the learned values onto an autodiff device.
    let counts = if weights.is_autodiff() {
        Tensor::from_inner(counts)
    } else {
        counts
    };
    let weights = weights * counts.clone();
    let values = losses.masked(active);
    let values = if weights.is_autodiff() && !values.is_autodiff() {
        Tensor::from_inner(values)
    } else {
        values
    };
    let terms = values * weights.clone() + regularisers * counts;
    Weighed::new(terms.sum(), weights)
}
