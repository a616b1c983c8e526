//! Computes linear layers with one output at every step of a sequence, each with its own dropout mask, and the mean
//! over time, in one pass over the sequence and without copies with dropout.

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::host::{arch, memory};
use crate::nn::dropout::Mask;

/// Elements that are processed in parallel.
const LANES: usize = 16;
/// Steps per piece, unless a single sample has more. Fixed, so that sums do not depend on the number of threads.
const STEPS: usize = 256;
/// Elements of the input from which threads are used.
const MANY: usize = 1 << 16;

/// The sizes of a sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) time: usize,
    pub(super) width: usize,
}

impl Size {
    /// Returns the elements of a sample.
    fn sample(self) -> usize {
        self.time * self.width
    }

    /// Returns the samples per piece.
    fn samples(self) -> usize {
        (STEPS / self.time).max(1)
    }
}

/// The weights of one layer, one for each column of the input, with its bias and the mask of its input.
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

/// The elements of the input that dropout keeps.
trait Keeps: Copy {
    fn keeps(self, position: usize) -> bool;
}

impl Keeps for Mask {
    #[inline(always)]
    fn keeps(self, position: usize) -> bool {
        Mask::keeps(self, position as u32)
    }
}

/// Keeps all elements: no dropout.
#[derive(Clone, Copy)]
struct All;

impl Keeps for All {
    #[inline(always)]
    fn keeps(self, _: usize) -> bool {
        true
    }
}

/// Some samples of the input, beginning with the element at position `first` of the whole input.
#[derive(Clone, Copy)]
struct Samples<'a> {
    values: &'a [f32],
    size: Size,
    first: usize,
}

impl<'a> Samples<'a> {
    /// Returns the steps of all samples, each with the position of its first element.
    #[inline(always)]
    fn steps(self) -> impl Iterator<Item = (usize, &'a [f32])> {
        let (first, width) = (self.first, self.size.width);
        let steps = self.values.chunks_exact(width).enumerate();
        steps.map(move |(step, values)| (first + step * width, values))
    }
}

/// Computes the outputs of all heads, `[heads, batch, time]`, then the means, `[batch, width]`, of an input
/// `[batch, time, width]`.
pub(super) fn forward(heads: &[Head<'_>], input: &[f32], size: Size) -> Vec<f32> {
    let steps = input.len() / size.width;
    let mut output = vec![0.0; heads.len() * steps + input.len() / size.time];
    let arch = arch();
    let pieces = pieces(input, size, &mut [], |samples, _| {
        let of = |head: &Head<'_>| {
            let head = *head;
            arch.dispatch(Outputs { head, samples })
        };
        let heads: Vec<Vec<f32>> = heads.iter().map(of).collect();
        (heads, arch.dispatch(Means { samples }))
    });
    let (mut step, mut mean) = (0, heads.len() * steps);
    for (of_heads, means) in &pieces {
        for (head, values) in of_heads.iter().enumerate() {
            let to = head * steps + step;
            output[to..to + values.len()].copy_from_slice(values);
        }
        output[mean..mean + means.len()].copy_from_slice(means);
        mean += means.len();
        step += means.len() / size.width * size.time;
    }
    output
}

/// Calls `work` with all pieces and their shares of `out`, on threads for large inputs, and keeps the order. `out` is
/// as large as the input or empty.
fn pieces<'a, T: Send>(
    input: &'a [f32],
    size: Size,
    out: &mut [f32],
    work: impl Fn(Samples<'a>, &mut [f32]) -> T + Sync,
) -> Vec<T> {
    let elements = size.samples() * size.sample();
    let mut parts: Vec<&mut [f32]> = out.chunks_mut(elements).collect();
    parts.resize_with(input.len().div_ceil(elements), Default::default);
    let piece = |(number, part): (usize, &mut [f32])| {
        let first = number * elements;
        let values = &input[first..(first + elements).min(input.len())];
        let samples = Samples {
            values,
            size,
            first,
        };
        work(samples, part)
    };
    if input.len() >= MANY {
        parts.into_par_iter().enumerate().map(piece).collect()
    } else {
        parts.into_iter().enumerate().map(piece).collect()
    }
}

