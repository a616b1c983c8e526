//! Computes inner products and weighted sums of gradients on slices, in one pass each.
//!
//! Gradients are processed in blocks that stay in the cache while all pairs are formed. Inside a block, sums run in
//! parallel in single precision; blocks are added in order in double precision, so that no result depends on the number
//! of threads.

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::host::{arch, memory};

/// Elements of a block.
const BLOCK: usize = 1024;
/// Elements of a piece.
const PIECE: usize = 32 * BLOCK;
/// Sums that run in parallel.
const LANES: usize = 16;
/// Gradients that are multiplied by another gradient while its block is in the registers.
const TOGETHER: usize = 4;
/// Elements, over all gradients, from which threads are used.
const MANY: usize = 1 << 16;

/// Computes the inner products of all pairs of rows, `[K, K]`.
///
/// # Panics
///
/// If the rows differ in length.
pub(super) fn products(rows: &[&[f32]]) -> Vec<f64> {
    let tasks = rows.len();
    let mut sum = vec![0.0; tasks * tasks];
    let arch = arch();
    for piece in pieces(rows, |rows| arch.dispatch(Products { rows })) {
        let pairs = sum.iter_mut().zip(piece);
        pairs.for_each(|(sum, part)| *sum += part);
    }
    for row in 0..tasks {
        for column in 0..row {
            sum[row * tasks + column] = sum[column * tasks + row];
        }
    }
    sum
}

/// Computes the inner product of two rows.
///
/// # Panics
///
/// If the rows differ in length.
pub(super) fn product(first: &[f32], second: &[f32]) -> f64 {
    let arch = arch();
    let of = |rows: &[&[f32]]| arch.dispatch(Product([rows[0], rows[1]]));
    pieces(&[first, second], of).into_iter().sum()
}

/// Computes the sum of the absolute values of all elements.
pub(super) fn sizes(row: &[f32]) -> f64 {
    let arch = arch();
    let of = |rows: &[&[f32]]| arch.dispatch(Sizes(rows[0]));
    pieces(&[row], of).into_iter().sum()
}

/// Calls `work` with each piece of all rows, on threads for large inputs, and keeps the order.
fn pieces<T: Send>(rows: &[&[f32]], work: impl Fn(&[&[f32]]) -> T + Sync) -> Vec<T> {
    let elements = checked(rows);
    let piece = |number: usize| {
        let range = number * PIECE..((number + 1) * PIECE).min(elements);
        let part: Vec<&[f32]> = rows.iter().map(|row| &row[range.clone()]).collect();
        work(&part)
    };
    let pieces = 0..elements.div_ceil(PIECE);
    if rows.len() * elements >= MANY {
        pieces.into_par_iter().map(piece).collect()
    } else {
        pieces.map(piece).collect()
    }
}

fn checked(rows: &[&[f32]]) -> usize {
    let elements = rows[0].len();
    let same = rows.iter().all(|row| row.len() == elements);
    assert!(same, "gradients of different lengths");
    elements
}

/// Computes the products of a piece. Elements below the diagonal stay zero.
struct Products<'a> {
    rows: &'a [&'a [f32]],
}

impl NullaryFnOnce for Products<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn call(self) -> Vec<f64> {
        let (tasks, elements) = (self.rows.len(), self.rows[0].len());
        let mut sum = vec![0.0; tasks * tasks];
        let mut start = 0;
        while start < elements {
            let block = start..(start + BLOCK).min(elements);
            for (index, first) in self.rows.iter().enumerate() {
                let first = &first[block.clone()];
                let sums = &mut sum[index * tasks + index..(index + 1) * tasks];
                let others = self.rows[index..].chunks(TOGETHER);
                for (sums, others) in sums.chunks_mut(TOGETHER).zip(others) {
                    let block = block.clone();
                    match *others {
                        [a, b, c, d] => add(sums, first, [a, b, c, d], block),
                        [a, b, c] => add(sums, first, [a, b, c], block),
                        [a, b] => add(sums, first, [a, b], block),
                        [a] => add(sums, first, [a], block),
                        _ => {}
                    }
                }
            }
            start += BLOCK;
        }
        sum
    }
}

