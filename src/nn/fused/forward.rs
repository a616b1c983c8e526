//! The forward pass through time: every step multiplies a few samples by a panel of weights and applies the gates to
//! the sums while they are in registers.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use super::buffer::Buffer;
use super::layout::{Layout, position};
use super::packing::{even, forward_rows};
use super::tile::{Sums, accumulate, load, most_samples, store, store_first, with_samples};
use crate::host::vector::{sigmoid, tanh};

/// A block of samples in one direction, with the length of each sample.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) reversed: bool,
    /// The first sample.
    pub(super) first: usize,
    /// The length of every sample.
    pub(super) lengths: Vec<usize>,
}

impl Block {
    pub(super) fn samples(&self) -> usize {
        self.lengths.len()
    }

    /// Returns the number of steps of the longest sequence.
    pub(super) fn steps(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    /// Returns the index in the block and the position of every sample at step `s`; `None` for a sample that has ended.
    #[inline(always)]
    pub(super) fn at(&self, s: usize) -> impl Iterator<Item = (usize, Option<usize>)> {
        let lengths = self.lengths.iter().enumerate();
        lengths.map(move |(sample, length)| (sample, position(s, *length, self.reversed)))
    }

    /// Returns the samples whose last step is `s`.
    #[inline(always)]
    pub(super) fn ending(&self, s: usize) -> impl Iterator<Item = usize> {
        let lengths = self.lengths.iter().enumerate();
        lengths.filter_map(move |(sample, length)| (*length == s + 1).then_some(sample))
    }
}

/// The data of one direction for a block of samples, kept for the backward pass if requested.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) block: Block,
    /// Whether every step is kept. Otherwise only the data of the next step is.
    kept: bool,
    /// The rows that every step reads, `[steps, samples, row]`: hidden state, features, one. All steps and the state
    /// after the last if kept, two alternating steps otherwise.
    pub(super) rows: Buffer,
    /// Cells before every step and after the last, `[steps, samples, padded]`; one step that is overwritten if not
    /// kept.
    pub(super) cells: Buffer,
    /// Gates i, f, g, o after the activation, `[steps, samples, 4 padded]`; empty if not kept.
    pub(super) gates: Buffer,
}

impl Part {
    pub(super) fn new(layout: &Layout, block: Block, states: &[f32], kept: bool) -> Self {
        let (steps, samples) = (block.steps(), block.samples());
        let (rows, cells, gates) = if kept {
            (steps + 1, steps + 1, steps)
        } else {
            (2, 1, 0)
        };
        let mut part = Self {
            block,
            kept,
            rows: Buffer::any(rows * samples * layout.row),
            cells: Buffer::any(cells * samples * layout.padded),
            gates: Buffer::any(gates * samples * layout.gates()),
        };
        part.clear(layout);
        part.begin(layout, states);
        part
    }

    /// Sets the elements that no step writes to zero: around the first states and cells, and, unless the steps write
    /// whole lines, all padding.
    fn clear(&mut self, layout: &Layout) {
        let samples = self.block.samples();
        let (rows, cells) = (layout.row * samples, layout.padded * samples);
        self.rows.as_mut_slice()[..rows].fill(0.0);
        self.cells.as_mut_slice()[..cells].fill(0.0);
        if layout.hidden < layout.padded {
            self.rows.as_mut_slice().fill(0.0);
            self.cells.as_mut_slice().fill(0.0);
            self.gates.as_mut_slice().fill(0.0);
        }
    }

    /// Writes the initial states before the first step.
    fn begin(&mut self, layout: &Layout, states: &[f32]) {
        let Block {
            reversed, first, ..
        } = self.block;
        let rows = self.rows.as_mut_slice().chunks_exact_mut(layout.row);
        let cells = self.cells.as_mut_slice();
        let cells = cells.chunks_exact_mut(layout.padded);
        let samples = rows.zip(cells).take(self.block.samples());
        for (sample, (row, cell)) in samples.enumerate() {
            for (which, to) in [row, cell].into_iter().enumerate() {
                let from = layout.state_at(which, first + sample, reversed);
                to[..layout.hidden].copy_from_slice(&states[from..from + layout.hidden]);
            }
        }
    }

    /// Returns the slots of the rows that step `s` reads and writes.
    #[inline(always)]
    fn row_slots(&self, s: usize) -> (usize, usize) {
        if self.kept {
            (s, s + 1)
        } else {
            (s % 2, (s + 1) % 2)
        }
    }

