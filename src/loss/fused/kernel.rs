//! Sums of element losses and their derivatives on slices.
//!
//! Elements are taken in blocks, which large inputs spread over threads. Inside a block sixteen sums run side by side in
//! single precision; blocks are added in their order in double precision. So a sum over many millions of elements stays
//! exact to a few units in the last place, and does not depend on the number of threads.

use pulp::Arch;
use rayon::prelude::*;

use crate::host::math::{exp, log1p_of_fraction};

/// Elements of a block.
const BLOCK: usize = 2048;
/// Sums that run side by side.
const LANES: usize = 16;
/// Elements from which threads pay.
const MANY: usize = 1 << 16;

/// A loss between a prediction and a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pointwise {
    /// Huber loss with its `delta`.
    Huber { delta: f32 },
    /// Binary cross entropy on a logit with its positive weight.
    Binary { positive_weight: f32 },
}

/// A sum over elements, how many counted, and the derivative of every element, if asked for.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) value: f64,
    pub(super) count: f64,
    pub(super) derivatives: Option<Vec<f32>>,
}

/// One element: its loss and the derivative with respect to the prediction.
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
        // log(1 + e^-x), and its derivative's size, the sigmoid of -x.
        let soft = log1p_of_fraction(u) + (-x).max(0.0);
        let pull = if x >= 0.0 { u } else { 1.0 } / (1.0 + u);
        let loss = weight * soft + (1.0 - target) * x;
        // `max` and comparisons lose a NaN; the sum must not.
        let keep = 0.0 * x;
        (loss + keep, (1.0 - target) - weight * pull + keep)
    }
}

/// The sum of a loss over all elements that count.
///
/// # Panics
///
/// If the slices differ in length.
pub(super) fn pointwise(
    loss: Pointwise,
    predictions: &[f32],
    targets: &[f32],
    mask: Option<&[f32]>,
    derivatives: bool,
) -> Sum {
    assert_eq!(
        predictions.len(),
        targets.len(),
        "one target for each prediction"
    );
    match loss {
        Pointwise::Huber { delta } => {
            blocks(Huber { delta }, predictions, targets, mask, derivatives)
        }
        Pointwise::Binary { positive_weight } => {
            let loss = Binary { positive_weight };
            blocks(loss, predictions, targets, mask, derivatives)
        }
    }
}

fn blocks<L: Element>(
    loss: L,
    predictions: &[f32],
    targets: &[f32],
    mask: Option<&[f32]>,
    wanted: bool,
) -> Sum {
    let elements = predictions.len();
    let mut derivatives = vec![0.0; if wanted { elements } else { 0 }];
    let work = |index: usize, derivatives: &mut [f32]| {
        let range = index * BLOCK..((index + 1) * BLOCK).min(elements);
        Arch::new().dispatch(Block {
            loss,
            predictions: &predictions[range.clone()],
            targets: &targets[range.clone()],
            mask: mask.map(|mask| &mask[range]),
            derivatives,
        })
    };
    let sums = each_block(elements, 1, &mut derivatives, work);
    Sum {
        value: sums.iter().map(|sum| f64::from(*sum)).sum(),
        count: counted(mask, elements),
        derivatives: wanted.then_some(derivatives),
    }
}

/// Calls `work` with every block's number and its derivatives, on threads if there is much to do, and keeps the order. An
/// element has `width` derivatives; without any, every block gets none.
fn each_block<T: Send>(
    elements: usize,
    width: usize,
    derivatives: &mut [f32],
    work: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> Vec<T> {
    let blocks = elements.div_ceil(BLOCK);
    let size = BLOCK * width.max(1);
    let mut parts: Vec<&mut [f32]> = derivatives.chunks_mut(size).collect();
    parts.resize_with(blocks, Default::default);
    let numbered = |(index, part)| work(index, part);
    match elements * width >= MANY {
        true => parts.into_par_iter().enumerate().map(numbered).collect(),
        false => parts.into_iter().enumerate().map(numbered).collect(),
    }
}

fn counted(mask: Option<&[f32]>, elements: usize) -> f64 {
    match mask {
        Some(mask) => mask.iter().filter(|counts| **counts > 0.0).count() as f64,
        None => elements as f64,
    }
}

/// The elements of a block. An empty slice of derivatives means that none are asked for.
struct Block<'a, L> {
    loss: L,
    predictions: &'a [f32],
    targets: &'a [f32],
    mask: Option<&'a [f32]>,
    derivatives: &'a mut [f32],
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
            // Arrays of a known size, so that the compiler sees one vector and no bounds.
            let predictions: [f32; LANES] = array(&self.predictions[start..]);
            let targets: [f32; LANES] = array(&self.targets[start..]);
            let mut slopes = [0.0f32; LANES];
            for lane in 0..LANES {
                let (mut value, mut slope) = self.loss.at(predictions[lane], targets[lane]);
                if MASKED && mask[start + lane] == 0.0 {
                    (value, slope) = (0.0, 0.0);
                }
                lanes[lane] += value;
                slopes[lane] = slope;
            }
            if WANTED {
                self.derivatives[start..start + LANES].copy_from_slice(&slopes);
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
                self.derivatives[index] = if counts { slope } else { 0.0 };
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

/// The sum of the cross entropies of all rows that count; `logits` has `classes` columns.
///
/// # Panics
///
/// If a target of a row that counts is no class.
pub(super) fn cross_entropy(
    logits: &[f32],
    classes: usize,
    targets: &[i64],
    mask: Option<&[f32]>,
    wanted: bool,
) -> Sum {
    let rows = targets.len();
    assert_eq!(
        logits.len(),
        rows * classes,
        "one target for each row of logits"
    );
    let mut derivatives = vec![0.0; if wanted { logits.len() } else { 0 }];
    let work = |index: usize, derivatives: &mut [f32]| {
        let range = index * BLOCK..((index + 1) * BLOCK).min(rows);
        Arch::new().dispatch(Rows {
            classes,
            logits: &logits[range.start * classes..range.end * classes],
            targets: &targets[range.clone()],
            mask: mask.map(|mask| &mask[range]),
            derivatives,
        })
    };
    let sums = each_block(rows, classes, &mut derivatives, work);
    Sum {
        value: sums.iter().sum(),
        count: counted(mask, rows),
        derivatives: wanted.then_some(derivatives),
    }
}

/// The rows of a block.
struct Rows<'a> {
    classes: usize,
    logits: &'a [f32],
    targets: &'a [i64],
    mask: Option<&'a [f32]>,
    derivatives: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Rows<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let mut sum = 0.0;
        let mut exponentials = vec![0.0f32; self.classes];
        for (row, logits) in self.logits.chunks_exact(self.classes).enumerate() {
            if self.mask.is_some_and(|mask| mask[row] == 0.0) {
                continue;
            }
            let target = self.targets[row] as usize;
            assert!(
                target < self.classes,
                "target {} is no class of {}",
                self.targets[row],
                self.classes
            );
            let largest = logits.iter().fold(f32::NEG_INFINITY, |m, x| m.max(*x));
            let mut total = 0.0;
            for (e, x) in exponentials.iter_mut().zip(logits) {
                *e = exp(x - largest);
                total += *e;
            }
            sum += f64::from(total.ln() + largest - logits[target]);
            if let Some(slopes) = self
                .derivatives
                .get_mut(row * self.classes..(row + 1) * self.classes)
            {
                for (slope, e) in slopes.iter_mut().zip(&exponentials) {
                    *slope = e / total;
                }
                slopes[target] -= 1.0;
            }
        }
        sum
    }
}
