//! Two more features of a bar: its signed move and its true range, measured against the bars before it.
//!
//! The twelve features of [`features`](super::features) say what a bar looks like and clip what is large. These say how far
//! the price went, and keep large numbers apart. With the close `c`, the true range `TR` (the range, widened to the close
//! before) and the mean `A` of the ten true ranges before the bar (of fewer while there are fewer):
//!
//! | # | name | formula |
//! |--:|------|---------|
//! | 0 | `move` | `asinh((c[t] - c[t-1]) / A[t])` |
//! | 1 | `true_range` | `asinh(TR[t] / A[t])` |
//!
//! The first bar has 0 in both: nothing lies before it. `asinh` is nearly the number itself up to 1 and grows like a
//! logarithm beyond.

use crate::expansion::bars::Bar;

/// How many they are.
pub const MOVES: usize = 2;

/// Their names, in column order.
pub const MOVE_NAMES: [&str; MOVES] = ["move", "true_range"];

/// True ranges in the mean.
const BEFORE: usize = 10;
/// What a quotient is clipped to: after ten flat bars anything is infinitely far.
const LARGEST: f64 = 1e3;

/// Appends the moves of a window to `out`: `bars.len()` rows of [`MOVES`] values. They are finite for all bars with finite
/// prices, and row `t` depends on bars `0..=t` only.
pub fn window_moves(bars: &[Bar], out: &mut Vec<f32>) {
    let mut ranges = [0.0; BEFORE];
    let mut close = None;
    out.reserve(bars.len() * MOVES);
    for (t, bar) in bars.iter().enumerate() {
        let before = close.replace(bar.close).unwrap_or(bar.close);
        let range = bar.high.max(before) - bar.low.min(before);
        let known = t.min(BEFORE);
        let scale = ranges[..known].iter().sum::<f64>() / known as f64;
        let moved = match t {
            0 => [0.0; MOVES],
            _ => [bar.close - before, range].map(|size| measured(size, scale)),
        };
        out.extend(moved.map(|value| value as f32));
        ranges[t % BEFORE] = range;
    }
}

fn measured(size: f64, scale: f64) -> f64 {
    let quotient = size / scale;
    match quotient.is_nan() {
        true => 0.0,
        false => quotient.clamp(-LARGEST, LARGEST).asinh(),
    }
}
