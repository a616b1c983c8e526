//! Registers the layer with Burn: for the CPU backends, and with its backward pass for autodiff over them.

// Burn deprecates its ndarray backend and warns wherever it is named; this crate still serves it.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{Device, FloatTensor};
use burn::backend::{Autodiff, Backend, TensorMetadata, backend_extension};

use super::kernel::{self, Saved, Sizes, Weights};
use crate::host::{to_host, to_tensor};

/// One bidirectional LSTM layer as an operation of a backend.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff
)]
pub(super) trait LstmExtension: Backend {
    /// `input` is `[batch, time, features]`; then input weights, recurrent weights, input bias and recurrent bias of the
    /// forward and of the backward direction. The output is `[batch, time, 2 hidden]`.
    #[allow(clippy::too_many_arguments)]
    fn bilstm_layer(
        input: FloatTensor<Self>,
        forward_input: FloatTensor<Self>,
        forward_recurrent: FloatTensor<Self>,
        forward_input_bias: FloatTensor<Self>,
        forward_recurrent_bias: FloatTensor<Self>,
        backward_input: FloatTensor<Self>,
        backward_recurrent: FloatTensor<Self>,
        backward_input_bias: FloatTensor<Self>,
        backward_recurrent_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

macro_rules! on_host {
    ($backend:ty) => {
        impl LstmExtension for $backend {
            fn bilstm_layer(
                input: FloatTensor<Self>,
                forward_input: FloatTensor<Self>,
                forward_recurrent: FloatTensor<Self>,
                forward_input_bias: FloatTensor<Self>,
                forward_recurrent_bias: FloatTensor<Self>,
                backward_input: FloatTensor<Self>,
                backward_recurrent: FloatTensor<Self>,
                backward_input_bias: FloatTensor<Self>,
                backward_recurrent_bias: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                let weights = [
                    forward_input,
                    forward_recurrent,
                    forward_input_bias,
                    forward_recurrent_bias,
                    backward_input,
                    backward_recurrent,
                    backward_input_bias,
                    backward_recurrent_bias,
                ];
                run::<Self>(input, weights).0
            }
        }
    };
}

#[cfg(feature = "flex")]
on_host!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
on_host!(burn::backend::NdArray);

/// Runs the kernel on tensors in host memory.
fn run<B: Backend>(input: FloatTensor<B>, weights: [FloatTensor<B>; 8]) -> (FloatTensor<B>, Saved) {
    let device = input.device();
    let [batch, time, features] = dims(input.shape().iter().copied());
    let [_, hidden] = dims(weights[1].shape().iter().copied());
    let sizes = Sizes {
        batch,
        time,
        features,
        hidden,
    };
    let [a, b, c, d, e, f, g, h] = weights.map(to_host::<B>);
    let direction = |input, recurrent, input_bias, recurrent_bias| Weights {
        input,
        recurrent,
        input_bias,
        recurrent_bias,
    };
    let weights = [direction(a, b, c, d), direction(e, f, g, h)];
    let (output, saved) = kernel::forward(sizes, &to_host::<B>(input), weights);
    let output = to_tensor::<B>(output, &[batch, time, 2 * hidden], &device);
    (output, saved)
}

fn dims<const D: usize>(shape: impl Iterator<Item = usize>) -> [usize; D] {
    let mut dims = [0; D];
    dims.iter_mut().zip(shape).for_each(|(to, from)| *to = from);
    dims
}

/// The backward pass of a layer.
#[derive(Debug)]
struct BiLstmBackward;

/// What the backward pass needs: what the kernel kept, and where the gradients go.
#[derive(Clone, Debug)]
struct BackwardState<D> {
    saved: Arc<Saved>,
    shapes: [Vec<usize>; 9],
    device: D,
}

impl<B: Backend> Backward<B, 9> for BiLstmBackward {
    type State = BackwardState<Device<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 9>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let BackwardState {
            saved,
            shapes,
            device,
        } = ops.state;
        let output = to_host::<B>(gradients.consume::<B>(&ops.node));
        let input_too = ops.parents[0].is_some();
        let found = kernel::backward(saved, &output, input_too);
        let [forward, backward] = found.weights;
        let values = [
            found.input,
            Some(forward.input),
            Some(forward.recurrent),
            Some(forward.bias.clone()),
            Some(forward.bias),
            Some(backward.input),
            Some(backward.recurrent),
            Some(backward.bias.clone()),
            Some(backward.bias),
        ];
        for ((parent, values), shape) in ops.parents.iter().zip(values).zip(&shapes) {
            if let (Some(node), Some(values)) = (parent, values) {
                gradients.register::<B>(node.id, to_tensor::<B>(values, shape, &device));
            }
        }
    }
}

impl<B: Backend + LstmExtension, C: CheckpointStrategy> LstmExtension for Autodiff<B, C> {
    fn bilstm_layer(
        input: FloatTensor<Self>,
        forward_input: FloatTensor<Self>,
        forward_recurrent: FloatTensor<Self>,
        forward_input_bias: FloatTensor<Self>,
        forward_recurrent_bias: FloatTensor<Self>,
        backward_input: FloatTensor<Self>,
        backward_recurrent: FloatTensor<Self>,
        backward_input_bias: FloatTensor<Self>,
        backward_recurrent_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let tensors = [
            input,
            forward_input,
            forward_recurrent,
            forward_input_bias,
            forward_recurrent_bias,
            backward_input,
            backward_recurrent,
            backward_input_bias,
            backward_recurrent_bias,
        ];
        let nodes = tensors.each_ref().map(|tensor| tensor.node());
        let shapes = tensors
            .each_ref()
            .map(|tensor| tensor.shape().iter().copied().collect());
        let [input, weights @ ..] = tensors.map(|tensor| tensor.into_primitive());
        let device = input.device();
        let (output, saved) = run::<B>(input, weights);
        match BiLstmBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let state = BackwardState {
                    saved: Arc::new(saved),
                    shapes,
                    device,
                };
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