/// Computes the outputs of one head.
struct Outputs<'a> {
    head: Head<'a>,
    samples: Samples<'a>,
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
        let width = self.samples.size.width;
        let mut found = Vec::with_capacity(self.samples.values.len() / width);
        for (first, step) in self.samples.steps() {
            let sum = dot(step, self.head.weights, mask, first);
            found.push(sum * self.head.scale() + self.head.bias);
        }
        found
    }
}

/// Computes the means over time.
struct Means<'a> {
    samples: Samples<'a>,
}

impl NullaryFnOnce for Means<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn call(self) -> Vec<f32> {
        let Size { time, width } = self.samples.size;
        let mut means = vec![0.0; self.samples.values.len() / time];
        let samples = self.samples.values.chunks_exact(time * width);
        for (sample, mean) in samples.zip(means.chunks_exact_mut(width)) {
            for step in sample.chunks_exact(width) {
                mean.iter_mut().zip(step).for_each(|(sum, x)| *sum += x);
            }
            mean.iter_mut().for_each(|sum| *sum /= time as f32);
        }
        means
    }
}

/// Computes the product of weights and a row that starts at position `first`, over the elements that the mask keeps.
#[inline(always)]
fn dot<K: Keeps>(row: &[f32], weights: &[f32], mask: K, first: usize) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let blocks = row.chunks_exact(LANES).zip(weights.chunks_exact(LANES));
    for (block, (row, weights)) in blocks.enumerate() {
        let start = first + block * LANES;
        for lane in 0..LANES {
            let product = row[lane] * weights[lane];
            lanes[lane] += if mask.keeps(start + lane) {
                product
            } else {
                0.0
            };
        }
    }
    for index in row.len() / LANES * LANES..row.len() {
        if mask.keeps(first + index) {
            lanes[index % LANES] += row[index] * weights[index];
        }
    }
    lanes.iter().sum()
}

/// The gradients with respect to input and parameters.
#[derive(Debug)]
pub(super) struct Gradients {
    /// `[batch, time, width]`, if requested.
    pub(super) input: Option<Vec<f32>>,
    /// `[heads, width]`.
    pub(super) weights: Vec<f32>,
    /// `[heads]`.
    pub(super) bias: Vec<f32>,
}

/// Computes the gradients from the gradients of the outputs, which are in the order of [`forward`].
pub(super) fn backward(
    heads: &[Head<'_>],
    input: &[f32],
    size: Size,
    output: &[f32],
    input_too: bool,
) -> Gradients {
    let steps = input.len() / size.width;
    let (to_steps, to_means) = output.split_at(heads.len() * steps);
    let mut to_input = if input_too {
        memory::take(input.len())
    } else {
        Vec::new()
    };
    let arch = arch();
    let found = pieces(input, size, &mut to_input, |samples, to_input| {
        arch.dispatch(Back {
            heads,
            samples,
            to_steps: &to_steps[(samples.first / size.width).min(to_steps.len())..],
            stride: steps,
            to_means: &to_means[samples.first / size.time..],
            to_input,
        })
    });
    let mut weights = vec![0.0; heads.len() * size.width];
    for piece in &found {
        let pairs = weights.iter_mut().zip(piece);
        pairs.for_each(|(sum, value)| *sum += value);
    }
    let bias = |of: &[f32]| of.iter().map(|v| f64::from(*v)).sum::<f64>() as f32;
    Gradients {
        input: input_too.then_some(to_input),
        weights,
        bias: to_steps.chunks_exact(steps).map(bias).collect(),
    }
}

/// Computes the gradients of some samples. Returns the gradients of the weights, `[heads, width]`.
struct Back<'a> {
    heads: &'a [Head<'a>],
    samples: Samples<'a>,
    /// The gradients of the heads from the first of these steps on, with the heads at `stride`.
    to_steps: &'a [f32],
    stride: usize,
    /// The gradients of the means from the first of these samples on.
    to_means: &'a [f32],
    /// The gradient of the input, to be overwritten; empty if not requested.
    to_input: &'a mut [f32],
}

