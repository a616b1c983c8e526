//! Computes the inputs of heads from a sequence: one number per step and head, and the mean over time.

#[cfg(feature = "cpu-kernels")]
mod extension;
#[cfg(feature = "cpu-kernels")]
mod kernel;

use burn::nn::Linear;
use burn::tensor::Tensor;

use super::{Dropout, Lengths};

/// The result of [`readout`]: the outputs of the heads and the mean over time.
#[derive(Clone, Debug)]
pub struct Readout<const N: usize> {
    /// The output of each head at every step, `[batch, time]` each, in the order of the heads.
    pub steps: [Tensor<2>; N],
    /// The mean over time, `[batch, width]`, without dropout.
    pub mean: Tensor<2>,
}

/// Computes the outputs of linear heads at every step, each with its own dropout mask, and the mean over time.
///
/// The result is `head.forward(dropout.forward(input))` for every head, and `input.mean_dim(1)`. On the CPU, the input
/// is read once for all heads, its gradient is written once, and no copies with dropout are made.
///
/// # Shapes
///
/// - input: `[batch, time, width]`, batch and time at least 1
/// - weight of every head: `[width, 1]`
///
/// # Panics
///
/// If the number of inputs of a head is not `width`, or if a head has more than one output.
///
/// # Example
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::{Device, Tensor};
/// use equipoise::nn::{Dropout, readout};
///
/// let device = Device::flex();
/// let [binary, countdown] = [(); 2].map(|_| LinearConfig::new(192, 1).init(&device));
/// let states = Tensor::<3>::ones([2, 105, 192], &device);
/// let found = readout(&Dropout::new(0.2), [&binary, &countdown], states);
/// assert_eq!(found.steps[0].dims(), [2, 105]);
/// assert_eq!(found.mean.dims(), [2, 192]);
/// ```
pub fn readout<const N: usize>(
    dropout: &Dropout,
    heads: [&Linear; N],
    input: Tensor<3>,
) -> Readout<N> {
    let [_, _, width] = input.dims();
    for head in heads {
        let found = head.weight.dims();
        assert_eq!(
            found,
            [width, 1],
            "a head over {width} elements with one output"
        );
    }
    #[cfg(feature = "cpu-kernels")]
    if crate::host::applies(&input) {
        return fused(dropout, heads, input);
    }
    #[cfg(feature = "gpu-kernels")]
    if super::head::serves(heads, &input) {
        return Readout {
            steps: super::head::heads(dropout, heads, &input),
            mean: input.mean_dim(1).squeeze_dim(1),
        };
    }
    let output = |head: &Linear| {
        let dropped = dropout.forward(input.clone());
        head.forward(dropped).squeeze_dim::<2>(2)
    };
    Readout {
        steps: heads.map(output),
        mean: input.mean_dim(1).squeeze_dim(1),
    }
}

/// Computes the [`readout`] of sequences of different lengths: outputs are zero in the padding, and the mean is without
/// the padding. The padding of the input is not read and may hold NaN.
///
/// # Shapes
///
/// - input: `[batch, time, width]`, with batch and time of the lengths
///
/// # Panics
///
/// As [`readout`], and if batch or time differ from those of the lengths, or if the lengths have time first.
///
/// # Example
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::{Device, Tensor};
/// use equipoise::nn::{Dropout, Lengths, readout_padded};
///
/// let device = Device::flex();
/// let head = LinearConfig::new(192, 1).init(&device);
/// let states = Tensor::<3>::ones([2, 105, 192], &device);
/// let lengths = Lengths::new(&[105, 40], 105, &device);
/// let found = readout_padded(&Dropout::new(0.2), [&head], states, &lengths);
/// assert_eq!(found.steps[0].dims(), [2, 105]);
/// found.mean.into_data().assert_eq(&Tensor::<2>::ones([2, 192], &device).into_data(), true);
/// ```
pub fn readout_padded<const N: usize>(
    dropout: &Dropout,
    heads: [&Linear; N],
    input: Tensor<3>,
    lengths: &Lengths,
) -> Readout<N> {
    assert!(
        lengths.batch_first(),
        "the readout takes sequences with the batch first"
    );
    let input = lengths.without_padding(input);
    let found = readout(dropout, heads, input);
    let steps = found.steps.map(|steps| {
        let steps = lengths.without_padding(steps.unsqueeze_dim(2));
        steps.squeeze_dim(2)
    });
    Readout {
        steps,
        mean: lengths.of_present(found.mean),
    }
}

#[cfg(feature = "cpu-kernels")]
fn fused<const N: usize>(dropout: &Dropout, heads: [&Linear; N], input: Tensor<3>) -> Readout<N> {
    use burn::backend::Dispatch;
    use extension::ReadoutExtension;

    let [batch, time, width] = input.dims();
    let device = input.device();
    let masks = heads.map(|_| dropout.mask(&input)).to_vec();
    let weights = heads.map(|head| head.weight.val().transpose());
    let bias = heads.map(|head| match &head.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([1], &device),
    });
    let (weights, bias) = match N {
        0 => (
            Tensor::zeros([1, width], &device),
            Tensor::zeros([1], &device),
        ),
        _ => (
            Tensor::<2>::cat(weights.to_vec(), 0),
            Tensor::<1>::cat(bias.to_vec(), 0),
        ),
    };
    let all: Tensor<1> = Tensor::from_dispatch(<Dispatch as ReadoutExtension>::readout(
        input.into_dispatch(),
        weights.into_dispatch(),
        bias.into_dispatch(),
        masks,
    ));
    let steps = batch * time;
    let part = |start, rows, columns| {
        all.clone()
            .narrow(0, start, rows * columns)
            .reshape([rows, columns])
    };
    Readout {
        steps: std::array::from_fn(|head| part(head * steps, batch, time)),
        mean: part(N * steps, batch, width),
    }
}
