//! Computes the weights of IMTL from the Gram matrix and learned scales.
//!
//! Needs: positive losses and the Gram matrix. Remembers: a learned s for each task. L. Liu et al., *Towards Impartial
//! Multi-task Learning*, ICLR 2021.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::ImtlL;
use super::imtl_l::SCALE;
use crate::error::Result;
use crate::loss::Gram;
use crate::task::TaskSet;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, StateValue, Step, Weighed, from_gram, gram,
};

/// IMTL (Liu et al., 2021): learned scales of the losses, and equal projections of the scaled gradients.
///
/// `w = a e^s` with the weights `a` of [`ImtlG`](super::ImtlG) for the Gram matrix of the gradients times `e^s`. The
/// scales s are learned as in [`ImtlL`], from `e^s L - s` alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Imtl {}

impl BuiltIn for Imtl {
    const NAME: &'static str = "imtl";
}

impl LossWeighting for Imtl {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        ImtlL::default().memory(tasks, device)
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let learned = ImtlL::default().weigh(step, memory);
        let scales = memory.learned_values(SCALE).clamp(-40.0, 40.0).exp();
        let scaled = step.gram.map(|gram| Gram::scaled(gram, &scales));
        let seen = step.seen_as(step.losses, scaled.as_ref());
        let found = from_gram::weigh(&seen, |problem| gram::imtl_g::weights(&problem.gram));
        Weighed {
            total: learned.total,
            weights: found.weights * scales,
            not_positive: learned.not_positive,
            ..found
        }
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        ImtlL::default().state(memory)
    }
}
