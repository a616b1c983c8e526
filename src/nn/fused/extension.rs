//! Registers the layer with Burn: for the CPU backends, and with its backward pass for autodiff.

// Burn deprecates its ndarray backend and warns at every use; this crate still supports it.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{Device, FloatTensor};
use burn::backend::{Autodiff, Backend, TensorMetadata, backend_extension};

use super::kernel::{self, Saved, Sequences};
use super::layout::{Form, Layout};
use super::packing::Weights;
use super::products::{Wanted, WeightGradients};
use crate::host::{TensorValues, arch, to_tensor};

/// One LSTM layer as an operation of a backend.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff
)]
pub(super) trait LstmExtension: Backend {
    /// Computes the layer. `input` is `[batch, time, features]`, or time first by `form`. `states` holds the initial
    /// hidden states and cells, `[2, batch, width]`. Then follow input weights, recurrent weights, input bias and
    /// recurrent bias of the forward and of the backward direction. With one direction, the second four are not read.
    /// The output is `[batch, time, width]`, or time first, with the final states behind the last position if `form`
    /// requests them.
    #[allow(clippy::too_many_arguments)]
    fn lstm_layer(
        input: FloatTensor<Self>,
        states: FloatTensor<Self>,
        forward_input: FloatTensor<Self>,
        forward_recurrent: FloatTensor<Self>,
        forward_input_bias: FloatTensor<Self>,
        forward_recurrent_bias: FloatTensor<Self>,
        backward_input: FloatTensor<Self>,
        backward_recurrent: FloatTensor<Self>,
        backward_input_bias: FloatTensor<Self>,
        backward_recurrent_bias: FloatTensor<Self>,
        form: Form,
        lengths: Option<Arc<[usize]>>,
    ) -> FloatTensor<Self>;
}

macro_rules! on_host {
    ($backend:ty) => {
        impl LstmExtension for $backend {
            fn lstm_layer(
                input: FloatTensor<Self>,
                states: FloatTensor<Self>,
                forward_input: FloatTensor<Self>,
                forward_recurrent: FloatTensor<Self>,
                forward_input_bias: FloatTensor<Self>,
                forward_recurrent_bias: FloatTensor<Self>,
                backward_input: FloatTensor<Self>,
                backward_recurrent: FloatTensor<Self>,
                backward_input_bias: FloatTensor<Self>,
                backward_recurrent_bias: FloatTensor<Self>,
                form: Form,
                lengths: Option<Arc<[usize]>>,
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
                Work::read::<Self>(&input, &weights, form, lengths)
                    .run::<Self>(input, states, false)
                    .0
            }
        }
    };
}

#[cfg(feature = "flex")]
on_host!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
on_host!(burn::backend::NdArray);

/// The sizes and weights of a layer, for forward and backward pass.
#[derive(Clone, Debug)]
struct Work {
    layout: Layout,
    lengths: Option<Arc<[usize]>>,
    /// The weights of the forward direction, then of the backward direction if there is one.
    weights: Vec<[TensorValues; 4]>,
}

impl Work {
    fn read<B: Backend>(
        input: &FloatTensor<B>,
        weights: &[FloatTensor<B>; 8],
        form: Form,
        lengths: Option<Arc<[usize]>>,
    ) -> Self {
        let [first, second, features] = dims(input.shape().iter().copied());
        let (batch, time) = if form.batch_first {
            (first, second)
        } else {
            (second, first)
        };
        let [_, hidden] = dims(weights[1].shape().iter().copied());
        let read = |start: usize| {
            std::array::from_fn(|part| TensorValues::read::<B>(weights[start + part].clone()))
        };
        Self {
            layout: Layout::new(form, [batch, time, features], hidden),
            lengths,
            weights: [0, 4].into_iter().take(form.directions).map(read).collect(),
        }
    }

