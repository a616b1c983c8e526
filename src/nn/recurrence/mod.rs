//! One layer of an LSTM, in one or two directions, as one differentiable operation on GPUs.
//!
//! The plain form launches three kernels a step forward and twenty with the way back; this one launches two for all
//! steps, and a handful for the matrix products before and after them, however long the sequences are. `forward` and
//! `backward` are the kernels through time, with the `activation`s; `pack` puts weights into the order in which they
//! read; `form` says where numbers stand and `fit` how the work is cut on a device. `launch` runs it all on tensors,
//! `extension` registers it with Burn, and `parts` joins layers that are too large for one call.

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

/// How the kernels run a layer on an input of this shape, or why not; nothing where the device is no GPU.
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
    /// The directions that run: both, or one of them for a piece of a sequence that goes on elsewhere.
    directions: Directions,
    batch_first: bool,
    /// Samples of a cube.
    samples: usize,
    half: bool,
    /// Whether the states at the end are asked for.
    ends: bool,
}

/// Which directions of a layer run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directions {
    All,
    Forward,
    Backward,
}

/// What a call works on.
struct Work {
    input: Tensor<3>,
    /// What the directions that run begin with, `[2, directions, batch, hidden]`; zeros without.
    begin: Option<Ends>,
    /// The lengths of the sequences, `[batch]`, on the plain device.
    counts: Option<Tensor<1>>,
}

impl Call<'_> {
    /// The weights of the directions that run.
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
        // In one direction the second four are not read, but there must be something.
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
