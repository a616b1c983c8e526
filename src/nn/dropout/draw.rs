//! Draws the seed of a mask from the random state of a device.

use burn::tensor::{Distribution, Tensor};

use super::mask::Mask;

impl Mask {
    /// Draws a mask from the random state of the tensor's device. The read does not wait: the tensors are in host
    /// memory.
    pub(in crate::nn) fn draw<const D: usize>(p: f64, like: &Tensor<D>) -> Self {
        let device = like.device().inner();
        let drawn = Tensor::<1>::random([2], Distribution::Default, &device).into_data();
        let bits = |uniform: f32| (uniform * (1 << 24) as f32) as u64;
        let seed = drawn.iter::<f32>();
        Self::new(
            p,
            seed.fold(0, |seed, uniform| (seed << 32) | bits(uniform)),
        )
    }
}
