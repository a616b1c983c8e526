//! One layer of the bidirectional LSTM as one differentiable operation on the CPU.
//!
//! The plain form makes some twenty tensors per step; this one makes one for the whole layer and keeps only what the
//! backward pass needs. `kernel` is the arithmetic on host slices, `matmul` and `activation` are its parts, and
//! `extension` registers it with Burn for the backends whose tensors are in host memory.

mod activation;
mod extension;
mod kernel;
mod matmul;

use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::{DType, Device, Tensor};

use self::extension::LstmExtension;
use super::bilstm::{BiLstmLayer, LstmWeights};

/// Whether this operation exists for tensors like this one: in host memory, single precision.
pub(super) fn applies(input: &Tensor<3>) -> bool {
    input.dtype() == DType::F32 && in_host_memory(&input.device())
}

fn in_host_memory(device: &Device) -> bool {
    match device.clone().inner().as_dispatch() {
        #[cfg(feature = "flex")]
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "ndarray")]
        DispatchDevice::NdArray(_) => true,
        #[allow(unreachable_patterns)]
        _ => false,
    }
}

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