/// Computes the product of two rows of a piece.
struct Product<'a>([&'a [f32]; 2]);

impl NullaryFnOnce for Product<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let [first, second] = self.0;
        let mut sum = [0.0];
        for (number, first) in first.chunks(BLOCK).enumerate() {
            let start = number * BLOCK;
            add(&mut sum, first, [second], start..start + first.len());
        }
        sum[0]
    }
}

/// Computes the sum of the absolute values of a piece.
struct Sizes<'a>(&'a [f32]);

impl NullaryFnOnce for Sizes<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let block = |block: &[f32]| {
            let mut lanes = [0.0f32; LANES];
            let (whole, rest) = block.as_chunks::<LANES>();
            for chunk in whole {
                for lane in 0..LANES {
                    lanes[lane] += chunk[lane].abs();
                }
            }
            let rest: f32 = rest.iter().map(|x| x.abs()).sum();
            f64::from(lanes.iter().sum::<f32>() + rest)
        };
        self.0.chunks(BLOCK).map(block).sum()
    }
}

/// Adds the products of a block with the corresponding block of other rows.
#[inline(always)]
fn add<const N: usize>(
    sums: &mut [f64],
    first: &[f32],
    others: [&[f32]; N],
    block: std::ops::Range<usize>,
) {
    let others = others.map(|other| &other[block.clone()]);
    let mut lanes = [[0.0f32; LANES]; N];
    let whole = first.len() / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        let from = &first[start..start + LANES];
        for (lanes, other) in lanes.iter_mut().zip(&others) {
            let other = &other[start..start + LANES];
            for lane in 0..LANES {
                lanes[lane] += from[lane] * other[lane];
            }
        }
    }
    for ((sum, lanes), other) in sums.iter_mut().zip(&lanes).zip(&others) {
        let rest = first[whole..].iter().zip(&other[whole..]);
        let rest: f32 = rest.map(|(a, b)| a * b).sum();
        *sum += f64::from(lanes.iter().sum::<f32>() + rest);
    }
}

/// Computes the sum of rows times their weights. A row of weight 0 is left out, even if it holds NaN.
///
/// # Panics
///
/// If the rows differ in length.
pub(super) fn combine(rows: &[&[f32]], weights: &[f32]) -> Vec<f32> {
    let elements = checked(rows);
    let counted = rows.iter().copied().zip(weights.iter().copied());
    let counted: Vec<(&[f32], f32)> = counted.filter(|(_, weight)| *weight != 0.0).collect();
    let mut sum = memory::take(elements);
    let arch = arch();
    let piece = |(number, sum): (usize, &mut [f32])| {
        let start = number * PIECE;
        arch.dispatch(Combine {
            rows: &counted,
            start,
            sum,
        });
    };
    if rows.len() * elements >= MANY {
        sum.par_chunks_mut(PIECE).enumerate().for_each(piece);
    } else {
        sum.chunks_mut(PIECE).enumerate().for_each(piece);
    }
    sum
}

/// Computes the weighted sum of a piece.
struct Combine<'a> {
    rows: &'a [(&'a [f32], f32)],
    start: usize,
    /// The result, overwritten.
    sum: &'a mut [f32],
}

