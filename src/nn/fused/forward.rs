//! Forward through time: every step multiplies a few samples by a panel of weights and applies the gates to the sums
//! while they are in registers.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use super::buffer::Buffer;
use super::layout::Layout;
use super::packing::{even, forward_rows};
use super::tile::{Sums, accumulate, load, most_samples, store, store_first, with_samples};
use crate::host::vector::{sigmoid, tanh};

/// What one direction computes for a block of samples, and keeps for the backward pass if that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) reversed: bool,
    /// The first sample.
    pub(super) first: usize,
    /// The number of samples.
    pub(super) samples: usize,
    /// Whether every step is kept; otherwise only what the next one needs.
    kept: bool,
    /// What every step reads, `[steps, samples, row]`: hidden state, features, one. All steps and the state after the
    /// last if kept, two that take turns otherwise.
    pub(super) rows: Buffer,
    /// Cells before every step and after the last, `[steps, samples, padded]`; one that is overwritten if not kept.
    pub(super) cells: Buffer,
    /// Applied gates i, f, g, o, `[time, samples, 4 padded]`; nothing if not kept.
    pub(super) gates: Buffer,
}

impl Part {
    pub(super) fn new(
        layout: &Layout,
        reversed: bool,
        first: usize,
        samples: usize,
        kept: bool,
    ) -> Self {
        let (rows, cells, gates) = match kept {
            true => (layout.time + 1, layout.time + 1, layout.time),
            false => (2, 1, 0),
        };
        let mut part = Self {
            reversed,
            first,
            samples,
            kept,
            rows: Buffer::any(rows * samples * layout.row),
            cells: Buffer::any(cells * samples * layout.padded),
            gates: Buffer::any(gates * samples * layout.gates()),
        };
        part.clear(layout);
        part
    }

    /// Zeros where no step writes: the first states and cells, and, unless the steps write whole lines, all padding.
    fn clear(&mut self, layout: &Layout) {
        let (rows, cells) = (layout.row * self.samples, layout.padded * self.samples);
        self.rows.as_mut_slice()[..rows].fill(0.0);
        self.cells.as_mut_slice()[..cells].fill(0.0);
        if layout.hidden < layout.padded {
            self.rows.as_mut_slice().fill(0.0);
            self.cells.as_mut_slice().fill(0.0);
            self.gates.as_mut_slice().fill(0.0);
        }
    }
}

/// The output of a layer, which both directions of all samples write at the same time, each its own elements.
#[derive(Clone, Copy)]
pub(super) struct SharedOutput {
    start: *mut f32,
    len: usize,
}

// SAFETY: the parts that share it write disjoint elements (`Forward::output`), and it is read after all have ended.
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

/// The work of one direction on a block of samples.
pub(super) struct Forward<'a> {
    pub(super) layout: Layout,
    /// `[batch, time, features]`.
    pub(super) input: &'a [f32],
    /// The packed weights.
    pub(super) panels: &'a Buffer,
    /// `[batch, time, 2 hidden]`.
    pub(super) output: SharedOutput,
    pub(super) part: &'a mut Part,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let layout = self.layout;
        let lanes = S::F32_LANES;
        for s in 0..layout.time {
            self.read_features(s);
            let step = self.step(s);
            for block in 0..layout.hidden.div_ceil(lanes) {
                for (first, samples) in even(self.part.samples, most_samples::<S>(4)) {
                    // SAFETY: the tiles lie within the part's samples and the layer's hidden units, the buffers have
                    // the sizes `Step` asks for (`Part::new`, `pack_forward`), and nothing else refers to them now.
                    unsafe {
                        with_samples!(samples, advance::<S, _>(simd, &step, block * lanes, first));
                    }
                }
            }
        }
    }
}

impl Forward<'_> {
    /// Puts the features of a step beside its hidden states.
    #[inline(always)]
    fn read_features(&mut self, s: usize) {
        let Layout {
            time,
            features,
            padded,
            row,
            ..
        } = self.layout;
        let place = self.layout.place(s, self.part.reversed);
        let samples = self.part.samples;
        let slot = if self.part.kept { s } else { s % 2 };
        let rows = &mut self.part.rows.as_mut_slice()[slot * samples * row..];
        for (sample, to) in rows.chunks_exact_mut(row).take(samples).enumerate() {
            let from = ((self.part.first + sample) * time + place) * features;
            to[padded..padded + features].copy_from_slice(&self.input[from..from + features]);
            to[padded + features] = 1.0;
        }
    }

    /// Where step `s` reads and writes.
    #[inline(always)]
    fn step(&mut self, s: usize) -> Step {
        let layout = self.layout;
        let part = &mut *self.part;
        let row_slots = if part.kept {
            (s, s + 1)
        } else {
            (s % 2, (s + 1) % 2)
        };
        let cell_slots = if part.kept { (s, s + 1) } else { (0, 0) };
        let (rows, cells) = (part.samples * layout.row, part.samples * layout.padded);
        let place = layout.place(s, part.reversed);
        let half = usize::from(part.reversed) * layout.hidden;
        let output = (part.first * layout.time + place) * 2 * layout.hidden + half;
        let last = output + (part.samples - 1) * layout.time * 2 * layout.hidden;
        assert!(last + layout.hidden <= self.output.len);
        let row_start = part.rows.as_mut_slice().as_mut_ptr();
        let cell_start = part.cells.as_mut_slice().as_mut_ptr();
        let gate_start = part.gates.as_mut_slice().as_mut_ptr();
        let gates = part.samples * layout.gates();
        // SAFETY: all slots are inside their buffers (`Part::new`), and the output was checked above.
        unsafe {
            Step {
                layout,
                panels: self.panels.as_slice().as_ptr(),
                rows: row_start.add(row_slots.0 * rows),
                next_rows: row_start.add(row_slots.1 * rows),
                old_cells: cell_start.add(cell_slots.0 * cells),
                cells: cell_start.add(cell_slots.1 * cells),
                gates: part.kept.then(|| gate_start.add(s * gates)),
                output: self.output.start.add(output),
            }
        }
    }
}

/// Where one step reads and writes, each for the block's first sample: `rows`, `next_rows` by `row`, the cells by
/// `padded`, the gates by `4 padded`, and the output by `time * 2 hidden` elements for a sample.
struct Step {
    layout: Layout,
    panels: *const f32,
    rows: *const f32,
    next_rows: *mut f32,
    old_cells: *const f32,
    cells: *mut f32,
    gates: Option<*mut f32>,
    output: *mut f32,
}

/// Advances `M` samples from `first` and the hidden units from `unit`, as many as a vector has lanes.
///
/// # Safety
///
/// The pointers of `step` must be valid for these samples and units.
#[inline(always)]
unsafe fn advance<S: Simd, const M: usize>(simd: S, step: &Step, unit: usize, first: usize) {
    let Layout {
        time,
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
            let to = step.output.add(sample * time * 2 * hidden + unit);
            store_first(simd, to, hidden - unit, state);
        }
    }
}
