//! Sums the squares of many gradients on a GPU, with one launch for every five gradients: one launch per parameter
//! would be as many launches as the rest of the step.

mod extension;
mod kernel;
mod launch;

use burn::backend::{Dispatch, DispatchTensor};
use burn::tensor::Tensor;

use self::extension::SquaresKernel;
use crate::gpu;

/// The number of tensors of a launch: WebGPU guarantees eight buffers for a kernel, of which CubeCL uses one and the
/// sums another.
const MOST: usize = 6;

/// Returns whether the kernel supports a gradient.
pub(super) fn serves<const D: usize>(gradient: &Tensor<D>) -> bool {
    gpu::limits(gradient).is_some_and(|limits| {
        limits.bindings > MOST
            && limits.units >= kernel::UNITS as usize
            && limits.shared >= kernel::UNITS as usize * size_of::<f32>()
            // The index of a unit passes the last element by up to one stride.
            && (gradient.shape().num_elements() + kernel::PARTS * kernel::UNITS as usize) as u64
                <= u64::from(u32::MAX)
    })
}

/// Gradients whose squares are not yet summed.
#[derive(Default)]
pub(super) struct Waiting {
    tensors: Vec<DispatchTensor>,
    /// Whether the first tensor holds sums already.
    carried: bool,
}

impl Waiting {
    /// Adds a gradient; the kernel must [support](serves) it.
    pub(super) fn add<const D: usize>(&mut self, gradient: Tensor<D>) {
        if self.tensors.len() == MOST {
            let sums = self.launch().into_dispatch();
            *self = Self {
                tensors: vec![sums],
                carried: true,
            };
        }
        self.tensors.push(gradient.inner().into_dispatch());
    }

    /// Returns the sum of all squares, `[1]`; `None` without gradients.
    pub(super) fn sum(mut self) -> Option<Tensor<1>> {
        if self.tensors.is_empty() {
            return None;
        }
        let sums = self.launch();
        let count = sums.shape().num_elements();
        // Summed as a row: the sum of a whole tensor takes two kernels.
        Some(sums.reshape([1, count]).sum_dim(1).reshape([1]))
    }

    /// Returns the partial sums of all waiting tensors, `[count, PARTS]`.
    fn launch(&mut self) -> Tensor<2> {
        let tensors = std::mem::take(&mut self.tensors);
        let count = tensors.len();
        // The last tensor fills the missing places, which the kernel does not read.
        let [a, b, c, d, e, f] = std::array::from_fn(|at| tensors[at.min(count - 1)].clone());
        let sums = <Dispatch as SquaresKernel>::squares(a, b, c, d, e, f, count, self.carried);
        Tensor::from_dispatch(sums)
    }
}

#[cfg(all(test, feature = "wgpu"))]
mod tests {
    use burn::tensor::{Device, DeviceKind, TensorData};

    use super::*;

    /// Tensors of different sizes and ranks, one of them not contiguous, enough for several launches.
    #[test]
    fn squares_are_those_of_the_host() {
        let device = Device::wgpu(DeviceKind::DefaultDevice);
        for tensors in [1, 5, 6, 7, 11, 12, 17] {
            let (mut waiting, mut expected) = (Waiting::default(), 0.0);
            for number in 0..tensors {
                let rows = [1, 3, 130, 4097][number % 4];
                let value = |at: usize| ((at * 37 + number * 11) % 101) as f32 / 50.0 - 1.0;
                let values: Vec<f32> = (0..rows * 3).map(value).collect();
                expected += values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
                let tensor: Tensor<2> =
                    Tensor::from_data(TensorData::new(values, [rows, 3]), &device);
                assert!(serves(&tensor));
                match number % 3 {
                    0 => waiting.add(tensor),
                    1 => waiting.add(tensor.transpose()),
                    _ => waiting.add(tensor.reshape([rows * 3])),
                }
            }
            let found = waiting.sum().unwrap().into_scalar::<f32>();
            let found = f64::from(found);
            assert!(
                (found - expected).abs() <= 1e-5 * expected,
                "{tensors} tensors: {found}, expected {expected}"
            );
        }
        assert!(Waiting::default().sum().is_none());
    }
}
