//! Linear layers with one output over the rows of a matrix, each on its own dropped-out copy, in one pass over the matrix
//! and without making the copies.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use crate::nn::dropout::Mask;

/// Elements that are worked on side by side.
const LANES: usize = 16;
/// Rows of a piece of work; fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 256;
/// Elements of the input from which threads pay.
const MANY: usize = 1 << 16;

/// One layer: its weights, one for each column of the input, its bias, and the mask of its input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) weights: &'a [f32],
    pub(super) bias: f32,
    pub(super) mask: Option<Mask>,
}

impl Head<'_> {
    fn scale(&self) -> f32 {
        self.mask.map_or(1.0, |mask| mask.scale)
    }
}

/// Which elements of the input count.
trait Keeps: Copy {
    fn keeps(self, position: usize) -> bool;
}

impl Keeps for Mask {
    #[inline(always)]
    fn keeps(self, position: usize) -> bool {
        Mask::keeps(self, position as u32)
    }
}

/// No dropout.
#[derive(Clone, Copy)]
struct All;

impl Keeps for All {
    #[inline(always)]
    fn keeps(self, _: usize) -> bool {
        true
    }
}

/// Some rows of the input; the first element is at position `first` of the whole.
#[derive(Clone, Copy)]
struct Rows<'a> {
    values: &'a [f32],
    width: usize,
    first: usize,
}

impl<'a> Rows<'a> {
    #[inline(always)]
    fn each(self) -> impl Iterator<Item = (usize, &'a [f32])> {
        let Self { width, first, .. } = self;
        let rows = self.values.chunks_exact(width).enumerate();
        rows.map(move |(row, values)| (first + row * width, values))
    }
}

/// The outputs of all heads, `[heads, rows]`, for an input `[rows, width]`.
pub(super) fn forward(heads: &[Head<'_>], input: &[f32], width: usize) -> Vec<f32> {
    let rows = input.len() / width;
    let mut output = vec![0.0; heads.len() * rows];
    let pieces = pieces(input, width, &mut [], |rows, _| {
        let of = |head: &Head<'_>| Arch::new().dispatch(Outputs { head: *head, rows });
        heads.iter().map(of).collect::<Vec<Vec<f32>>>()
    });
    for (number, piece) in pieces.iter().enumerate() {
        for (head, values) in piece.iter().enumerate() {
            let to = head * rows + number * ROWS;
            output[to..to + values.len()].copy_from_slice(values);
        }
    }
    output
}

/// Works on all pieces and their shares of `out`, which is as large as the input or empty; on threads if there is much to
/// do. Keeps the order.
fn pieces<'a, T: Send>(
    input: &'a [f32],
    width: usize,
    out: &mut [f32],
    work: impl Fn(Rows<'a>, &mut [f32]) -> T + Sync,
) -> Vec<T> {
    let size = ROWS * width;
    let mut parts: Vec<&mut [f32]> = out.chunks_mut(size).collect();
    parts.resize_with(input.len().div_ceil(size), Default::default);
    let piece = |(number, part): (usize, &mut [f32])| {
        let first = number * size;
        let values = &input[first..(first + size).min(input.len())];
        let rows = Rows {
            values,
            width,
            first,
        };
        work(rows, part)
    };
    match input.len() >= MANY {
        true => parts.into_par_iter().enumerate().map(piece).collect(),
        false => parts.into_iter().enumerate().map(piece).collect(),
    }
}

/// The outputs of one head.
struct Outputs<'a> {
    head: Head<'a>,
    rows: Rows<'a>,
}

impl NullaryFnOnce for Outputs<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn call(self) -> Vec<f32> {
        match self.head.mask {
            Some(mask) => self.outputs(mask),
            None => self.outputs(All),
        }
    }
}

impl Outputs<'_> {
    #[inline(always)]
    fn outputs<K: Keeps>(self, mask: K) -> Vec<f32> {
        let mut found = Vec::with_capacity(self.rows.values.len() / self.rows.width);
        for (first, row) in self.rows.each() {
            let sum = dot(row, self.head.weights, mask, first);
            found.push(sum * self.head.scale() + self.head.bias);
        }
        found
    }
}