    /// Returns the slots of the cells that step `s` reads and writes.
    #[inline(always)]
    fn cell_slots(&self, s: usize) -> (usize, usize) {
        if self.kept { (s, s + 1) } else { (0, 0) }
    }
}

/// The output of a layer, which both directions of all samples write concurrently, each its own elements.
#[derive(Clone, Copy)]
pub(super) struct SharedOutput {
    start: *mut f32,
    len: usize,
}

// SAFETY: the parts that share the output write disjoint elements (`Forward::output`), and it is read after all parts
// have ended.
unsafe impl Send for SharedOutput {}
// SAFETY: as above.
unsafe impl Sync for SharedOutput {}

impl SharedOutput {
    pub(super) fn new(values: &mut [MaybeUninit<f32>]) -> Self {
        Self {
            start: values.as_mut_ptr().cast(),
            len: values.len(),
        }
    }
}

/// The forward pass of one direction on a block of samples.
pub(super) struct Forward<'a> {
    pub(super) layout: Layout,
    /// `[batch, time, features]`, or time first.
    pub(super) input: &'a [f32],
    /// The packed weights.
    pub(super) panels: &'a Buffer,
    /// The output, shaped as [`Layout::output`]. Zero where sequences have ended.
    pub(super) output: SharedOutput,
    pub(super) part: &'a mut Part,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let layout = self.layout;
        let lanes = S::F32_LANES;
        let samples = self.part.block.samples();
        let mut outputs = vec![std::ptr::null_mut(); samples];
        // The target of steps behind the end of a sequence, never read.
        let mut behind = Buffer::any(layout.padded);
        let behind = behind.as_mut_slice().as_mut_ptr();
        for s in 0..self.part.block.steps() {
            self.read_features(s);
            self.find_outputs(s, &mut outputs, behind);
            let step = self.step(s, &outputs);
            for block in 0..layout.hidden.div_ceil(lanes) {
                for (first, samples) in even(samples, most_samples::<S>(4)) {
                    // SAFETY: the tiles lie within the part's samples and the layer's hidden units, the buffers have
                    // the sizes `Step` asks for (`Part::new`, `pack_forward`), and nothing else refers to them now.
                    unsafe {
                        with_samples!(samples, advance::<S, _>(simd, &step, block * lanes, first));
                    }
                }
            }
            if layout.form.finals {
                self.write_finals(s);
            }
        }
    }
}

impl Forward<'_> {
    /// Writes the features of a step beside its hidden states, zeros where a sequence has ended.
    #[inline(always)]
    fn read_features(&mut self, s: usize) {
        let layout = self.layout;
        let Layout {
            features,
            padded,
            row,
            ..
        } = layout;
        let (slot, _) = self.part.row_slots(s);
        let Part { block, rows, .. } = &mut *self.part;
        let rows = &mut rows.as_mut_slice()[slot * block.samples() * row..];
        for ((sample, position), to) in block.at(s).zip(rows.chunks_exact_mut(row)) {
            let read = &mut to[padded..padded + features];
            match position {
                Some(position) => {
                    let from = layout.input_at(block.first + sample, position);
                    read.copy_from_slice(&self.input[from..from + features]);
                }
                None => read.fill(0.0),
            }
            to[padded + features] = 1.0;
        }
    }

    /// Computes the output pointers of the samples at step `s`.
    #[inline(always)]
    fn find_outputs(&self, s: usize, outputs: &mut [*mut f32], behind: *mut f32) {
        let (layout, block) = (self.layout, &self.part.block);
        for ((sample, position), output) in block.at(s).zip(outputs) {
            *output = match position {
                Some(position) => {
                    let at = layout.output_at(block.first + sample, position, block.reversed);
                    assert!(at + layout.hidden <= self.output.len);
                    // SAFETY: inside the output, by the line above.
                    unsafe { self.output.start.add(at) }
                }
                None => behind,
            };
        }
    }

    /// Computes the pointers of step `s`.
    #[inline(always)]
    fn step(&mut self, s: usize, outputs: &[*mut f32]) -> Step {
        let layout = self.layout;
        let part = &mut *self.part;
        let (row_slots, cell_slots) = (part.row_slots(s), part.cell_slots(s));
        let samples = part.block.samples();
        let (rows, cells) = (samples * layout.row, samples * layout.padded);
        let row_start = part.rows.as_mut_slice().as_mut_ptr();
        let cell_start = part.cells.as_mut_slice().as_mut_ptr();
        let gate_start = part.gates.as_mut_slice().as_mut_ptr();
        let gates = samples * layout.gates();
        // SAFETY: all slots are inside their buffers (`Part::new`).
        unsafe {
            Step {
                layout,
                panels: self.panels.as_slice().as_ptr(),
                rows: row_start.add(row_slots.0 * rows),
                next_rows: row_start.add(row_slots.1 * rows),
                old_cells: cell_start.add(cell_slots.0 * cells),
                cells: cell_start.add(cell_slots.1 * cells),
                gates: part.kept.then(|| gate_start.add(s * gates)),
                outputs: outputs.as_ptr(),
            }
        }
    }

    /// Writes the final states of the sequences that end with step `s` behind the last position.
    #[inline(always)]
    fn write_finals(&self, s: usize) {
        let layout = self.layout;
        let part = &*self.part;
        let block = &part.block;
        let (_, row_slot) = part.row_slots(s);
        let (_, cell_slot) = part.cell_slots(s);
        for sample in block.ending(s) {
            let row = (row_slot * block.samples() + sample) * layout.row;
            let cell = (cell_slot * block.samples() + sample) * layout.padded;
            let states = [
                &part.rows.as_slice()[row..row + layout.hidden],
                &part.cells.as_slice()[cell..cell + layout.hidden],
            ];
            for (which, from) in states.into_iter().enumerate() {
                let position = layout.time + which;
                let to = layout.output_at(block.first + sample, position, block.reversed);
                assert!(to + layout.hidden <= self.output.len);
                // SAFETY: inside the output, by the line above; these elements are this part's alone.
                unsafe {
                    let to = self.output.start.add(to);
                    std::ptr::copy_nonoverlapping(from.as_ptr(), to, layout.hidden);
                }
            }
        }
    }
}

