//! The LSTM in one direction: its configuration, parameters and shape rules.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::layer::{Layer, Stack};
use super::stack::By;
use super::weights::check;
use super::{Dropout, Kernel, Lengths, LstmState, LstmWeights};
use crate::error::Result;

/// Configuration of an [`Lstm`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LstmConfig {
    /// Input features per position, 1 to 100000.
    pub input: usize,
    /// Hidden units, 1 to 10000.
    pub hidden: usize,
    /// Stacked layers, 1 to 100; each reads the layer before.
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

impl LstmConfig {
    /// One layer over `input` features with `hidden` units, without dropout.
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
    pub fn init(&self, device: &Device) -> Result<Lstm> {
        self.validate()?;
        let layer = |index: usize| {
            let input = if index == 0 { self.input } else { self.hidden };
            LstmWeights::new(input, self.hidden, device)
        };
        Ok(Lstm {
            layers: (0..self.layers).map(layer).collect(),
            dropout: Dropout::new(self.dropout),
            batch_first: self.batch_first,
            half: false,
        })
    }
}

/// An LSTM in one direction, one or more layers: each position sees those before it. The formula is that of
/// [`BiLstm`](super::BiLstm); the parameters have the shapes, the gate order and the meaning of PyTorch's `nn.LSTM`.
///
/// # Example
///
/// A long series in two pieces is the series as a whole.
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use equipoise::nn::LstmConfig;
///
/// let device = Device::flex();
/// let lstm = LstmConfig::new(3, 16).with_layers(2).init(&device)?;
/// let series = Tensor::<3>::random([4, 100, 3], Distribution::Default, &device);
/// let (_, state) = lstm.forward_from(series.clone().narrow(1, 0, 60), None, None);
/// let (rest, state) = lstm.forward_from(series.clone().narrow(1, 60, 40), Some(state), None);
/// assert_eq!(state.hidden.dims(), [2, 4, 16]);
/// let whole = lstm.forward(series).narrow(1, 60, 40);
/// whole.into_data().assert_eq(&rest.into_data(), true);
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Lstm {
    layers: Vec<LstmWeights>,
    dropout: Dropout,
    batch_first: bool,
    half: bool,
}

impl Lstm {
    /// Returns the hidden states of the last layer.
    ///
    /// # Shapes
    ///
    /// - input: `[batch, time, input]`, batch and time at least 1
    /// - output: `[batch, time, hidden]`
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
    /// [`Lengths::at_end`] has the final state, [`Lengths::mean`] the mean over time.
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

    /// The parameters of a layer, layers counted from 0.
    pub fn weights(&self, layer: usize) -> Option<&LstmWeights> {
        self.layers.get(layer)
    }

    /// The number of stacked layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Hidden units.
    pub fn hidden(&self) -> usize {
        self.layers[0].hidden()
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
        let layer = |forward: &'a LstmWeights| Layer {
            forward,
            backward: None,
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
