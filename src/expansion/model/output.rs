//! Stores the outputs of the heads for a batch, on the device and on the host.

use burn::tensor::{Tensor, TensorReadError};

use super::decode::WindowOutput;

/// The outputs of the four heads for a batch.
#[derive(Clone, Debug)]
pub struct ExpansionOutput {
    /// The logits of the type, `[batch, 3]`.
    pub kinds: Tensor<2>,
    /// Center and length, divided by the window's length, `[batch, 2]`, each in (0, 1).
    pub pointers: Tensor<2>,
    /// The logits of the mask, `[batch, time]`.
    pub binary: Tensor<2>,
    /// The countdown: bars to the start, `[batch, time]`; or the start divided by the window's length, `[batch, 1]`.
    pub countdown: Tensor<2>,
}

impl ExpansionOutput {
    /// Reads the outputs from the device, in one transfer.
    pub(crate) fn read(&self) -> Result<HostOutput, TensorReadError> {
        let heads = [&self.kinds, &self.pointers, &self.binary, &self.countdown];
        let flat = heads.map(|head| head.clone().flatten::<1>(0, 1));
        let ends = flat.iter().scan(0, |end, head| {
            *end += head.dims()[0];
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        let values = Tensor::cat(flat.to_vec(), 0).try_into_vec_as::<f32>()?;
        Ok(HostOutput {
            batch: self.kinds.dims()[0],
            kinds: values[..ends[0]].to_vec(),
            pointers: values[ends[0]..ends[1]].to_vec(),
            binary: values[ends[1]..ends[2]].to_vec(),
            countdown: values[ends[2]..].to_vec(),
        })
    }
}

/// The outputs on the host.
pub(crate) struct HostOutput {
    batch: usize,
    kinds: Vec<f32>,
    pointers: Vec<f32>,
    binary: Vec<f32>,
    countdown: Vec<f32>,
}

impl HostOutput {
    /// Returns the outputs of one window.
    pub(crate) fn window(&self, index: usize) -> WindowOutput<'_> {
        let row = |values: &'_ [f32]| {
            let width = values.len() / self.batch;
            index * width..(index + 1) * width
        };
        WindowOutput {
            kinds: &self.kinds[row(&self.kinds)],
            pointers: [self.pointers[2 * index], self.pointers[2 * index + 1]],
            binary: &self.binary[row(&self.binary)],
            countdown: &self.countdown[row(&self.countdown)],
        }
    }

    /// Returns the outputs of every window.
    pub(crate) fn windows(&self) -> impl Iterator<Item = WindowOutput<'_>> {
        (0..self.batch).map(|index| self.window(index))
    }
}
