//! Computes the weights of PCGrad from the Gram matrix.
//!
//! Needs: the Gram matrix. Remembers: the state of a generator. T. Yu, S. Kumar, A. Gupta, S. Levine, K. Hausman,
//! C. Finn, *Gradient Surgery for Multi-Task Learning*, NeurIPS 2020, Algorithm 1.

use burn::tensor::Device;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, draws, from_gram, gram,
};

/// The order in which a task meets the other tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeetingOrder {
    /// A new random order for every task in every step, as published. The default.
    #[default]
    Random,
    /// The order of the task set.
    Ascending,
}

impl MeetingOrder {
    /// Draws the orders of a step with `present` of `all` tasks. Absent tasks get draws too, so that an absence does
    /// not change later draws.
    pub(super) fn draw(
        self,
        seed: u64,
        memory: &Memory,
        all: usize,
        present: &[usize],
    ) -> Vec<Vec<usize>> {
        let mut generator = draws::next(seed, memory);
        let place = |task: usize| present.iter().position(|other| *other == task);
        let mut orders = vec![Vec::new(); present.len()];
        for task in 0..all {
            let mut others: Vec<usize> = (0..all).filter(|other| *other != task).collect();
            if self == Self::Random {
                others.shuffle(&mut generator);
            }
            if let Some(row) = place(task) {
                orders[row] = others.into_iter().filter_map(place).collect();
            }
        }
        orders
    }
}

/// PCGrad (Yu et al., 2020): the sum of the gradients, each projected off the gradients it conflicts with, one by one.
///
/// `sum_i g_i'`, where `g_i'` is `g_i` after `g_i' -= (g_i' . g_j) / |g_j|^2 g_j` for every other task j with
/// `g_i' . g_j < 0`.
///
/// The length is the length of a sum. The remaining conflicts depend on the order; with three or more tasks the result
/// may still conflict with a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PcGrad {
    /// The order in which a task meets the other tasks. Default [`MeetingOrder::Random`].
    pub order: MeetingOrder,
    /// The seed of the random orders. Default 0.
    pub seed: u64,
}

impl BuiltIn for PcGrad {
    const NAME: &'static str = "pcgrad";
}

impl LossWeighting for PcGrad {
    fn needs(&self) -> Needs {
        Needs::Gram
    }

    fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(draws::slot(Memory::new(device)))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let all = step.losses.len();
        from_gram::weigh(step, |problem| {
            let orders = self.order.draw(self.seed, memory, all, &problem.tasks);
            gram::pcgrad::weights(&problem.gram, &orders)
        })
    }
}
