//! The kernel of the backward pass: all steps of one direction over a block of samples, in one launch.

use burn_cubecl::cubecl::{self, prelude::*};

use super::activation::tanh;
use super::form::{Compiled, position, row};

/// Computes the backward pass as the mirror image of the forward pass: a unit keeps the gradients of state and cell of
/// one hidden unit in registers, and the gradients of all gates of a step are in shared memory, twice.
///
/// # Shapes
///
/// - output: `[batch, positions, width]` or time first, the gradient of the output
/// - gates: `[directions, rows, 4 hidden]`, the gates after the activation; without `pre_activation` overwritten by
///   their gradients before the activation
/// - pre_activation: `[directions, rows, 4 hidden]`, the target of these gradients
/// - cells_before, counts: as in the forward pass
/// - transposed: `[directions, hidden, hidden]`, as `pack` orders it
/// - states: `[2, directions, batch, hidden]`, the gradient of the initial states
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn backward<E: Float>(
    output: &Tensor<f32>,
    gates: &mut Tensor<E>,
    cells_before: &Tensor<E>,
    mut pre_activation: ComptimeOption<&mut Tensor<f32>>,
    transposed: &Tensor<Vector<f32, Const<4>>>,
    counts: ComptimeOption<&Tensor<f32>>,
    states: ComptimeOption<&mut Tensor<f32>>,
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

    let mut shared = Shared::<[Vector<f32, Const<4>>]>::new_slice(comptime!(2 * half));
    let mut of_cell = Array::<f32>::new(samples);
    let mut of_state = Array::<f32>::new(samples);
    let mut lengths = Array::<usize>::new(samples);
    let mut sums = Array::<Vector<f32, Const<4>>>::new(samples);

    #[unroll]
    for s in 0..samples {
        let sample = min(first + s, batch - 1);
        let mut state = 0.0f32;
        let mut cell = 0.0f32;
        let mut length = time;
        if comptime!(form.finals) {
            let within = direction * hidden + unit;
            let at = row(sample, time, batch, positions, batch_first);
            state = output[at * width + within];
            let at = row(sample, time + 1, batch, positions, batch_first);
            cell = output[at * width + within];
        }
        #[comptime]
        if let ComptimeOption::Some(counts) = counts {
            length = u32::cast_from(counts[sample]) as usize;
        }
        of_state[s] = state;
        of_cell[s] = cell;
        lengths[s] = length;
    }

    let weights = direction * comptime!(form.hidden * form.hidden) + unit;
    for back in 0..time {
        let step = time - 1 - back;
        let side = (back % 2) * half;
        #[unroll]
        for s in 0..samples {
            let mut delta = Vector::<f32, Const<4>>::new(0.0f32);
            let sample = first + s;
            if sample < batch {
                let at = position(step, lengths[s], reversed);
                let within = direction * rows + row(sample, at, batch, time, batch_first);
                let base = within * comptime!(4 * form.hidden) + unit;
                if step < lengths[s] {
                    let input = f32::cast_from(gates[base]);
                    let forget = f32::cast_from(gates[base + comptime!(form.hidden)]);
                    let candidate = f32::cast_from(gates[base + comptime!(2 * form.hidden)]);
                    let opened = f32::cast_from(gates[base + comptime!(3 * form.hidden)]);
                    let cell_before = f32::cast_from(cells_before[within * hidden + unit]);
                    let squashed = tanh(forget * cell_before + input * candidate);
                    let out = row(sample, at, batch, positions, batch_first) * width
                        + direction * hidden
                        + unit;
                    let state = of_state[s] + output[out];
                    let cell = of_cell[s] + state * opened * (1.0f32 - squashed * squashed);
                    delta.insert(0usize, cell * candidate * input * (1.0f32 - input));
                    delta.insert(1usize, cell * cell_before * forget * (1.0f32 - forget));
                    delta.insert(2usize, cell * input * (1.0f32 - candidate * candidate));
                    delta.insert(3usize, state * squashed * opened * (1.0f32 - opened));
                    of_cell[s] = cell * forget;
                }
                #[unroll]
                for gate in 0..4usize {
                    let at = base + comptime!(gate * form.hidden);
                    #[comptime]
                    match &mut pre_activation {
                        ComptimeOption::Some(pre_activation) => {
                            pre_activation[at] = delta.extract(gate);
                        }
                        ComptimeOption::None => gates[at] = E::cast_from(delta.extract(gate)),
                    }
                }
            }
            shared[side + unit * samples + s] = delta;
            sums[s] = Vector::<f32, Const<4>>::new(0.0f32);
        }
        sync_cube();
        for m in 0..hidden {
            let weight = transposed[weights + m * hidden];
            #[unroll]
            for s in 0..samples {
                sums[s] += weight * shared[side + m * samples + s];
            }
        }
        #[unroll]
        for s in 0..samples {
            if step < lengths[s] {
                let both = sums[s];
                of_state[s] = both.extract(0usize)
                    + both.extract(1usize)
                    + both.extract(2usize)
                    + both.extract(3usize);
            }
        }
    }
    #[comptime]
    if let ComptimeOption::Some(states) = states {
        #[unroll]
        for s in 0..samples {
            let sample = first + s;
            if sample < batch {
                let at = (direction * batch + sample) * hidden + unit;
                states[at] = of_state[s];
                states[comptime!(form.directions) * batch * hidden + at] = of_cell[s];
            }
        }
    }
}
