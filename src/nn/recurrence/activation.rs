//! The activations of a step, for arguments of any magnitude.

use burn_cubecl::cubecl::{self, prelude::*};

/// Computes 1 / (1 + e^-x) without an exponential above 1, because shaders may fold infinities away. NaN gives NaN.
#[cube]
pub(super) fn sigmoid(x: f32) -> f32 {
    let small = (-x.abs()).exp();
    let above = 1.0f32 / (1.0f32 + small);
    select(x < 0.0f32, small * above, above)
}

/// Computes the hyperbolic tangent. Some drivers overflow, so the result is ±1 beyond ±15, where tanh is ±1 to the last
/// bit. NaN gives NaN.
#[cube]
pub(super) fn tanh(x: f32) -> f32 {
    let inner = x.tanh();
    let below = select(x > 15.0f32, 1.0f32, inner);
    select(x < -15.0f32, -1.0f32, below)
}
