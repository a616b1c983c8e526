//! Defines the compile-time parameters of the kernels and the positions of the numbers of a layer.

use burn::tensor::DType;
use burn_cubecl::cubecl::{self, prelude::*};

/// The properties of a layer, its sizes and its tiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    pub(super) batch: usize,
    pub(super) time: usize,
    pub(super) features: usize,
    pub(super) compiled: Compiled,
    /// Whether the sequences begin with given states or with zeros.
    pub(super) begins: bool,
    /// Whether the sequences have different lengths.
    pub(super) padded: bool,
}

/// The part of a form that the kernels are compiled for. Batch and time are not included, or every last batch would be
/// compiled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Compiled {
    pub(super) hidden: usize,
    /// Samples per cube.
    pub(super) samples: usize,
    /// Whether the data for the backward pass is kept in half precision, gates included.
    pub(super) half: bool,
    pub(super) directions: usize,
    /// Whether the first direction runs backward in time. The second always does.
    pub(super) reversed: bool,
    /// Whether sequences are `[batch, time, ...]` or `[time, batch, ...]`.
    pub(super) batch_first: bool,
    /// Whether the output has the final hidden state and the final cell as two positions behind the last.
    pub(super) finals: bool,
}

impl Form {
    /// Returns the number of rows of a tensor with one row for each position of each sample.
    pub(super) fn rows(&self) -> usize {
        self.batch * self.time
    }

    /// Returns the hidden units of all directions.
    pub(super) fn width(&self) -> usize {
        self.compiled.directions * self.compiled.hidden
    }

    /// Returns the precision of the gates, cells and states that are kept.
    pub(super) fn stored(&self) -> DType {
        if self.compiled.half {
            DType::F16
        } else {
            DType::F32
        }
    }

    pub(super) fn output(&self) -> [usize; 3] {
        let positions = self.time + if self.compiled.finals { 2 } else { 0 };
        if self.compiled.batch_first {
            [self.batch, positions, self.width()]
        } else {
            [positions, self.batch, self.width()]
        }
    }

    /// Returns the shape of the four gates of every position. The directions are separate, so that the weight gradients
    /// of both are one batched product.
    pub(super) fn gates(&self) -> [usize; 3] {
        let Compiled {
            directions, hidden, ..
        } = self.compiled;
        [directions, self.rows(), 4 * hidden]
    }

    /// Returns the shape of the cells or of the hidden states of every position, with separate directions.
    pub(super) fn before(&self) -> [usize; 3] {
        let Compiled {
            directions, hidden, ..
        } = self.compiled;
        [directions, self.rows(), hidden]
    }

    /// Returns the shape of the initial or final states of a sequence.
    pub(super) fn states(&self) -> [usize; 4] {
        let Compiled {
            directions, hidden, ..
        } = self.compiled;
        [2, directions, self.batch, hidden]
    }

    /// Returns the cubes of a launch: blocks of samples times directions.
    pub(super) fn cubes(&self) -> CubeCount {
        let blocks = self.batch.div_ceil(self.compiled.samples);
        CubeCount::Static(blocks as u32, self.compiled.directions as u32, 1)
    }

    /// Returns the units of a cube. Each computes one hidden unit.
    pub(super) fn units(&self) -> CubeDim {
        CubeDim::new_1d(self.compiled.hidden as u32)
    }
}

/// Returns the position of a direction at a step. Behind the end of a sequence, the position is the step itself, inside
/// the padding.
#[cube]
pub(super) fn position(step: usize, length: usize, reversed: bool) -> usize {
    let mut at = step;
    if reversed && step < length {
        at = length - 1 - step;
    }
    at
}

/// Returns the row of a position of a sample in a tensor with `positions` positions.
#[cube]
pub(super) fn row(
    sample: usize,
    at: usize,
    batch: usize,
    positions: usize,
    #[comptime] batch_first: bool,
) -> usize {
    if comptime!(batch_first) {
        sample * positions + at
    } else {
        at * batch + sample
    }
}
