//! Applies dropout as one operation on host memory, with a [`Mask`] instead of stored random numbers.

// Burn deprecates its ndarray backend and warns at every use; this crate still supports it.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::mask::Mask;
use crate::host::{TensorValues, arch, to_tensor};

/// Elements per block if the result is new memory.
const BLOCK: usize = 1024;

/// Applies dropout with the probability `p` of a zero.
pub(super) fn forward<const D: usize>(input: Tensor<D>, p: f64) -> Tensor<D> {
    let mask = Mask::draw(p, &input);
    Tensor::from_dispatch(<Dispatch as DropoutExtension>::dropout(
        input.into_dispatch(),
        mask,
    ))
}

#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff
)]
trait DropoutExtension: Backend {
    /// Sets the elements of `input` that the mask drops to zero and scales the others.
    fn dropout(input: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self>;
}

#[cfg(feature = "flex")]
impl DropoutExtension for burn::backend::Flex {
    fn dropout(input: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self> {
        run::<Self>(input, mask)
    }
}

#[cfg(feature = "ndarray")]
impl DropoutExtension for burn::backend::NdArray {
    fn dropout(input: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self> {
        run::<Self>(input, mask)
    }
}

impl<B: Backend + DropoutExtension, C: CheckpointStrategy> DropoutExtension for Autodiff<B, C> {
    fn dropout(input: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self> {
        let node = input.node();
        let output = run::<B>(input.into_primitive(), mask);
        match DropoutBackward
            .prepare::<C>([node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish(mask, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

/// The backward pass of dropout: applies the mask to the gradient.
#[derive(Debug)]
struct DropoutBackward;

impl<B: Backend> Backward<B, 1> for DropoutBackward {
    type State = Mask;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let mask = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            run::<B>(gradient, mask)
        });
    }
}

fn run<B: Backend>(input: FloatTensor<B>, mask: Mask) -> FloatTensor<B> {
    let device = input.device();
    let shape: Vec<usize> = input.shape().iter().copied().collect();
    let values = match TensorValues::read::<B>(input).into_unique() {
        Ok(mut values) => {
            apply(mask, &mut values, 0);
            values
        }
        Err(shared) => applied(mask, &shared),
    };
    to_tensor::<B>(values, &shape, &device)
}

/// Applies a mask in place to values that begin at position `first`.
fn apply(mask: Mask, values: &mut [f32], first: usize) {
    arch().dispatch(|| {
        for (index, value) in values.iter_mut().enumerate() {
            let scaled = *value * mask.scale;
            *value = if mask.keeps((first + index) as u32) {
                scaled
            } else {
                0.0
            };
        }
    });
}

/// Applies a mask in new memory, block by block, so that each block is still in the first-level cache.
fn applied(mask: Mask, values: &[f32]) -> Vec<f32> {
    let mut found = Vec::with_capacity(values.len());
    for block in values.chunks(BLOCK) {
        let first = found.len();
        found.extend_from_slice(block);
        apply(mask, &mut found[first..], first);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths that end inside, at the end of and just after vectors of every width.
    #[test]
    fn every_instruction_set_keeps_and_scales_the_same_elements() {
        let mask = Mask::new(0.4, 5);
        crate::host::each_instruction_set(|name| {
            for length in [0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100] {
                let values: Vec<f32> = (0..length).map(|i| i as f32 - 40.5).collect();
                let mut found = values.clone();
                apply(mask, &mut found, 3);
                for (index, (found, value)) in found.iter().zip(&values).enumerate() {
                    let kept = mask.keeps((3 + index) as u32);
                    let expected = if kept { value * mask.scale } else { 0.0 };
                    assert_eq!(*found, expected, "{name}, {index} of {length}");
                }
            }
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn new_memory_and_old_get_the_same_and_the_mean_stays() {
        let mask = Mask::new(0.6, 77);
        let ones = vec![1.0; 1_000_003];
        let mut values = ones.clone();
        apply(mask, &mut values, 0);
        assert_eq!(applied(mask, &ones), values);
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
        // Five standard deviations of a binomial share, scaled.
        assert!(
            (mean - 1.0).abs() < 5.0 * (0.6 * 0.4 / 1e6f64).sqrt() / 0.4,
            "{mean}"
        );
    }
}
