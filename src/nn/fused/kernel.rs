//! The arithmetic of one bidirectional layer, forward and backward through time, on host slices.
//!
//! Each direction works in its own order of steps, `s = 0..time`, on its own thread: one product makes the inputs' share
//! of all gates, then every step adds the recurrent share and applies the gates. What is kept for the backward pass are
//! the applied gates, the cells and their tanh, the hidden states and the inputs in the order of steps. Backward, every
//! step needs one product; the gradients of the weights are one product each after the last step.

use std::sync::Arc;

use pulp::Arch;

use super::matmul::{Matrix, multiply};
use crate::host::math::{sigmoid, tanh};

/// Sizes of a layer's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) batch: usize,
    pub(super) time: usize,
    pub(super) features: usize,
    pub(super) hidden: usize,
}

impl Sizes {
    fn gates(&self) -> usize {
        4 * self.hidden
    }

    /// Values of one step of the hidden state.
    fn state(&self) -> usize {
        self.batch * self.hidden
    }

    /// Rows when the steps of all samples stand below each other.
    fn rows(&self) -> usize {
        self.batch * self.time
    }

    /// The place in time of step `s`.
    fn place(&self, s: usize, reversed: bool) -> usize {
        match reversed {
            true => self.time - 1 - s,
            false => s,
        }
    }
}

/// The parameters of one direction, row-major as PyTorch keeps them.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    /// `[4 hidden, features]`.
    pub(super) input: Vec<f32>,
    /// `[4 hidden, hidden]`.
    pub(super) recurrent: Vec<f32>,
    /// `[4 hidden]`.
    pub(super) input_bias: Vec<f32>,
    /// `[4 hidden]`.
    pub(super) recurrent_bias: Vec<f32>,
}

/// The gradients of one direction's parameters, shaped like them; both biases have the same.
#[derive(Debug)]
pub(super) struct WeightGradients {
    pub(super) input: Vec<f32>,
    pub(super) recurrent: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// What one direction keeps for the backward pass.
#[derive(Clone, Debug)]
struct Direction {
    reversed: bool,
    weights: Weights,
    /// Inputs in the order of steps, `[time, batch, features]`.
    inputs: Vec<f32>,
    /// Applied gates i, f, g, o, `[time, batch, 4 hidden]`.
    gates: Vec<f32>,
    /// Cells before and after every step, `[time + 1, batch, hidden]`; zeros first.
    cells: Vec<f32>,
    /// tanh of the cells after every step, `[time, batch, hidden]`.
    cell_tanh: Vec<f32>,
    /// Hidden states before and after every step, `[time + 1, batch, hidden]`; zeros first.
    states: Vec<f32>,
}

/// What a layer keeps for the backward pass.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    sizes: Sizes,
    directions: [Direction; 2],
}

/// One layer. `input` is `[batch, time, features]`; the output is `[batch, time, 2 hidden]`, forward half first.
pub(super) fn forward(sizes: Sizes, input: &[f32], weights: [Weights; 2]) -> (Vec<f32>, Saved) {
    let [forward, backward] = weights;
    let (forward, backward) = rayon::join(
        || Direction::run(sizes, input, forward, false),
        || Direction::run(sizes, input, backward, true),
    );
    let directions = [forward, backward];
    let output = join_halves(sizes, &directions);
    (output, Saved { sizes, directions })
}

fn join_halves(sizes: Sizes, directions: &[Direction; 2]) -> Vec<f32> {
    let hidden = sizes.hidden;
    let mut output = Vec::with_capacity(sizes.rows() * 2 * hidden);
    for sample in 0..sizes.batch {
        for place in 0..sizes.time {
            for direction in directions {
                // Reversing is its own inverse: the step at a place is the place of the step.
                let step = sizes.place(place, direction.reversed) + 1;
                let from = (step * sizes.batch + sample) * hidden;
                output.extend_from_slice(&direction.states[from..from + hidden]);
            }
        }
    }
    output
}

impl Direction {
    fn run(sizes: Sizes, input: &[f32], weights: Weights, reversed: bool) -> Self {
        let state = sizes.state();
        let inputs = in_order_of_steps(sizes, input, reversed);
        let mut gates = input_gates(sizes, &inputs, &weights);
        let recurrent = transpose(&weights.recurrent, sizes.gates(), sizes.hidden);
        let recurrent = Matrix::new(&recurrent, sizes.hidden, sizes.gates());
        let mut cells = vec![0.0; (sizes.time + 1) * state];
        let mut states = vec![0.0; (sizes.time + 1) * state];
        let mut cell_tanh = vec![0.0; sizes.time * state];
        let arch = Arch::new();
        for s in 0..sizes.time {
            let gates = &mut gates[s * 4 * state..(s + 1) * 4 * state];
            let (before, after) = states.split_at_mut((s + 1) * state);
            let before = Matrix::new(&before[s * state..], sizes.batch, sizes.hidden);
            multiply(before, recurrent, gates, true);
            let (old, new) = cells.split_at_mut((s + 1) * state);
            let step = Step {
                hidden: sizes.hidden,
                gates,
                old_cells: &old[s * state..],
                cells: &mut new[..state],
                cell_tanh: &mut cell_tanh[s * state..(s + 1) * state],
                states: &mut after[..state],
            };
            arch.dispatch(step);
        }
        Self {
            reversed,
            weights,
            inputs,
            gates,
            cells,
            cell_tanh,
            states,
        }
    }
}

