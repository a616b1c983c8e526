//! Computes one layer in one or two directions, forward and backward through time, on host slices.
//!
//! The batch is split into blocks whose size does not depend on the machine; a thread processes one block of one
//! direction. In the forward pass, a step reads hidden state, features and a one side by side, so that one product
//! computes the gates with their biases. These rows, the cells and the gates after the activation are kept for the
//! backward pass. In the backward pass, a step needs one product; the gradients of all weights of a direction are one
//! product after the last step.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::backward::Backward;
use super::buffer::Buffer;
use super::forward::{Block, Forward, Part, SharedOutput};
use super::layout::{Layout, position};
use super::packing::{Weights, even, pack_backward, pack_forward};
use super::products::{PartGradients, Wanted, WeightGradients, gradients};
use crate::host::memory;

/// The maximum number of samples of a block in two directions. Halved in one direction, so that threads have as many
/// blocks.
const BLOCK: usize = 32;

/// The data that a layer keeps for the backward pass.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    layout: Layout,
    /// The parts of the forward direction, then the parts of the backward direction.
    parts: Vec<Part>,
}

/// Returns the number of lanes of a vector.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// The inputs of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequences<'a> {
    /// `[batch, time, features]`, or time first. Elements behind the end of a sequence are not read.
    pub(super) input: &'a [f32],
    /// The initial hidden states and cells, `[2, batch, width]`.
    pub(super) states: &'a [f32],
    /// The length of every sequence. `None` for all positions.
    pub(super) lengths: Option<&'a [usize]>,
}

