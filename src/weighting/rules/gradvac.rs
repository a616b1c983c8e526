//! Computes the weights of GradVac from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: the usual cosine of every pair, and the state of a generator. Z. Wang,
//! Y. Tsvetkov, O. Firat, Y. Cao, *Gradient Vaccine*, ICLR 2021, equation 3.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::pcgrad::MeetingOrder;
use super::support::check;
use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, draws, from_gram, gram,
};

/// GradVac (Wang et al., 2021): the sum of the gradients, every pair of which is turned towards its usual angle.
///
/// As in [`PcGrad`](super::PcGrad), but a gradient is turned until its cosine with the other gradient reaches `phi_ij`,
/// the running mean of this cosine.
///
/// ```text
/// cos < phi:   g_i' += |g_i'| (phi sqrt(1 - cos^2) - cos sqrt(1 - phi^2)) / (|g_j| sqrt(1 - phi^2) + 1e-8) g_j
/// then         phi = (1 - beta) phi + beta cos
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradVac {
    /// The part of a new cosine in the running mean, above 0, at most 1. Default 0.01, as in the paper.
    pub beta: f64,
    /// The order in which a task meets the other tasks. Default [`MeetingOrder::Random`].
    pub order: MeetingOrder,
    /// The seed of the random orders. Default 0.
    pub seed: u64,
}

impl Default for GradVac {
    fn default() -> Self {
        Self {
            beta: 0.01,
            order: MeetingOrder::default(),
            seed: 0,
        }
    }
}

impl BuiltIn for GradVac {
    const NAME: &'static str = "gradvac";
}

const TARGETS: &str = "targets";

impl LossWeighting for GradVac {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let fits = self.beta > 0.0 && self.beta <= 1.0;
        check("beta", self.beta, fits, "above 0, up to 1")?;
        let pairs = tasks.len() * tasks.len();
        let memory = Memory::new(device).with_numbers(TARGETS, &vec![0.0; pairs]);
        Ok(draws::slot(memory))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let all = step.losses.len();
        from_gram::weigh(step, |problem| {
            let orders = self.order.draw(self.seed, memory, all, &problem.tasks);
            let mut targets = memory.numbers(TARGETS);
            let pairs = problem.tasks.iter();
            let places: Vec<usize> = pairs
                .flat_map(|a| problem.tasks.iter().map(move |b| a * all + b))
                .collect();
            let mut own: Vec<f64> = places.iter().map(|place| targets[*place]).collect();
            let answer = gram::gradvac::weights(&problem.gram, &mut own, self.beta, &orders)?;
            for (place, target) in places.iter().zip(own) {
                targets[*place] = target;
            }
            memory.set_numbers(TARGETS, &targets);
            Ok(answer)
        })
    }
}
