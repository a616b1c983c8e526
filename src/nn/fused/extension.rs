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

use pulp::Arch;

use super::kernel::{self, Saved, Wanted};
use super::layout::Layout;
use super::packing::Weights;
use super::products::WeightGradients;
use crate::host::{Values, to_tensor};

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
                let hidden = hidden(&forward_recurrent);
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
                let weights = weights.map(Values::read::<Self>);
                run::<Self>(input, &weights, hidden, false).0
            }
        }
    };
}

#[cfg(feature = "flex")]
on_host!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
on_host!(burn::backend::NdArray);

/// Runs the kernel on tensors in host memory; keeps what the backward pass needs if `keep`.
fn run<B: Backend>(
    input: FloatTensor<B>,
    weights: &[Values; 8],
    hidden: usize,
    keep: bool,
) -> (FloatTensor<B>, Option<Saved>) {
    let device = input.device();
    let [batch, time, features] = dims(input.shape().iter().copied());
    let layout = Layout::new(batch, time, features, hidden);
    let input = Values::read::<B>(input);
    let (output, saved) = kernel::forward(Arch::new(), layout, &input, &directions(weights), keep);
    let output = to_tensor::<B>(output, &[batch, time, 2 * hidden], &device);
    (output, saved)
}

/// The hidden units, from the recurrent weights `[4 hidden, hidden]`.
fn hidden<T: TensorMetadata>(recurrent: &T) -> usize {
    let [_, hidden] = dims(recurrent.shape().iter().copied());
    hidden
}

fn directions(weights: &[Values; 8]) -> [Weights<'_>; 2] {
    let [a, b, c, d, e, f, g, h] = weights;
    [
        Weights {
            input: a,
            recurrent: b,
            input_bias: c,
            recurrent_bias: d,
        },
        Weights {
            input: e,
            recurrent: f,
            input_bias: g,
            recurrent_bias: h,
        },
    ]
}

fn dims<const D: usize>(shape: impl Iterator<Item = usize>) -> [usize; D] {
    let mut dims = [0; D];
    dims.iter_mut().zip(shape).for_each(|(to, from)| *to = from);
    dims
}

/// The backward pass of a layer.
#[derive(Debug)]
struct BiLstmBackward;

/// What the backward pass needs: what the kernel kept, the weights, and where the gradients go.
#[derive(Clone, Debug)]
struct BackwardState<D> {
    saved: Arc<(Saved, [Values; 8])>,
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
        let output = Values::read::<B>(gradients.consume::<B>(&ops.node));
        let wanted = Wanted {
            input: ops.parents[0].is_some(),
            weights: ops.parents[1..].iter().any(Option::is_some),
        };
        // The graph is done with what was kept, so its memory serves for the gradients of the gates.
        let (saved, weights) = Arc::try_unwrap(saved).unwrap_or_else(|held| (*held).clone());
        let found = kernel::backward(Arch::new(), saved, &output, &directions(&weights), wanted);
        output.recycle();
        let [forward, backward] = match found.weights {
            Some(both) => both.map(of_direction),
            None => Default::default(),
        };
        let values = [found.input].into_iter().chain(forward).chain(backward);
        for ((parent, values), shape) in ops.parents.iter().zip(values).zip(&shapes) {
            if let (Some(node), Some(values)) = (parent, values) {
                gradients.register::<B>(node.id, to_tensor::<B>(values, shape, &device));
            }
        }
    }
}

/// The gradients of a direction's four parameters.
fn of_direction(found: WeightGradients) -> [Option<Vec<f32>>; 4] {
    let recurrent_bias = found.bias.clone();
    [found.input, found.recurrent, found.bias, recurrent_bias].map(Some)
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
        let hidden = hidden(&weights[1]);
        let weights = weights.map(Values::read::<B>);
        match BiLstmBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => {
                let (output, saved) = run::<B>(input, &weights, hidden, true);
                let saved = saved.expect("it was asked for");
                let state = BackwardState {
                    saved: Arc::new((saved, weights)),
                    shapes,
                    device,
                };
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(run::<B>(input, &weights, hidden, false).0)
            }
        }
    }
}
