//! Draws random weights in every step.
//!
//! Needs: the losses. Remembers: the state of a generator. RLW: B. Lin, F. Ye, Y. Zhang, I. Tsang, *Reasonable
//! Effectiveness of Random Weighting*, TMLR 2022.

use burn::tensor::Device;
use rand::RngExt;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::support::softmax;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Step, Weighed, draws};

/// RLW (Lin et al., 2022): new random weights in every step.
///
/// `sum_k w_k L_k` with `w = softmax(z)`, z standard normal; the weights of a step sum to 1. A baseline that costs
/// nothing: a strategy that does not beat random weights has not helped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Random {
    /// The seed of the random weights. Default 0.
    pub seed: u64,
}

impl BuiltIn for Random {
    const NAME: &'static str = "random";
}

impl LossWeighting for Random {
    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(draws::slot(Memory::new(device)))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let mut generator = draws::next(self.seed, memory);
        // One draw for each task, present or absent, so that an absence does not change later draws.
        let draw = |_| generator.sample::<f32, _>(StandardNormal);
        let logits: Vec<f32> = (0..step.losses.len()).map(draw).collect();
        let active = step.losses.active();
        let logits = burn::tensor::Tensor::from_data(logits.as_slice(), &active.device());
        Weighed::linear(step.losses, softmax(logits, &active))
    }
}
