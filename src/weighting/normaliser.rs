//! Computes running means of losses or of gradient norms, which divide them.
//!
//! Remembers: the running mean of each task's value and the number of values in it.

use burn::tensor::{Bool, Device, Tensor};

use super::{Memory, StateValue, Weighed};
use crate::error::{Error, Result};
use crate::loss::TaskLosses;

/// The mean of a loss up to which the divisor is 1.
const SMALLEST_MEAN: f64 = 1e-8;
/// The mean of a gradient norm up to which the divisor is 1. Gradients are much smaller than losses; the inverse of
/// this bound times a loss is still finite.
const SMALLEST_NORM: f64 = 1e-20;

const MEAN: &str = "running_mean";
const COUNT: &str = "count";
const WEIGHTS: &str = "weights";

/// The settings of a running mean.
///
/// ```text
/// m = mean of the values so far               in the first `warmup` values
/// m = momentum m + (1 - momentum) value       after them
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct Normaliser {
    momentum: f64,
    warmup: usize,
}

impl Normaliser {
    pub(super) fn new(momentum: f64, warmup: usize) -> Self {
        Self { momentum, warmup }
    }

    /// Adds empty means to a memory.
    pub(super) fn slots(&self, memory: Memory, tasks: usize) -> Result<Memory> {
        if !(0.0..1.0).contains(&self.momentum) {
            let expected = "at least 0 and below 1";
            return Err(Error::setting("momentum", self.momentum, expected));
        }
        if self.warmup == 0 {
            return Err(Error::setting("warmup", self.warmup, "at least 1 step"));
        }
        let zeros = vec![0.0; tasks];
        Ok(memory.with_buffer(MEAN, &zeros).with_buffer(COUNT, &zeros))
    }

    /// Adds the losses of this step to the means and returns `1 / m_k`, `[K]`, off the graph: 1 where the mean is too
    /// small to divide by, 0 for inactive tasks.
    pub(super) fn update(&self, losses: &TaskLosses, memory: &Memory) -> Tensor<1> {
        let active = losses.active();
        let values = losses.masked(&active).inner();
        let mean = self.advance(&values, &active, memory);
        inverse(mean, SMALLEST_MEAN) * active.float()
    }

    /// Returns a memory of fixed weights, `[K]`, and empty means.
    pub(super) fn memory(&self, weights: &[f64], device: &Device) -> Result<Memory> {
        let memory = Memory::new(device).with_constant(WEIGHTS, weights);
        self.slots(memory, weights.len())
    }

    /// Weighs the losses, divided by their means, with the fixed weights of the memory.
    pub(super) fn weigh(&self, losses: &TaskLosses, memory: &Memory) -> Weighed {
        let scales = self.update(losses, memory);
        let weights = memory.constant(WEIGHTS, &scales);
        Weighed::linear(losses, scales * weights)
    }

    /// Returns the means as state values for the history.
    pub(super) fn state(memory: &Memory) -> Vec<StateValue> {
        vec![StateValue::per_task(MEAN, Self::means(memory))]
    }

    /// Adds norms of gradients to the means. A task that is not `measured`, or whose norm is not finite, keeps its
    /// mean.
    pub(super) fn take(&self, norms: Tensor<1>, measured: &Tensor<1, Bool>, memory: &Memory) {
        let measured = measured.clone().bool_and(norms.clone().is_finite());
        let norms = norms.mask_fill(measured.clone().bool_not(), 0.0);
        self.advance(&norms, &measured, memory);
    }

    /// Returns `1 / m_k`, `[K]`, and 1 where the mean is empty or zero.
    pub(super) fn scales(memory: &Memory, like: &Tensor<1>) -> Tensor<1> {
        inverse(memory.buffer_on(MEAN, like), SMALLEST_NORM)
    }

    /// Returns the running means, `[K]`.
    pub(super) fn means(memory: &Memory) -> Tensor<1> {
        memory.buffer(MEAN)
    }

    /// Adds the active tasks' values to the means and returns the means.
    fn advance(&self, values: &Tensor<1>, active: &Tensor<1, Bool>, memory: &Memory) -> Tensor<1> {
        let moved = active.clone().float();
        let mean = memory.buffer_on(MEAN, values);
        let count = memory.buffer_on(COUNT, values) + moved.clone();
        // The cumulative mean is a running mean whose rate is 1 / count.
        let warm = count.clone().greater_scalar(self.warmup as f64);
        let rate = count
            .clone()
            .clamp_min(1.0)
            .recip()
            .mask_fill(warm, 1.0 - self.momentum);
        let mean = mean.clone() + (values.clone() - mean) * rate * moved;
        memory.remember(MEAN, mean.clone());
        memory.remember(COUNT, count);
        mean
    }
}

/// Returns `1 / mean`, and 1 where the mean is not above `smallest`.
fn inverse(mean: Tensor<1>, smallest: f64) -> Tensor<1> {
    let small = mean.clone().lower_equal_scalar(smallest);
    mean.recip().mask_fill(small, 1.0)
}
