//! Defines the result of a strategy: the objective and its derivatives by the losses.

use burn::tensor::{Bool, Tensor};

use super::solve::Degenerate;
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// The result of a strategy in a step.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// The objective, `[1]`, attached to the graph that it was computed from. A plain step calls `backward` on it.
    pub total: Tensor<1>,
    /// The effective weights, `[K]`, off the graph and on the device; 0 for an inactive task. They are d total / d
    /// raw loss, and for a strategy that needs the Gram matrix the factors of the tasks' gradients at the
    /// representation.
    pub weights: Tensor<1>,
    /// The reason why the strategy has no regular answer for this step; `None` for a regular answer.
    pub flag: Option<Degenerate>,
    /// Whether the strategy found no weights, for the reason in `flag`. All weights are then 0, and the trunk does
    /// not move.
    pub unanswered: bool,
    /// The positions of the tasks that were present but had a gradient of zero, in a strategy that reads the Gram
    /// matrix.
    pub without_gradient: Vec<usize>,
    /// The tasks whose loss the strategy cannot weigh because it is not positive, `[K]`, on the device. Their weight
    /// is 0 in this step.
    pub not_positive: Option<Tensor<1, Bool>>,
}

impl Weighed {
    /// Creates the objective `sum_k weights_k L_k` with constant `weights`.
    ///
    /// # Shapes
    ///
    /// - weights: `[K]`, off the graph, 0 for inactive tasks
    ///
    /// # Panics
    ///
    /// If the number of weights differs from the number of losses.
    pub fn linear(losses: &TaskLosses, weights: Tensor<1>) -> Self {
        Self::affine(losses, weights, None)
    }

    /// Creates the objective `sum_k weights_k L_k + offset` with constant `weights`.
    ///
    /// # Shapes
    ///
    /// - weights: `[K]`, off the graph, 0 for inactive tasks
    /// - offset: `[1]`
    ///
    /// # Panics
    ///
    /// If the number of weights differs from the number of losses.
    pub fn affine(losses: &TaskLosses, weights: Tensor<1>, offset: Option<Tensor<1>>) -> Self {
        let weights = weights.inner();
        assert_eq!(
            losses.values().dims(),
            weights.dims(),
            "a weight is needed for each loss"
        );
        let weighted = (losses.masked(&losses.active()) * attach(&weights, losses)).sum();
        let total = match offset {
            Some(offset) => weighted + attach(&offset, losses),
            None => weighted,
        };
        Self::new(total, weights)
    }

    /// Creates the objective `value` with its derivatives by the losses, for a function of the losses that is not
    /// linear. The total has the value and the gradient of the function; only the losses get a gradient.
    ///
    /// # Shapes
    ///
    /// - value: `[1]`
    /// - derivatives: `[K]`, 0 for inactive tasks
    ///
    /// # Panics
    ///
    /// If the number of derivatives differs from the number of losses.
    pub fn function(losses: &TaskLosses, value: Tensor<1>, derivatives: Tensor<1>) -> Self {
        let plain = losses.masked(&losses.active()).inner();
        let offset = value.inner() - (plain * derivatives.clone().inner()).sum();
        Self::affine(losses, derivatives, Some(offset))
    }

    /// Creates a result from an objective and its derivatives by the losses, without flags.
    ///
    /// # Shapes
    ///
    /// - total: `[1]`
    /// - weights: `[K]`
    pub fn new(total: Tensor<1>, weights: Tensor<1>) -> Self {
        Self {
            total,
            weights: weights.inner(),
            flag: None,
            unanswered: false,
            without_gradient: Vec::new(),
            not_positive: None,
        }
    }
}

/// Returns a constant, on an autodiff device if the losses are on one.
pub(super) fn attach(constant: &Tensor<1>, losses: &TaskLosses) -> Tensor<1> {
    if constant.is_autodiff() || !losses.values().is_autodiff() {
        constant.clone()
    } else {
        Tensor::from_inner(constant.clone())
    }
}

/// Checks that there is one loss for each task of a strategy.
///
/// # Panics
///
/// If the number of losses differs from the number of tasks.
pub(crate) fn check_count(losses: &TaskLosses, tasks: &TaskSet) {
    assert!(
        losses.len() == tasks.len(),
        "{} losses were given, but there are {} tasks: {}; give one loss for each, in this order, or by name \
         (`TaskLosses::by_name`)",
        losses.len(),
        tasks.len(),
        tasks.listing()
    );
}
