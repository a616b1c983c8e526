//! The state of an LSTM between two calls.

use burn::tensor::Tensor;

/// Hidden states and cells of every layer and direction: what a sequence begins with, or has come to.
///
/// Both tensors are `[layers * directions, batch, hidden]`, as `h_0` and `c_0` of PyTorch's `nn.LSTM`: layer by layer, in each
/// the forward direction first. The backward direction begins at the end of a sequence and ends at its first position.
#[derive(Clone, Debug)]
pub struct LstmState {
    /// Hidden states.
    pub hidden: Tensor<3>,
    /// Cells.
    pub cell: Tensor<3>,
}

impl LstmState {
    /// Takes hidden states and cells.
    ///
    /// # Panics
    ///
    /// If their shapes differ.
    pub fn new(hidden: Tensor<3>, cell: Tensor<3>) -> Self {
        assert_eq!(
            hidden.dims(),
            cell.dims(),
            "hidden states and cells have the same shape"
        );
        Self { hidden, cell }
    }

    /// Returns the same state without its graph, so that the next piece of a long sequence can go on from it and gradients
    /// end there (truncated backpropagation through time).
    pub fn detach(self) -> Self {
        Self {
            hidden: self.hidden.detach(),
            cell: self.cell.detach(),
        }
    }
}
