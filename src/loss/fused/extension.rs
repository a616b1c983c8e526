//! Registers the losses with Burn: for the CPU backends, and with their backward pass for autodiff.

// Burn deprecates its ndarray backend and warns at every use; this crate still supports it.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{Device, FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, TensorMetadata, backend_extension};

use super::kernel::{self, Pointwise, Reduced};
use crate::host::{Integers, TensorValues, to_tensor};

/// The losses as operations of a backend. The output is `[1]`. `mask` holds 1 and 0 and is read if `masked`.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff
)]
pub(super) trait LossExtension: Backend {
    /// Computes a loss between predictions and targets of equal shape.
    fn pointwise_loss(
        predictions: FloatTensor<Self>,
        targets: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
        loss: Pointwise,
        mean: bool,
    ) -> FloatTensor<Self>;

    /// Computes the cross entropy between `[rows, classes]` logits and `[rows]` classes.
    fn cross_entropy_loss(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
        mean: bool,
    ) -> FloatTensor<Self>;
}

macro_rules! on_host {
    ($backend:ty) => {
        impl LossExtension for $backend {
            fn pointwise_loss(
                predictions: FloatTensor<Self>,
                targets: FloatTensor<Self>,
                mask: FloatTensor<Self>,
                masked: bool,
                loss: Pointwise,
                mean: bool,
            ) -> FloatTensor<Self> {
                let device = predictions.device();
                let inputs = LossInputs::<Self>::new(predictions, mask, masked);
                value::<Self>(&inputs.pointwise(targets, loss, mean, false), &device)
            }

            fn cross_entropy_loss(
                logits: FloatTensor<Self>,
                targets: IntTensor<Self>,
                mask: FloatTensor<Self>,
                masked: bool,
                mean: bool,
            ) -> FloatTensor<Self> {
                let device = logits.device();
                let inputs = LossInputs::<Self>::new(logits, mask, masked);
                value::<Self>(&inputs.cross_entropy(targets, mean, false), &device)
            }
        }
    };
}

#[cfg(feature = "flex")]
on_host!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
on_host!(burn::backend::NdArray);

/// The predictions and the mask of a loss.
struct LossInputs<B: Backend> {
    predictions: FloatTensor<B>,
    mask: Option<TensorValues>,
}

impl<B: Backend> LossInputs<B> {
    fn new(predictions: FloatTensor<B>, mask: FloatTensor<B>, masked: bool) -> Self {
        Self {
            predictions,
            mask: masked.then(|| TensorValues::read::<B>(mask)),
        }
    }

    fn pointwise(
        self,
        targets: FloatTensor<B>,
        loss: Pointwise,
        mean: bool,
        wanted: bool,
    ) -> Reduced {
        let (predictions, targets) = (
            TensorValues::read::<B>(self.predictions),
            TensorValues::read::<B>(targets),
        );
        kernel::pointwise(
            loss,
            &predictions,
            &targets,
            self.mask.as_deref(),
            mean,
            wanted,
        )
    }

    fn cross_entropy(self, targets: IntTensor<B>, mean: bool, wanted: bool) -> Reduced {
        let classes = self.predictions.shape()[1];
        let (logits, targets) = (
            TensorValues::read::<B>(self.predictions),
            Integers::read::<B>(targets),
        );
        kernel::cross_entropy(
            &logits,
            classes,
            &targets,
            self.mask.as_deref(),
            mean,
            wanted,
        )
    }
}

fn value<B: Backend>(found: &Reduced, device: &Device<B>) -> FloatTensor<B> {
    to_tensor::<B>(vec![found.value as f32], &[1], device)
}

/// The backward pass of every loss: scales the derivatives that the forward pass computed.
#[derive(Debug)]
struct LossBackward;

/// The derivatives of the elements, with shape and device of the gradient.
#[derive(Clone, Debug)]
struct BackwardState<D> {
    derivatives: Arc<Vec<f32>>,
    shape: Vec<usize>,
    device: D,
}

impl<B: Backend> Backward<B, 1> for LossBackward {
    type State = BackwardState<Device<B>>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let state = ops.state;
        let arriving = TensorValues::read::<B>(gradients.consume::<B>(&ops.node));
        // The graph no longer needs the derivatives, so they are scaled in place.
        let mut values = Arc::try_unwrap(state.derivatives).unwrap_or_else(|held| (*held).clone());
        kernel::scale(&mut values, arriving[0]);
        if let [Some(parent)] = &ops.parents {
            let gradient = to_tensor::<B>(values, &state.shape, &state.device);
            gradients.register::<B>(parent.id, gradient);
        }
    }
}

impl<B: Backend + LossExtension, C: CheckpointStrategy> LossExtension for Autodiff<B, C> {
    fn pointwise_loss(
        predictions: FloatTensor<Self>,
        targets: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
        loss: Pointwise,
        mean: bool,
    ) -> FloatTensor<Self> {
        let node = predictions.node();
        let (predictions, mask) = (predictions.into_primitive(), mask.into_primitive());
        let (shape, device) = described::<B>(&predictions);
        let inputs = LossInputs::<B>::new(predictions, mask, masked);
        let run = |wanted| inputs.pointwise(targets.into_primitive(), loss, mean, wanted);
        match LossBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (state, value) = tracked::<B>(run(true), shape, device);
                prepared.finish(state, value)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(value::<B>(&run(false), &device)),
        }
    }

    fn cross_entropy_loss(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        mask: FloatTensor<Self>,
        masked: bool,
        mean: bool,
    ) -> FloatTensor<Self> {
        let node = logits.node();
        let (logits, mask) = (logits.into_primitive(), mask.into_primitive());
        let (shape, device) = described::<B>(&logits);
        let inputs = LossInputs::<B>::new(logits, mask, masked);
        let run = |wanted| inputs.cross_entropy(targets, mean, wanted);
        match LossBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (state, value) = tracked::<B>(run(true), shape, device);
                prepared.finish(state, value)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(value::<B>(&run(false), &device)),
        }
    }
}

fn described<B: Backend>(tensor: &FloatTensor<B>) -> (Vec<usize>, Device<B>) {
    (tensor.shape().iter().copied().collect(), tensor.device())
}

fn tracked<B: Backend>(
    mut found: Reduced,
    shape: Vec<usize>,
    device: Device<B>,
) -> (BackwardState<Device<B>>, FloatTensor<B>) {
    let value = value::<B>(&found, &device);
    let state = BackwardState {
        derivatives: Arc::new(found.derivatives.take().unwrap_or_default()),
        shape,
        device,
    };
    (state, value)
}
