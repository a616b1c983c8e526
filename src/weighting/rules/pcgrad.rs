//! PCGrad: every task's gradient is projected off those it conflicts with, one after the other.
//!
//! Needs: the Gram matrix. Remembers: the state of a generator. T. Yu, S. Kumar, A. Gupta, S. Levine, K. Hausman, C. Finn,
//! *Gradient Surgery for Multi-Task Learning*, NeurIPS 2020, Algorithm 1.

use burn::tensor::Device;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::task::TaskSet;
use crate::weighting::{
    BuiltIn, LossWeighting, Memory, Needs, Step, Weighed, draws, from_gram, gram,
};

/// The order in which a task meets the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeetingOrder {
    /// Drawn anew for every task in every step, as published.
    #[default]
    Random,
    /// That of the tasks.
    Ascending,
}

impl MeetingOrder {
    /// The orders of a step with `present` of `all` tasks; draws for all tasks, so that an absence does not change what is drawn
    /// later.
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

/// `sum_i g_i'`, where `g_i'` is `g_i` after `g_i' -= (g_i' . g_j) / |g_j|^2 g_j` for every other task j with `g_i' . g_j < 0`.
///
/// The length is that of a sum. Which conflicts are left depends on the order; with three tasks or more the result may still
/// conflict with a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PcGrad {
    /// The order in which a task meets the others.
    pub order: MeetingOrder,
    /// Fixes what is drawn.
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
