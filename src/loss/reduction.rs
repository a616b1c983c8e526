//! Reduces element losses to one number.

use burn::tensor::{Bool, Tensor};
use serde::{Deserialize, Serialize};

/// The way element losses are reduced to one number. Default [`Mean`](Self::Mean).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// The sum divided by the number of elements that count. In JSON `"mean"`.
    #[default]
    Mean,
    /// The sum over the elements that count. In JSON `"sum"`.
    Sum,
}

impl Reduction {
    /// Reduces element losses that are already 0 where the mask is `false`.
    pub(super) fn apply<const D: usize>(
        self,
        losses: Tensor<D>,
        mask: Option<Tensor<D, Bool>>,
    ) -> Tensor<1> {
        match (self, mask) {
            (Self::Sum, _) => losses.sum(),
            (Self::Mean, None) => losses.mean(),
            (Self::Mean, Some(mask)) => {
                // At least 1, so that a batch without a label gives 0 and not 0 / 0.
                let count = mask.float().sum().clamp_min(1.0);
                losses.sum() / count
            }
        }
    }
}

/// Sets the value and the gradient of masked elements to zero.
pub(super) fn keep<const D: usize>(values: Tensor<D>, mask: &Option<Tensor<D, Bool>>) -> Tensor<D> {
    match mask {
        Some(mask) => values.mask_fill(mask.clone().bool_not(), 0.0),
        None => values,
    }
}