impl NullaryFnOnce for Back<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn call(mut self) -> Vec<f32> {
        self.spread_means();
        let width = self.samples.size.width;
        let mut to_weights = vec![0.0; self.heads.len() * width];
        let mut unused = vec![0.0; if self.to_input.is_empty() { width } else { 0 }];
        for (number, (first, step)) in self.samples.steps().enumerate() {
            let to_step = if self.to_input.is_empty() {
                &mut unused[..]
            } else {
                &mut self.to_input[number * width..(number + 1) * width]
            };
            let to_weights = to_weights.chunks_exact_mut(width);
            for ((index, head), to_weights) in self.heads.iter().enumerate().zip(to_weights) {
                let factor = self.to_steps[index * self.stride + number] * head.scale();
                let work = BackStep {
                    step,
                    weights: head.weights,
                    factor,
                    first,
                };
                match head.mask {
                    Some(mask) => work.add(mask, to_step, to_weights),
                    None => work.add(All, to_step, to_weights),
                }
            }
        }
        to_weights
    }
}

impl Back<'_> {
    /// Writes the gradient of every step by the means.
    #[inline(always)]
    fn spread_means(&mut self) {
        let Size { time, width } = self.samples.size;
        let share = 1.0 / time as f32;
        let samples = self.to_input.chunks_exact_mut(time * width);
        for (sample, to_mean) in samples.zip(self.to_means.chunks_exact(width)) {
            for to_step in sample.chunks_exact_mut(width) {
                let pairs = to_step.iter_mut().zip(to_mean);
                pairs.for_each(|(to, gradient)| *to = gradient * share);
            }
        }
    }
}

/// The backward pass of one step and one head.
struct BackStep<'a> {
    step: &'a [f32],
    weights: &'a [f32],
    factor: f32,
    first: usize,
}

