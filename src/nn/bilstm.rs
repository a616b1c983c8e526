//! The bidirectional LSTM and its configuration.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::layer::{Layer, Stack};
use super::stack::By;
use super::weights::check;
use super::{Dropout, Kernel, Lengths, LstmState, LstmWeights};
use crate::error::Result;

/// Configuration of a [`BiLstm`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BiLstmConfig {
    /// The number of input features per position, 1 to 100000.
    pub input: usize,
    /// The number of hidden units per direction, 1 to 10000.
    pub hidden: usize,
    /// The number of stacked layers, 1 to 100. Default 1. Each layer reads both directions of the layer before.
    #[serde(default = "one")]
    pub layers: usize,
    /// The dropout between layers, in [0, 1). Default 0. Without effect for one layer.
    #[serde(default)]
    pub dropout: f64,
    /// Whether sequences are `[batch, time, features]` (`true`, the default) or `[time, batch, features]`.
    #[serde(default = "yes")]
    pub batch_first: bool,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

impl BiLstmConfig {
    /// Creates the configuration of one layer over `input` features with `hidden` units per direction, without dropout.
    pub fn new(input: usize, hidden: usize) -> Self {
        Self {
            input,
            hidden,
            layers: 1,
            dropout: 0.0,
            batch_first: true,
        }
    }

    /// Sets the number of stacked layers.
    pub fn with_layers(mut self, layers: usize) -> Self {
        self.layers = layers;
        self
    }

    /// Sets the dropout between layers.
    pub fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// Sets whether sequences are `[batch, time, features]` (`true`, the default) or `[time, batch, features]`.
    pub fn with_batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) with the name of a field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check(self.input, self.hidden, self.layers, self.dropout)
    }

    /// Creates the layers on `device`, with every parameter uniform in ±1/sqrt(hidden) as in PyTorch.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<BiLstm> {
        self.validate()?;
        let layer = |index: usize| {
            let input = if index == 0 {
                self.input
            } else {
                2 * self.hidden
            };
            BiLstmLayer {
                forward: LstmWeights::new(input, self.hidden, device),
                backward: LstmWeights::new(input, self.hidden, device),
            }
        };
        Ok(BiLstm {
            layers: (0..self.layers).map(layer).collect(),
            dropout: Dropout::new(self.dropout),
            batch_first: self.batch_first,
            half: false,
        })
    }
}

/// A bidirectional LSTM of one or more layers.
///
/// ```text
/// a   = W_ih x_t + b_ih + W_hh h_(t-1) + b_hh,   rows of a in the order i, f, g, o
/// c_t = s(f) c_(t-1) + s(i) tanh(g)
/// h_t = s(o) tanh(c_t)
/// ```
///
/// S. Hochreiter, J. Schmidhuber, *Long Short-Term Memory*, Neural Computation 9 (1997), with the forget gate of F.
/// Gers et al. (2000). The parameters have the shapes, the gate order and the meaning of PyTorch's `nn.LSTM` with
/// `bidirectional=True`, both biases included. For one direction, see [`Lstm`](super::Lstm).
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use equipoise::nn::BiLstmConfig;
///
/// let device = Device::flex();
/// let lstm = BiLstmConfig::new(12, 96).init(&device)?;
/// let input = Tensor::random([8, 105, 12], Distribution::Default, &device);
/// assert_eq!(lstm.forward(input).dims(), [8, 105, 192]);
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct BiLstm {
    layers: Vec<BiLstmLayer>,
    dropout: Dropout,
    batch_first: bool,
    half: bool,
}

/// The parameters of both directions of one layer.
#[derive(Module, Debug)]
struct BiLstmLayer {
    forward: LstmWeights,
    backward: LstmWeights,
}

