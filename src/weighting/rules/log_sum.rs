//! The sum of the losses' logarithms: every task moves by its relative change.
//!
//! Needs: positive losses. Remembers: nothing. The scale-invariant baseline of the experiments of Nash-MTL (A. Navon et al.,
//! ICML 2022), where it is called SI.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::Positive;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// `sum_k log L_k`; the effective weight of a task is `1 / L_k`, which grows without end as a loss goes to zero. A loss of
/// zero or below is refused by name.
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
        seen.said(Weighed::function(step.losses, total, weights))
    }
}
