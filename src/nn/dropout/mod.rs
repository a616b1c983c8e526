//! Dropout whose mask costs little: on the CPU it is computed from one seed. Drawing every element from the backend's
//! generator took 30 % of a training step of the expansion model (`perf record`, B = 32, 2026-11-22).

#[cfg(feature = "cpu-kernels")]
mod fused;
#[cfg(feature = "cpu-kernels")]
mod mask;

use burn::module::Module;
use burn::nn::DropoutConfig;
use burn::tensor::Tensor;
#[cfg(feature = "cpu-kernels")]
pub(in crate::nn) use mask::Mask;

/// Sets elements to zero at random during training and scales the others by `1 / (1 - p)`.
///
/// Behaves as [`burn::nn::Dropout`] and keeps to its rules: active on autodiff devices unless frozen. The mask follows from
/// the device's random state, which [`Device::seed`](burn::tensor::Device::seed) sets. N. Srivastava et al., *Dropout: A
/// Simple Way to Prevent Neural Networks from Overfitting*, JMLR 15 (2014).
#[derive(Module, Debug)]
pub struct Dropout {
    plain: burn::nn::Dropout,
}

impl Dropout {
    /// Dropout with the probability `p` of a zero.
    ///
    /// # Panics
    ///
    /// If `p` is not in [0, 1).
    pub fn new(p: f64) -> Self {
        Self {
            plain: DropoutConfig::new(p).init(),
        }
    }

    /// Applies it.
    ///
    /// # Shapes
    ///
    /// - input, output: `[...]`
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        #[cfg(feature = "cpu-kernels")]
        if self.active(&input) && crate::host::applies(&input) {
            return fused::forward(input, self.plain.prob);
        }
        self.plain.forward(input)
    }

    /// What the hash of an element that is dropped lies below.
    #[cfg(feature = "gpu-kernels")]
    pub(in crate::nn) fn threshold(&self) -> u32 {
        (self.plain.prob * f64::from(u32::MAX)) as u32
    }

    /// What the elements that stay are multiplied by.
    #[cfg(feature = "gpu-kernels")]
    pub(in crate::nn) fn scale(&self) -> f32 {
        (1.0 / (1.0 - self.plain.prob)) as f32
    }

    /// A mask for this input, unless all of it stays.
    #[cfg(feature = "cpu-kernels")]
    pub(in crate::nn) fn mask<const D: usize>(&self, input: &Tensor<D>) -> Option<Mask> {
        self.active(input)
            .then(|| Mask::draw(self.plain.prob, input))
    }

    /// Whether elements of this input are dropped.
    #[cfg(any(feature = "cpu-kernels", feature = "gpu-kernels"))]
    pub(in crate::nn) fn active<const D: usize>(&self, input: &Tensor<D>) -> bool {
        self.plain.prob > 0.0 && self.plain.training.is_enabled() && input.is_autodiff()
    }
}
