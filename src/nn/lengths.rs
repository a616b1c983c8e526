//! The lengths of the sequences of a padded batch.

use std::sync::{Arc, OnceLock};

#[cfg(feature = "gpu-kernels")]
use burn::tensor::DType;
use burn::tensor::{Bool, Device, Int, Tensor};

/// The lengths of the sequences of a padded batch.
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Distribution, Tensor};
/// use equipoise::nn::{BiLstmConfig, Lengths};
///
/// let device = Device::flex();
/// let lstm = BiLstmConfig::new(4, 8).init(&device)?;
/// let input = Tensor::random([3, 10, 4], Distribution::Default, &device);
/// let lengths = Lengths::new(&[10, 7, 2], 10, &device);
/// let output = lstm.forward_padded(input, &lengths);
/// assert_eq!(lengths.last(output.clone()).dims(), [3, 16]);
/// assert_eq!(lengths.mean(output).dims(), [3, 16]);
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lengths {
    lengths: Arc<[usize]>,
    time: usize,
    batch_first: bool,
    /// The positions of the padding, `[batch, time]`. All tensors here are on the device without autodiff.
    padding: Tensor<2, Bool>,
    /// The last position of each sequence, `[batch]`.
    ends: Tensor<1, Int>,
    /// The positions of each sequence from the last to the first, then the positions of its padding, `[time, batch]`.
    /// Computed when first read.
    reversal: OnceLock<Tensor<2, Int>>,
    /// The lengths as floats, `[batch]`.
    counts: Tensor<1>,
}

impl Lengths {
    /// Creates the lengths of a batch whose sequences are padded to `time` positions.
    ///
    /// # Panics
    ///
    /// If there is no sequence, or if a length is 0 or above `time`.
    pub fn new(lengths: &[usize], time: usize, device: &Device) -> Self {
        assert!(!lengths.is_empty(), "a batch needs at least one sequence");
        for (sequence, length) in lengths.iter().enumerate() {
            assert!(
                (1..=time).contains(length),
                "sequence {sequence} has length {length}, but it must be from 1 to the {time} positions of the batch"
            );
        }
        let device = device.clone().inner();
        let ends: Vec<i64> = lengths.iter().map(|length| *length as i64 - 1).collect();
        let counts: Vec<f32> = lengths.iter().map(|length| *length as f32).collect();
        Self {
            lengths: lengths.into(),
            time,
            batch_first: true,
            padding: padding(lengths, time, &device),
            ends: Tensor::from_data(ends.as_slice(), &device),
            reversal: OnceLock::new(),
            counts: Tensor::from_floats(counts.as_slice(), &device),
        }
    }

    /// Sets whether sequences are `[batch, time, features]` (`true`, the default) or `[time, batch, features]`.
    pub fn with_batch_first(mut self, batch_first: bool) -> Self {
        self.batch_first = batch_first;
        self
    }

    /// Returns the lengths, one per sequence.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Returns the number of positions of the batch, padding included.
    pub fn time(&self) -> usize {
        self.time
    }

    /// Returns whether sequences are `[batch, time, features]`.
    pub fn batch_first(&self) -> bool {
        self.batch_first
    }

    /// Returns the mask of the positions outside the padding, `[batch, time]`, or `[time, batch]` with time first, on
    /// the device without autodiff. It serves as the mask of a loss per position.
    pub fn mask(&self) -> Tensor<2, Bool> {
        let mask = self.padding.clone().bool_not();
        if self.batch_first {
            mask
        } else {
            mask.transpose()
        }
    }

    /// Returns the sequence with value and gradient of the padding set to zero.
    ///
    /// # Shapes
    ///
    /// - sequence, output: `[batch, time, features]`, or time first
    ///
    /// # Panics
    ///
    /// If batch or time differ from those of the lengths. This holds for every method that takes a sequence.
    pub fn without_padding(&self, sequence: Tensor<3>) -> Tensor<3> {
        self.check(&sequence);
        self.fill(sequence, 0.0)
    }

