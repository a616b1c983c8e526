//! Dropout as one operation on host memory: the mask is a function of a seed and the position, so it is never stored.
//!
//! The function is a mixer of 32-bit integers with good avalanche (C. Wellons, *Prospecting for Hash Functions*, 2018),
//! applied to the position with each half of the seed.

// Burn deprecates its ndarray backend and warns wherever it is named; this crate still serves it.
#![cfg_attr(feature = "ndarray", allow(deprecated))]

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Distribution, Tensor};
use pulp::Arch;

use crate::host::{Values, to_tensor};

/// Applies dropout with the probability `p` of a zero.
pub(super) fn forward<const D: usize>(input: Tensor<D>, p: f64) -> Tensor<D> {
    let seed = draw_seed(&input);
    Tensor::from_dispatch(<Dispatch as DropoutExtension>::dropout(
        input.into_dispatch(),
        p,
        seed,
    ))
}

/// 48 bits of the device's random state. Reading them waits for nothing, the tensors are in host memory.
fn draw_seed<const D: usize>(like: &Tensor<D>) -> u64 {
    let device = like.device().inner();
    let drawn = Tensor::<1>::random([2], Distribution::Default, &device).into_data();
    let bits = |uniform: f32| (uniform * (1 << 24) as f32) as u64;
    drawn
        .iter::<f32>()
        .fold(0, |seed, uniform| (seed << 32) | bits(uniform))
}

#[backend_extension(
    Flex: cfg(feature = "flex"),
    NdArray: cfg(feature = "ndarray"),
    Autodiff
)]
trait DropoutExtension: Backend {
    /// `input` with the elements set to zero that the seed says, the others scaled.
    fn dropout(input: FloatTensor<Self>, p: f64, seed: u64) -> FloatTensor<Self>;
}

#[cfg(feature = "flex")]
impl DropoutExtension for burn::backend::Flex {
    fn dropout(input: FloatTensor<Self>, p: f64, seed: u64) -> FloatTensor<Self> {
        run::<Self>(input, p, seed)
    }
}

#[cfg(feature = "ndarray")]
impl DropoutExtension for burn::backend::NdArray {
    fn dropout(input: FloatTensor<Self>, p: f64, seed: u64) -> FloatTensor<Self> {
        run::<Self>(input, p, seed)
    }
}

impl<B: Backend + DropoutExtension, C: CheckpointStrategy> DropoutExtension for Autodiff<B, C> {
    fn dropout(input: FloatTensor<Self>, p: f64, seed: u64) -> FloatTensor<Self> {
        let node = input.node();
        let output = run::<B>(input.into_primitive(), p, seed);
        match DropoutBackward
            .prepare::<C>([node])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prepared) => prepared.finish((p, seed), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

/// The gradient goes where the values went.
#[derive(Debug)]
struct DropoutBackward;

impl<B: Backend> Backward<B, 1> for DropoutBackward {
    type State = (f64, u64);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        gradients: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let (p, seed) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            run::<B>(gradient, p, seed)
        });
    }
}

fn run<B: Backend>(input: FloatTensor<B>, p: f64, seed: u64) -> FloatTensor<B> {
    let device = input.device();
    let shape: Vec<usize> = input.shape().iter().copied().collect();
    let mut values = Values::read::<B>(input).into_vec();
    drop_some(&mut values, p, seed);
    to_tensor::<B>(values, &shape, &device)
}

fn drop_some(values: &mut [f32], p: f64, seed: u64) {
    let threshold = (p * f64::from(u32::MAX)) as u32;
    let scale = (1.0 / (1.0 - p)) as f32;
    let halves = (seed as u32, (seed >> 32) as u32);
    Arch::new().dispatch(|| {
        for (position, value) in values.iter_mut().enumerate() {
            let drawn = mix(mix(position as u32 ^ halves.0).wrapping_add(halves.1));
            *value = if drawn < threshold {
                0.0
            } else {
                *value * scale
            };
        }
    });
}

#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(count: usize, p: f64, seed: u64) -> Vec<f32> {
        let mut values = vec![1.0; count];
        drop_some(&mut values, p, seed);
        values
    }

    #[test]
    fn the_share_of_zeros_is_p_and_the_mean_stays() {
        for (p, seed) in [(0.1, 3), (0.3, 1 << 40), (0.6, 77), (0.95, 12345)] {
            let mask = mask(1_000_000, p, seed);
            let zeros = mask.iter().filter(|v| **v == 0.0).count() as f64 / 1e6;
            let mean = mask.iter().map(|v| f64::from(*v)).sum::<f64>() / 1e6;
            // Five standard deviations of a binomial share.
            let slack = 5.0 * (p * (1.0 - p) / 1e6).sqrt();
            assert!((zeros - p).abs() < slack, "{zeros} for {p}");
            assert!((mean - 1.0).abs() < slack / (1.0 - p), "{mean} for {p}");
        }
    }

    #[test]
    fn neighbours_and_seeds_are_independent() {
        let (a, b) = (mask(1_000_000, 0.5, 10), mask(1_000_000, 0.5, 11));
        let agree = |x: &[f32], y: &[f32]| {
            x.iter().zip(y).filter(|(x, y)| x == y).count() as f64 / x.len() as f64
        };
        for share in [
            agree(&a, &b),
            agree(&a[1..], &a[..a.len() - 1]),
            agree(&a[192..], &a[..a.len() - 192]),
            agree(&a[8192..], &a[..a.len() - 8192]),
        ] {
            assert!((share - 0.5).abs() < 2.5e-3, "{share}");
        }
    }
}
