//! Computes sums of element losses and their derivatives on slices.
//!
//! Elements are processed in blocks, which are spread over threads for large inputs. Inside a block, sixteen sums run
//! in parallel in single precision; blocks are added in order in double precision. A sum over many millions of elements
//! is therefore exact to a few units in the last place, and does not depend on the number of threads.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use crate::host::arch;
use crate::host::math::{exp, ln, log1p_of_fraction};

/// Elements of a block.
const BLOCK: usize = 2048;
/// Rows of logits that are processed together.
const ROWS: usize = 64;
/// Sums that run in parallel.
const LANES: usize = 16;
/// Elements from which threads are used.
const MANY: usize = 1 << 16;

/// A loss between a prediction and a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pointwise {
    /// Huber loss with its `delta`.
    Huber { delta: f32 },
    /// Binary cross entropy on a logit with its positive weight.
    Binary { positive_weight: f32 },
}

/// A reduced loss, with its derivative with respect to every prediction if requested.
#[derive(Debug)]
pub(super) struct Reduced {
    pub(super) value: f64,
    pub(super) derivatives: Option<Vec<f32>>,
}

/// Returns the factor of the sum and of every derivative: 1, or for the mean the inverse of the number of elements that
/// count. The mean over no element is 0.
fn factor(mean: bool, mask: Option<&[f32]>, elements: usize) -> f64 {
    let count = match mask {
        Some(mask) => mask.iter().filter(|counts| **counts > 0.0).count(),
        None => elements,
    };
    if mean { 1.0 / count.max(1) as f64 } else { 1.0 }
}

/// The loss of one element and its derivative with respect to the prediction.
trait Element: Copy + Send + Sync {
    fn at(self, prediction: f32, target: f32) -> (f32, f32);
}

#[derive(Clone, Copy)]
struct Huber {
    delta: f32,
}

impl Element for Huber {
    #[inline(always)]
    fn at(self, prediction: f32, target: f32) -> (f32, f32) {
        let residual = prediction - target;
        let clamped = residual.clamp(-self.delta, self.delta);
        (clamped * (residual - 0.5 * clamped), clamped)
    }
}

#[derive(Clone, Copy)]
struct Binary {
    positive_weight: f32,
}

impl Element for Binary {
    #[inline(always)]
    fn at(self, x: f32, target: f32) -> (f32, f32) {
        let weight = 1.0 + (self.positive_weight - 1.0) * target;
        let u = exp(-x.abs());
        // log(1 + e^-x), and the absolute value of its derivative, the sigmoid of -x.
        let soft = log1p_of_fraction(u) + (-x).max(0.0);
        let pull = if x >= 0.0 { u } else { 1.0 } / (1.0 + u);
        let loss = weight * soft + (1.0 - target) * x;
        // `max` and comparisons drop a NaN; the sum must keep it.
        let keep = 0.0 * x;
        (loss + keep, (1.0 - target) - weight * pull + keep)
    }
}

/// Computes a loss over all elements that count, as mean or sum.
///
/// # Panics
///
/// If the slices differ in length.
pub(super) fn pointwise(
    loss: Pointwise,
    predictions: &[f32],
    targets: &[f32],
    mask: Option<&[f32]>,
    mean: bool,
    wanted: bool,
) -> Reduced {
    assert_eq!(
        predictions.len(),
        targets.len(),
        "one target for each prediction"
    );
    match loss {
        Pointwise::Huber { delta } => {
            blocks(Huber { delta }, predictions, targets, mask, mean, wanted)
        }
        Pointwise::Binary { positive_weight } => {
            let loss = Binary { positive_weight };
            blocks(loss, predictions, targets, mask, mean, wanted)
        }
    }
}

fn blocks<L: Element>(
    loss: L,
    predictions: &[f32],
    targets: &[f32],
    mask: Option<&[f32]>,
    mean: bool,
    wanted: bool,
) -> Reduced {
    let elements = predictions.len();
    let factor = factor(mean, mask, elements);
    // Not filled: every element is written once below.
    let mut derivatives: Vec<f32> = Vec::with_capacity(if wanted { elements } else { 0 });
    let room = if wanted {
        &mut derivatives.spare_capacity_mut()[..elements]
    } else {
        &mut []
    };
    let arch = arch();
    let work = |index: usize, derivatives: &mut [MaybeUninit<f32>]| {
        let range = index * BLOCK..((index + 1) * BLOCK).min(elements);
        arch.dispatch(Block {
            loss,
            factor: factor as f32,
            predictions: &predictions[range.clone()],
            targets: &targets[range.clone()],
            mask: mask.map(|mask| &mask[range]),
            derivatives,
        })
    };
    let sums = each_block(elements, 1, room, work);
    if wanted {
        // SAFETY: there is room for `elements`, and every block has written each of its derivatives (`Block::sum`).
        unsafe { derivatives.set_len(elements) };
    }
    Reduced {
        value: sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() * factor,
        derivatives: wanted.then_some(derivatives),
    }
}

