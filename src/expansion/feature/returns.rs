//! Computes how far the price moved, relative to the true ranges of the bars before.

use crate::expansion::bars::Bar;

/// The number of move features of a bar.
pub const MOVES: usize = 4;

/// The names of the move features, in column order.
pub const MOVE_NAMES: [&str; MOVES] = ["move", "true_range", "move_5", "move_20"];

/// The number of true ranges in the mean.
const BEFORE: usize = 10;
/// The numbers of bars of the longer moves.
const LONGER: [usize; 2] = [5, 20];
/// The bound of a quotient, which is infinite after ten flat bars.
const LARGEST: f64 = 1e3;

/// Appends the move features of a window to `out`: `bars.len()` rows of [`MOVES`] values.
///
/// The features of [`window_features`](super::window_features) describe the shape of a bar and clip large values. The
/// move features say how far the price moved, in the bar and over the last bars, and keep large values apart. With the
/// close `c`, the true range `TR` (the range, widened to the previous close) and the mean `A` of the ten true ranges
/// before the bar (of fewer at the start of the window):
///
/// | # | name | formula |
/// |--:|------|---------|
/// | 0 | `move` | `asinh((c[t] - c[t-1]) / A[t])` |
/// | 1 | `true_range` | `asinh(TR[t] / A[t])` |
/// | 2 | `move_5` | `asinh((c[t] - c[t-n]) / (A[t] sqrt(n)))`, `n = min(5, t)` |
/// | 3 | `move_20` | as `move_5`, with `n = min(20, t)` |
///
/// The first bar has 0 in all columns, because no bar lies before it. A random walk goes `sqrt(n)` times as far in `n`
/// bars as in one. `asinh` is nearly the identity up to 1 and grows like a logarithm beyond. Quotients are clipped to
/// ±1000 before `asinh`, and `0 / 0` counts as 0.
///
/// The values are finite for all bars with finite prices, and row `t` depends on bars `0..=t` only.
pub fn window_moves(bars: &[Bar], out: &mut Vec<f32>) {
    let mut ranges = [0.0; BEFORE];
    out.reserve(bars.len() * MOVES);
    for (t, bar) in bars.iter().enumerate() {
        let before = bars[t.saturating_sub(1)].close;
        let range = match t {
            0 => bar.high - bar.low,
            _ => bar.high.max(before) - bar.low.min(before),
        };
        let known = t.min(BEFORE);
        let scale = ranges[..known].iter().sum::<f64>() / known as f64;
        let over = |bars_back: usize| {
            let n = bars_back.min(t);
            measured(bar.close - bars[t - n].close, scale * (n as f64).sqrt())
        };
        let [short, long] = LONGER.map(over);
        let row = match t {
            0 => [0.0; MOVES],
            _ => [over(1), measured(range, scale), short, long],
        };
        out.extend(row.map(|value| value as f32));
        ranges[t % BEFORE] = range;
    }
}

fn measured(size: f64, scale: f64) -> f64 {
    let quotient = size / scale;
    if quotient.is_nan() {
        0.0
    } else {
        quotient.clamp(-LARGEST, LARGEST).asinh()
    }
}
