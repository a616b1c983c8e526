//! Registers the pull with Burn for the CPU backends: the operation that passes a given gradient on to a graph.

// Burn deprecates its ndarray backend and warns at every use; this crate still supports it.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, TensorMetadata, backend_extension};

use super::kernel;
use crate::host::{TensorValues, to_tensor};

/// The pull at a representation as an operation of a backend.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff
)]
pub(super) trait PullExtension: Backend {
    /// Computes the sum of `representation` times `gradient`, `[1]`. No gradient reaches `gradient`.
    fn pull(representation: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;
}

macro_rules! on_host {
    ($backend:ty) => {
        impl PullExtension for $backend {
            fn pull(
                representation: FloatTensor<Self>,
                gradient: FloatTensor<Self>,
            ) -> FloatTensor<Self> {
                let device = representation.device();
                let (first, second) = (
                    TensorValues::read::<Self>(representation),
                    TensorValues::read::<Self>(gradient),
                );
                let product = kernel::product(&first, &second) as f32;
                to_tensor::<Self>(vec![product], &[1], &device)
            }
        }
    };
}

#[cfg(feature = "flex")]
on_host!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
on_host!(burn::backend::NdArray);

#[derive(Debug)]
struct PullBackward;

impl<B: Backend> Backward<B, 1> for PullBackward {
    type State = FloatTensor<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let arriving = TensorValues::read::<B>(gradients.consume::<B>(&ops.node))[0];
        if let [Some(parent)] = &ops.parents {
            let gradient = if arriving == 1.0 {
                ops.state
            } else {
                B::float_mul_scalar(ops.state, arriving.into())
            };
            gradients.register::<B>(parent.id, gradient);
        }
    }
}

impl<B: Backend + PullExtension, C: CheckpointStrategy> PullExtension for Autodiff<B, C> {
    fn pull(representation: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let node = representation.node();
        let gradient = gradient.into_primitive();
        let product = B::pull(representation.into_primitive(), gradient.clone());
        match PullBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(gradient, product),
            OpsKind::UnTracked(prepared) => prepared.finish(product),
        }
    }
}
