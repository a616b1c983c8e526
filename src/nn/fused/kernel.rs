//! One bidirectional layer, forward and backward through time, on host slices.
//!
//! The batch is cut into blocks whose size does not depend on the machine; each block of each direction is a piece of
//! work for a thread. Forward, a step reads hidden state, features and a one beside each other, so that one product makes
//! the gates with their biases. What is kept for the backward pass are these rows, the cells and the applied gates.
//! Backward, a step needs one product; the gradients of all weights of a direction are one product after the last step.

use std::mem::MaybeUninit;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::backward::Backward;
use super::forward::{Forward, Part, SharedOutput};
use super::layout::Layout;
use super::packing::{Weights, even, pack_backward, pack_forward};
use super::products::{PartGradients, WeightGradients, gradients};
use crate::host::memory;

/// Samples of a block at most.
const BLOCK: usize = 32;

/// What a layer keeps for the backward pass.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    layout: Layout,
    /// The blocks of the forward direction, then those of the backward direction.
    parts: Vec<Part>,
}

/// The lanes of a vector.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// One layer. `input` is `[batch, time, features]`, the output `[batch, time, 2 hidden]`, forward half first. What the
/// backward pass needs is kept if `keep`.
///
/// # Panics
///
/// If `input` does not fit the layout.
pub(super) fn forward(
    arch: Arch,
    layout: Layout,
    input: &[f32],
    weights: &[Weights<'_>; 2],
    keep: bool,
) -> (Vec<f32>, Option<Saved>) {
    let rows = layout.batch * layout.time;
    assert_eq!(input.len(), rows * layout.features, "elements of the input");
    let lanes = arch.dispatch(Lanes);
    let panels = both(|direction| pack_forward(&layout, &weights[direction], lanes));
    let elements = rows * 2 * layout.hidden;
    let mut output = memory::room(elements);
    let room = &mut output.spare_capacity_mut()[..elements];
    if !layout.hidden.is_multiple_of(lanes) {
        // Parts of vectors are stored through slices, and those must hold numbers.
        room.fill(MaybeUninit::new(0.0));
    }
    let shared = SharedOutput::new(room);
    let run = |(reversed, first, samples)| {
        let mut part = Part::new(&layout, reversed, first, samples, keep);
        arch.dispatch(Forward {
            layout,
            input,
            panels: &panels[usize::from(reversed)],
            output: shared,
            part: &mut part,
        });
        part
    };
    let parts: Vec<Part> = blocks(layout.batch).into_par_iter().map(run).collect();
    // SAFETY: there is room for as many, and every part has written all hidden units of its direction at every step of its
    // samples; the parts cover both directions of all samples (`blocks`).
    unsafe { output.set_len(elements) };
    (output, keep.then_some(Saved { layout, parts }))
}

/// Direction, first sample and number of samples of every piece of work.
fn blocks(batch: usize) -> Vec<(bool, usize, usize)> {
    let of = |reversed| even(batch, BLOCK).map(move |(first, samples)| (reversed, first, samples));
    of(false).chain(of(true)).collect()
}

/// Does something for both directions at once.
fn both<T: Send>(work: impl Fn(usize) -> T + Sync) -> [T; 2] {
    rayon::join(|| work(0), || work(1)).into()
}

/// The gradients of a layer, as far as they are wanted.
#[derive(Debug)]
pub(super) struct Gradients {
    /// `[batch, time, features]`.
    pub(super) input: Option<Vec<f32>>,
    pub(super) weights: Option<[WeightGradients; 2]>,
}

/// Which gradients are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) input: bool,
    pub(super) weights: bool,
}

/// Backward through time. `output` is the gradient of the output, `[batch, time, 2 hidden]`. What was kept is overwritten.
///
/// # Panics
///
/// If `output` does not fit the layout.
pub(super) fn backward(
    arch: Arch,
    saved: Saved,
    output: &[f32],
    weights: &[Weights<'_>; 2],
    wanted: Wanted,
) -> Gradients {
    let Saved { layout, parts } = saved;
    let elements = layout.batch * layout.time * 2 * layout.hidden;
    assert_eq!(output.len(), elements, "elements of the output's gradient");
    let lanes = arch.dispatch(Lanes);
    let panels = both(|direction| pack_backward(&layout, weights[direction].recurrent, lanes));
    let run = |mut part: Part| {
        let direction = usize::from(part.reversed);
        arch.dispatch(Backward {
            layout,
            output,
            panels: &panels[direction],
            part: &mut part,
        });
        gradients(&layout, part, &weights[direction], wanted)
    };
    let found: Vec<PartGradients> = parts.into_par_iter().map(run).collect();
    let (forward, backward) = found.split_at(found.len() / 2);
    let both_halves = [forward, backward];
    Gradients {
        input: wanted.input.then(|| sum_inputs(&layout, &found)),
        weights: wanted
            .weights
            .then(|| both(|direction| WeightGradients::sum(&layout, both_halves[direction]))),
    }
}

/// The gradient of the input: every part knows its samples' share, in its own order of steps.
fn sum_inputs(layout: &Layout, parts: &[PartGradients]) -> Vec<f32> {
    let Layout {
        batch,
        time,
        features,
        ..
    } = *layout;
    let mut sum = vec![0.0; batch * time * features];
    for part in parts {
        for (row, values) in part.input.chunks_exact(features).enumerate() {
            let (s, sample) = (row / part.samples, part.first + row % part.samples);
            let to = (sample * time + layout.place(s, part.reversed)) * features;
            let to = &mut sum[to..to + features];
            to.iter_mut()
                .zip(values)
                .for_each(|(to, value)| *to += value);
        }
    }
    sum
}

/// Everything on one set of instructions, for tests.
#[cfg(test)]
mod tests;