impl BackStep<'_> {
    #[inline(always)]
    fn add<K: Keeps>(self, mask: K, to_step: &mut [f32], to_weights: &mut [f32]) {
        let inputs = self.step.iter().zip(to_step);
        let weights = self.weights.iter().zip(to_weights);
        for (index, ((x, to_x), (w, to_w))) in inputs.zip(weights).enumerate() {
            let factor = if mask.keeps(self.first + index) {
                self.factor
            } else {
                0.0
            };
            *to_x += w * factor;
            *to_w += x * factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::each_instruction_set;

    const SIZE: Size = Size { time: 7, width: 37 };
    const WIDTH: usize = SIZE.width;
    /// More than one piece; for Miri a size that takes minutes.
    const BATCH: usize = if cfg!(miri) { 38 } else { 100 };
    const STEPS_HERE: usize = BATCH * SIZE.time;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let at = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.5 - 1.0;
        (0..count).map(at).collect()
    }

    fn heads<'a>(weights: &'a [f32], dropout: bool) -> Vec<Head<'a>> {
        let mask = |seed| dropout.then(|| Mask::new(0.4, seed));
        let both = weights.chunks_exact(weights.len() / 2).zip([3u64, 4]);
        both.map(|(weights, seed)| Head {
            weights,
            bias: 0.25 * seed as f32,
            mask: mask(seed),
        })
        .collect()
    }

    /// Returns the factor of an element of the input for a head.
    fn factor(head: &Head<'_>, position: usize) -> f64 {
        match head.mask {
            Some(mask) if !Mask::keeps(mask, position as u32) => 0.0,
            Some(mask) => f64::from(mask.scale),
            None => 1.0,
        }
    }

    fn close(found: f32, expected: f64, what: &str) {
        let bound = 2e-5 * expected.abs().max(1.0);
        assert!(
            (f64::from(found) - expected).abs() < bound,
            "{what}: {found} for {expected}"
        );
    }

    #[test]
    fn outputs_and_gradients_are_those_of_the_formula() {
        each_instruction_set(|_| is_the_formula(SIZE, BATCH));
    }

    /// Widths that end inside, at the end of and just after vectors of every width.
    #[test]
    fn every_width_is_the_formula_with_every_instruction_set() {
        each_instruction_set(|_| {
            for width in [1, 3, 7, 8, 9, 15, 16, 17, 31, 33] {
                is_the_formula(Size { time: 3, width }, 5);
            }
        });
    }

    fn is_the_formula(size: Size, batch: usize) {
        let (width, steps) = (size.width, batch * size.time);
        let input = numbers(steps * width, 1);
        let weights = numbers(2 * width, 2);
        let output = numbers(2 * steps + batch * width, 3);
        for dropout in [false, true] {
            let heads = heads(&weights, dropout);
            let found = forward(&heads, &input, size);
            let back = backward(&heads, &input, size, &output, true);
            let to_input = back.input.unwrap();
            let mut to_weights = vec![0.0f64; 2 * width];
            let mut means = vec![0.0f64; batch * width];
            let mut sums = vec![[0.0f64; 2]; steps];
            for (position, x) in input.iter().enumerate() {
                let (row, column) = (position / width, position % width);
                let mean = row / size.time * width + column;
                means[mean] += f64::from(*x) / size.time as f64;
                let mut to_x = f64::from(output[2 * steps + mean]) / size.time as f64;
                for (index, head) in heads.iter().enumerate() {
                    let factor = factor(head, position);
                    let gradient = f64::from(output[index * steps + row]);
                    let weight = f64::from(head.weights[column]);
                    sums[row][index] += f64::from(*x) * weight * factor;
                    to_weights[index * width + column] += f64::from(*x) * gradient * factor;
                    to_x += weight * gradient * factor;
                }
                close(to_input[position], to_x, "input");
            }
            for (row, sums) in sums.iter().enumerate() {
                for (index, head) in heads.iter().enumerate() {
                    let expected = sums[index] + f64::from(head.bias);
                    close(found[index * steps + row], expected, "output");
                }
            }
            for (found, expected) in found[2 * steps..].iter().zip(&means) {
                close(*found, *expected, "mean");
            }
            for (found, expected) in back.weights.iter().zip(&to_weights) {
                close(*found, *expected, "weights");
            }
            for (found, output) in back.bias.iter().zip(output.chunks_exact(steps)) {
                close(*found, output.iter().map(|v| f64::from(*v)).sum(), "bias");
            }
            let without = backward(&heads, &input, size, &output, false);
            assert!(without.input.is_none());
            assert_eq!(without.weights, back.weights);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn the_number_of_threads_changes_nothing() {
        let size = Size {
            time: 105,
            width: 192,
        };
        let batch = MANY / size.sample() + 7;
        let (input, weights) = (numbers(batch * size.sample(), 1), numbers(size.width, 2));
        let output = numbers(batch * (size.time + size.width), 3);
        let head = [Head {
            weights: &weights,
            bias: 0.0,
            mask: Some(Mask::new(0.6, 99)),
        }];
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| {
                let back = backward(&head, &input, size, &output, true);
                (forward(&head, &input, size), back.input, back.weights)
            })
        };
        let one = run(1);
        for threads in [2, 3] {
            assert_eq!(run(threads), one, "{threads} threads");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "fills much memory")]
    fn what_was_in_the_memory_before_changes_no_bit() {
        let _alone = memory::tests::alone();
        let input = numbers(STEPS_HERE * WIDTH, 1);
        let weights = numbers(2 * WIDTH, 2);
        let output = numbers(2 * STEPS_HERE + BATCH * WIDTH, 3);
        let heads = heads(&weights, true);
        let run = || backward(&heads, &input, SIZE, &output, true).input;
        let expected = run();
        memory::tests::spoil();
        assert_eq!(run(), expected);
    }

    /// A piece that is the whole input, a piece that ends with it, and a piece that is shorter than the others.
    #[test]
    fn pieces_cover_the_input_once() {
        for (batch, time) in [(1, 1), (256, 1), (257, 1), (5, 100), (4, 256), (3, 300)] {
            let size = Size { time, width: 3 };
            let input = numbers(batch * size.sample(), 1);
            let mut seen = vec![0.0; input.len()];
            let found = pieces(&input, size, &mut seen, |samples, out| {
                assert_eq!(samples.values, &input[samples.first..][..out.len()]);
                assert_eq!(out.len() % size.sample(), 0);
                out.iter_mut().for_each(|v| *v += 1.0);
                samples.first
            });
            assert!(found.is_sorted());
            assert!(seen.iter().all(|v| *v == 1.0), "{batch} samples of {time}");
        }
    }
}
