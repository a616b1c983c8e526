//! Packs weights in the order in which the steps read them: panels of a few vectors' width, with one row for each
//! factor of the product. A panel stays in the first-level cache while all samples are processed.

use super::buffer::Buffer;
use super::layout::Layout;

/// The maximum number of vectors of a panel.
pub(super) const WIDEST: usize = 4;

/// The parameters of one direction, row-major, in the layout of PyTorch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights<'a> {
    /// `[4 hidden, features]`.
    pub(super) input: &'a [f32],
    /// `[4 hidden, hidden]`.
    pub(super) recurrent: &'a [f32],
    /// `[4 hidden]`.
    pub(super) input_bias: &'a [f32],
    /// `[4 hidden]`.
    pub(super) recurrent_bias: &'a [f32],
}

/// Returns the number of rows of a forward panel: one for each hidden unit, each feature and the bias.
pub(super) fn forward_rows(layout: &Layout) -> usize {
    layout.hidden + layout.features + 1
}

/// Packs panels of four vectors: the four gates of as many hidden units as a vector has lanes.
pub(super) fn pack_forward(layout: &Layout, weights: &Weights<'_>, lanes: usize) -> Buffer {
    let Layout {
        hidden, features, ..
    } = *layout;
    let size = forward_rows(layout) * 4 * lanes;
    let mut panels = Buffer::zeros(size * hidden.div_ceil(lanes));
    for (block, panel) in panels.as_mut_slice().chunks_exact_mut(size).enumerate() {
        let units = block * lanes..((block + 1) * lanes).min(hidden);
        for gate in 0..4 {
            let (recurrent, rest) = panel.split_at_mut(hidden * 4 * lanes);
            let (input, bias) = rest.split_at_mut(features * 4 * lanes);
            let rows = gate * hidden + units.start..gate * hidden + units.end;
            turn(
                weights.recurrent,
                hidden,
                rows.clone(),
                recurrent,
                gate,
                lanes,
            );
            turn(weights.input, features, rows.clone(), input, gate, lanes);
            for (lane, row) in rows.enumerate() {
                bias[gate * lanes + lane] = weights.input_bias[row] + weights.recurrent_bias[row];
            }
        }
    }
    panels
}

/// Copies rows of a matrix into lanes of the vectors of one gate.
fn turn(
    matrix: &[f32],
    columns: usize,
    rows: std::ops::Range<usize>,
    panel: &mut [f32],
    gate: usize,
    lanes: usize,
) {
    let rows = &matrix[rows.start * columns..rows.end * columns];
    for (column, line) in panel.chunks_exact_mut(4 * lanes).enumerate() {
        let line = &mut line[gate * lanes..];
        for (to, row) in line.iter_mut().zip(rows.chunks_exact(columns)) {
            *to = row[column];
        }
    }
}

/// Returns the panels of the backward product as first vector and width in vectors, as even as possible.
pub(super) fn backward_panels(
    layout: &Layout,
    lanes: usize,
) -> impl Iterator<Item = (usize, usize)> {
    even(layout.hidden.div_ceil(lanes), WIDEST)
}

/// Packs panels of recurrent weights, with one row for each gate of each hidden unit.
pub(super) fn pack_backward(layout: &Layout, recurrent: &[f32], lanes: usize) -> Buffer {
    let hidden = layout.hidden;
    let mut panels = Buffer::zeros(4 * hidden * hidden.next_multiple_of(lanes));
    let mut rest = panels.as_mut_slice();
    for (first, vectors) in backward_panels(layout, lanes) {
        let width = vectors * lanes;
        let (panel, after) = rest.split_at_mut(4 * hidden * width);
        rest = after;
        let from = first * lanes;
        let to = (from + width).min(hidden);
        for (line, row) in panel
            .chunks_exact_mut(width)
            .zip(recurrent.chunks_exact(hidden))
        {
            line[..to - from].copy_from_slice(&row[from..to]);
        }
    }
    panels
}

/// Splits `count` into the fewest parts of at most `most`, whose sizes differ by at most one. Returns starts and sizes.
#[inline(always)]
pub(super) fn even(count: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = count.div_ceil(most);
    let (size, longer) = (count / parts.max(1), count % parts.max(1));
    (0..parts).map(move |part| {
        let start = part * size + part.min(longer);
        (start, size + usize::from(part < longer))
    })
}

#[cfg(test)]
mod tests {
    use super::super::layout::Form;
    use super::*;

    #[test]
    fn parts_are_even_and_cover_everything() {
        for count in 0..50 {
            for most in 1..8 {
                let mut next = 0;
                let sizes: Vec<usize> = even(count, most)
                    .map(|(start, size)| {
                        assert_eq!(start, next);
                        next += size;
                        size
                    })
                    .collect();
                assert_eq!(next, count);
                let (min, max) = (sizes.iter().min(), sizes.iter().max());
                assert!(max.zip(min).is_none_or(|(a, b)| *a <= most && a - b <= 1));
            }
        }
    }

    #[test]
    fn a_forward_panel_holds_every_weight_once_and_zeros() {
        let form = Form {
            directions: 2,
            batch_first: true,
            finals: false,
        };
        let layout = Layout::new(form, [1, 1, 3], 5);
        let input: Vec<f32> = (0..60).map(|i| 1000.0 + i as f32).collect();
        let recurrent: Vec<f32> = (0..100).map(|i| 2000.0 + i as f32).collect();
        let bias: Vec<f32> = (0..20).map(|i| 3000.0 + i as f32).collect();
        let zeros = [0.0; 20];
        let weights = Weights {
            input: &input,
            recurrent: &recurrent,
            input_bias: &bias,
            recurrent_bias: &zeros,
        };
        for lanes in [1, 4, 8, 16] {
            let panels = pack_forward(&layout, &weights, lanes);
            let at = |row: usize, gate: usize, unit: usize| {
                let panel = unit / lanes * forward_rows(&layout) * 4 * lanes;
                panels.as_slice()[panel + (row * 4 + gate) * lanes + unit % lanes]
            };
            for gate in 0..4 {
                for unit in 0..5 {
                    let line = gate * 5 + unit;
                    assert_eq!(at(2, gate, unit), 2000.0 + (line * 5 + 2) as f32);
                    assert_eq!(at(5 + 1, gate, unit), 1000.0 + (line * 3 + 1) as f32);
                    assert_eq!(at(8, gate, unit), 3000.0 + line as f32);
                }
            }
            let written = panels.as_slice().iter().filter(|v| **v != 0.0).count();
            assert_eq!(written, 60 + 100 + 20);
        }
    }
}
