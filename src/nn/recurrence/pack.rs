//! Packs weights in the order in which the kernels read them.

use burn_cubecl::cubecl::{self, prelude::*};

/// Stacks the input weights of both directions, `[4 hidden, features]` each, to `[2, 4 hidden, features]`.
#[cube(launch)]
pub(super) fn pack_input(
    forward: &Tensor<f32>,
    backward: &Tensor<f32>,
    packed: &mut Tensor<f32>,
    half: usize,
) {
    if ABSOLUTE_POS < 2 * half {
        if ABSOLUTE_POS < half {
            packed[ABSOLUTE_POS] = forward[ABSOLUTE_POS];
        } else {
            packed[ABSOLUTE_POS] = backward[ABSOLUTE_POS - half];
        }
    }
}

/// Packs recurrent weights and biases for the forward pass: the weights of the four gates for every direction, unit
/// that is read and unit that is computed, `[directions, hidden + 1, hidden]`. The sum of both biases follows the last
/// unit that is read.
#[cube(launch)]
pub(super) fn pack_recurrent(
    forward: &Tensor<f32>,
    forward_input_bias: &Tensor<f32>,
    forward_recurrent_bias: &Tensor<f32>,
    backward: &Tensor<f32>,
    backward_input_bias: &Tensor<f32>,
    backward_recurrent_bias: &Tensor<f32>,
    packed: &mut Tensor<Vector<f32, Const<4>>>,
    directions: usize,
    #[comptime] hidden: usize,
) {
    let rows = comptime!(hidden + 1);
    if ABSOLUTE_POS < directions * rows * hidden {
        let unit = ABSOLUTE_POS % hidden;
        let read = (ABSOLUTE_POS / hidden) % rows;
        let reversed = ABSOLUTE_POS / hidden >= rows;
        let mut four = Vector::<f32, Const<4>>::new(0.0f32);
        #[unroll]
        for gate in 0..4usize {
            let of = gate * hidden + unit;
            let value = if read == hidden {
                if reversed {
                    backward_input_bias[of] + backward_recurrent_bias[of]
                } else {
                    forward_input_bias[of] + forward_recurrent_bias[of]
                }
            } else if reversed {
                backward[of * hidden + read]
            } else {
                forward[of * hidden + read]
            };
            four.insert(gate, value);
        }
        packed[ABSOLUTE_POS] = four;
    }
}

/// Packs recurrent weights for the backward pass: the weights of the four gates for every direction, unit that was
/// computed and unit that was read, `[directions, hidden, hidden]`.
#[cube(launch)]
pub(super) fn pack_transposed(
    forward: &Tensor<f32>,
    backward: &Tensor<f32>,
    packed: &mut Tensor<Vector<f32, Const<4>>>,
    directions: usize,
    #[comptime] hidden: usize,
) {
    let all = comptime!(hidden * hidden);
    if ABSOLUTE_POS < directions * all {
        let at = ABSOLUTE_POS % all;
        let reversed = ABSOLUTE_POS >= all;
        let mut four = Vector::<f32, Const<4>>::new(0.0f32);
        #[unroll]
        for gate in 0..4usize {
            let value = if reversed {
                backward[gate * all + at]
            } else {
                forward[gate * all + at]
            };
            four.insert(gate, value);
        }
        packed[ABSOLUTE_POS] = four;
    }
}
