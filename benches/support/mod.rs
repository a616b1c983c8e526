//! What the benchmarks share: the backends of this build, waiting for a device, and how long to measure.

// Every benchmark is a program of its own and uses a part of this.
#![allow(dead_code, unused_imports)]

pub mod waiting;
#[cfg(feature = "expansion")]
pub mod work;

use std::time::Duration;

use burn::tensor::Device;
use criterion::Criterion;
pub use waiting::wait;

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

/// Few samples and short measurements: there are many cases, and all of them should be done in minutes.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .nresamples(2000)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
}
