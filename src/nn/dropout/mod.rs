//! Dropout with a mask that is computed from one seed on the CPU. Drawing every element from the generator of the
//! backend took 30 % of a training step of the expansion model (`perf record`, B = 32, 2026-11-22).

#[cfg(feature = "cpu-kernels")]
mod draw;
#[cfg(feature = "cpu-kernels")]
mod fused;
#[cfg(feature = "cpu-kernels")]
mod mask;

use burn::module::Module;
use burn::nn::DropoutConfig;
use burn::tensor::Tensor;
#[cfg(feature = "cpu-kernels")]
pub(in crate::nn) use mask::Mask;

/// A dropout layer: sets elements to zero at random during training and scales the others by `1 / (1 - p)`.
///
/// Like [`burn::nn::Dropout`], the layer is active on autodiff devices unless frozen. The mask follows from the random
/// state of the device, which [`Device::seed`](burn::tensor::Device::seed) sets. N. Srivastava et al., *Dropout: A
/// Simple Way to Prevent Neural Networks from Overfitting*, JMLR 15 (2014).
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use equipoise::nn::Dropout;
///
/// let input = Tensor::<2>::ones([4, 8], &Device::flex());
/// // Without autodiff, dropout is inactive.
/// let output = Dropout::new(0.5).forward(input.clone());
/// output.into_data().assert_eq(&input.into_data(), true);
/// ```
#[derive(Module, Debug)]
pub struct Dropout {
    plain: burn::nn::Dropout,
}

impl Dropout {
    /// Creates a dropout layer with the probability `p` of a zero.
    ///
    /// # Panics
    ///
    /// If `p` is not in [0, 1).
    pub fn new(p: f64) -> Self {
        Self {
            plain: DropoutConfig::new(p).init(),
        }
    }

    /// Applies dropout to every element, or returns the input unchanged if dropout is inactive.
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

    /// Returns the threshold of the hash: elements with a hash below it are dropped.
    #[cfg(feature = "gpu-kernels")]
    pub(in crate::nn) fn threshold(&self) -> u32 {
        (self.plain.prob * f64::from(u32::MAX)) as u32
    }

    /// Returns the factor of the elements that are kept.
    #[cfg(feature = "gpu-kernels")]
    pub(in crate::nn) fn scale(&self) -> f32 {
        (1.0 / (1.0 - self.plain.prob)) as f32
    }

    /// Draws a mask for this input. Returns `None` if dropout is inactive.
    #[cfg(feature = "cpu-kernels")]
    pub(in crate::nn) fn mask<const D: usize>(&self, input: &Tensor<D>) -> Option<Mask> {
        self.active(input)
            .then(|| Mask::draw(self.plain.prob, input))
    }

    /// Returns whether dropout is active for this input.
    #[cfg(any(feature = "cpu-kernels", feature = "gpu-kernels"))]
    pub(in crate::nn) fn active<const D: usize>(&self, input: &Tensor<D>) -> bool {
        self.plain.prob > 0.0 && self.plain.training.is_enabled() && input.is_autodiff()
    }
}