/// Calls `work` with the index and the derivatives of every block, on threads for large inputs, and keeps the order. An
/// element has `width` derivatives. If `derivatives` is empty, every block gets an empty slice.
fn each_block<T: Send, E: Send>(
    elements: usize,
    width: usize,
    derivatives: &mut [E],
    work: impl Fn(usize, &mut [E]) -> T + Sync,
) -> Vec<T> {
    let blocks = elements.div_ceil(BLOCK);
    let size = BLOCK * width.max(1);
    let mut parts: Vec<&mut [E]> = derivatives.chunks_mut(size).collect();
    parts.resize_with(blocks, Default::default);
    let numbered = |(index, part)| work(index, part);
    if elements * width >= MANY {
        parts.into_par_iter().enumerate().map(numbered).collect()
    } else {
        parts.into_iter().enumerate().map(numbered).collect()
    }
}

/// Multiplies derivatives by the gradient of the loss.
pub(super) fn scale(derivatives: &mut [f32], factor: f32) {
    // The gradient of an unweighted loss.
    if factor == 1.0 {
        return;
    }
    let scale = |part: &mut [f32]| part.iter_mut().for_each(|value| *value *= factor);
    if derivatives.len() >= MANY {
        derivatives.par_chunks_mut(8 * BLOCK).for_each(scale);
    } else {
        scale(derivatives);
    }
}

/// The elements of a block. If no derivatives are requested, their slice is empty.
struct Block<'a, L> {
    loss: L,
    /// The factor of the derivatives.
    factor: f32,
    predictions: &'a [f32],
    targets: &'a [f32],
    mask: Option<&'a [f32]>,
    derivatives: &'a mut [MaybeUninit<f32>],
}

impl<L: Element> pulp::NullaryFnOnce for Block<'_, L> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        match (self.derivatives.is_empty(), self.mask) {
            (true, None) => self.sum::<false, false>(&[]),
            (true, Some(mask)) => self.sum::<false, true>(mask),
            (false, None) => self.sum::<true, false>(&[]),
            (false, Some(mask)) => self.sum::<true, true>(mask),
        }
    }
}

impl<L: Element> Block<'_, L> {
    #[inline(always)]
    fn sum<const WANTED: bool, const MASKED: bool>(self, mask: &[f32]) -> f32 {
        let elements = self.predictions.len();
        let mut lanes = [0.0f32; LANES];
        let mut start = 0;
        while start + LANES <= elements {
            // Arrays of a known size, so that the compiler emits one vector and no bounds checks.
            let predictions: [f32; LANES] = array(&self.predictions[start..]);
            let targets: [f32; LANES] = array(&self.targets[start..]);
            let mut slopes = [0.0f32; LANES];
            for lane in 0..LANES {
                let (mut value, mut slope) = self.loss.at(predictions[lane], targets[lane]);
                if MASKED && mask[start + lane] == 0.0 {
                    (value, slope) = (0.0, 0.0);
                }
                lanes[lane] += value;
                slopes[lane] = slope * self.factor;
            }
            if WANTED {
                self.derivatives[start..start + LANES].write_copy_of_slice(&slopes);
            }
            start += LANES;
        }
        for index in start..elements {
            let (value, slope) = self.loss.at(self.predictions[index], self.targets[index]);
            let counts = !MASKED || mask[index] != 0.0;
            if counts {
                lanes[index - start] += value;
            }
            if WANTED {
                let slope = if counts { slope * self.factor } else { 0.0 };
                self.derivatives[index].write(slope);
            }
        }
        lanes.iter().sum()
    }
}

#[inline(always)]
fn array(values: &[f32]) -> [f32; LANES] {
    let mut array = [0.0; LANES];
    array.copy_from_slice(&values[..LANES]);
    array
}