/// Computes one layer with the weights of each direction. The output has the shape of [`Layout::output`], with the
/// forward half of a row first. The data for the backward pass is kept if `keep`.
///
/// # Panics
///
/// If the sequences do not fit the layout.
pub(super) fn forward(
    arch: Arch,
    layout: Layout,
    sequences: Sequences<'_>,
    weights: &[Weights<'_>],
    keep: bool,
) -> (Vec<f32>, Option<Saved>) {
    sequences.check(&layout, weights);
    let lanes = arch.dispatch(Lanes);
    let panels = each(weights, |weights| pack_forward(&layout, weights, lanes));
    let elements = layout.output().into_iter().product();
    let mut output = memory::room(elements);
    let room = &mut output.spare_capacity_mut()[..elements];
    if !layout.hidden.is_multiple_of(lanes) || sequences.lengths.is_some() {
        // Parts of vectors are stored through slices, which must be initialised, and the padding of sequences is never
        // written.
        room.fill(MaybeUninit::new(0.0));
    }
    let shared = SharedOutput::new(room);
    let run = |block: Block| {
        let direction = usize::from(block.reversed);
        let mut part = Part::new(&layout, block, sequences.states, keep);
        arch.dispatch(Forward {
            layout,
            input: sequences.input,
            panels: &panels[direction],
            output: shared,
            part: &mut part,
        });
        part
    };
    let blocks = blocks(&layout, sequences.lengths);
    let parts: Vec<Part> = blocks.into_par_iter().map(run).collect();
    // SAFETY: there is room for `elements`. Either all were zeroed above, or every part has written all hidden units of
    // its direction at every position of its samples, final states included; the parts cover all directions of all
    // samples (`blocks`).
    unsafe { output.set_len(elements) };
    (output, keep.then_some(Saved { layout, parts }))
}

impl Sequences<'_> {
    fn check(&self, layout: &Layout, weights: &[Weights<'_>]) {
        let Layout {
            batch,
            time,
            features,
            ..
        } = *layout;
        assert_eq!(weights.len(), layout.form.directions, "directions");
        assert!(batch > 0 && time > 0, "a sequence and a position at least");
        assert_eq!(
            self.input.len(),
            batch * time * features,
            "elements of the input"
        );
        assert_eq!(
            self.states.len(),
            2 * batch * layout.width(),
            "elements of the states"
        );
        if let Some(lengths) = self.lengths {
            assert_eq!(lengths.len(), batch, "lengths");
            assert!(lengths.iter().all(|length| (1..=time).contains(length)));
        }
    }
}

/// Returns the blocks of the forward direction, then the blocks of the backward direction if there is one.
fn blocks(layout: &Layout, lengths: Option<&[usize]>) -> Vec<Block> {
    let most = BLOCK * layout.form.directions / 2;
    let of = |reversed| {
        even(layout.batch, most).map(move |(first, samples)| Block {
            reversed,
            first,
            lengths: match lengths {
                Some(lengths) => lengths[first..first + samples].to_vec(),
                None => vec![layout.time; samples],
            },
        })
    };
    let directions = [false, true].into_iter().take(layout.form.directions);
    directions.flat_map(of).collect()
}

/// Calls `work` for all directions in parallel.
fn each<T: Sync, R: Send>(directions: &[T], work: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    directions.par_iter().map(work).collect()
}

/// The gradients of a layer, each if wanted.
#[derive(Debug)]
pub(super) struct Gradients {
    /// The gradient of the input, in its shape.
    pub(super) input: Option<Vec<f32>>,
    /// The gradient of the initial states, `[2, batch, width]`.
    pub(super) states: Option<Vec<f32>>,
    /// The gradients of the weights of each direction.
    pub(super) weights: Option<Vec<WeightGradients>>,
}

/// Computes the gradients. `output` is the gradient of the output, in its shape. The kept data is overwritten.
///
/// # Panics
///
/// If `output` does not fit the layout.
pub(super) fn backward(
    arch: Arch,
    saved: Saved,
    output: &[f32],
    weights: &[Weights<'_>],
    wanted: Wanted,
) -> Gradients {
    let Saved { layout, parts } = saved;
    let elements: usize = layout.output().into_iter().product();
    assert_eq!(output.len(), elements, "elements of the output's gradient");
    let lanes = arch.dispatch(Lanes);
    let panels = each(weights, |weights| {
        pack_backward(&layout, weights.recurrent, lanes)
    });
    let output: &[f32] = &if layout.form.finals {
        Cow::Owned(with_finals(&layout, &parts, output))
    } else {
        Cow::Borrowed(output)
    };
    let run = |mut part: Part| {
        let direction = usize::from(part.block.reversed);
        let mut to_cells = Buffer::zeros(part.block.samples() * layout.padded);
        arch.dispatch(Backward {
            layout,
            output,
            panels: &panels[direction],
            part: &mut part,
            to_cells: &mut to_cells,
        });
        gradients(&layout, part, &to_cells, &weights[direction], wanted)
    };
    let found: Vec<PartGradients> = parts.into_par_iter().map(run).collect();
    let directions: Vec<&[PartGradients]> = found
        .chunks_exact(found.len() / layout.form.directions)
        .collect();
    Gradients {
        input: wanted.input.then(|| sum_inputs(&layout, &found)),
        states: wanted.states.then(|| join_states(&layout, &found)),
        weights: wanted
            .weights
            .then(|| each(&directions, |parts| WeightGradients::sum(&layout, parts))),
    }
}

/// Adds the gradient of the final hidden states to the gradient of the output: the final hidden states are the output
/// at the ends of the sequences.
fn with_finals(layout: &Layout, parts: &[Part], output: &[f32]) -> Vec<f32> {
    let mut output = output.to_vec();
    for block in parts.iter().map(|part| &part.block) {
        for (sample, length) in block.lengths.iter().enumerate() {
            let end =
                position(length - 1, *length, block.reversed).expect("a step of the sequence");
            let at = |position| layout.output_at(block.first + sample, position, block.reversed);
            for unit in 0..layout.hidden {
                output[at(end) + unit] += output[at(layout.time) + unit];
            }
        }
    }
    output
}

/// Sums the gradient of the input over all parts, each in its order of steps.
fn sum_inputs(layout: &Layout, parts: &[PartGradients]) -> Vec<f32> {
    let features = layout.features;
    let mut sum = vec![0.0; layout.batch * layout.time * features];
    for part in parts {
        let block = &part.block;
        let steps = part.input.chunks_exact(block.samples() * features);
        for (s, step) in steps.enumerate() {
            for ((sample, position), values) in block.at(s).zip(step.chunks_exact(features)) {
                let Some(position) = position else { continue };
                let to = layout.input_at(block.first + sample, position);
                let to = &mut sum[to..to + features];
                to.iter_mut()
                    .zip(values)
                    .for_each(|(to, value)| *to += value);
            }
        }
    }
    sum
}

/// Joins the gradients of the initial states, which each part holds for its samples and its direction.
fn join_states(layout: &Layout, parts: &[PartGradients]) -> Vec<f32> {
    let mut joined = vec![0.0; 2 * layout.batch * layout.width()];
    for part in parts {
        let block = &part.block;
        for (which, states) in part.states.iter().enumerate() {
            let of_samples = states.chunks_exact(states.len() / block.samples());
            for (sample, values) in of_samples.enumerate() {
                let to = layout.state_at(which, block.first + sample, block.reversed);
                joined[to..to + layout.hidden].copy_from_slice(&values[..layout.hidden]);
            }
        }
    }
    joined
}

// Its path is said for `kernels/`, which includes this file by its own.
#[cfg(test)]
#[path = "kernel/tests.rs"]
mod tests;