/// The pointers of one step, each to the first sample of the block. The strides of the samples are `row` for `rows` and
/// `next_rows`, `padded` for the cells and `4 padded` for the gates; the output has a pointer for every sample.
struct Step {
    layout: Layout,
    panels: *const f32,
    rows: *const f32,
    next_rows: *mut f32,
    old_cells: *const f32,
    cells: *mut f32,
    gates: Option<*mut f32>,
    outputs: *const *mut f32,
}

/// Advances `M` samples from `first` by one step, for as many hidden units from `unit` as a vector has lanes.
///
/// # Safety
///
/// The pointers of `step` must be valid for these samples and units.
#[inline(always)]
unsafe fn advance<S: Simd, const M: usize>(simd: S, step: &Step, unit: usize, first: usize) {
    let Layout {
        features,
        hidden,
        padded,
        row,
        ..
    } = step.layout;
    let mut sums: Sums<S, M, 4> = [[simd.splat_f32s(0.0); 4]; M];
    // SAFETY: by the contract; the panel of these units begins after those of the units before.
    unsafe {
        let panel = step.panels.add(unit * 4 * forward_rows(&step.layout));
        let rows = step.rows.add(first * row);
        sums = accumulate(simd, sums, rows, row, panel, hidden);
        let panel = panel.add(hidden * 4 * S::F32_LANES);
        sums = accumulate(simd, sums, rows.add(padded), row, panel, features + 1);
    }
    for (m, sums) in sums.iter().enumerate() {
        let sample = first + m;
        let [i, f, g, o] = [
            sigmoid(simd, sums[0]),
            sigmoid(simd, sums[1]),
            tanh(simd, sums[2]),
            sigmoid(simd, sums[3]),
        ];
        // SAFETY: by the contract; hidden states and cells are padded to whole vectors, the output is not.
        unsafe {
            let old = load::<S>(step.old_cells.add(sample * padded + unit));
            let cell = simd.mul_add_e_f32s(f, old, simd.mul_f32s(i, g));
            let state = simd.mul_f32s(o, tanh(simd, cell));
            store::<S>(step.cells.add(sample * padded + unit), cell);
            store::<S>(step.next_rows.add(sample * row + unit), state);
            if let Some(gates) = step.gates {
                let to = gates.add(sample * 4 * padded + unit);
                for (gate, values) in [i, f, g, o].into_iter().enumerate() {
                    store::<S>(to.add(gate * padded), values);
                }
            }
            let to = *step.outputs.add(sample);
            store_first(simd, to.add(unit), hidden - unit, state);
        }
    }
}