    /// Returns the mean over time, without the padding.
    ///
    /// # Shapes
    ///
    /// - sequence: `[batch, time, features]`, or time first
    /// - output: `[batch, features]`
    pub fn mean(&self, sequence: Tensor<3>) -> Tensor<2> {
        self.check(&sequence);
        let sum = self.fill(sequence, 0.0).sum_dim(self.time_at());
        let sum = sum.squeeze_dim::<2>(self.time_at());
        let counts = self.counts.clone().to_device(&sum.device().inner());
        let counts = attached(counts.cast(sum.dtype()), sum.is_autodiff());
        sum / counts.unsqueeze_dim(1)
    }

    /// Returns the maximum of each feature over time, without the padding.
    ///
    /// # Shapes
    ///
    /// As [`mean`](Self::mean).
    pub fn max(&self, sequence: Tensor<3>) -> Tensor<2> {
        self.check(&sequence);
        let largest = self.fill(sequence, f64::NEG_INFINITY);
        largest.max_dim(self.time_at()).squeeze_dim(self.time_at())
    }

    /// Returns the final state of each direction of a bidirectional layer.
    ///
    /// The final state is the first half of the features at the last position of each sequence, and the second half at
    /// the first position. For a layer of one direction, use [`at_end`](Self::at_end).
    ///
    /// # Shapes
    ///
    /// - output of the layer: `[batch, time, 2 hidden]`, or time first
    /// - output: `[batch, 2 hidden]`
    ///
    /// # Panics
    ///
    /// If the number of features is odd.
    pub fn last(&self, output: Tensor<3>) -> Tensor<2> {
        let [_, _, features] = self.check(&output);
        assert!(
            features.is_multiple_of(2),
            "{features} features are not the states of two directions"
        );
        let hidden = features / 2;
        let forward = self.at_end(output.clone().narrow(2, 0, hidden));
        let backward = output.narrow(2, hidden, hidden);
        let backward = backward.narrow(self.time_at(), 0, 1);
        Tensor::cat(vec![forward, backward.squeeze_dim(self.time_at())], 1)
    }

    /// Returns the features at the last position of each sequence: the final state of a layer of one direction.
    ///
    /// # Shapes
    ///
    /// As [`mean`](Self::mean).
    pub fn at_end(&self, sequence: Tensor<3>) -> Tensor<2> {
        let [batch, features] = {
            let [first, second, features] = self.check(&sequence);
            [if self.batch_first { first } else { second }, features]
        };
        let ends = self.ends.clone().to_device(&sequence.device().inner());
        let (shape, wide) = if self.batch_first {
            ([batch, 1, 1], [batch, 1, features])
        } else {
            ([1, batch, 1], [1, batch, features])
        };
        let ends = attached_int(ends.reshape(shape).expand(wide), sequence.is_autodiff());
        let at = self.time_at();
        sequence.gather(at, ends).squeeze_dim(at)
    }

    /// Converts the mean over all positions, with zeros in the padding, to the mean without the padding.
    pub(super) fn of_present(&self, mean: Tensor<2>) -> Tensor<2> {
        let counts = self.counts.clone().to_device(&mean.device().inner());
        let factor = counts.cast(mean.dtype()).recip() * self.time as f64;
        let factor = attached(factor.unsqueeze_dim::<2>(1), mean.is_autodiff());
        mean * factor
    }

    /// Sets the padding to zero in a sequence that is `[batch, time, features]`, regardless of `batch_first`.
    pub(super) fn filled(&self, sequence: Tensor<3>) -> Tensor<3> {
        masked(self.padding_on(&sequence.device()), sequence, 0.0)
    }

    /// Reverses each sequence of `[time, batch, features]` within its length.
    pub(super) fn reversed(&self, steps: Tensor<3>) -> Tensor<3> {
        let order = self.reversal.get_or_init(|| self.reversal()).clone();
        let order = order.to_device(&steps.device().inner());
        let order = order.unsqueeze_dim::<3>(2).expand(steps.dims());
        let order = attached_int(order, steps.is_autodiff());
        steps.gather(0, order)
    }

