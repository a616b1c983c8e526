//! Computes one layer of an LSTM, in one or two directions, as one differentiable operation on GPUs.
//!
//! The plain form launches three kernels per step forward and twenty with the backward pass. This form launches two for
//! all steps, and a handful for the matrix products before and after them, for any length of the sequences. `forward`
//! and `backward` are the kernels through time, with the `activation`s. `pack` orders the weights for them, `form`
//! defines the positions of the numbers, and `fit` chooses the tiling for a device. `launch` runs the kernels on
//! tensors, `extension` registers the layer with Burn, and `parts` splits layers that are too large for one call.

mod activation;
mod backward;
mod extension;
mod fit;
mod form;
mod forward;
mod launch;
mod pack;
mod parts;
mod weights;

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};

use self::extension::{LstmLayer, Parameters};
use self::fit::Sizes;
pub(super) use self::fit::{Fit, Unfit};
use self::form::{Compiled, Form};
pub(super) use self::parts::forward;
use super::LstmWeights;
use super::layer::{Ends, Layer, split_ends};

/// Returns the tiling of a layer for an input of this shape, or the reason why the kernels do not support it. Returns
/// `None` if the device is not a GPU.
pub(super) fn serves(
    layer: Layer<'_>,
    input: [usize; 3],
    (batch_first, half): (bool, bool),
    device: &Device,
) -> Option<Result<Fit, Unfit>> {
    let limits = crate::gpu::limits_of(device)?;
    let [first, second, features] = input;
    let (batch, time) = if batch_first {
        (first, second)
    } else {
        (second, first)
    };
    let sizes = Sizes {
        batch,
        time,
        features,
        hidden: layer.forward.hidden(),
        directions: layer.directions().len(),
        half,
    };
    Some(fit::fit(&limits, &sizes))
}

/// One call of the operation.
struct Call<'a> {
    layer: Layer<'a>,
    /// The directions that run: both, or one of them for a piece of a longer sequence.
    directions: Directions,
    batch_first: bool,
    /// Samples of a cube.
    samples: usize,
    half: bool,
    /// Whether the final states are requested.
    ends: bool,
}

/// The directions of a layer that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directions {
    All,
    Forward,
    Backward,
}

/// The inputs of a call.
struct Work {
    input: Tensor<3>,
    /// The initial states of the directions that run, `[2, directions, batch, hidden]`. `None` for zeros.
    begin: Option<Ends>,
    /// The lengths of the sequences, `[batch]`, on the device without autodiff.
    counts: Option<Tensor<1>>,
}

impl Call<'_> {
    fn weights(&self) -> Vec<&LstmWeights> {
        let all = self.layer.directions();
        match self.directions {
            Directions::All => all,
            Directions::Forward => all[..1].to_vec(),
            Directions::Backward => all[1..].to_vec(),
        }
    }

    fn run(&self, work: Work) -> (Tensor<3>, Option<Ends>) {
        let weights = self.weights();
        let form = self.form(&work);
        let parts = |weights: &LstmWeights| {
            [
                weights.weight_ih.val().into_dispatch(),
                weights.weight_hh.val().into_dispatch(),
                weights.bias_ih.val().into_dispatch(),
                weights.bias_hh.val().into_dispatch(),
            ]
        };
        let [a, b, c, d] = parts(weights[0]);
        // In one direction, the second four are placeholders that are not read.
        let [e, f, g, h] = match weights.get(1) {
            Some(weights) => parts(weights),
            None => [a.clone(), b.clone(), c.clone(), d.clone()],
        };
        let begin = work.begin.map_or_else(|| c.clone(), Tensor::into_dispatch);
        let counts = work.counts.map_or_else(|| c.clone(), Tensor::into_dispatch);
        let parameters = Parameters::new([a, b, c, d, e, f, g, h]);
        let input = work.input.into_dispatch();
        let output = <Dispatch as LstmLayer>::lstm_layer(input, begin, counts, parameters, form);
        let output = Tensor::from_dispatch(output);
        if self.ends {
            let Compiled {
                directions, hidden, ..
            } = form.compiled;
            let states = [directions, form.batch, hidden];
            split_ends(output, form.time, self.batch_first, states)
        } else {
            (output, None)
        }
    }

    fn form(&self, work: &Work) -> Form {
        let [first, second, features] = work.input.dims();
        let (batch, time) = if self.batch_first {
            (first, second)
        } else {
            (second, first)
        };
        let weights = self.weights();
        Form {
            batch,
            time,
            features,
            compiled: Compiled {
                hidden: weights[0].hidden(),
                samples: self.samples,
                half: self.half,
                directions: weights.len(),
                reversed: self.directions == Directions::Backward,
                batch_first: self.batch_first,
                finals: self.ends,
            },
            begins: work.begin.is_some(),
            padded: work.counts.is_some(),
        }
    }
}