/// One step after its gates' sums are known.
struct Step<'a> {
    hidden: usize,
    gates: &'a mut [f32],
    old_cells: &'a [f32],
    cells: &'a mut [f32],
    cell_tanh: &'a mut [f32],
    states: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let hidden = self.hidden;
        let samples = self
            .gates
            .chunks_exact_mut(4 * hidden)
            .zip(self.old_cells.chunks_exact(hidden))
            .zip(self.cells.chunks_exact_mut(hidden))
            .zip(self.cell_tanh.chunks_exact_mut(hidden))
            .zip(self.states.chunks_exact_mut(hidden));
        for ((((gates, old), cells), tanhs), states) in samples {
            let (sigmoids, rest) = gates.split_at_mut(2 * hidden);
            let (candidates, outputs) = rest.split_at_mut(hidden);
            sigmoids.iter_mut().for_each(|x| *x = sigmoid(*x));
            candidates.iter_mut().for_each(|x| *x = tanh(*x));
            outputs.iter_mut().for_each(|x| *x = sigmoid(*x));
            let (inputs, forgets) = sigmoids.split_at(hidden);
            for j in 0..hidden {
                cells[j] = forgets[j] * old[j] + inputs[j] * candidates[j];
            }
            for j in 0..hidden {
                tanhs[j] = tanh(cells[j]);
                states[j] = outputs[j] * tanhs[j];
            }
        }
    }
}

/// The gradients of a layer.
#[derive(Debug)]
pub(super) struct Gradients {
    /// `[batch, time, features]`, if asked for.
    pub(super) input: Option<Vec<f32>>,
    pub(super) weights: [WeightGradients; 2],
}

/// Backward through time. `output` is the gradient of the output, `[batch, time, 2 hidden]`.
pub(super) fn backward(saved: Arc<Saved>, output: &[f32], input_too: bool) -> Gradients {
    // The graph is done with what was kept, so its memory serves for the gradients of the gates.
    let Saved { sizes, directions } =
        Arc::try_unwrap(saved).unwrap_or_else(|shared| (*shared).clone());
    let [forward, backward] = directions;
    let ((first, to_input), (second, also_to_input)) = rayon::join(
        || forward.gradients(sizes, output, input_too),
        || backward.gradients(sizes, output, input_too),
    );
    let input = to_input
        .zip(also_to_input)
        .map(|(a, b)| a.iter().zip(&b).map(|(a, b)| a + b).collect());
    Gradients {
        input,
        weights: [first, second],
    }
}

impl Direction {
    /// The gradients of this direction's parameters, and its share of the inputs' gradient in the order of time.
    fn gradients(
        mut self,
        sizes: Sizes,
        output: &[f32],
        input_too: bool,
    ) -> (WeightGradients, Option<Vec<f32>>) {
        self.gate_gradients(sizes, output);
        let (rows, gates) = (sizes.rows(), sizes.gates());
        let by_gate = Matrix::new(&self.gates, rows, gates).transposed();
        let mut input = vec![0.0; gates * sizes.features];
        let inputs = Matrix::new(&self.inputs, rows, sizes.features);
        multiply(by_gate, inputs, &mut input, false);
        let mut recurrent = vec![0.0; gates * sizes.hidden];
        let before = &self.states[..rows * sizes.hidden];
        let before = Matrix::new(before, rows, sizes.hidden);
        multiply(by_gate, before, &mut recurrent, false);
        let weights = WeightGradients {
            input,
            recurrent,
            bias: column_sums(&self.gates, gates),
        };
        let to_input = input_too.then(|| self.input_gradients(sizes));
        (weights, to_input)
    }

    /// Replaces the applied gates by the gradients of their sums, last step first.
    fn gate_gradients(&mut self, sizes: Sizes, output: &[f32]) {
        let state = sizes.state();
        let recurrent = Matrix::new(&self.weights.recurrent, sizes.gates(), sizes.hidden);
        let mut to_states = vec![0.0; state];
        let mut to_cells = vec![0.0; state];
        let arch = Arch::new();
        for s in (0..sizes.time).rev() {
            add_output(sizes, output, s, self.reversed, &mut to_states);
            let gates = &mut self.gates[s * 4 * state..(s + 1) * 4 * state];
            let step = StepBackward {
                hidden: sizes.hidden,
                gates,
                old_cells: &self.cells[s * state..(s + 1) * state],
                cell_tanh: &self.cell_tanh[s * state..(s + 1) * state],
                to_states: &to_states,
                to_cells: &mut to_cells,
            };
            arch.dispatch(step);
            let gates = Matrix::new(gates, sizes.batch, sizes.gates());
            multiply(gates, recurrent, &mut to_states, false);
        }
    }

