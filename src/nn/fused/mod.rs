//! One layer of the bidirectional LSTM as one differentiable operation on the CPU.
//!
//! The plain form makes some twenty tensors per step; this one makes one for the whole layer and keeps only what the
//! backward pass needs. `kernel` is the work on host slices: `forward` and `backward` through time on `tile`s of samples
//! and units, whose weights are in the order of `packing`, numbers standing in a `buffer` where `layout` says, and the
//! `products` after the last step by `matmul`. `extension` registers it with Burn for the backends whose tensors are in
//! host memory.

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
use super::bilstm::{BiLstmLayer, LstmWeights};

/// One layer, `[batch, time, input]` to `[batch, time, 2 hidden]`.
pub(super) fn forward(layer: &BiLstmLayer, input: Tensor<3>) -> Tensor<3> {
    let [_, _, features] = input.dims();
    assert_eq!(
        features,
        layer.forward.weight_ih.dims()[1],
        "the layer reads {} features per step, the input has {features}",
        layer.forward.weight_ih.dims()[1]
    );
    let parts = |weights: &LstmWeights| {
        [
            weights.weight_ih.val().into_dispatch(),
            weights.weight_hh.val().into_dispatch(),
            weights.bias_ih.val().into_dispatch(),
            weights.bias_hh.val().into_dispatch(),
        ]
    };
    let [a, b, c, d] = parts(&layer.forward);
    let [e, f, g, h] = parts(&layer.backward);
    let output =
        <Dispatch as LstmExtension>::bilstm_layer(input.into_dispatch(), a, b, c, d, e, f, g, h);
    Tensor::from_dispatch(output)
}
