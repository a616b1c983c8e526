//! The parameters of one direction of an LSTM layer.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{DType, Device, Tensor};

use crate::error::{Error, Result};

/// The parameters of one direction of an LSTM layer, in the layout of PyTorch.
#[derive(Module, Debug)]
pub struct LstmWeights {
    /// Input weights, `[4 hidden, input]`, rows in the order i, f, g, o.
    pub weight_ih: Param<Tensor<2>>,
    /// Recurrent weights, `[4 hidden, hidden]`.
    pub weight_hh: Param<Tensor<2>>,
    /// Input bias, `[4 hidden]`.
    pub bias_ih: Param<Tensor<1>>,
    /// Recurrent bias, `[4 hidden]`, added to the input bias.
    pub bias_hh: Param<Tensor<1>>,
}

impl LstmWeights {
    /// Creates parameters that are uniform in ±1/sqrt(hidden), as in PyTorch.
    pub(super) fn new(input: usize, hidden: usize, device: &Device) -> Self {
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

    /// Returns whether all parameters are in single precision.
    pub(super) fn is_single(&self) -> bool {
        let matrices = [&self.weight_ih, &self.weight_hh].map(|weight| weight.val().dtype());
        let biases = [&self.bias_ih, &self.bias_hh].map(|bias| bias.val().dtype());
        matrices
            .into_iter()
            .chain(biases)
            .all(|dtype| dtype == DType::F32)
    }

    /// Returns the number of hidden units.
    pub fn hidden(&self) -> usize {
        self.weight_hh.dims()[1]
    }

    /// Returns the number of input features per position.
    pub fn input(&self) -> usize {
        self.weight_ih.dims()[1]
    }
}

/// Checks the sizes and the dropout of a stack of layers.
///
/// # Errors
///
/// [`Error::Setting`] with the name of a field that is out of range.
pub(super) fn check(input: usize, hidden: usize, layers: usize, dropout: f64) -> Result<()> {
    for (field, value, most) in [
        ("input", input, 100_000),
        ("hidden", hidden, 10_000),
        ("layers", layers, 100),
    ] {
        if !(1..=most).contains(&value) {
            let expected = format!("from 1 to {most}");
            return Err(Error::setting(field, value, expected));
        }
    }
    if (0.0..1.0).contains(&dropout) {
        Ok(())
    } else {
        Err(Error::setting("dropout", dropout, "at least 0 and below 1"))
    }
}
