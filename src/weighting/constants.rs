//! Constants of a strategy: small tensors off the graph that follow the losses to their device.

use burn::tensor::{Device, Tensor};

/// `constant` on the device of `like`; free when it is there already.
pub(super) fn on(constant: &Tensor<1>, like: &Tensor<1>) -> Tensor<1> {
    let device = like.device().inner();
    match constant.device() == device {
        true => constant.clone(),
        false => constant.clone().to_device(&device),
    }
}

/// Host numbers as a constant on the plain device.
pub(super) fn floats(values: &[f64], device: &Device) -> Tensor<1> {
    let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
    Tensor::from_data(values.as_slice(), &device.clone().inner())
}