    fn input_gradients(&self, sizes: Sizes) -> Vec<f32> {
        let features = sizes.features;
        let gates = Matrix::new(&self.gates, sizes.rows(), sizes.gates());
        let weights = Matrix::new(&self.weights.input, sizes.gates(), features);
        let mut by_step = vec![0.0; sizes.rows() * features];
        multiply(gates, weights, &mut by_step, false);
        let mut by_time = vec![0.0; by_step.len()];
        for (row, values) in by_step.chunks_exact(features).enumerate() {
            let (s, sample) = (row / sizes.batch, row % sizes.batch);
            let to = (sample * sizes.time + sizes.place(s, self.reversed)) * features;
            by_time[to..to + features].copy_from_slice(values);
        }
        by_time
    }
}

/// Adds the gradient that the output brings to the hidden states of step `s`.
fn add_output(sizes: Sizes, output: &[f32], s: usize, reversed: bool, to_states: &mut [f32]) {
    let hidden = sizes.hidden;
    let place = sizes.place(s, reversed);
    let half = usize::from(reversed);
    for (sample, to) in to_states.chunks_exact_mut(hidden).enumerate() {
        let from = ((sample * sizes.time + place) * 2 + half) * hidden;
        for (to, from) in to.iter_mut().zip(&output[from..from + hidden]) {
            *to += from;
        }
    }
}

/// One step backward: from the gradients of its state and cell to those of its gates' sums and of the cell before.
struct StepBackward<'a> {
    hidden: usize,
    gates: &'a mut [f32],
    old_cells: &'a [f32],
    cell_tanh: &'a [f32],
    to_states: &'a [f32],
    to_cells: &'a mut [f32],
}

impl pulp::NullaryFnOnce for StepBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let hidden = self.hidden;
        let samples = self
            .gates
            .chunks_exact_mut(4 * hidden)
            .zip(self.old_cells.chunks_exact(hidden))
            .zip(self.cell_tanh.chunks_exact(hidden))
            .zip(self.to_states.chunks_exact(hidden))
            .zip(self.to_cells.chunks_exact_mut(hidden));
        for ((((gates, old), tanhs), to_states), to_cells) in samples {
            let (inputs, rest) = gates.split_at_mut(hidden);
            let (forgets, rest) = rest.split_at_mut(hidden);
            let (candidates, outputs) = rest.split_at_mut(hidden);
            for j in 0..hidden {
                let (i, f, g, o) = (inputs[j], forgets[j], candidates[j], outputs[j]);
                let c = tanhs[j];
                let to_cell = to_states[j] * o * (1.0 - c * c) + to_cells[j];
                inputs[j] = to_cell * g * i * (1.0 - i);
                forgets[j] = to_cell * old[j] * f * (1.0 - f);
                candidates[j] = to_cell * i * (1.0 - g * g);
                outputs[j] = to_states[j] * c * o * (1.0 - o);
                to_cells[j] = to_cell * f;
            }
        }
    }
}

/// The inputs' share of all gates' sums with both biases, `[time, batch, 4 hidden]`.
fn input_gates(sizes: Sizes, inputs: &[f32], weights: &Weights) -> Vec<f32> {
    let bias = weights.input_bias.iter().zip(&weights.recurrent_bias);
    let bias: Vec<f32> = bias.map(|(a, b)| a + b).collect();
    let mut gates = Vec::with_capacity(sizes.rows() * sizes.gates());
    for _ in 0..sizes.rows() {
        gates.extend_from_slice(&bias);
    }
    let inputs = Matrix::new(inputs, sizes.rows(), sizes.features);
    let weights = Matrix::new(&weights.input, sizes.gates(), sizes.features);
    multiply(inputs, weights.transposed(), &mut gates, true);
    gates
}

/// `[batch, time, features]` to `[time, batch, features]` in the order of a direction's steps.
fn in_order_of_steps(sizes: Sizes, input: &[f32], reversed: bool) -> Vec<f32> {
    let features = sizes.features;
    let mut ordered = Vec::with_capacity(input.len());
    for s in 0..sizes.time {
        let place = sizes.place(s, reversed);
        for sample in 0..sizes.batch {
            let from = (sample * sizes.time + place) * features;
            ordered.extend_from_slice(&input[from..from + features]);
        }
    }
    ordered
}

fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut turned = vec![0.0; values.len()];
    for (row, line) in values.chunks_exact(columns).enumerate() {
        for (column, value) in line.iter().enumerate() {
            turned[column * rows + row] = *value;
        }
    }
    turned
}

fn column_sums(values: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0; columns];
    for row in values.chunks_exact(columns) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
}
