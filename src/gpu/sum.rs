//! Sums over the units of a cube.

use burn_cubecl::cubecl::{self, prelude::*};

/// Returns the sum of `value` over the units of a cube, of which there are a power of two. Takes a number of shared memory for each
/// unit; the units meet once more before it is used again.
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