    fn reversal(&self) -> Tensor<2, Int> {
        let lengths = &self.lengths;
        let order =
            (0..self.time).flat_map(|at| lengths.iter().map(move |length| mirrored(at, *length)));
        let order: Vec<i64> = order.collect();
        let order = Tensor::<1, Int>::from_data(order.as_slice(), &self.ends.device());
        order.reshape([self.time, lengths.len()])
    }

    /// Returns the last step of each sequence, `[time, directions, batch, hidden]` to `[directions, batch, hidden]`.
    pub(super) fn at_ends(&self, steps: Tensor<4>) -> Tensor<3> {
        let [_, directions, batch, hidden] = steps.dims();
        let ends = self.ends.clone().to_device(&steps.device().inner());
        let ends = ends.reshape([1, 1, batch, 1]);
        let ends = ends.expand([1, directions, batch, hidden]);
        let ends = attached_int(ends, steps.is_autodiff());
        steps.gather(0, ends).squeeze_dim(0)
    }

    /// Returns the lengths as floats, `[batch]`, for a kernel on `device`, off the graph.
    #[cfg(feature = "gpu-kernels")]
    pub(super) fn counts(&self, device: &Device) -> Tensor<1> {
        let counts = self.counts.clone().cast(DType::F32);
        counts.to_device(&device.clone().inner())
    }

    #[cfg(feature = "cpu-kernels")]
    pub(super) fn shared(&self) -> Arc<[usize]> {
        self.lengths.clone()
    }

    /// Returns the positions of the padding on `device`. On another device they are created again, because backends
    /// store boolean values in different forms and do not convert them.
    fn padding_on(&self, device: &Device) -> Tensor<2, Bool> {
        let device = device.clone().inner();
        if device == self.padding.device() {
            return self.padding.clone();
        }
        padding(&self.lengths, self.time, &device)
    }

    /// Checks that a sequence has batch and time of the lengths, and returns its shape.
    pub(super) fn check(&self, sequence: &Tensor<3>) -> [usize; 3] {
        let shape = sequence.dims();
        let (wanted, order) = if self.batch_first {
            ([self.lengths.len(), self.time], "[batch, time]")
        } else {
            ([self.time, self.lengths.len()], "[time, batch]")
        };
        assert_eq!(
            shape[..2],
            wanted,
            "the lengths are of another batch: {order} differ"
        );
        shape
    }

    fn time_at(&self) -> usize {
        usize::from(self.batch_first)
    }

    pub(super) fn fill(&self, sequence: Tensor<3>, value: f64) -> Tensor<3> {
        let padding = self.padding_on(&sequence.device());
        let padding = if self.batch_first {
            padding
        } else {
            padding.transpose()
        };
        masked(padding, sequence, value)
    }
}

/// Returns the positions of the padding, `[batch, time]`.
fn padding(lengths: &[usize], time: usize, device: &Device) -> Tensor<2, Bool> {
    let there = lengths
        .iter()
        .flat_map(|length| (0..time).map(move |at| at >= *length));
    let there: Vec<bool> = there.collect();
    Tensor::<1, Bool>::from_data(there.as_slice(), device).reshape([lengths.len(), time])
}

/// Returns the position that the backward direction reads at step `at`; in the padding the step itself.
fn mirrored(at: usize, length: usize) -> i64 {
    (if at < length { length - 1 - at } else { at }) as i64
}

fn masked(mask: Tensor<2, Bool>, sequence: Tensor<3>, value: f64) -> Tensor<3> {
    let mask = mask.unsqueeze_dim::<3>(2).expand(sequence.dims());
    let mask = if sequence.is_autodiff() {
        Tensor::from_inner(mask)
    } else {
        mask
    };
    sequence.mask_fill(mask, value)
}

fn attached<const D: usize>(values: Tensor<D>, autodiff: bool) -> Tensor<D> {
    if autodiff {
        Tensor::from_inner(values)
    } else {
        values
    }
}

fn attached_int<const D: usize>(values: Tensor<D, Int>, autodiff: bool) -> Tensor<D, Int> {
    if autodiff {
        Tensor::from_inner(values)
    } else {
        values
    }
}