/// Computes the cross entropies of all rows that count, as mean or sum. `logits` has `classes` columns.
///
/// # Panics
///
/// If the target of a row that counts is not in `0..classes`.
pub(super) fn cross_entropy(
    logits: &[f32],
    classes: usize,
    targets: &[i64],
    mask: Option<&[f32]>,
    mean: bool,
    wanted: bool,
) -> Reduced {
    let rows = targets.len();
    assert_eq!(
        logits.len(),
        rows * classes,
        "one target for each row of logits"
    );
    let factor = factor(mean, mask, rows);
    let mut derivatives = vec![0.0; if wanted { logits.len() } else { 0 }];
    let arch = arch();
    let work = |index: usize, derivatives: &mut [f32]| {
        let range = index * BLOCK..((index + 1) * BLOCK).min(rows);
        arch.dispatch(BlockRows {
            classes,
            factor: factor as f32,
            logits: &logits[range.start * classes..range.end * classes],
            targets: &targets[range.clone()],
            mask: mask.map(|mask| &mask[range]),
            derivatives,
        })
    };
    let sums = each_block(rows, classes, &mut derivatives, work);
    Reduced {
        value: sums.iter().sum::<f64>() * factor,
        derivatives: wanted.then_some(derivatives),
    }
}

/// The rows of a block.
struct BlockRows<'a> {
    classes: usize,
    /// The factor of the derivatives.
    factor: f32,
    logits: &'a [f32],
    targets: &'a [i64],
    mask: Option<&'a [f32]>,
    derivatives: &'a mut [f32],
}

impl pulp::NullaryFnOnce for BlockRows<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(mut self) -> f64 {
        let mut scratch = vec![0.0; ROWS * self.classes];
        let first = (0..self.targets.len()).step_by(ROWS);
        first.map(|first| self.some(first, &mut scratch)).sum()
    }
}

