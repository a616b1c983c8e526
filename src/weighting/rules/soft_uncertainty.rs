//! The optimum of uncertainty weighting in closed form, softened by a temperature.
//!
//! Needs: positive losses and a temperature. Remembers: nothing. UW-SO: L. Kirchdorfer, C. Elich, S. Kutsche, H. Stuckenschmidt,
//! L. Schott, J. Köhler, *Analytical Uncertainty-Based Loss Weighting in Multi-Task Learning*, GCPR 2024.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::{Positive, check_positive, softmax};
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// `sum_k w_k L_k` with `w = softmax(1 / (T sg(L_k)))`; the weights sum to 1.
///
/// The temperature decides everything and depends on the size of the losses, so it has no default. A loss of zero or below
/// is refused by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftUncertainty {
    /// T, positive: near 0 all weight goes to the smallest loss, for a large T the weights are equal.
    pub temperature: f64,
}

impl SoftUncertainty {
    /// Softens by `temperature`.
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
        // The inverse of the smallest losses leaves the range; the largest finite number has all weight all the same.
        let logits = inverse.clamp_max(1e30);
        let weights = softmax(logits, &seen.active);
        seen.said(Weighed::linear(step.losses, weights))
    }
}
