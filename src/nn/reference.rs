//! Computes the LSTM in plain tensor operations: differentiable on every backend, and the reference for the kernels.
//!
//! For speed, one matrix product computes the inputs' share of the gates for all steps, and all directions advance
//! together as a batched product.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use super::layer::{Ends, Layer};
use super::{Lengths, LstmWeights};

/// Steps per block of the gates. The gradient of a slice is as large as the sliced tensor, so single steps are sliced
/// from blocks and not from the whole sequence.
const BLOCK: usize = 10;

/// Computes one layer, `[batch, time, input]` to `[batch, time, directions * hidden]`, and the final states if `ends`.
pub(super) fn forward(
    layer: Layer<'_>,
    input: Tensor<3>,
    begin: Ends,
    lengths: Option<&Lengths>,
    ends: bool,
) -> (Tensor<3>, Option<Ends>) {
    let hidden = layer.forward.hidden();
    let input = match lengths {
        Some(lengths) => lengths.filled(input),
        None => input,
    };
    let gates = input_gates(layer, input, lengths);
    let directions = layer.directions().into_iter();
    let recurrent = directions.map(|weights| weights.weight_hh.val().transpose());
    let recurrent = Tensor::stack::<3>(recurrent.collect(), 0);
    let mut state = State {
        hidden: begin.clone().narrow(0, 0, 1).squeeze_dim(0),
        cell: begin.narrow(0, 1, 1).squeeze_dim(0),
    };
    let keep_cells = ends && lengths.is_some();
    let (mut states, mut cells) = (Vec::new(), Vec::new());
    for block in gates.split(BLOCK, 0) {
        for step in block.split(1, 0) {
            state = advance(state, step.squeeze_dim(0), recurrent.clone(), hidden);
            states.push(state.hidden.clone());
            cells.extend(keep_cells.then(|| state.cell.clone()));
        }
    }
    let ends = ends.then(|| match lengths {
        None => Tensor::stack(vec![state.hidden, state.cell], 0),
        Some(lengths) => {
            let at_ends = |steps: &[Tensor<3>]| lengths.at_ends(Tensor::stack(steps.to_vec(), 0));
            Tensor::stack(vec![at_ends(&states), at_ends(&cells)], 0)
        }
    });
    let output = join_directions(states, lengths);
    match lengths {
        Some(lengths) => (lengths.filled(output), ends),
        None => (output, ends),
    }
}

/// The hidden and cell state of all directions, each `[directions, batch, hidden]`.
struct State {
    hidden: Tensor<3>,
    cell: Tensor<3>,
}

/// Computes the inputs' share of all gates with both biases, `[time, directions, batch, 4 hidden]`. The backward
/// direction is in the order of its steps.
fn input_gates(layer: Layer<'_>, input: Tensor<3>, lengths: Option<&Lengths>) -> Tensor<4> {
    let [batch, time, features] = input.dims();
    let steps = input.swap_dims(0, 1).reshape([time * batch, features]);
    let all = layer.directions();
    let weights = all.iter().map(|weights| weights.weight_ih.val()).collect();
    let weights = Tensor::cat(weights, 0).transpose();
    let bias = Tensor::cat(all.iter().map(|weights| bias(weights)).collect(), 0);
    let bias = bias.unsqueeze::<2>();
    let width = bias.dims()[1] / all.len();
    let gates = steps.matmul(weights) + bias;
    let gates: Tensor<3> = gates.reshape([time, batch, all.len() * width]);
    let of = |direction: usize| {
        let gates = gates.clone().narrow(2, direction * width, width);
        in_order(gates, direction, lengths)
    };
    Tensor::stack((0..all.len()).map(of).collect(), 1)
}

fn bias(weights: &LstmWeights) -> Tensor<1> {
    weights.bias_ih.val() + weights.bias_hh.val()
}

/// Converts `[time, batch, width]` from the order of time to the order of a direction's steps, or back.
fn in_order(steps: Tensor<3>, direction: usize, lengths: Option<&Lengths>) -> Tensor<3> {
    match (direction, lengths) {
        (0, _) => steps,
        (_, None) => steps.flip([0]),
        (_, Some(lengths)) => lengths.reversed(steps),
    }
}

/// Computes one step of all directions. `inputs` is `[directions, batch, 4 hidden]`, `recurrent` is
/// `[directions, hidden, 4 hidden]`.
fn advance(state: State, inputs: Tensor<3>, recurrent: Tensor<3>, hidden: usize) -> State {
    let gates = inputs + state.hidden.matmul(recurrent);
    let mut parts = gates.split(hidden, 2).into_iter();
    let mut next = || parts.next().expect("a layer has four gates");
    let (input, forget, candidate, output) = (next(), next(), next(), next());
    let cell = sigmoid(forget) * state.cell + sigmoid(input) * candidate.tanh();
    State {
        hidden: sigmoid(output) * cell.clone().tanh(),
        cell,
    }
}

/// Converts the backward direction to the order of time and concatenates the directions.
fn join_directions(states: Vec<Tensor<3>>, lengths: Option<&Lengths>) -> Tensor<3> {
    let [directions, batch, hidden] = states[0].dims();
    let time = states.len();
    let all = Tensor::stack::<4>(states, 0);
    let of = |direction: usize| {
        let half = all.clone().narrow(1, direction, 1);
        in_order(half.reshape([time, batch, hidden]), direction, lengths)
    };
    Tensor::cat((0..directions).map(of).collect(), 2).swap_dims(0, 1)
}
