//! The activations of a step, for arguments of any size.

use burn_cubecl::cubecl::{self, prelude::*};

/// 1 / (1 + e^-x), without an exponential above 1: infinities may be folded away in shaders. A NaN stays.
#[cube]
pub(super) fn sigmoid(x: f32) -> f32 {
    let small = (-x.abs()).exp();
    let above = 1.0f32 / (1.0f32 + small);
    select(x < 0.0f32, small * above, above)
}

/// The hyperbolic tangent; some drivers overflow in their own. It is 1 to the last bit from 15 on. A NaN stays.
#[cube]
pub(super) fn tanh(x: f32) -> f32 {
    let inner = x.tanh();
    let below = select(x > 15.0f32, 1.0f32, inner);
    select(x < -15.0f32, -1.0f32, below)
}
