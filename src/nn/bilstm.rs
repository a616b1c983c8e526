//! The bidirectional LSTM layer: its configuration, parameters and shape rules. What computes it stands beside it.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

#[cfg(feature = "cpu-kernels")]
use super::fused;
use super::{Dropout, Lengths, reference};
use crate::error::{Error, Result};

/// Configuration of a [`BiLstm`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BiLstmConfig {
    /// Input features per step, 1 to 100000.
    pub input: usize,
    /// Hidden units per direction, 1 to 10000.
    pub hidden: usize,
    /// Stacked layers, 1 to 100; each reads both directions of the one before.
    #[serde(default = "one")]
    pub layers: usize,
    /// Dropout between layers, in [0, 1). It does nothing with one layer.
    #[serde(default)]
    pub dropout: f64,
}

fn one() -> usize {
    1
}

impl BiLstmConfig {
    /// One layer over `input` features with `hidden` units per direction, without dropout.
    pub fn new(input: usize, hidden: usize) -> Self {
        Self {
            input,
            hidden,
            layers: 1,
            dropout: 0.0,
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

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the field that has a value it cannot have.
    pub fn validate(&self) -> Result<()> {
        for (field, value, most) in [
            ("input", self.input, 100_000),
            ("hidden", self.hidden, 10_000),
            ("layers", self.layers, 100),
        ] {
            if !(1..=most).contains(&value) {
                let expected = format!("from 1 to {most}");
                return Err(Error::setting(field, value, expected));
            }
        }
        match (0.0..1.0).contains(&self.dropout) {
            true => Ok(()),
            false => Err(Error::setting(
                "dropout",
                self.dropout,
                "at least 0 and below 1",
            )),
        }
    }

    /// Builds the layer on `device`, every parameter uniform in ±1/sqrt(hidden) as in PyTorch.
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<BiLstm> {
        self.validate()?;
        let mut layers = Vec::with_capacity(self.layers);
        let mut input = self.input;
        for _ in 0..self.layers {
            layers.push(BiLstmLayer {
                forward: LstmWeights::new(input, self.hidden, device),
                backward: LstmWeights::new(input, self.hidden, device),
            });
            input = 2 * self.hidden;
        }
        Ok(BiLstm {
            layers,
            dropout: Dropout::new(self.dropout),
        })
    }
}

/// A bidirectional LSTM, one or more layers, with zero initial state.
///
/// ```text
/// a   = W_ih x_t + b_ih + W_hh h_(t-1) + b_hh,   rows of a in the order i, f, g, o
/// c_t = s(f) c_(t-1) + s(i) tanh(g)
/// h_t = s(o) tanh(c_t)
/// ```
///
/// S. Hochreiter, J. Schmidhuber, *Long Short-Term Memory*, Neural Computation 9 (1997), with the forget gate of F. Gers
/// et al. (2000). The parameters have the shapes, the gate order and the meaning of PyTorch's `nn.LSTM` with
/// `bidirectional=True`, both biases included.
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
}

/// Both directions of one layer.
#[derive(Module, Debug)]
pub(super) struct BiLstmLayer {
    pub(super) forward: LstmWeights,
    pub(super) backward: LstmWeights,
}

impl BiLstmLayer {
    fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        #[cfg(feature = "cpu-kernels")]
        if crate::host::applies(&input) {
            return fused::forward(self, input);
        }
        reference::forward(self, input)
    }
}

impl BiLstmLayer {
    /// The same layer over one feature more, which closes all input gates where it is 1: cells that are zero stay so, and the
    /// backward direction comes to the end of a padded sequence as if it began there.
    fn closed(&self) -> Self {
        Self {
            forward: self.forward.closed(),
            backward: self.backward.closed(),
        }
    }
}

/// So far below zero that the sigmoid of it is less than any number that matters, whatever is added to it.
const CLOSED: f64 = -1e4;

impl LstmWeights {
    fn closed(&self) -> Self {
        let weights = self.weight_ih.val();
        let hidden = self.hidden();
        let plain = (&weights.device().inner(), weights.dtype());
        let input_gates = Tensor::full([hidden, 1], CLOSED, plain);
        let column = Tensor::cat(vec![input_gates, Tensor::zeros([3 * hidden, 1], plain)], 0);
        let column = if weights.is_autodiff() {
            Tensor::from_inner(column)
        } else {
            column
        };
        Self {
            weight_ih: Param::initialized(self.weight_ih.id, Tensor::cat(vec![weights, column], 1)),
            ..self.clone()
        }
    }
}

/// The parameters of one direction of one layer, as PyTorch keeps them.
#[derive(Module, Debug)]
pub struct LstmWeights {
    /// Input weights, `[4 hidden, input]`, rows in the order i, f, g, o.
    pub weight_ih: Param<Tensor<2>>,
    /// Recurrent weights, `[4 hidden, hidden]`.
    pub weight_hh: Param<Tensor<2>>,
    /// Input bias, `[4 hidden]`.
    pub bias_ih: Param<Tensor<1>>,
    /// Recurrent bias, `[4 hidden]`; added to the input bias.
    pub bias_hh: Param<Tensor<1>>,
}

impl LstmWeights {
    fn new(input: usize, hidden: usize, device: &Device) -> Self {
        let bound = 1.0 / (hidden as f64).sqrt();
        let uniform = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        Self {
            weight_ih: uniform.init([4 * hidden, input], device),
            weight_hh: uniform.init([4 * hidden, hidden], device),
            bias_ih: uniform.init([4 * hidden], device),
            bias_hh: uniform.init([4 * hidden], device),
        }
    }

    /// Hidden units.
    pub fn hidden(&self) -> usize {
        self.weight_hh.dims()[1]
    }
}

impl BiLstm {
    /// The hidden states of the last layer, forward half first.
    ///
    /// # Shapes
    ///
    /// - input: `[batch, time, input]`, batch and time at least 1
    /// - output: `[batch, time, 2 hidden]`
    ///
    /// # Panics
    ///
    /// If the input's last dimension is not the configured one.
    pub fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        let mut output = input;
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                output = self.dropout.forward(output);
            }
            output = layer.forward(output);
        }
        output
    }

    /// The hidden states over sequences of different lengths, zero where there is padding.
    ///
    /// Each sequence has the states it would have alone: the backward direction begins at its own end. What stands in the
    /// padding is not read, NaN included. [`Lengths::last`] has the final state of both directions, [`Lengths::mean`] the mean over
    /// time.
    ///
    /// # Shapes
    ///
    /// - input: `[batch, time, input]`
    /// - output: `[batch, time, 2 hidden]`
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward), and if the lengths are of another batch.
    pub fn forward_padded(&self, input: Tensor<3>, lengths: &Lengths) -> Tensor<3> {
        let mut output = lengths.without_padding(input);
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                output = self.dropout.forward(output);
            }
            let indicator = lengths.indicator(&output);
            output = layer
                .closed()
                .forward(Tensor::cat(vec![output, indicator], 2));
            output = lengths.without_padding(output);
        }
        output
    }

    /// [`forward`](Self::forward) in plain tensor operations: slower, and the yardstick for the kernels.
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn forward_reference(&self, input: Tensor<3>) -> Tensor<3> {
        let mut output = input;
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                output = self.dropout.forward(output);
            }
            output = reference::forward(layer, output);
        }
        output
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
}