    /// Runs the kernel on tensors in host memory. Keeps the data for the backward pass if `keep`.
    fn run<B: Backend>(
        &self,
        input: FloatTensor<B>,
        states: FloatTensor<B>,
        keep: bool,
    ) -> (FloatTensor<B>, Option<Saved>) {
        let device = input.device();
        let (input, states) = (
            TensorValues::read::<B>(input),
            TensorValues::read::<B>(states),
        );
        let sequences = Sequences {
            input: &input,
            states: &states,
            lengths: self.lengths.as_deref(),
        };
        let (output, saved) =
            kernel::forward(arch(), self.layout, sequences, &self.directions(), keep);
        let output = to_tensor::<B>(output, &self.layout.output(), &device);
        (output, saved)
    }

    fn directions(&self) -> Vec<Weights<'_>> {
        let directions = self.weights.iter();
        directions
            .map(|[input, recurrent, input_bias, recurrent_bias]| Weights {
                input,
                recurrent,
                input_bias,
                recurrent_bias,
            })
            .collect()
    }
}

fn dims<const D: usize>(shape: impl Iterator<Item = usize>) -> [usize; D] {
    let mut dims = [0; D];
    dims.iter_mut().zip(shape).for_each(|(to, from)| *to = from);
    dims
}

#[derive(Debug)]
struct LstmBackward;

/// The data for the backward pass: the data that the kernel kept, the weights, and shapes and device of the gradients.
#[derive(Clone, Debug)]
struct BackwardState<D> {
    saved: Arc<(Saved, Work)>,
    shapes: [Vec<usize>; 10],
    device: D,
}

impl<B: Backend> Backward<B, 10> for LstmBackward {
    type State = BackwardState<Device<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 10>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let BackwardState {
            saved,
            shapes,
            device,
        } = ops.state;
        let output = TensorValues::read::<B>(gradients.consume::<B>(&ops.node));
        let wanted = Wanted {
            input: ops.parents[0].is_some(),
            states: ops.parents[1].is_some(),
            weights: ops.parents[2..].iter().any(Option::is_some),
        };
        // The graph no longer needs the kept data, so its memory is used for the gradients of the gates.
        let (saved, work) = Arc::try_unwrap(saved).unwrap_or_else(|held| (*held).clone());
        let found = kernel::backward(arch(), saved, &output, &work.directions(), wanted);
        output.recycle();
        let weights = found.weights.into_iter().flatten().flat_map(of_direction);
        let weights = weights.map(Some).chain(std::iter::repeat(None));
        let values = [found.input, found.states].into_iter().chain(weights);
        for ((parent, values), shape) in ops.parents.iter().zip(values).zip(&shapes) {
            if let (Some(node), Some(values)) = (parent, values) {
                gradients.register::<B>(node.id, to_tensor::<B>(values, shape, &device));
            }
        }
    }
}

/// Returns the gradients of the four parameters of a direction.
fn of_direction(found: WeightGradients) -> [Vec<f32>; 4] {
    let recurrent_bias = found.bias.clone();
    [found.input, found.recurrent, found.bias, recurrent_bias]
}

impl<B: Backend + LstmExtension, C: CheckpointStrategy> LstmExtension for Autodiff<B, C> {
    fn lstm_layer(
        input: FloatTensor<Self>,
        states: FloatTensor<Self>,
        forward_input: FloatTensor<Self>,
        forward_recurrent: FloatTensor<Self>,
        forward_input_bias: FloatTensor<Self>,
        forward_recurrent_bias: FloatTensor<Self>,
        backward_input: FloatTensor<Self>,
        backward_recurrent: FloatTensor<Self>,
        backward_input_bias: FloatTensor<Self>,
        backward_recurrent_bias: FloatTensor<Self>,
        form: Form,
        lengths: Option<Arc<[usize]>>,
    ) -> FloatTensor<Self> {
        let tensors = [
            input,
            states,
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
        let [input, states, weights @ ..] = tensors.map(|tensor| tensor.into_primitive());
        let device = input.device();
        let work = Work::read::<B>(&input, &weights, form, lengths);
        match LstmBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (output, saved) = work.run::<B>(input, states, true);
                let saved = saved.expect("it was asked for");
                let state = BackwardState {
                    saved: Arc::new((saved, work)),
                    shapes,
                    device,
                };
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(work.run::<B>(input, states, false).0),
        }
    }
}