impl NullaryFnOnce for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (number, sum) in self.sum.chunks_mut(BLOCK).enumerate() {
            let start = self.start + number * BLOCK;
            sum.fill(0.0);
            for (row, weight) in self.rows {
                let row = &row[start..start + sum.len()];
                sum.iter_mut()
                    .zip(row)
                    .for_each(|(sum, x)| *sum += weight * x);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::each_instruction_set;

    fn rows(tasks: usize, elements: usize) -> Vec<Vec<f32>> {
        let number =
            |task: usize, at: usize| ((task * 7919 + at * 104_729) % 1009) as f32 / 504.5 - 1.0;
        let row = |task| (0..elements).map(|at| number(task, at)).collect();
        (0..tasks).map(row).collect()
    }

    fn slices(rows: &[Vec<f32>]) -> Vec<&[f32]> {
        rows.iter().map(Vec::as_slice).collect()
    }

    /// Computes the largest difference from sums in double precision, as a share of the product of the norms.
    fn gap(rows: &[&[f32]]) -> f64 {
        let dot = |a: &[f32], b: &[f32]| {
            let pairs = a.iter().zip(b);
            pairs
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum::<f64>()
        };
        let found = products(rows);
        let mut worst = 0.0f64;
        for (row, a) in rows.iter().enumerate() {
            for (column, b) in rows.iter().enumerate() {
                let one = product(a, b);
                assert!((one - found[row * rows.len() + column]).abs() <= 1e-12 * one.abs());
                let scale = (dot(a, a) * dot(b, b)).sqrt().max(f64::MIN_POSITIVE);
                let gap = (found[row * rows.len() + column] - dot(a, b)).abs() / scale;
                worst = worst.max(gap);
            }
        }
        worst
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn products_of_any_number_of_rows_of_any_length() {
        for tasks in 1..=9 {
            for elements in [
                1,
                15,
                16,
                BLOCK - 1,
                BLOCK,
                BLOCK + 17,
                PIECE + 5,
                3 * PIECE,
            ] {
                let rows = rows(tasks, elements);
                let worst = gap(&slices(&rows));
                assert!(worst < 1e-6, "{tasks} rows of {elements}: {worst:e}");
            }
        }
    }

    /// Lengths that end inside, at the end of and just after vectors of every width.
    #[test]
    fn every_instruction_set_has_the_products_sums_and_sizes_of_the_formula() {
        each_instruction_set(|name| {
            for elements in [1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100] {
                let rows = rows(5, elements);
                let rows = slices(&rows);
                let worst = gap(&rows);
                assert!(worst < 1e-6, "{name}, {elements}: {worst:e}");
                let size: f64 = rows[1].iter().map(|x| f64::from(x.abs())).sum();
                let found = sizes(rows[1]);
                assert!(
                    (found - size).abs() <= 1e-6 * size,
                    "{name}, {elements}: {found} {size}"
                );
                let weights = [0.5, 0.0, -2.0, 1.25, 3.0];
                for (at, found) in combine(&rows, &weights).iter().enumerate() {
                    let pairs = rows.iter().zip(weights);
                    let expected: f64 = pairs
                        .map(|(row, w)| f64::from(row[at]) * f64::from(w))
                        .sum();
                    let gap = (f64::from(*found) - expected).abs();
                    assert!(gap < 2e-6, "{name}, {at} of {elements}: {found} {expected}");
                }
            }
        });
    }

    #[test]
    fn products_of_nothing_are_zero() {
        assert_eq!(products(&[&[], &[]]), [0.0; 4]);
    }

    #[test]
    fn sums_leave_out_rows_of_weight_zero() {
        let _alone = memory::tests::alone();
        let bad = vec![f32::NAN; 2 * BLOCK + 3];
        let rows = rows(2, bad.len());
        let all = [rows[0].as_slice(), &bad, rows[1].as_slice()];
        let found = combine(&all, &[2.0, 0.0, -0.5]);
        for (at, found) in found.iter().enumerate() {
            assert_eq!(*found, rows[0][at] * 2.0 + rows[1][at] * -0.5);
        }
        assert!(combine(&all, &[0.0, 1.0, 0.0])[7].is_nan());
        assert_eq!(combine(&all, &[0.0; 3]), vec![0.0; bad.len()]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic on many numbers")]
    fn no_bit_depends_on_the_number_of_threads_or_what_was_in_the_memory_before() {
        let _alone = memory::tests::alone();
        let rows = rows(3, 2 * PIECE + 100);
        let rows = slices(&rows);
        let run = |threads: usize| {
            memory::tests::spoil();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().expect("threads");
            pool.install(|| (products(&rows), combine(&rows, &[0.3, 0.2, -1.0])))
        };
        let one = run(1);
        for threads in [2, 3] {
            assert_eq!(run(threads), one, "{threads} threads");
        }
    }
}
