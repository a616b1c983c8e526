//! What the benchmarks share: the backends of this build, waiting for a device, and how long to measure.

use std::time::Duration;

use burn::tensor::{Device, Tensor};
use criterion::Criterion;

/// Every backend this build has, by name, without autodiff.
pub fn backends() -> Vec<(&'static str, Device)> {
    vec![
        #[cfg(feature = "flex")]
        ("flex", Device::flex()),
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)]
        ("ndarray", Device::ndarray()),
        #[cfg(feature = "wgpu")]
        (
            "wgpu",
            Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
        ),
    ]
}

/// Reads one number of a tensor, and so waits until the device has computed it.
pub fn wait<const D: usize>(tensor: Tensor<D>) {
    let first: f32 = tensor
        .slice(std::array::from_fn::<_, D, _>(|_| 0..1))
        .into_scalar();
    std::hint::black_box(first);
}

/// Few samples and short measurements: there are many cases, and all of them should be done in minutes.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .nresamples(2000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}
