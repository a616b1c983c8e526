//! Defines the positions of the numbers of a layer in its tensors and buffers.

use super::buffer::LINE_ELEMENTS;

/// The properties of a layer besides its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// 1, or 2 with the backward direction.
    pub(super) directions: usize,
    /// Whether sequences are `[batch, time, ...]` or `[time, batch, ...]`.
    pub(super) batch_first: bool,
    /// Whether the output has the final hidden state and the final cell as two positions behind the last.
    pub(super) finals: bool,
}

/// The sizes of a layer, and the padded widths of its buffers. Padding is zero and stays zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) form: Form,
    pub(super) batch: usize,
    pub(super) time: usize,
    pub(super) features: usize,
    pub(super) hidden: usize,
    /// Hidden units, padded to whole cache lines.
    pub(super) padded: usize,
    /// Elements of the row that a step reads: the padded hidden state, the features, a one for the biases, padding.
    pub(super) row: usize,
}

impl Layout {
    /// Creates a layout. `sequences` holds batch, time and features, in this order for every order of the tensors.
    pub(super) fn new(form: Form, sequences: [usize; 3], hidden: usize) -> Self {
        let [batch, time, features] = sequences;
        let padded = hidden.next_multiple_of(LINE_ELEMENTS);
        Self {
            form,
            batch,
            time,
            features,
            hidden,
            padded,
            row: (padded + features + 1).next_multiple_of(LINE_ELEMENTS),
        }
    }

    /// Returns the elements of the four padded gates of a sample.
    pub(super) fn gates(&self) -> usize {
        4 * self.padded
    }

    /// Returns the used elements of a row, padding between hidden state and features included.
    pub(super) fn used(&self) -> usize {
        self.padded + self.features + 1
    }

    /// Returns the hidden units of all directions.
    pub(super) fn width(&self) -> usize {
        self.form.directions * self.hidden
    }

    /// Returns the positions of the output in time, final states included.
    pub(super) fn positions(&self) -> usize {
        self.time + if self.form.finals { 2 } else { 0 }
    }

    pub(super) fn output(&self) -> [usize; 3] {
        if self.form.batch_first {
            [self.batch, self.positions(), self.width()]
        } else {
            [self.positions(), self.batch, self.width()]
        }
    }

    /// Returns the first element of a sample at a position of the input.
    pub(super) fn input_at(&self, sample: usize, position: usize) -> usize {
        self.features * self.row_at(sample, position, self.time)
    }

    /// Returns the first element of a direction's half of a sample at a position of the output.
    pub(super) fn output_at(&self, sample: usize, position: usize, reversed: bool) -> usize {
        let half = usize::from(reversed) * self.hidden;
        self.width() * self.row_at(sample, position, self.positions()) + half
    }

    /// Returns the first element of a direction's half of a sample in the states, `[2, batch, width]`: hidden states,
    /// then cells.
    pub(super) fn state_at(&self, which: usize, sample: usize, reversed: bool) -> usize {
        let half = usize::from(reversed) * self.hidden;
        self.width() * (which * self.batch + sample) + half
    }

    fn row_at(&self, sample: usize, position: usize, positions: usize) -> usize {
        if self.form.batch_first {
            sample * positions + position
        } else {
            position * self.batch + sample
        }
    }
}

/// Returns the position in time of step `s` over a sequence of this length. Returns `None` after its end. The backward
/// direction begins at the end of each sequence.
#[inline(always)]
pub(super) fn position(s: usize, length: usize, reversed: bool) -> Option<usize> {
    match (s < length, reversed) {
        (false, _) => None,
        (true, false) => Some(s),
        (true, true) => Some(length - 1 - s),
    }
}
