//! Computes the geometric mean of the losses.
//!
//! Needs: positive losses. Remembers: nothing. S. Chennupati, G. Sistu, S. Yogamani, S. Rawashdeh, *MultiNet++*, CVPR
//! Workshops 2019.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::support::{Positive, count};
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed};

/// The geometric mean of the losses (Chennupati et al., 2019), which is indifferent to their units.
///
/// `GLS = (prod_k L_k)^(1/K)` over the K tasks of a step. The effective weight of a task is `GLS / (K L_k)`.
///
/// All gradients shrink when one loss goes to zero.
/// A loss of zero or below is refused: [`Error::NotPositiveLoss`](crate::Error::NotPositiveLoss) names the task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeometricMean {}

impl BuiltIn for GeometricMean {
    const NAME: &'static str = "geometric-mean";
}

impl LossWeighting for GeometricMean {
    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device))
    }

    fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
        let seen = Positive::of(step.losses);
        let tasks = count(&seen.active);
        let logarithms = seen.values.clone().log() * seen.counts();
        let any = seen.counts().max();
        let mean = (logarithms.sum() / tasks.clone()).exp() * any;
        let weights = seen.values.clone().recip() * mean.clone() / tasks * seen.counts();
        seen.mark_refused(Weighed::function(step.losses, mean, weights))
    }
}
