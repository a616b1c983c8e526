//! Linear heads that read every step of a sequence, without a dropped-out copy of the sequence for each of them.

#[cfg(feature = "cpu-kernels")]
mod extension;
#[cfg(feature = "cpu-kernels")]
mod kernel;

use burn::nn::Linear;
use burn::tensor::Tensor;

use super::Dropout;

/// The outputs of several linear layers with one output each, at every step, each behind a dropout of its own.
///
/// Says the same as `head.forward(dropout.forward(input))` for every head, but on the CPU neither the copies nor their
/// gradients are made: the input is read once for all heads and its gradient written once.
///
/// # Shapes
///
/// - input: `[batch, time, width]`; every head has a weight of `[width, 1]`
/// - each output: `[batch, time]`, in the order of the heads
///
/// # Panics
///
/// If a head has another number of inputs than `width`, or more than one output.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::{Device, Tensor};
/// use equipoise::nn::{Dropout, step_heads};
///
/// let device = Device::flex();
/// let [binary, countdown] = [(); 2].map(|_| LinearConfig::new(192, 1).init(&device));
/// let states = Tensor::<3>::ones([2, 105, 192], &device);
/// let [binary, countdown] = step_heads(&Dropout::new(0.2), [&binary, &countdown], states);
/// assert_eq!((binary.dims(), countdown.dims()), ([2, 105], [2, 105]));
/// ```
pub fn step_heads<const N: usize>(
    dropout: &Dropout,
    heads: [&Linear; N],
    input: Tensor<3>,
) -> [Tensor<2>; N] {
    let [_, _, width] = input.dims();
    for head in heads {
        let found = head.weight.dims();
        assert_eq!(found, [width, 1], "a head over {width} elements with one output");
    }
    #[cfg(feature = "cpu-kernels")]
    if N > 0 && crate::host::applies(&input) {
        return fused(dropout, heads, input);
    }
    heads.map(|head| {
        let dropped = dropout.forward(input.clone());
        head.forward(dropped).squeeze_dim::<2>(2)
    })
}

#[cfg(feature = "cpu-kernels")]
fn fused<const N: usize>(
    dropout: &Dropout,
    heads: [&Linear; N],
    input: Tensor<3>,
) -> [Tensor<2>; N] {
    use burn::backend::Dispatch;
    use extension::StepHeadsExtension;

    let [batch, time, _] = input.dims();
    let masks = heads.map(|_| dropout.mask(&input)).to_vec();
    let weights = heads.map(|head| head.weight.val().transpose());
    let weights: Tensor<2> = Tensor::cat(weights.to_vec(), 0);
    let device = input.device();
    let bias = heads.map(|head| match &head.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([1], &device),
    });
    let bias: Tensor<1> = Tensor::cat(bias.to_vec(), 0);
    let outputs: Tensor<3> = Tensor::from_dispatch(<Dispatch as StepHeadsExtension>::step_heads(
        input.into_dispatch(),
        weights.into_dispatch(),
        bias.into_dispatch(),
        masks,
    ));
    std::array::from_fn(|head| outputs.clone().narrow(0, head, 1).reshape([batch, time]))
}