impl BiLstm {
    /// Returns the hidden states of the last layer, with the forward direction in the first half of the features.
    ///
    /// # Shapes
    ///
    /// - input: `[batch, time, input]`, batch and time at least 1
    /// - output: `[batch, time, 2 hidden]`
    ///
    /// Without `batch_first`, time comes before batch in both, here and in the other methods.
    ///
    /// # Panics
    ///
    /// If the last dimension of the input is not the configured number of features, or if batch or time is 0.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        self.stack(None).forward(input, By::Kernel)
    }

    /// Returns the hidden states over sequences of different lengths, with zeros in the padding.
    ///
    /// Each sequence has the states it has alone, on the CPU to the bit. The padding of the input is not read and may
    /// hold NaN. [`Lengths::last`] returns the final state of both directions, [`Lengths::mean`] the mean over time.
    ///
    /// # Shapes
    ///
    /// As [`forward`](Self::forward).
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward), and if batch, time or `batch_first` differ from those of the lengths.
    pub fn forward_padded(&self, input: Tensor<3>, lengths: &Lengths) -> Tensor<3> {
        self.stack(Some(lengths)).forward(input, By::Kernel)
    }

    /// Returns the hidden states and the final state of each sequence, from an initial state. Without `state`, the
    /// initial state is zero.
    ///
    /// Gradients flow through both states. With lengths, the final state is the state at the end of each sequence.
    ///
    /// # Shapes
    ///
    /// As [`forward`](Self::forward); the states as in [`LstmState`].
    ///
    /// # Panics
    ///
    /// As [`forward_padded`](Self::forward_padded), and if shape, precision or device of the initial state does not
    /// fit.
    pub fn forward_from(
        &self,
        input: Tensor<3>,
        state: Option<LstmState>,
        lengths: Option<&Lengths>,
    ) -> (Tensor<3>, LstmState) {
        self.stack(lengths).forward_from(input, state)
    }

    /// Computes [`forward`](Self::forward) in plain tensor operations: slower, and the reference for the kernels.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_reference(&self, input: Tensor<3>) -> Tensor<3> {
        self.stack(None).forward(input, By::Reference)
    }

    /// Returns the parameters of a layer, counted from 0, as `(forward, backward)`. Returns `None` if there is no such
    /// layer.
    pub fn weights(&self, layer: usize) -> Option<(&LstmWeights, &LstmWeights)> {
        let layer = self.layers.get(layer)?;
        Some((&layer.forward, &layer.backward))
    }

    /// Returns the number of stacked layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Returns the number of hidden units per direction. The output is twice as wide.
    pub fn hidden(&self) -> usize {
        self.layers[0].forward.hidden()
    }

    /// Sets whether a GPU multiplies inputs and weights, and stores gates for the backward pass, in half precision
    /// (`f16`). Default `false`.
    ///
    /// Half precision is faster if the GPU has units for it, and halves the memory kept for the backward pass. States,
    /// sums and gradients stay in single precision. Without effect on the CPU and on devices without half precision.
    ///
    /// Measured on two layers of 32 units over 60 positions, relative to the largest element of each tensor: outputs
    /// are within 3e-4 of those in single precision, gradients within 6e-4. Numbers above 65504 overflow.
    pub fn with_half_precision(mut self, half: bool) -> Self {
        self.half = half;
        self
    }

    /// Returns the kernel that computes the layers over inputs of this shape in single precision on `device`. Values
    /// and gradients depend on the kernel by rounding only.
    ///
    /// # Shapes
    ///
    /// - input: as in [`forward`](Self::forward)
    pub fn kernel(&self, input: [usize; 3], device: &Device) -> Kernel {
        self.stack(None).kernel(input, device)
    }

    fn stack<'a>(&'a self, lengths: Option<&'a Lengths>) -> Stack<'a> {
        let layer = |layer: &'a BiLstmLayer| Layer {
            forward: &layer.forward,
            backward: Some(&layer.backward),
        };
        Stack {
            layers: self.layers.iter().map(layer).collect(),
            dropout: &self.dropout,
            batch_first: self.batch_first,
            half: self.half,
            lengths,
        }
    }
}
