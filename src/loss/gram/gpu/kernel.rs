//! The kernels for a few gradients.

use burn_cubecl::cubecl::{self, prelude::*};

use crate::gpu::sum_over_units;

/// Units of a cube.
pub(super) const UNITS: u32 = 128;

/// Computes the inner products of all pairs over a part of the elements, `[cubes, count * count]`.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn products(
    a: &Tensor<f32>,
    b: &Tensor<f32>,
    c: &Tensor<f32>,
    d: &Tensor<f32>,
    e: &Tensor<f32>,
    partial: &mut Tensor<f32>,
    elements: usize,
    #[comptime] count: usize,
) {
    let unit = UNIT_POS_X as usize;
    let units = comptime!(UNITS as usize);
    let mut sums = Array::<f32>::new(comptime!(count * count));
    #[unroll]
    for pair in 0..comptime!(count * count) {
        sums[pair] = 0.0f32;
    }
    let step = CUBE_COUNT_X as usize * units;
    let mut at = CUBE_POS_X as usize * units + unit;
    let mut values = Array::<f32>::new(5usize);
    while at < elements {
        values[0] = a[at];
        if comptime!(count > 1) {
            values[1] = b[at];
        }
        if comptime!(count > 2) {
            values[2] = c[at];
        }
        if comptime!(count > 3) {
            values[3] = d[at];
        }
        if comptime!(count > 4) {
            values[4] = e[at];
        }
        #[unroll]
        for first in 0..count {
            #[unroll]
            for second in first..count {
                sums[comptime!(first * count + second)] += values[first] * values[second];
            }
        }
        at += step;
    }
    let mut shared = Shared::<[f32]>::new_slice(units);
    #[unroll]
    for first in 0..count {
        #[unroll]
        for second in first..count {
            let own = sums[comptime!(first * count + second)];
            let found = sum_over_units(own, &mut shared, UNITS);
            if unit == 0 {
                let base = CUBE_POS_X as usize * comptime!(count * count);
                partial[base + comptime!(first * count + second)] = found;
                partial[base + comptime!(second * count + first)] = found;
            }
            sync_cube();
        }
    }
}

/// Computes the sum of tensors times their weights. A tensor of weight 0 is not read and may hold NaN.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn combine(
    a: &Tensor<f32>,
    b: &Tensor<f32>,
    c: &Tensor<f32>,
    d: &Tensor<f32>,
    e: &Tensor<f32>,
    weights: &Tensor<f32>,
    output: &mut Tensor<f32>,
    elements: usize,
    #[comptime] count: usize,
) {
    let at = ABSOLUTE_POS;
    if at < elements {
        let mut sum = weighted(a, weights, at, 0usize);
        if comptime!(count > 1) {
            sum += weighted(b, weights, at, 1usize);
        }
        if comptime!(count > 2) {
            sum += weighted(c, weights, at, 2usize);
        }
        if comptime!(count > 3) {
            sum += weighted(d, weights, at, 3usize);
        }
        if comptime!(count > 4) {
            sum += weighted(e, weights, at, 4usize);
        }
        output[at] = sum;
    }
}

#[cube]
fn weighted(
    tensor: &Tensor<f32>,
    weights: &Tensor<f32>,
    at: usize,
    #[comptime] index: usize,
) -> f32 {
    let weight = weights[index];
    let mut found = 0.0f32;
    if weight != 0.0f32 {
        found = weight * tensor[at];
    }
    found
}
