//! The backward pass through time: every step multiplies the gradients of the next step's gates by a panel of recurrent
//! weights and continues through the cell and the gates while the sums are in registers.

use pulp::{Simd, WithSimd};

use super::buffer::Buffer;
use super::forward::Part;
use super::layout::Layout;
use super::packing::{backward_panels, even};
use super::tile::{Sums, accumulate, load, load_first, most_samples, store, with_samples};
use crate::host::vector::tanh;

/// Replaces the gates of a part by the gradients before the activation, the last step first.
pub(super) struct Backward<'a> {
    pub(super) layout: Layout,
    /// The gradient of the output, shaped as [`Layout::output`], with the gradient of the final hidden states added at
    /// the ends of the sequences.
    pub(super) output: &'a [f32],
    /// The packed recurrent weights.
    pub(super) panels: &'a Buffer,
    /// The data that the forward pass kept.
    pub(super) part: &'a mut Part,
    /// Zeros, `[samples, padded]`; afterwards the gradients of the initial cells.
    pub(super) to_cells: &'a mut Buffer,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let layout = self.layout;
        let lanes = S::F32_LANES;
        let samples = self.part.block.samples();
        let mut outputs = vec![std::ptr::null(); samples];
        // The gradient behind the end of a sequence.
        let behind = Buffer::zeros(layout.padded);
        for s in (0..self.part.block.steps()).rev() {
            self.find_outputs(s, &mut outputs, &behind);
            if layout.form.finals {
                self.take_final_cells(s);
            }
            let step = self.step(s, &outputs);
            for (block, vectors) in backward_panels(&layout, lanes) {
                let unit = block * lanes;
                for (first, samples) in even(samples, most_samples::<S>(vectors)) {
                    // SAFETY: the tiles lie within the part's samples and the layer's hidden units, the buffers have
                    // the sizes `Step` asks for (`Part::new`, `pack_backward`), and nothing else refers to them now.
                    unsafe {
                        match vectors {
                            1 => {
                                with_samples!(
                                    samples,
                                    retreat::<S, _, 1>(simd, &step, unit, first)
                                );
                            }
                            2 => {
                                with_samples!(
                                    samples,
                                    retreat::<S, _, 2>(simd, &step, unit, first)
                                );
                            }
                            3 => {
                                with_samples!(
                                    samples,
                                    retreat::<S, _, 3>(simd, &step, unit, first)
                                );
                            }
                            _ => {
                                with_samples!(
                                    samples,
                                    retreat::<S, _, 4>(simd, &step, unit, first)
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Backward<'_> {
    /// Computes the pointers to the gradient of the output of each sample at step `s`.
    #[inline(always)]
    fn find_outputs(&self, s: usize, outputs: &mut [*const f32], behind: &Buffer) {
        let (layout, block) = (self.layout, &self.part.block);
        for ((sample, position), output) in block.at(s).zip(outputs) {
            *output = match position {
                Some(position) => {
                    let at = layout.output_at(block.first + sample, position, block.reversed);
                    self.output[at..at + layout.hidden].as_ptr()
                }
                None => behind.as_slice().as_ptr(),
            };
        }
    }

    /// Copies the gradients of the final cells of the sequences that end with step `s`.
    #[inline(always)]
    fn take_final_cells(&mut self, s: usize) {
        let (layout, block) = (self.layout, &self.part.block);
        for sample in block.ending(s) {
            let position = layout.time + 1;
            let from = layout.output_at(block.first + sample, position, block.reversed);
            let to = &mut self.to_cells.as_mut_slice()[sample * layout.padded..][..layout.hidden];
            to.copy_from_slice(&self.output[from..from + layout.hidden]);
        }
    }

    /// Computes the pointers of step `s`.
    #[inline(always)]
    fn step(&mut self, s: usize, outputs: &[*const f32]) -> Step {
        let layout = self.layout;
        let part = &mut *self.part;
        let (samples, steps) = (part.block.samples(), part.block.steps());
        let (cells, gates) = (samples * layout.padded, samples * layout.gates());
        let gate_start = part.gates.as_mut_slice().as_mut_ptr();
        let cell_start = part.cells.as_slice().as_ptr();
        // SAFETY: all steps are inside their buffers (`Part::new`).
        unsafe {
            Step {
                layout,
                panels: self.panels.as_slice().as_ptr(),
                outputs: outputs.as_ptr(),
                old_cells: cell_start.add(s * cells),
                cells: cell_start.add((s + 1) * cells),
                to_cells: self.to_cells.as_mut_slice().as_mut_ptr(),
                gates: gate_start.add(s * gates),
                next: (s + 1 < steps).then(|| gate_start.add((s + 1) * gates).cast_const()),
            }
        }
    }
}

/// The pointers of one step, each to the first sample of the block. The strides of the samples are `padded` for the
/// cells and their gradients and `4 padded` for the gates; the gradient of the output has a pointer for every sample.
struct Step {
    layout: Layout,
    panels: *const f32,
    outputs: *const *const f32,
    old_cells: *const f32,
    cells: *const f32,
    to_cells: *mut f32,
    /// Gates after the activation, to be replaced by gradients.
    gates: *mut f32,
    /// Gradients of the next step's gates, if there is one.
    next: Option<*const f32>,
}

/// Computes one step back for `M` samples from `first` and `V` vectors of hidden units from `unit`.
///
/// # Safety
///
/// The pointers of `step` must be valid for these samples and units.
#[inline(always)]
unsafe fn retreat<S: Simd, const M: usize, const V: usize>(
    simd: S,
    step: &Step,
    unit: usize,
    first: usize,
) {
    let Layout { hidden, padded, .. } = step.layout;
    let mut sums: Sums<S, M, V> = [[simd.splat_f32s(0.0); V]; M];
    if let Some(next) = step.next {
        // SAFETY: by the contract; the panel of these units begins after those of the units before.
        unsafe {
            let panel = step.panels.add(unit * 4 * hidden);
            let gates = next.add(first * 4 * padded);
            for gate in 0..4 {
                let panel = panel.add(gate * hidden * V * S::F32_LANES);
                sums = accumulate(
                    simd,
                    sums,
                    gates.add(gate * padded),
                    4 * padded,
                    panel,
                    hidden,
                );
            }
        }
    }
    for (m, sums) in sums.iter().enumerate() {
        for (v, to_state) in sums.iter().enumerate() {
            // SAFETY: by the contract.
            unsafe { through_gates(simd, step, first + m, unit + v * S::F32_LANES, *to_state) };
        }
    }
}

/// Computes the gradients of the gates before the activation and of the cell, from the gradient of the hidden state by
/// the next step.
///
/// # Safety
///
/// The pointers of `step` must be valid for this sample and a vector of units.
#[inline(always)]
unsafe fn through_gates<S: Simd>(
    simd: S,
    step: &Step,
    sample: usize,
    unit: usize,
    to_state: S::f32s,
) {
    let Layout { hidden, padded, .. } = step.layout;
    let one = simd.splat_f32s(1.0);
    let without = |x, y| simd.negate_mul_add_e_f32s(x, y, one);
    // SAFETY: by the contract; cells and gates are padded to whole vectors, the output is not.
    unsafe {
        let at = sample * padded + unit;
        let output = (*step.outputs.add(sample)).add(unit);
        let to_state = simd.add_f32s(to_state, load_first(simd, output, hidden - unit));
        let gates = step.gates.add(sample * 4 * padded + unit);
        let i = load::<S>(gates);
        let f = load::<S>(gates.add(padded));
        let g = load::<S>(gates.add(2 * padded));
        let o = load::<S>(gates.add(3 * padded));
        let bent = tanh(simd, load::<S>(step.cells.add(at)));
        let through_output = simd.mul_f32s(to_state, o);
        let later = load::<S>(step.to_cells.add(at));
        let to_cell = simd.mul_add_e_f32s(through_output, without(bent, bent), later);
        let to_i = simd.mul_f32s(simd.mul_f32s(to_cell, g), i);
        let to_f = simd.mul_f32s(simd.mul_f32s(to_cell, load::<S>(step.old_cells.add(at))), f);
        let to_g = simd.mul_f32s(simd.mul_f32s(to_cell, i), without(g, g));
        let to_o = simd.mul_f32s(through_output, bent);
        store::<S>(gates, simd.mul_f32s(to_i, simd.sub_f32s(one, i)));
        store::<S>(
            gates.add(padded),
            simd.mul_f32s(to_f, simd.sub_f32s(one, f)),
        );
        store::<S>(gates.add(2 * padded), to_g);
        store::<S>(
            gates.add(3 * padded),
            simd.mul_f32s(to_o, simd.sub_f32s(one, o)),
        );
        store::<S>(step.to_cells.add(at), simd.mul_f32s(to_cell, f));
    }
}
