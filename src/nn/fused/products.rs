//! Computes the gradients of weights and inputs from the gradients of the gates, by one large product each.

use super::buffer::Buffer;
use super::forward::{Block, Part};
use super::layout::Layout;
use super::matmul::{Matrix, multiply};
use super::packing::Weights;

/// The gradients that the backward pass computes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) input: bool,
    pub(super) states: bool,
    pub(super) weights: bool,
}

/// The contribution of a part to the gradients.
#[derive(Debug)]
pub(super) struct PartGradients {
    pub(super) block: Block,
    /// `[4 padded, used]`: recurrent weights, input weights and bias side by side; empty if not wanted.
    weights: Vec<f32>,
    /// `[time, samples, features]` in the order of steps; empty if not wanted.
    pub(super) input: Vec<f32>,
    /// The gradients of the initial hidden states, `[samples, hidden]`, and of the initial cells, `[samples, padded]`;
    /// empty if not wanted.
    pub(super) states: [Vec<f32>; 2],
}

/// Computes the products after the last step of a part. By then its gates hold gradients, and `to_cells` holds the
/// gradients of the initial cells.
pub(super) fn gradients(
    layout: &Layout,
    part: Part,
    to_cells: &Buffer,
    weights: &Weights<'_>,
    wanted: Wanted,
) -> PartGradients {
    let samples = part.block.samples();
    let rows = part.block.steps() * samples;
    let gates = Matrix::new(part.gates.as_slice(), rows, layout.gates());
    let mut found = PartGradients {
        block: part.block,
        weights: Vec::new(),
        input: Vec::new(),
        states: Default::default(),
    };
    if wanted.weights {
        let read = &part.rows.as_slice()[..rows * layout.row];
        let read = Matrix::new(read, rows, layout.row).first_columns(layout.used());
        found.weights = vec![0.0; layout.gates() * layout.used()];
        multiply(gates.transposed(), read, &mut found.weights);
    }
    if wanted.input {
        let padded = pad_gates(layout, weights.input, layout.features);
        let weights = Matrix::new(padded.as_slice(), layout.gates(), layout.features);
        found.input = vec![0.0; rows * layout.features];
        multiply(gates, weights, &mut found.input);
    }
    if wanted.states {
        let first = &part.gates.as_slice()[..samples * layout.gates()];
        let first = Matrix::new(first, samples, layout.gates());
        let padded = pad_gates(layout, weights.recurrent, layout.hidden);
        let weights = Matrix::new(padded.as_slice(), layout.gates(), layout.hidden);
        let mut to_hidden = vec![0.0; samples * layout.hidden];
        multiply(first, weights, &mut to_hidden);
        found.states = [to_hidden, to_cells.as_slice().to_vec()];
    }
    found
}

/// Pads the rows of every gate of weights `[4 hidden, columns]`.
fn pad_gates(layout: &Layout, weights: &[f32], columns: usize) -> Buffer {
    let mut padded = Buffer::zeros(layout.gates() * columns);
    let from = weights.chunks_exact(layout.hidden * columns);
    let to = padded
        .as_mut_slice()
        .chunks_exact_mut(layout.padded * columns);
    to.zip(from)
        .for_each(|(to, from)| to[..from.len()].copy_from_slice(from));
    padded
}

/// The gradients of the parameters of one direction, in their shapes. Both biases have the gradient `bias`.
#[derive(Debug)]
pub(super) struct WeightGradients {
    pub(super) input: Vec<f32>,
    pub(super) recurrent: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl WeightGradients {
    /// Computes the sum over the blocks of a direction, in order.
    pub(super) fn sum(layout: &Layout, parts: &[PartGradients]) -> Self {
        let mut sum = vec![0.0; layout.gates() * layout.used()];
        for part in parts {
            let pairs = sum.iter_mut().zip(&part.weights);
            pairs.for_each(|(sum, value)| *sum += value);
        }
        let mut parts = Self {
            input: Vec::with_capacity(4 * layout.hidden * layout.features),
            recurrent: Vec::with_capacity(4 * layout.hidden * layout.hidden),
            bias: Vec::with_capacity(4 * layout.hidden),
        };
        for gate in sum.chunks_exact(layout.padded * layout.used()) {
            for row in gate.chunks_exact(layout.used()).take(layout.hidden) {
                let (states, inputs) = row.split_at(layout.padded);
                parts.recurrent.extend_from_slice(&states[..layout.hidden]);
                parts.input.extend_from_slice(&inputs[..layout.features]);
                parts.bias.push(inputs[layout.features]);
            }
        }
        parts
    }
}
