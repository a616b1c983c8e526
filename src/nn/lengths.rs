//! Sequences of different lengths in one padded batch.

use burn::tensor::{Bool, Device, Int, Tensor};

/// How long each sequence of a padded batch is.
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
    lengths: Vec<usize>,
    time: usize,
    /// Where there is padding, `[batch, time]`, on the plain device.
    padding: Tensor<2, Bool>,
    /// The last position of each sequence, `[batch]`, on the plain device.
    ends: Tensor<1, Int>,
}

impl Lengths {
    /// Takes the lengths of the sequences of a batch that is padded to `time` positions.
    ///
    /// # Panics
    ///
    /// If there is no sequence, or a length is 0 or above `time`.
    pub fn new(lengths: &[usize], time: usize, device: &Device) -> Self {
        assert!(!lengths.is_empty(), "a batch needs at least one sequence");
        for (sequence, length) in lengths.iter().enumerate() {
            assert!(
                (1..=time).contains(length),
                "sequence {sequence} has length {length}, but it must be from 1 to the {time} positions of the batch"
            );
        }
        let device = device.clone().inner();
        let count = lengths.len();
        let padding: Vec<bool> = lengths
            .iter()
            .flat_map(|length| (0..time).map(move |at| at >= *length))
            .collect();
        let ends: Vec<i64> = lengths.iter().map(|length| *length as i64 - 1).collect();
        Self {
            lengths: lengths.to_vec(),
            time,
            padding: Tensor::<1, Bool>::from_data(padding.as_slice(), &device)
                .reshape([count, time]),
            ends: Tensor::from_data(ends.as_slice(), &device),
        }
    }

    /// Returns the lengths.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Returns the number of positions of the batch.
    pub fn time(&self) -> usize {
        self.time
    }

    /// Returns where the sequences are, `[batch, time]`: a mask for the losses of every position.
    pub fn mask(&self) -> Tensor<2, Bool> {
        self.padding.clone().bool_not()
    }

    /// Returns the sequence with zeros where there is padding, in value and in gradient.
    ///
    /// # Shapes
    ///
    /// - sequence, output: `[batch, time, features]`
    ///
    /// # Panics
    ///
    /// If batch or time are others than those of the lengths; so do the other methods.
    pub fn without_padding(&self, sequence: Tensor<3>) -> Tensor<3> {
        let shape = self.check(&sequence);
        let padding = on(self.padding.clone(), &sequence);
        let padding = padding.unsqueeze_dim::<3>(2).expand(shape);
        sequence.mask_fill(padding, 0.0)
    }

    /// Returns the mean over the positions that are there.
    ///
    /// # Shapes
    ///
    /// - sequence: `[batch, time, features]`
    /// - output: `[batch, features]`
    pub fn mean(&self, sequence: Tensor<3>) -> Tensor<2> {
        let [batch, _, features] = self.check(&sequence);
        let lengths: Vec<f32> = self.lengths.iter().map(|length| *length as f32).collect();
        let device = sequence.device().inner();
        let lengths = Tensor::<1>::from_floats(lengths.as_slice(), &device);
        let sum = self.without_padding(sequence).sum_dim(1);
        let lengths = attached(lengths.cast(sum.dtype()), sum.is_autodiff());
        sum.reshape([batch, features]) / lengths.reshape([batch, 1])
    }

    /// Returns the state in which each direction of a bidirectional layer ends: the first half of the features at the last
    /// position of each sequence, the second half at its first.
    ///
    /// # Shapes
    ///
    /// - output of the layer: `[batch, time, 2 hidden]`
    /// - output: `[batch, 2 hidden]`
    pub fn last(&self, output: Tensor<3>) -> Tensor<2> {
        let [batch, _, features] = self.check(&output);
        let hidden = features / 2;
        let ends = self.ends.clone().to_device(&output.device().inner());
        let ends = ends.reshape([batch, 1, 1]).expand([batch, 1, hidden]);
        let ends = if output.is_autodiff() {
            Tensor::from_inner(ends)
        } else {
            ends
        };
        let forward = output.clone().narrow(2, 0, hidden).gather(1, ends);
        let backward = output.narrow(2, hidden, hidden).narrow(1, 0, 1);
        Tensor::cat(vec![forward, backward], 2).reshape([batch, features])
    }

    /// 1 where there is padding, `[batch, time, 1]`, like a sequence.
    pub(super) fn indicator(&self, like: &Tensor<3>) -> Tensor<3> {
        let device = like.device().inner();
        let padding = self.padding.clone().to_device(&device).float();
        let indicator = padding.cast(like.dtype()).unsqueeze_dim(2);
        attached(indicator, like.is_autodiff())
    }

    fn check(&self, sequence: &Tensor<3>) -> [usize; 3] {
        let shape = sequence.dims();
        assert_eq!(
            shape[..2],
            [self.lengths.len(), self.time],
            "the lengths are of another batch: [batch, time] differ"
        );
        shape
    }
}

fn on(mask: Tensor<2, Bool>, like: &Tensor<3>) -> Tensor<2, Bool> {
    let mask = mask.to_device(&like.device().inner());
    if like.is_autodiff() {
        Tensor::from_inner(mask)
    } else {
        mask
    }
}

fn attached<const D: usize>(values: Tensor<D>, autodiff: bool) -> Tensor<D> {
    if autodiff {
        Tensor::from_inner(values)
    } else {
        values
    }
}
