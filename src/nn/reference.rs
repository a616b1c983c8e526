//! The bidirectional LSTM in plain tensor operations: differentiable on every backend, and the yardstick for kernels.
//!
//! Two things keep it from being slow: one matrix product makes the inputs' share of the gates for all steps, and both
//! directions advance together as a batched product of two.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use super::bilstm::{BiLstmLayer, LstmWeights};

/// Steps cut out of the gates at once. The gradient of a slice is as large as what it was cut from, so single steps are
/// cut from blocks and not from the whole sequence.
const BLOCK: usize = 10;

/// One layer, `[batch, time, input]` to `[batch, time, 2 hidden]`.
pub(super) fn forward(layer: &BiLstmLayer, input: Tensor<3>) -> Tensor<3> {
    let [batch, time, _] = input.dims();
    let hidden = layer.forward.hidden();
    let gates = input_gates(layer, input);
    let recurrent = Tensor::stack::<3>(
        vec![
            layer.forward.weight_hh.val().transpose(),
            layer.backward.weight_hh.val().transpose(),
        ],
        0,
    );
    let start = Tensor::zeros([2, batch, hidden], (&gates.device(), gates.dtype()));
    let mut state = State {
        hidden: start.clone(),
        cell: start,
    };
    let mut outputs = Vec::with_capacity(time);
    for block in gates.split(BLOCK, 0) {
        for step in block.split(1, 0) {
            state = advance(state, step.squeeze_dim(0), recurrent.clone(), hidden);
            outputs.push(state.hidden.clone());
        }
    }
    join_directions(outputs)
}

/// The hidden and cell state of both directions, each `[2, batch, hidden]`.
struct State {
    hidden: Tensor<3>,
    cell: Tensor<3>,
}

/// The inputs' share of all gates with both biases, the backward direction in its own order of time,
/// `[time, 2, batch, 4 hidden]`.
fn input_gates(layer: &BiLstmLayer, input: Tensor<3>) -> Tensor<4> {
    let [batch, time, features] = input.dims();
    let steps = input.swap_dims(0, 1).reshape([time * batch, features]);
    let both = [&layer.forward, &layer.backward];
    let weights = Tensor::cat(both.map(|w| w.weight_ih.val()).to_vec(), 0).transpose();
    let bias = Tensor::cat(both.map(bias).to_vec(), 0).unsqueeze::<2>();
    let width = bias.dims()[1] / 2;
    let gates = (steps.matmul(weights) + bias).reshape([time, batch, 2 * width]);
    let forward = gates.clone().narrow(2, 0, width);
    let backward = gates.narrow(2, width, width).flip([0]);
    Tensor::stack(vec![forward, backward], 1)
}

fn bias(weights: &LstmWeights) -> Tensor<1> {
    weights.bias_ih.val() + weights.bias_hh.val()
}

/// One step of both directions; `inputs` is `[2, batch, 4 hidden]`, `recurrent` is `[2, hidden, 4 hidden]`.
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

/// Puts the backward direction back into the order of time and the halves side by side.
fn join_directions(outputs: Vec<Tensor<3>>) -> Tensor<3> {
    let [_, batch, hidden] = outputs[0].dims();
    let time = outputs.len();
    let all = Tensor::stack::<4>(outputs, 0);
    let half = |direction: usize| -> Tensor<3> {
        all.clone()
            .narrow(1, direction, 1)
            .reshape([time, batch, hidden])
    };
    Tensor::cat(vec![half(0), half(1).flip([0])], 2).swap_dims(0, 1)
}