/// The product of a row that starts at position `first` with weights, over the elements that count.
#[inline(always)]
fn dot<K: Keeps>(row: &[f32], weights: &[f32], mask: K, first: usize) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let blocks = row.chunks_exact(LANES).zip(weights.chunks_exact(LANES));
    for (block, (row, weights)) in blocks.enumerate() {
        let start = first + block * LANES;
        for lane in 0..LANES {
            let product = row[lane] * weights[lane];
            lanes[lane] += if mask.keeps(start + lane) { product } else { 0.0 };
        }
    }
    for index in row.len() / LANES * LANES..row.len() {
        if mask.keeps(first + index) {
            lanes[index % LANES] += row[index] * weights[index];
        }
    }
    lanes.iter().sum()
}

/// The gradients of a sum of outputs.
#[derive(Debug)]
pub(super) struct Gradients {
    /// `[rows, width]`, if it was asked for.
    pub(super) input: Option<Vec<f32>>,
    /// `[heads, width]`.
    pub(super) weights: Vec<f32>,
    /// `[heads]`.
    pub(super) bias: Vec<f32>,
}

/// The gradients from those of the outputs, `[heads, rows]`.
pub(super) fn backward(
    heads: &[Head<'_>],
    input: &[f32],
    width: usize,
    output: &[f32],
    input_too: bool,
) -> Gradients {
    let rows = input.len() / width;
    let mut to_input = vec![0.0; if input_too { input.len() } else { 0 }];
    let found = pieces(input, width, &mut to_input, |rows_here, to_input| {
        let first_row = rows_here.first / width;
        Arch::new().dispatch(Back {
            heads,
            rows: rows_here,
            output: &output[first_row..],
            stride: rows,
            to_input,
        })
    });
    let mut weights = vec![0.0; heads.len() * width];
    for piece in &found {
        let pairs = weights.iter_mut().zip(piece);
        pairs.for_each(|(sum, value)| *sum += value);
    }
    let bias = |of: &[f32]| of.iter().map(|v| f64::from(*v)).sum::<f64>() as f32;
    Gradients {
        input: input_too.then_some(to_input),
        weights,
        bias: output.chunks_exact(rows).map(bias).collect(),
    }
}

/// The gradients of some rows; those of the weights, `[heads, width]`, are returned.
struct Back<'a> {
    heads: &'a [Head<'a>],
    rows: Rows<'a>,
    /// The gradients of the outputs from the first of these rows on, one head after another at `stride`.
    output: &'a [f32],
    stride: usize,
    /// As many as the rows have elements, zero; or none.
    to_input: &'a mut [f32],
}

impl NullaryFnOnce for Back<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn call(self) -> Vec<f32> {
        let width = self.rows.width;
        let mut to_weights = vec![0.0; self.heads.len() * width];
        let mut unused = vec![0.0; if self.to_input.is_empty() { width } else { 0 }];
        for (number, (first, row)) in self.rows.each().enumerate() {
            let to_row = match self.to_input.is_empty() {
                true => &mut unused[..],
                false => &mut self.to_input[number * width..(number + 1) * width],
            };
            let to_weights = to_weights.chunks_exact_mut(width);
            for ((index, head), to_weights) in self.heads.iter().enumerate().zip(to_weights) {
                let factor = self.output[index * self.stride + number] * head.scale();
                let work = BackRow {
                    row,
                    weights: head.weights,
                    factor,
                    first,
                };
                match head.mask {
                    Some(mask) => work.add(mask, to_row, to_weights),
                    None => work.add(All, to_row, to_weights),
                }
            }
        }
        to_weights
    }
}

/// One row and one head.
struct BackRow<'a> {
    row: &'a [f32],
    weights: &'a [f32],
    factor: f32,
    first: usize,
}