impl BlockRows<'_> {
    /// Computes the sum over the next rows from `first` on. The rows are processed together, so that exponentials and
    /// logarithms become vector instructions for any number of classes.
    #[inline(always)]
    fn some(&mut self, first: usize, scratch: &mut [f32]) -> f64 {
        let classes = self.classes;
        let rows = ROWS.min(self.targets.len() - first);
        let scratch = &mut scratch[..rows * classes];
        let logits = &self.logits[first * classes..(first + rows) * classes];
        let mut largest = [0.0; ROWS];
        let mut totals = [1.0; ROWS];
        for (row, logits) in logits.chunks_exact(classes).enumerate() {
            largest[row] = logits.iter().fold(f32::NEG_INFINITY, |m, x| m.max(*x));
            let scratch = &mut scratch[row * classes..(row + 1) * classes];
            for (to, x) in scratch.iter_mut().zip(logits) {
                *to = x - largest[row];
            }
        }
        scratch.iter_mut().for_each(|x| *x = exp(*x));
        for (total, exponentials) in totals.iter_mut().zip(scratch.chunks_exact(classes)) {
            *total = exponentials.iter().sum();
        }
        let mut logs = totals;
        logs.iter_mut().for_each(|x| *x = ln(*x));
        let mut sum = 0.0;
        for row in 0..rows {
            if self.mask.is_some_and(|mask| mask[first + row] == 0.0) {
                continue;
            }
            let target = self.target(first + row);
            let logit = logits[row * classes + target];
            sum += f64::from(logs[row] + (largest[row] - logit));
            let place = (first + row) * classes..(first + row + 1) * classes;
            if let Some(slopes) = self.derivatives.get_mut(place) {
                let exponentials = &scratch[row * classes..(row + 1) * classes];
                let share = 1.0 / totals[row];
                for (slope, e) in slopes.iter_mut().zip(exponentials) {
                    *slope = e * share * self.factor;
                }
                slopes[target] = (exponentials[target] * share - 1.0) * self.factor;
            }
        }
        sum
    }

    #[inline(always)]
    fn target(&self, row: usize) -> usize {
        let target = self.targets[row] as usize;
        assert!(
            target < self.classes,
            "target {} is no class of {}",
            self.targets[row],
            self.classes
        );
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::each_instruction_set;

    /// Lengths that end inside, at the end of and just after the lanes and a block.
    const LENGTHS: [usize; 13] = [0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 33, BLOCK, BLOCK + 17];

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let at = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f32 / 200.0 - 2.5;
        (0..count).map(at).collect()
    }

    /// 1 where an element counts. The first element always counts.
    fn mask(count: usize) -> Vec<f32> {
        (0..count).map(|i| f32::from(i % 3 == 0)).collect()
    }

    fn counts(mask: Option<&[f32]>, index: usize) -> bool {
        mask.is_none_or(|mask| mask[index] > 0.0)
    }

    #[track_caller]
    fn close(found: f64, expected: f64) {
        let bound = 2e-6 * expected.abs().max(1.0);
        assert!((found - expected).abs() <= bound, "{found} for {expected}");
    }

    /// Computes value and slope in double precision.
    fn formula(loss: Pointwise, x: f64, target: f64) -> (f64, f64) {
        match loss {
            Pointwise::Huber { delta } => {
                let (delta, residual) = (f64::from(delta), x - target);
                let clamped = residual.clamp(-delta, delta);
                (clamped * (residual - clamped / 2.0), clamped)
            }
            Pointwise::Binary { positive_weight } => {
                let weight = f64::from(positive_weight) * target;
                let share = 1.0 / (1.0 + (-x).exp());
                let value = weight * (-x).exp().ln_1p() + (1.0 - target) * x.exp().ln_1p();
                (value, (1.0 - target) * share - weight * (1.0 - share))
            }
        }
    }

    #[test]
    fn pointwise_sums_and_slopes_are_those_of_the_formula_for_every_length() {
        each_instruction_set(|_| pointwise_is_the_formula());
    }

    fn pointwise_is_the_formula() {
        let huber = Pointwise::Huber { delta: 1.25 };
        let binary = Pointwise::Binary {
            positive_weight: 2.5,
        };
        for (length, loss) in LENGTHS.into_iter().flat_map(|l| [(l, huber), (l, binary)]) {
            let (predictions, held) = (numbers(length, 1), mask(length));
            let targets: Vec<f32> = (0..length).map(|i| (i % 5) as f32 / 4.0).collect();
            for mask in [None, Some(&held[..])] {
                let elements = predictions.iter().zip(&targets);
                let exact: Vec<(f64, f64)> = elements
                    .map(|(x, target)| formula(loss, f64::from(*x), f64::from(*target)))
                    .enumerate()
                    .map(|(i, exact)| if counts(mask, i) { exact } else { (0.0, 0.0) })
                    .collect();
                let sum: f64 = exact.iter().map(|(value, _)| value).sum();
                let found = pointwise(loss, &predictions, &targets, mask, false, true);
                close(
                    found.value / length.max(1) as f64,
                    sum / length.max(1) as f64,
                );
                let slopes = found.derivatives.unwrap();
                assert_eq!(slopes.len(), length);
                for (slope, (_, expected)) in slopes.iter().zip(&exact) {
                    close(f64::from(*slope), *expected);
                }
                let without = pointwise(loss, &predictions, &targets, mask, false, false);
                assert_eq!(
                    without.value, found.value,
                    "asking for slopes changes nothing"
                );
                assert!(without.derivatives.is_none());
            }
        }
    }

    #[test]
    fn cross_entropies_and_slopes_are_those_of_the_formula_for_every_number_of_rows() {
        each_instruction_set(|_| cross_entropy_is_the_formula());
    }

    fn cross_entropy_is_the_formula() {
        for (rows, classes) in [
            (0, 3),
            (1, 1),
            (3, 9),
            (7, 17),
            (9, 33),
            (63, 2),
            (64, 3),
            (65, 3),
            (130, 7),
            (2100, 3),
        ] {
            let (logits, held) = (numbers(rows * classes, 1), mask(rows));
            let targets: Vec<i64> = (0..rows).map(|row| (row * 5 % classes) as i64).collect();
            for mask in [None, Some(&held[..])] {
                let found = cross_entropy(&logits, classes, &targets, mask, true, true);
                let slopes = found.derivatives.unwrap();
                let counting = (0..rows).filter(|row| counts(mask, *row)).count().max(1) as f64;
                let mut mean = 0.0;
                for (row, target) in targets.iter().enumerate() {
                    let of_row = row * classes..(row + 1) * classes;
                    let logits = logits[of_row.clone()].iter().map(|x| f64::from(*x));
                    let total: f64 = logits.clone().map(f64::exp).sum();
                    let factor = f64::from(counts(mask, row)) / counting;
                    for (class, (slope, x)) in slopes[of_row].iter().zip(logits).enumerate() {
                        let hit = f64::from(class as i64 == *target);
                        close(f64::from(*slope), (x.exp() / total - hit) * factor);
                        mean += hit * (total.ln() - x) * factor;
                    }
                }
                close(found.value, mean);
                let without = cross_entropy(&logits, classes, &targets, mask, true, false);
                assert_eq!(
                    without.value, found.value,
                    "asking for slopes changes nothing"
                );
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn slopes_are_scaled_alike_for_any_number_of_them() {
        for length in [1, MANY - 1, MANY + 8 * BLOCK + 1] {
            let mut slopes = vec![3.0; length];
            scale(&mut slopes, 0.5);
            assert!(slopes.iter().all(|slope| *slope == 1.5), "{length}");
        }
    }
}
