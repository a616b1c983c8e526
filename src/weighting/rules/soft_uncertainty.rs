//! Computes the weights of UW-SO from the losses.
//!
//! Needs: positive losses and a temperature. Remembers: nothing. UW-SO: L. Kirchdorfer, C. Elich, S. Kutsche,
//! H. Stuckenschmidt, L. Schott, J. Köhler, *Analytical Uncertainty-Based Loss Weighting in Multi-Task Learning*,
//! GCPR 2024.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::{Positive, check_positive, softmax};
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// UW-SO (Kirchdorfer et al., 2024): the optimum of uncertainty weighting in closed form, softened by a temperature.
///
/// `sum_k w_k L_k` with `w = softmax(1 / (T sg(L_k)))`; the weights sum to 1.
///
/// The temperature decides everything and depends on the size of the losses, so it has no default.
/// A loss of zero or below is refused: [`Error::NotPositiveLoss`](crate::Error::NotPositiveLoss) names the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftUncertainty {
    /// The temperature `T`, above 0: near 0 all weight goes to the smallest loss, for a large `T` the weights are
    /// equal. No default.
    pub temperature: f64,
}

impl SoftUncertainty {
    /// Creates the strategy with a `temperature` above 0.
    pub fn new(temperature: f64) -> Self {
        Self { temperature }
    }
}

impl BuiltIn for SoftUncertainty {
    const NAME: &'static str = "soft-uncertainty";
}

impl LossWeighting for SoftUncertainty {
    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        check_positive("temperature", self.temperature)?;
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        let seen = Positive::of(step.losses);
        let inverse = (seen.values.clone() * self.temperature).recip();
        // The inverse of a very small loss may overflow; a finite bound keeps all weight on this loss.
        let logits = inverse.clamp_max(1e30);
        let weights = softmax(logits, &seen.active);
        seen.mark_refused(Weighed::linear(step.losses, weights))
    }
}