impl BackRow<'_> {
    #[inline(always)]
    fn add<K: Keeps>(self, mask: K, to_row: &mut [f32], to_weights: &mut [f32]) {
        let inputs = self.row.iter().zip(to_row);
        let weights = self.weights.iter().zip(to_weights);
        for (index, ((x, to_x), (w, to_w))) in inputs.zip(weights).enumerate() {
            let factor = match mask.keeps(self.first + index) {
                true => self.factor,
                false => 0.0,
            };
            *to_x += w * factor;
            *to_w += x * factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 37;
    const ROWS_HERE: usize = 700;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let at = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0;
        (0..count).map(at).collect()
    }

    fn heads<'a>(weights: &'a [f32], dropout: bool) -> Vec<Head<'a>> {
        let mask = |seed| dropout.then(|| Mask::new(0.4, seed));
        let both = weights.chunks_exact(WIDTH).zip([3u64, 4]);
        both.map(|(weights, seed)| Head {
            weights,
            bias: 0.25 * seed as f32,
            mask: mask(seed),
        })
        .collect()
    }

    /// What an element of the input is multiplied by before a head sees it.
    fn factor(head: &Head<'_>, position: usize) -> f64 {
        match head.mask {
            Some(mask) if !Mask::keeps(mask, position as u32) => 0.0,
            Some(mask) => f64::from(mask.scale),
            None => 1.0,
        }
    }

    fn close(found: f32, expected: f64, what: &str) {
        let bound = 2e-5 * expected.abs().max(1.0);
        assert!((f64::from(found) - expected).abs() < bound, "{what}: {found} for {expected}");
    }

    #[test]
    fn outputs_and_gradients_are_those_of_the_formula() {
        let input = numbers(ROWS_HERE * WIDTH, 1);
        let weights = numbers(2 * WIDTH, 2);
        let output = numbers(2 * ROWS_HERE, 3);
        for dropout in [false, true] {
            let heads = heads(&weights, dropout);
            let found = forward(&heads, &input, WIDTH);
            let back = backward(&heads, &input, WIDTH, &output, true);
            let to_input = back.input.unwrap();
            let mut to_weights = vec![0.0f64; 2 * WIDTH];
            let mut sums = vec![[0.0f64; 2]; ROWS_HERE];
            for (position, x) in input.iter().enumerate() {
                let (row, column) = (position / WIDTH, position % WIDTH);
                let mut to_x = 0.0;
                for (index, head) in heads.iter().enumerate() {
                    let factor = factor(head, position);
                    let gradient = f64::from(output[index * ROWS_HERE + row]);
                    let weight = f64::from(head.weights[column]);
                    sums[row][index] += f64::from(*x) * weight * factor;
                    to_weights[index * WIDTH + column] += f64::from(*x) * gradient * factor;
                    to_x += weight * gradient * factor;
                }
                close(to_input[position], to_x, "input");
            }
            for (row, sums) in sums.iter().enumerate() {
                for (index, head) in heads.iter().enumerate() {
                    let expected = sums[index] + f64::from(head.bias);
                    close(found[index * ROWS_HERE + row], expected, "output");
                }
            }
            for (found, expected) in back.weights.iter().zip(&to_weights) {
                close(*found, *expected, "weights");
            }
            for (found, output) in back.bias.iter().zip(output.chunks_exact(ROWS_HERE)) {
                close(*found, output.iter().map(|v| f64::from(*v)).sum(), "bias");
            }
            let without = backward(&heads, &input, WIDTH, &output, false);
            assert!(without.input.is_none());
            assert_eq!(without.weights, back.weights);
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let width = 192;
        let rows = MANY / width + 777;
        let (input, weights) = (numbers(rows * width, 1), numbers(width, 2));
        let output = numbers(rows, 3);
        let head = [Head {
            weights: &weights,
            bias: 0.0,
            mask: Some(Mask::new(0.6, 99)),
        }];
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| {
                let back = backward(&head, &input, width, &output, true);
                (forward(&head, &input, width), back.input, back.weights)
            })
        };
        let one = run(1);
        for threads in [2, 3] {
            assert_eq!(run(threads), one, "{threads} threads");
        }
    }
}
