//! Computes sums over the units of a cube.

use burn_cubecl::cubecl::{self, prelude::*};

/// Returns the sum of `value` over the units of a cube, whose number is a power of two. `shared` needs one element per
/// unit. The caller synchronises the units before `shared` is used again.
#[cube]
pub(crate) fn sum_over_units(
    value: f32,
    shared: &mut Shared<[f32]>,
    #[comptime] units: u32,
) -> f32 {
    let unit = UNIT_POS_X as usize;
    shared[unit] = value;
    sync_cube();
    #[unroll]
    for halving in 1..=comptime!(units.trailing_zeros()) {
        let half = comptime!((units >> halving) as usize);
        if unit < half {
            let other = shared[unit + half];
            shared[unit] += other;
        }
        sync_cube();
    }
    shared[0]
}
