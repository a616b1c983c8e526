//! The layers of an LSTM in one or two directions, as inputs and outputs of the kernels.

use burn::tensor::Tensor;

use super::{Dropout, Lengths, LstmWeights};

/// The weights of one layer.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) forward: &'a LstmWeights,
    pub(super) backward: Option<&'a LstmWeights>,
}

impl<'a> Layer<'a> {
    pub(super) fn directions(self) -> Vec<&'a LstmWeights> {
        [Some(self.forward), self.backward]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// A stack of layers over sequences.
pub(super) struct Stack<'a> {
    /// At least one layer.
    pub(super) layers: Vec<Layer<'a>>,
    /// The dropout between the layers.
    pub(super) dropout: &'a Dropout,
    pub(super) batch_first: bool,
    /// Whether GPUs may compute in half precision.
    pub(super) half: bool,
    pub(super) lengths: Option<&'a Lengths>,
}

/// The states of one layer, `[2, directions, batch, hidden]`: hidden states, then cells.
pub(super) type Ends = Tensor<4>;

/// Splits the output of a kernel into the sequence and the final states, which are two positions behind the last.
#[cfg(any(feature = "cpu-kernels", feature = "gpu-kernels"))]
pub(super) fn split_ends(
    output: Tensor<3>,
    time: usize,
    batch_first: bool,
    states: [usize; 3],
) -> (Tensor<3>, Option<Ends>) {
    let [directions, batch, hidden] = states;
    let at = usize::from(batch_first);
    let ends = output.clone().narrow(at, time, 2);
    let ends = if batch_first {
        ends.reshape([batch, 2, directions, hidden])
            .permute([1, 2, 0, 3])
    } else {
        ends.reshape([2, batch, directions, hidden]).swap_dims(1, 2)
    };
    (output.narrow(at, 0, time), Some(ends))
}
