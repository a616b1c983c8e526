//! The state of an LSTM between two pieces of a sequence.

use burn::tensor::Tensor;

/// The hidden states and cells of every layer and direction: the initial or the final state of a sequence.
///
/// Both tensors are `[layers * directions, batch, hidden]`, as `h_0` and `c_0` of PyTorch's `nn.LSTM`: layer by layer,
/// with the forward direction first. The backward direction begins at the end of a sequence and ends at its first
/// position.
#[derive(Clone, Debug)]
pub struct LstmState {
    /// The hidden states, `[layers * directions, batch, hidden]`.
    pub hidden: Tensor<3>,
    /// The cells, `[layers * directions, batch, hidden]`.
    pub cell: Tensor<3>,
}

impl LstmState {
    /// Creates a state from hidden states and cells.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn new(hidden: Tensor<3>, cell: Tensor<3>) -> Self {
        assert_eq!(
            hidden.dims(),
            cell.dims(),
            "hidden states and cells have the same shape"
        );
        Self { hidden, cell }
    }

    /// Returns the state detached from its graph, so that the next piece of a long sequence continues from it and
    /// gradients stop there (truncated backpropagation through time).
    pub fn detach(self) -> Self {
        Self {
            hidden: self.hidden.detach(),
            cell: self.cell.detach(),
        }
    }
}
