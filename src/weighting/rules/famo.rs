//! Computes the weights of FAMO from the losses before and after each step.
//!
//! Needs: losses above their minima, and the losses of the same batch after the step, which costs one more forward
//! pass. Remembers: a logit for each task and the moments of its Adam. B. Liu, Y. Feng, P. Stone, Q. Liu, *FAMO: Fast
//! Adaptive Multitask Optimization*, NeurIPS 2023, Algorithm 1.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::support::{check, check_positive, softmax};
use crate::error::Result;
use crate::loss::TaskLosses;
use crate::task::TaskSet;
use crate::weighting::{BuiltIn, LossWeighting, Memory, Needs, Step, TaskValues, Weighed};

/// The `e` of the formula, also in the divisor of Adam.
const EPSILON: f64 = 1e-8;
const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;

/// FAMO (Liu et al., 2023): weights that make all losses fall at one relative rate, learned from the effect of each
/// step.
///
/// `c sum_k z_k log(L_k - m_k + e)` with `z = softmax(x)`, the minima `m_k`, `e` of 1e-8 and the constant
/// `c = 1 / sum_k z_k / (L_k - m_k + e)`. The effective weights are `c z_k / (L_k - m_k + e)` and sum to 1.
///
/// After the step, with the losses `L'` of the same batch, Adam moves the logits x along
///
/// ```text
/// d_k = log(L_k - m_k + e) - log(L'_k - m_k + e)          gradient of x_k = z_k (d_k - sum_j z_j d_j) + gamma x_k
/// ```
///
/// The forward pass after the step runs in training mode and draws new dropout masks, as in the published code. In your
/// own loop, call `Passed::after_step` with these losses; otherwise x does not move. A loss with `L_k - m_k + e <= 0`
/// is refused: [`Error::NotPositiveLoss`](crate::Error::NotPositiveLoss) names the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Famo {
    /// The decay of the logits, an L2 term in the gradient as in the paper, at least 0. Default 1e-3. The published
    /// codes differ (1e-5, 1e-2, 0 in the toy problem).
    pub gamma: f64,
    /// The learning rate of the logits, above 0. Default 0.025.
    pub learning_rate: f64,
    /// The smallest value `m_k` that each loss can have, finite. Default 0 each.
    pub minima: TaskValues,
}

impl Default for Famo {
    fn default() -> Self {
        Self {
            gamma: 1e-3,
            learning_rate: 0.025,
            minima: TaskValues::default(),
        }
    }
}

impl BuiltIn for Famo {
    const NAME: &'static str = "famo";
}

/// Returns the losses above their minima, 1 where a task does not count, and whether each task counts.
fn above(losses: &TaskLosses, memory: &Memory) -> (Tensor<1>, Tensor<1, burn::tensor::Bool>) {
    let active = losses.active();
    let values = losses.masked(&active).inner();
    let height = values.clone() - memory.constant("minima", &values) + EPSILON;
    let counts = active.bool_and(height.clone().greater_scalar(0.0));
    (height.mask_fill(counts.clone().bool_not(), 1.0), counts)
}

impl LossWeighting for Famo {
    fn needs(&self) -> Needs {
        Needs::LossesAfterStep
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        check_positive("learning_rate", self.learning_rate)?;
        let gamma = self.gamma >= 0.0 && self.gamma.is_finite();
        check(
            "gamma",
            self.gamma,
            gamma,
            "a finite number that is not negative",
        )?;
        let finite = "a finite number";
        let minima = self
            .minima
            .resolve_checked("minima", tasks, 0.0, finite, f64::is_finite)?;
        let zeros = vec![0.0; tasks.len()];
        Ok(Memory::new(device)
            .with_constant("minima", &minima)
            .with_buffer("logits", &zeros)
            .with_buffer("first_moment", &zeros)
            .with_buffer("second_moment", &zeros)
            .with_buffer("updates", &zeros))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let (height, counts) = above(step.losses, memory);
        let z = softmax(memory.buffer_on("logits", &height), &counts);
        let per_loss = z.clone() / height.clone();
        let smallest = f64::from(f32::MIN_POSITIVE);
        let c = per_loss.clone().sum().clamp_min(smallest).recip();
        let total = (z * height.log()).sum() * c.clone();
        let mut weighed = Weighed::function(step.losses, total, per_loss * c);
        let refused = step.losses.active().bool_and(counts.bool_not());
        weighed.not_positive = Some(refused);
        weighed
    }

    fn after(&self, before: &TaskLosses, after: &TaskLosses, memory: &Memory) {
        let (height, counted) = above(before, memory);
        let (height_after, still) = above(after, memory);
        let both = counted.bool_and(still);
        let moved = both.clone().float();
        let x = memory.buffer_on("logits", &height);
        let z = softmax(x.clone(), &both);
        let fell = (height.log() - height_after.log()) * moved.clone();
        let mean = (z.clone() * fell.clone()).sum();
        let gradient = z * (fell - mean) + x.clone() * self.gamma;

        let average = |name: &str, value: Tensor<1>, beta: f64| {
            let old = memory.buffer_on(name, &value);
            let new = old.clone() + (value - old) * moved.clone() * (1.0 - beta);
            memory.remember(name, new.clone());
            new
        };
        let first = average("first_moment", gradient.clone(), BETA_1);
        let second = average("second_moment", gradient.square(), BETA_2);
        let updates = memory.buffer_on("updates", &x) + moved.clone();
        memory.remember("updates", updates.clone());
        let correction = |beta: f64| {
            // 1 - beta^t, and 1 before the first update of a task.
            let power = (updates.clone() * beta.ln()).exp();
            let none = updates.clone().equal_elem(0.0);
            (power.neg() + 1.0).mask_fill(none, 1.0)
        };
        let root = (second / correction(BETA_2)).sqrt() + EPSILON;
        let change = first / correction(BETA_1) / root * self.learning_rate;
        memory.remember("logits", x - change * moved);
    }
}
