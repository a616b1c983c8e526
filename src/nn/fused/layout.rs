//! Where the numbers of a layer stand in its buffers.

use super::buffer::LINE_ELEMENTS;

/// Sizes of a layer's work, and the widths its buffers are padded to. Padding is zero and stays zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) batch: usize,
    pub(super) time: usize,
    pub(super) features: usize,
    pub(super) hidden: usize,
    /// Hidden units, padded to whole cache lines.
    pub(super) padded: usize,
    /// Elements of a row of what a step reads: the padded hidden state, the features, a one for the biases, padding.
    pub(super) row: usize,
}

impl Layout {
    pub(super) fn new(batch: usize, time: usize, features: usize, hidden: usize) -> Self {
        let padded = hidden.next_multiple_of(LINE_ELEMENTS);
        Self {
            batch,
            time,
            features,
            hidden,
            padded,
            row: (padded + features + 1).next_multiple_of(LINE_ELEMENTS),
        }
    }

    /// Elements of the four gates of a sample, each of them padded.
    pub(super) fn gates(&self) -> usize {
        4 * self.padded
    }

    /// Elements of a row that carry something, padding between hidden state and features included.
    pub(super) fn used(&self) -> usize {
        self.padded + self.features + 1
    }

    /// The place in time of step `s`. It is its own inverse: also the step at a place.
    pub(super) fn place(&self, s: usize, reversed: bool) -> usize {
        match reversed {
            true => self.time - 1 - s,
            false => s,
        }
    }
}
