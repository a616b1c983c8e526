//! The gradients of weights and inputs from those of the gates, one large product each.

use super::buffer::Buffer;
use super::forward::Part;
use super::kernel::Wanted;
use super::layout::Layout;
use super::matmul::{Matrix, multiply};
use super::packing::Weights;

/// What a part contributes to the gradients.
#[derive(Debug)]
pub(super) struct PartGradients {
    pub(super) reversed: bool,
    pub(super) first: usize,
    pub(super) samples: usize,
    /// `[4 padded, used]`: recurrent weights, input weights and bias beside each other; empty if not wanted.
    weights: Vec<f32>,
    /// `[time, samples, features]` in the order of steps; empty if not wanted.
    pub(super) input: Vec<f32>,
}

/// The products after the last step of a part, whose gates are gradients by now.
pub(super) fn gradients(
    layout: &Layout,
    part: Part,
    weights: &Weights<'_>,
    wanted: Wanted,
) -> PartGradients {
    let rows = layout.time * part.samples;
    let gates = Matrix::new(part.gates.as_slice(), rows, layout.gates());
    let mut found = PartGradients {
        reversed: part.reversed,
        first: part.first,
        samples: part.samples,
        weights: Vec::new(),
        input: Vec::new(),
    };
    if wanted.weights {
        let read = &part.rows.as_slice()[..rows * layout.row];
        let read = Matrix::new(read, rows, layout.row).first_columns(layout.used());
        found.weights = vec![0.0; layout.gates() * layout.used()];
        multiply(gates.transposed(), read, &mut found.weights);
    }
    if wanted.input {
        let padded = pad_gates(layout, weights.input);
        let weights = Matrix::new(padded.as_slice(), layout.gates(), layout.features);
        found.input = vec![0.0; rows * layout.features];
        multiply(gates, weights, &mut found.input);
    }
    found
}

/// Input weights with every gate's rows padded.
fn pad_gates(layout: &Layout, weights: &[f32]) -> Buffer {
    let mut padded = Buffer::zeros(layout.gates() * layout.features);
    let from = weights.chunks_exact(layout.hidden * layout.features);
    let to = padded
        .as_mut_slice()
        .chunks_exact_mut(layout.padded * layout.features);
    to.zip(from)
        .for_each(|(to, from)| to[..from.len()].copy_from_slice(from));
    padded
}

/// The gradients of one direction's parameters, shaped like them; both biases have the same.
#[derive(Debug)]
pub(super) struct WeightGradients {
    pub(super) input: Vec<f32>,
    pub(super) recurrent: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl WeightGradients {
    /// The sum over the blocks of a direction, in their order.
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
