//! Computes one layer of an LSTM, in one or two directions, as one differentiable operation on the CPU.
//!
//! The plain form creates some twenty tensors per step. This form creates one for the whole layer and keeps only the
//! data that the backward pass needs. `kernel` computes on host slices: `forward` and `backward` through time on
//! `tile`s of samples and units, and the `products` after the last step by `matmul`. `packing` orders the weights, and
//! `layout` defines the positions of all numbers in a `buffer`. `extension` registers the layer with Burn for the
//! backends with tensors in host memory.

mod backward;
mod buffer;
mod extension;
mod forward;
mod kernel;
mod layout;
mod matmul;
mod packing;
mod products;
mod tile;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use self::extension::LstmExtension;
use self::layout::Form;
use super::LstmWeights;
use super::layer::{Ends, Layer, Stack, split_ends};

/// Computes one layer of the stack, and its final states if `ends`.
pub(super) fn forward(
    stack: &Stack<'_>,
    layer: Layer<'_>,
    input: Tensor<3>,
    begin: Ends,
    ends: bool,
) -> (Tensor<3>, Option<Ends>) {
    let form = Form {
        directions: layer.directions().len(),
        batch_first: stack.batch_first,
        finals: ends,
    };
    let [first, second, _] = input.dims();
    let time = if stack.batch_first { second } else { first };
    let [_, directions, batch, hidden] = begin.dims();
    let begin = begin.swap_dims(1, 2);
    let begin = begin.reshape([2, batch, directions * hidden]);
    let parts = |weights: &LstmWeights| {
        [
            weights.weight_ih.val().into_dispatch(),
            weights.weight_hh.val().into_dispatch(),
            weights.bias_ih.val().into_dispatch(),
            weights.bias_hh.val().into_dispatch(),
        ]
    };
    let [a, b, c, d] = parts(layer.forward);
    // The operation takes eight tensors in one direction as well. They are clones and not read again: a parameter that
    // is computed when it is read would be another node of the graph, without a gradient.
    let [e, f, g, h] = match layer.backward {
        Some(weights) => parts(weights),
        None => [a.clone(), b.clone(), c.clone(), d.clone()],
    };
    let (input, begin) = (input.into_dispatch(), begin.into_dispatch());
    let output = <Dispatch as LstmExtension>::lstm_layer(
        input,
        begin,
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        form,
        stack.lengths.map(|lengths| lengths.shared()),
    );
    let output = Tensor::from_dispatch(output);
    if ends {
        split_ends(output, time, form.batch_first, [directions, batch, hidden])
    } else {
        (output, None)
    }
}
