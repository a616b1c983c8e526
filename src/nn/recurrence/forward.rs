//! The kernel of the forward pass: all steps of one direction over a block of samples, in one launch.

use burn_cubecl::cubecl::{self, prelude::*};

use super::activation::{sigmoid, tanh};
use super::form::{Compiled, position, row};

/// Computes the forward pass.
///
/// A cube processes a block of samples in one direction. A unit computes one hidden unit of all these samples and keeps
/// their cells in registers. The hidden states before a step, which the units read from each other, are in shared
/// memory twice: units that have finished a step write to one half while the others still read the other, and
/// synchronise once per step.
///
/// # Shapes
///
/// - gates: `[directions, rows, 4 hidden]`, the inputs' share without biases; afterwards the gates after the
///   activation, if `cells_before` is given
/// - recurrent: `[directions, hidden + 1, hidden]`, as `pack` orders it
/// - states: `[2, directions, batch, hidden]`, the initial hidden states and cells; zeros if not given
/// - counts: `[batch]`, the lengths of the sequences; all positions if not given
/// - output: `[batch, positions, width]` or time first
/// - cells_before, states_before: `[directions, rows, hidden]`, before each step
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn forward<E: Float>(
    gates: &mut Tensor<E>,
    recurrent: &Tensor<Vector<f32, Const<4>>>,
    states: ComptimeOption<&Tensor<f32>>,
    counts: ComptimeOption<&Tensor<f32>>,
    output: &mut Tensor<f32>,
    mut cells_before: ComptimeOption<&mut Tensor<E>>,
    mut states_before: ComptimeOption<&mut Tensor<E>>,
    batch: usize,
    time: usize,
    #[comptime] form: Compiled,
    #[define(E)] _stored: ElemType,
) {
    let hidden = comptime!(form.hidden);
    let samples = comptime!(form.samples);
    let width = comptime!(form.directions * form.hidden);
    let extra = comptime!(if form.finals { 2usize } else { 0usize });
    let half = comptime!(form.hidden * form.samples);
    let batch_first = comptime!(form.batch_first);

    let unit = UNIT_POS_X as usize;
    let direction = CUBE_POS_Y as usize;
    let reversed = comptime!(form.reversed) || direction == 1;
    let first = CUBE_POS_X as usize * samples;
    let rows = batch * time;
    let positions = time + extra;

    let mut shared = Shared::<[f32]>::new_slice(comptime!(2 * half));
    let mut cells = Array::<f32>::new(samples);
    let mut states_now = Array::<f32>::new(samples);
    let mut lengths = Array::<usize>::new(samples);
    let mut sums = Array::<Vector<f32, Const<4>>>::new(samples);

    #[unroll]
    for s in 0..samples {
        // Samples behind the last read the data of the last, and write nothing.
        let sample = min(first + s, batch - 1);
        let mut state = 0.0f32;
        let mut cell = 0.0f32;
        let mut length = time;
        #[comptime]
        if let ComptimeOption::Some(states) = states {
            let at = (direction * batch + sample) * hidden + unit;
            state = states[at];
            cell = states[comptime!(form.directions) * batch * hidden + at];
        }
        #[comptime]
        if let ComptimeOption::Some(counts) = counts {
            length = u32::cast_from(counts[sample]) as usize;
        }
        states_now[s] = state;
        cells[s] = cell;
        lengths[s] = length;
        shared[unit * samples + s] = state;
    }
    sync_cube();

    let weights = direction * comptime!((form.hidden + 1) * form.hidden) + unit;
    let bias = recurrent[weights + comptime!(form.hidden * form.hidden)];
    for step in 0..time {
        let read = (step % 2) * half;
        let write = half - read;
        #[unroll]
        for s in 0..samples {
            let sample = min(first + s, batch - 1);
            let at = position(step, lengths[s], reversed);
            let base = (direction * rows + row(sample, at, batch, time, batch_first))
                * comptime!(4 * form.hidden)
                + unit;
            let mut four = Vector::<f32, Const<4>>::new(0.0f32);
            #[unroll]
            for gate in 0..4usize {
                four.insert(
                    gate,
                    f32::cast_from(gates[base + comptime!(gate * form.hidden)]),
                );
            }
            sums[s] = four + bias;
        }
        for k in 0..hidden {
            let weight = recurrent[weights + k * hidden];
            #[unroll]
            for s in 0..samples {
                sums[s] += weight * Vector::new(shared[read + k * samples + s]);
            }
        }
        #[unroll]
        for s in 0..samples {
            let sample = first + s;
            if sample < batch {
                let at = position(step, lengths[s], reversed);
                let within = direction * rows + row(sample, at, batch, time, batch_first);
                let out = row(sample, at, batch, positions, batch_first) * width
                    + direction * hidden
                    + unit;
                if step < lengths[s] {
                    let input = sigmoid(sums[s].extract(0usize));
                    let forget = sigmoid(sums[s].extract(1usize));
                    let candidate = tanh(sums[s].extract(2usize));
                    let opened = sigmoid(sums[s].extract(3usize));
                    #[comptime]
                    if let ComptimeOption::Some(cells_before) = &mut cells_before {
                        let base = within * comptime!(4 * form.hidden) + unit;
                        gates[base] = E::cast_from(input);
                        gates[base + comptime!(form.hidden)] = E::cast_from(forget);
                        gates[base + comptime!(2 * form.hidden)] = E::cast_from(candidate);
                        gates[base + comptime!(3 * form.hidden)] = E::cast_from(opened);
                        cells_before[within * hidden + unit] = E::cast_from(cells[s]);
                    }
                    #[comptime]
                    if let ComptimeOption::Some(states_before) = &mut states_before {
                        states_before[within * hidden + unit] = E::cast_from(states_now[s]);
                    }
                    let cell = forget * cells[s] + input * candidate;
                    let state = opened * tanh(cell);
                    cells[s] = cell;
                    states_now[s] = state;
                    output[out] = state;
                } else {
                    // The weight gradients are products over all rows, so the padding must hold numbers.
                    output[out] = 0.0f32;
                    #[comptime]
                    if let ComptimeOption::Some(states_before) = &mut states_before {
                        states_before[within * hidden + unit] = E::cast_from(0.0f32);
                    }
                }
            }
            shared[write + unit * samples + s] = states_now[s];
        }
        sync_cube();
    }
    if comptime!(form.finals) {
        #[unroll]
        for s in 0..samples {
            let sample = first + s;
            if sample < batch {
                let within = direction * hidden + unit;
                let at = row(sample, time, batch, positions, batch_first);
                output[at * width + within] = states_now[s];
                let at = row(sample, time + 1, batch, positions, batch_first);
                output[at * width + within] = cells[s];
            }
        }
    }
}
