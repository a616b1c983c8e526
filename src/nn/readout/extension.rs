//! Registers the readout with Burn: for the CPU backends, and with its backward pass for autodiff.

// Burn deprecates its ndarray backend and warns at every use; this crate still supports it.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{Device, FloatTensor};
use burn::backend::{Autodiff, Backend, TensorMetadata, backend_extension};

use super::kernel::{self, Head, Size};
use crate::host::{TensorValues, to_tensor};
use crate::nn::dropout::Mask;

/// The readout as an operation of a backend.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff
)]
pub(super) trait ReadoutExtension: Backend {
    /// Computes the readout of `[batch, time, width]`, with weights `[heads, width]`, biases `[heads]` and one mask for
    /// each head. The output is one flat tensor: the steps of all heads, `[heads, batch, time]`, then the means,
    /// `[batch, width]`.
    fn readout(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        masks: Vec<Option<Mask>>,
    ) -> FloatTensor<Self>;
}

#[cfg(feature = "flex")]
impl ReadoutExtension for burn::backend::Flex {
    fn readout(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        masks: Vec<Option<Mask>>,
    ) -> FloatTensor<Self> {
        Work::read::<Self>(input, weights, bias, masks).output::<Self>()
    }
}

#[cfg(feature = "ndarray")]
impl ReadoutExtension for burn::backend::NdArray {
    fn readout(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        masks: Vec<Option<Mask>>,
    ) -> FloatTensor<Self> {
        Work::read::<Self>(input, weights, bias, masks).output::<Self>()
    }
}

/// The inputs of forward and backward pass.
#[derive(Clone, Debug)]
struct Work<D> {
    input: TensorValues,
    weights: TensorValues,
    bias: TensorValues,
    masks: Vec<Option<Mask>>,
    /// Batch, time and width.
    shape: [usize; 3],
    device: D,
}

impl<D: Clone> Work<D> {
    fn read<B: Backend<Device = D>>(
        input: FloatTensor<B>,
        weights: FloatTensor<B>,
        bias: FloatTensor<B>,
        masks: Vec<Option<Mask>>,
    ) -> Self {
        let mut shape = [0; 3];
        let dims = input.shape();
        shape
            .iter_mut()
            .zip(dims.iter())
            .for_each(|(to, from)| *to = *from);
        Self {
            device: input.device(),
            shape,
            input: TensorValues::read::<B>(input),
            weights: TensorValues::read::<B>(weights),
            bias: TensorValues::read::<B>(bias),
            masks,
        }
    }

    fn heads(&self) -> Vec<Head<'_>> {
        let [_, _, width] = self.shape;
        let parts = self.weights.chunks_exact(width).zip(self.bias.iter());
        let heads = parts.zip(&self.masks).map(|((weights, bias), mask)| Head {
            weights,
            bias: *bias,
            mask: *mask,
        });
        heads.collect()
    }

    fn size(&self) -> Size {
        let [_, time, width] = self.shape;
        Size { time, width }
    }

    fn output<B: Backend<Device = D>>(&self) -> FloatTensor<B> {
        let output = kernel::forward(&self.heads(), &self.input, self.size());
        let shape = [output.len()];
        to_tensor::<B>(output, &shape, &self.device)
    }
}

#[derive(Debug)]
struct ReadoutBackward;

impl<B: Backend> Backward<B, 3> for ReadoutBackward {
    type State = Work<Device<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let work = ops.state;
        let [_, _, width] = work.shape;
        let output = TensorValues::read::<B>(gradients.consume::<B>(&ops.node));
        let [to_input, to_weights, to_bias] = ops.parents;
        let heads = work.heads();
        let found = kernel::backward(
            &heads,
            &work.input,
            work.size(),
            &output,
            to_input.is_some(),
        );
        let count = heads.len();
        let values = [
            (
                to_input,
                found.input.unwrap_or_default(),
                work.shape.to_vec(),
            ),
            (to_weights, found.weights, vec![count, width]),
            (to_bias, found.bias, vec![count]),
        ];
        for (parent, values, shape) in values {
            // Without heads, the parameters are placeholders without gradients.
            if let Some(node) = parent.filter(|_| shape[0] > 0) {
                let gradient = to_tensor::<B>(values, &shape, &work.device);
                gradients.register::<B>(node.id, gradient);
            }
        }
        work.input.recycle();
    }
}

impl<B: Backend + ReadoutExtension, C: CheckpointStrategy> ReadoutExtension for Autodiff<B, C> {
    fn readout(
        input: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        masks: Vec<Option<Mask>>,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), weights.node(), bias.node()];
        let work = Work::read::<B>(
            input.into_primitive(),
            weights.into_primitive(),
            bias.into_primitive(),
            masks,
        );
        let output = work.output::<B>();
        match ReadoutBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish(work, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
