//! What a strategy returns: the number to differentiate and the derivative it stands for.

use burn::tensor::Tensor;

use crate::loss::TaskLosses;

/// The objective of one step.
#[derive(Clone, Debug)]
pub struct Objective {
    /// The number to call `backward` on, `[1]`, attached to the graph.
    pub total: Tensor<1>,
    /// The effective weights d total / d raw loss, `[K]`, off the graph and on the device. 0 for an inactive task.
    pub weights: Tensor<1>,
}

impl Objective {
    /// The objective `sum_k weights_k L_k` with constant `weights`.
    ///
    /// # Shapes
    ///
    /// - weights: `[K]`, off the graph, 0 for inactive tasks
    ///
    /// # Panics
    ///
    /// If there are not as many weights as losses.
    pub fn linear(losses: &TaskLosses, weights: Tensor<1>) -> Self {
        Self::affine(losses, weights, None)
    }

    /// The objective `sum_k weights_k L_k + offset` with constant `weights`.
    ///
    /// # Shapes
    ///
    /// - weights: `[K]`, off the graph, 0 for inactive tasks
    /// - offset: `[1]`
    ///
    /// # Panics
    ///
    /// If there are not as many weights as losses.
    pub fn affine(losses: &TaskLosses, weights: Tensor<1>, offset: Option<Tensor<1>>) -> Self {
        check_count(losses, &weights);
        let weights = weights.inner();
        let weighted = (losses.masked(&losses.active()) * weights.clone()).sum();
        let total = match offset {
            Some(offset) => weighted + offset,
            None => weighted,
        };
        Self { total, weights }
    }
}

/// Stops a strategy from being used with losses of other tasks than its own.
pub(super) fn check_count(losses: &TaskLosses, own: &Tensor<1>) {
    let [tasks] = own.dims();
    assert_eq!(
        losses.len(),
        tasks,
        "a strategy made for {tasks} tasks was given {} losses",
        losses.len()
    );
}
