//! Computes the sum of the logarithms of the losses.
//!
//! Needs: positive losses. Remembers: nothing. The scale-invariant baseline SI in the experiments of Nash-MTL (A. Navon
//! et al., ICML 2022).

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::Positive;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// The sum of the logarithms of the losses, in which every task counts by its relative change.
///
/// `sum_k log L_k`. The effective weight of a task is `1 / L_k`, which grows without bound as the loss goes to zero.
/// A loss of zero or below is refused: [`Error::NotPositiveLoss`](crate::Error::NotPositiveLoss) names the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSum {}

impl BuiltIn for LogSum {
    const NAME: &'static str = "log-sum";
}

impl LossWeighting for LogSum {
    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        let seen = Positive::of(step.losses);
        let total = (seen.values.clone().log() * seen.counts()).sum();
        let weights = seen.values.clone().recip() * seen.counts();
        seen.mark_refused(Weighed::function(step.losses, total, weights))
    }
}
