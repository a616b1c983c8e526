//! Defines the kernel that sums squares.

use burn_cubecl::cubecl::{self, prelude::*};

use crate::gpu::sum_over_units;

/// The number of units of a cube.
pub(super) const UNITS: u32 = 128;

/// The number of partial sums of each tensor.
pub(super) const PARTS: usize = 64;

/// Computes partial sums of each tensor, `[count, parts]`: of squares, or of the first tensor itself if it is
/// `carried`. Each tensor has its own row of cubes.
#[cube(launch)]
#[allow(clippy::too_many_arguments)]
pub(super) fn squares(
    a: &Tensor<f32>,
    b: &Tensor<f32>,
    c: &Tensor<f32>,
    d: &Tensor<f32>,
    e: &Tensor<f32>,
    f: &Tensor<f32>,
    sums: &mut Tensor<f32>,
    #[comptime] count: usize,
    #[comptime] carried: bool,
) {
    let row = CUBE_POS_Y as usize;
    let mut sum = 0.0f32;
    if row == 0 {
        sum = own(a, carried);
    }
    if comptime!(count > 1) && row == 1 {
        sum = own(b, false);
    }
    if comptime!(count > 2) && row == 2 {
        sum = own(c, false);
    }
    if comptime!(count > 3) && row == 3 {
        sum = own(d, false);
    }
    if comptime!(count > 4) && row == 4 {
        sum = own(e, false);
    }
    if comptime!(count > 5) && row == 5 {
        sum = own(f, false);
    }
    let mut shared = Shared::<[f32]>::new_slice(comptime!(UNITS as usize));
    let found = sum_over_units(sum, &mut shared, UNITS);
    if UNIT_POS_X == 0 {
        sums[row * CUBE_COUNT_X as usize + CUBE_POS_X as usize] = found;
    }
}

/// Returns the sum over the elements of this unit.
#[cube]
fn own(tensor: &Tensor<f32>, #[comptime] carried: bool) -> f32 {
    let step = CUBE_COUNT_X as usize * comptime!(UNITS as usize);
    let mut at = CUBE_POS_X as usize * comptime!(UNITS as usize) + UNIT_POS_X as usize;
    let mut sum = 0.0f32;
    while at < tensor.len() {
        let value = tensor[at];
        if comptime!(carried) {
            sum += value;
        } else {
            sum += value * value;
        }
        at += step;
    }
    sum
}
