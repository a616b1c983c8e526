//! What a kernel is compiled for, and where the numbers of a layer stand.

use burn::tensor::DType;
use burn_cubecl::cubecl::{self, prelude::*};

/// What is asked of a layer, its sizes and how the work is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    pub(super) batch: usize,
    pub(super) time: usize,
    pub(super) features: usize,
    pub(super) compiled: Compiled,
    /// Whether the sequences begin with states that were given, or with zeros.
    pub(super) begins: bool,
    /// Whether sequences have lengths of their own.
    pub(super) padded: bool,
}

/// The part of a form that kernels are compiled for. Batch and time are not in it, or every last batch would be
/// compiled anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Compiled {
    pub(super) hidden: usize,
    /// Samples of a cube.
    pub(super) samples: usize,
    /// Whether what the backward pass reads is kept in half precision, gates included.
    pub(super) half: bool,
    pub(super) directions: usize,
    /// Whether the first direction goes back in time; the second always does.
    pub(super) reversed: bool,
    /// Whether sequences are `[batch, time, ...]`, or `[time, batch, ...]`.
    pub(super) batch_first: bool,
    /// Whether the output has the final hidden state and the final cell as two more positions behind the last.
    pub(super) finals: bool,
}

impl Form {
    /// Rows of what has a row for each position of each sample.
    pub(super) fn rows(&self) -> usize {
        self.batch * self.time
    }

    /// The hidden units of all directions.
    pub(super) fn width(&self) -> usize {
        self.compiled.directions * self.compiled.hidden
    }

    /// The precision of the gates and of what is kept beside them.
    pub(super) fn stored(&self) -> DType {
        if self.compiled.half {
            DType::F16
        } else {
            DType::F32
        }
    }

    /// The shape of the output.
    pub(super) fn output(&self) -> [usize; 3] {
        let positions = self.time + if self.compiled.finals { 2 } else { 0 };
        if self.compiled.batch_first {
            [self.batch, positions, self.width()]
        } else {
            [positions, self.batch, self.width()]
        }
    }

    /// The shape of the four gates of every position: each direction for itself, so that the weight gradients of both
    /// are one batched product.
    pub(super) fn gates(&self) -> [usize; 3] {
        let Compiled {
            directions, hidden, ..
        } = self.compiled;
        [directions, self.rows(), 4 * hidden]
    }

    /// The shape of the cells or of the hidden states of every position, by directions likewise.
    pub(super) fn before(&self) -> [usize; 3] {
        let Compiled {
            directions, hidden, ..
        } = self.compiled;
        [directions, self.rows(), hidden]
    }

    /// The shape of the states at one end of a sequence.
    pub(super) fn states(&self) -> [usize; 4] {
        let Compiled {
            directions, hidden, ..
        } = self.compiled;
        [2, directions, self.batch, hidden]
    }

    /// The cubes of a launch: blocks of samples, and directions.
    pub(super) fn cubes(&self) -> CubeCount {
        let blocks = self.batch.div_ceil(self.compiled.samples);
        CubeCount::Static(blocks as u32, self.compiled.directions as u32, 1)
    }

    /// The units of a cube: one computes a hidden unit.
    pub(super) fn units(&self) -> CubeDim {
        CubeDim::new_1d(self.compiled.hidden as u32)
    }
}

/// The position at which a direction is at a step. Behind the end of a sequence it is that of the step, where the
/// padding is.
#[cube]
pub(super) fn position(step: usize, length: usize, reversed: bool) -> usize {
    let mut at = step;
    if reversed && step < length {
        at = length - 1 - step;
    }
    at
}

/// The row of a position of a sample among `positions` positions.
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
