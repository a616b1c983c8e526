//! The bidirectional LSTM: its configuration, parameters and shape rules.

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
    /// Input features per position, 1 to 100000.
    pub input: usize,
    /// Hidden units per direction, 1 to 10000.
    pub hidden: usize,
    /// Stacked layers, 1 to 100; each reads both directions of the layer before.
    #[serde(default = "one")]
    pub layers: usize,
    /// Dropout between layers, in [0, 1). It does nothing with one layer.
    #[serde(default)]
    pub dropout: f64,
    /// Whether sequences are `[batch, time, features]`, or `[time, batch, features]`.
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
    /// One layer over `input` features with `hidden` units per direction, without dropout.
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

    /// Sets whether sequences are `[batch, time, features]`, as by default, or `[time, batch, features]`.
    pub fn with_batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) naming the field that has a value it cannot have.
    pub fn validate(&self) -> Result<()> {
        check(self.input, self.hidden, self.layers, self.dropout)
    }

    /// Builds the layer on `device`, every parameter uniform in ±1/sqrt(hidden) as in PyTorch.
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

/// A bidirectional LSTM, one or more layers.
///
/// ```text
/// a   = W_ih x_t + b_ih + W_hh h_(t-1) + b_hh,   rows of a in the order i, f, g, o
/// c_t = s(f) c_(t-1) + s(i) tanh(g)
/// h_t = s(o) tanh(c_t)
/// ```
///
/// S. Hochreiter, J. Schmidhuber, *Long Short-Term Memory*, Neural Computation 9 (1997), with the forget gate of F. Gers
/// et al. (2000). The parameters have the shapes, the gate order and the meaning of PyTorch's `nn.LSTM` with
/// `bidirectional=True`, both biases included. [`Lstm`](super::Lstm) has one direction.
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

/// Both directions of one layer.
#[derive(Module, Debug)]
struct BiLstmLayer {
    forward: LstmWeights,
    backward: LstmWeights,
}

impl BiLstm {
    /// Returns the hidden states of the last layer, the forward half first.
    ///
    /// # Shapes
    ///
    /// - input: `[batch, time, input]`, batch and time at least 1
    /// - output: `[batch, time, 2 hidden]`
    ///
    /// With `batch_first` off, time comes before batch in both; so it does in the other methods.
    ///
    /// # Panics
    ///
    /// If the input's last dimension is not the configured one, or it has no sequence or no position.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        self.stack(None).forward(input, By::Kernel)
    }

    /// Returns the hidden states over sequences of different lengths, zero where there is padding.
    ///
    /// Each sequence has the states that it has alone, on the CPU to the bit. What stands in the padding is not read, NaN included.
    /// [`Lengths::last`] has the final state of both directions, [`Lengths::mean`] the mean over time.
    ///
    /// # Shapes
    ///
    /// As [`forward`](Self::forward).
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward), and if the lengths are of another batch or differ in `batch_first`.
    pub fn forward_padded(&self, input: Tensor<3>, lengths: &Lengths) -> Tensor<3> {
        self.stack(Some(lengths)).forward(input, By::Kernel)
    }

    /// Returns the hidden states and the state that each sequence ends with, from an initial state; from zeros without.
    ///
    /// Gradients go through both states. With lengths, the final state is that at the end of each sequence.
    ///
    /// # Shapes
    ///
    /// As [`forward`](Self::forward); the states as [`LstmState`] says.
    ///
    /// # Panics
    ///
    /// As [`forward_padded`](Self::forward_padded), and if the initial state has another shape or precision, or is on another
    /// device.
    pub fn forward_from(
        &self,
        input: Tensor<3>,
        state: Option<LstmState>,
        lengths: Option<&Lengths>,
    ) -> (Tensor<3>, LstmState) {
        self.stack(lengths).forward_from(input, state)
    }

    /// [`forward`](Self::forward) in plain tensor operations: slower, and the yardstick for the kernels.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_reference(&self, input: Tensor<3>) -> Tensor<3> {
        self.stack(None).forward(input, By::Reference)
    }

    /// The parameters of a layer, `(forward, backward)`, layers counted from 0.
    pub fn weights(&self, layer: usize) -> Option<(&LstmWeights, &LstmWeights)> {
        let layer = self.layers.get(layer)?;
        Some((&layer.forward, &layer.backward))
    }

    /// The number of stacked layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Hidden units per direction; the output is twice as wide.
    pub fn hidden(&self) -> usize {
        self.layers[0].forward.hidden()
    }

    /// Sets whether a GPU multiplies inputs and weights, and keeps gates for the way back, in half precision (`f16`): faster where it
    /// has units for that, and half of what is kept until the way back. States, sums and gradients stay in single precision. Off by default; it does nothing
    /// on the CPU, nor where the device has no half precision.
    ///
    /// Measured on two layers of 32 over 60 positions, relative to the largest of each: outputs within 3e-4 of those in single
    /// precision, gradients within 6e-4. Numbers above 65504 overflow.
    pub fn with_half_precision(mut self, half: bool) -> Self {
        self.half = half;
        self
    }

    /// Returns what computes the layer over inputs of this shape in single precision on `device`. Gradients and values do not
    /// depend on it beyond rounding.
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
