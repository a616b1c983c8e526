//! What the heads say about a batch.

use burn::tensor::Tensor;

/// The outputs of the four heads for a batch.
#[derive(Clone, Debug)]
pub struct ExpansionOutput {
    /// Type, `[batch, 3]` logits.
    pub kinds: Tensor<2>,
    /// Center and length over the window's length, `[batch, 2]`, each in (0, 1).
    pub pointers: Tensor<2>,
    /// Inside the expansion or not, `[batch, time]` logits.
    pub binary: Tensor<2>,
    /// Bars to the start, `[batch, time]`; or the start over the window's length, `[batch, 1]`.
    pub countdown: Tensor<2>,
}
