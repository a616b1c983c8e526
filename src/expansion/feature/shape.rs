//! Computes the shape features of the bars of a window.

use crate::expansion::bars::Bar;

/// The number of features of a bar, the position included.
pub const FEATURES: usize = 13;

/// The names of the features, in column order.
pub const FEATURE_NAMES: [&str; FEATURES] = [
    "open_norm",
    "close_norm",
    "body_pct",
    "upper_wick_pct",
    "lower_wick_pct",
    "range_z",
    "dist_to_prev_SH",
    "dist_to_prev_SL",
    "bars_since_SH_norm",
    "bars_since_SL_norm",
    "expansion_proxy",
    "consol_proxy",
    "position_encoding",
];

/// The smoothing factor of the EMA of the range: a span of 20 bars.
const EMA_ALPHA: f64 = 2.0 / 21.0;
/// The number of true ranges in the ATR.
const ATR_BARS: usize = 10;
/// The retracement of the close that turns a leg, in ATRs.
const CLOSE_RETRACE: f64 = 1.2;
/// The retracement of the bar that turns a leg with a young extreme, in ATRs.
const BAR_RETRACE: f64 = 0.5;
/// The largest age of a young extreme, in bars.
const YOUNG: usize = 5;
/// The bound of the range ratio and of the distances.
const CLIP: f64 = 3.0;
/// The bound of the expansion proxy.
const EXPANSION_CLIP: f64 = 2.0;

/// Appends the features of a window to `out`: `bars.len()` rows of [`FEATURES`] values, or of 12 values without the
/// position, which is the last column.
///
/// ```text
/// out[start + t * columns + feature],  t = 0 .. bars.len()
/// ```
///
/// The values are computed in `f64` and are finite for all bars with finite prices, sensible or not.
///
/// Every feature is a ratio of price differences or of bar counts, so the price level does not matter. Features depend
/// on the window alone, and row `t` on bars `0..=t` only.
///
/// With `o h l c` the bar's prices, `r = h - l`, and `T` the number of bars in the window:
///
/// | # | name | formula | range |
/// |--:|------|---------|-------|
/// | 0 | `open_norm` | `(o - l) / r` | 0 to 1 |
/// | 1 | `close_norm` | `(c - l) / r` | 0 to 1 |
/// | 2 | `body_pct` | `(c - o) / r` | -1 to 1 |
/// | 3 | `upper_wick_pct` | `(h - max(o, c)) / r` | 0 to 1 |
/// | 4 | `lower_wick_pct` | `(min(o, c) - l) / r` | 0 to 1 |
/// | 5 | `range_z` | `min(r / EMA(r), 3)` | 0 to 3 |
/// | 6 | `dist_to_prev_SH` | `clip((SH - c) / ATR, -3, 3)` | -3 to 3 |
/// | 7 | `dist_to_prev_SL` | `clip((c - SL) / ATR, -3, 3)` | -3 to 3 |
/// | 8 | `bars_since_SH_norm` | `(t - t_SH) / T` | 0 to 1 |
/// | 9 | `bars_since_SL_norm` | `(t - t_SL) / T` | 0 to 1 |
/// | 10 | `expansion_proxy` | `clip(leg * body_pct * range_z, -2, 2)` | -2 to 2 |
/// | 11 | `consol_proxy` | `(1 - abs(body_pct)) * (1 - range_z / 3) * (#8 + #9) / 2` | 0 to 1 |
/// | 12 | `position_encoding` | `t / (T - 1)`, 0 if `T = 1` | 0 to 1 |
///
/// * `EMA` starts at the range of the first bar and then moves by `2 / 21` of the difference to the range of the bar,
///   the bar itself included.
/// * `ATR` is the mean of the last ten true ranges, of fewer at the start of the window. A true range needs the
///   previous close, so the first bar has no true range and no ATR.
/// * `SH`, `SL` are the prices of the last confirmed swing high and low, `t_SH`, `t_SL` the bars of these extremes (not
///   the bars that confirmed them). Features 6 and 8 are 0 while there is no swing high, 7 and 9 while there is no
///   swing low.
/// * `leg` is the direction of the zigzag after bar `t`: 1 up, -1 down, 0 before the first leg.
/// * `0 / 0` counts as 0, so a bar without range has 0 in all of 0 to 5. A distance that is not 0 over an ATR of 0 (ten
///   flat bars in a row) takes the value of the clip.
///
/// # The zigzag
///
/// The zigzag begins at the first bar with a positive ATR, as an up leg whose extreme is the **close** of that bar. At
/// each later bar, for an up leg (a down leg is the mirror image):
///
/// 1. a high above the extreme becomes the extreme;
/// 2. the leg turns if `extreme - close >= 1.2 ATR`, or if the extreme is at most 5 bars old and
///    `extreme - low >= 0.5 ATR`. In the first leg the second condition uses the highest high *after* the first bar of
///    the leg, not the close of that bar;
/// 3. a turn confirms the extreme as a swing high, and a down leg begins with the **low** of the bar as its extreme.
///
/// A bar may make the extreme and turn the leg at once, but the leg turns only once per bar. A bar whose ATR is 0 is
/// skipped.
///
/// # Example
/// ```
/// use equipoise::expansion::bars::Bar;
/// use equipoise::expansion::feature::{FEATURES, window_features};
///
/// let bar = Bar { open: 1.0, high: 3.0, low: 1.0, close: 2.0 };
/// let mut features = Vec::new();
/// window_features(&[bar; 10], true, &mut features);
/// assert_eq!(features.len(), 10 * FEATURES);
/// assert_eq!(features[1], 0.5); // `close_norm` of the first bar
/// ```
pub fn window_features(bars: &[Bar], position: bool, out: &mut Vec<f32>) {
    let columns = if position { FEATURES } else { FEATURES - 1 };
    let length = bars.len() as f64;
    let last = bars.len().saturating_sub(1).max(1) as f64;
    let mut context = Context::default();
    out.reserve(bars.len() * columns);
    for (t, bar) in bars.iter().enumerate() {
        let row = context.row(t, bar, length, t as f64 / last);
        out.extend_from_slice(&row.map(|value| value as f32)[..columns]);
    }
}

/// The state between two bars of a window.
#[derive(Default)]
struct Context {
    range: Ema,
    atr: Atr,
    zigzag: ZigZag,
}

impl Context {
    /// Adds bar `t` and returns its features.
    fn row(&mut self, t: usize, bar: &Bar, length: f64, position: f64) -> [f64; FEATURES] {
        let shape = Shape::of(bar);
        let range = bar.high - bar.low;
        let range_z = ratio(range, self.range.update(range)).clamp(0.0, CLIP);
        let atr = self.atr.update(bar);
        self.zigzag.update(t, bar, atr);

        let high = self.zigzag.high.as_ref();
        let low = self.zigzag.low.as_ref();
        let since_high = high.map_or(0.0, |swing| (t - swing.bar) as f64 / length);
        let since_low = low.map_or(0.0, |swing| (t - swing.bar) as f64 / length);
        let drive = self.zigzag.direction() * shape.body * range_z;
        let calm = (1.0 - shape.body.abs()) * (1.0 - range_z / CLIP);
        [
            shape.open,
            shape.close,
            shape.body,
            shape.upper_wick,
            shape.lower_wick,
            range_z,
            high.map_or(0.0, |swing| distance(swing.price - bar.close, atr)),
            low.map_or(0.0, |swing| distance(bar.close - swing.price, atr)),
            since_high,
            since_low,
            drive.clamp(-EXPANSION_CLIP, EXPANSION_CLIP),
            calm * (since_high + since_low) / 2.0,
            position,
        ]
    }
}

/// The parts of a bar as fractions of its range.
struct Shape {
    open: f64,
    close: f64,
    body: f64,
    upper_wick: f64,
    lower_wick: f64,
}

impl Shape {
    fn of(bar: &Bar) -> Self {
        let range = bar.high - bar.low;
        // Only a bar with a price outside its low and high reaches the clamp.
        let part = |difference: f64| ratio(difference, range).clamp(-1.0, 1.0);
        Self {
            open: part(bar.open - bar.low),
            close: part(bar.close - bar.low),
            body: part(bar.close - bar.open),
            upper_wick: part(bar.high - bar.open.max(bar.close)),
            lower_wick: part(bar.open.min(bar.close) - bar.low),
        }
    }
}

/// An exponential moving average that starts at its first value.
#[derive(Default)]
struct Ema {
    mean: Option<f64>,
}

impl Ema {
    /// Adds a value and returns the new average.
    fn update(&mut self, value: f64) -> f64 {
        let mean = self
            .mean
            .map_or(value, |mean| mean + EMA_ALPHA * (value - mean));
        self.mean = Some(mean);
        mean
    }
}

/// The average true range: the mean of the last [`ATR_BARS`] true ranges.
#[derive(Default)]
struct Atr {
    previous_close: Option<f64>,
    ring: [f64; ATR_BARS],
    seen: usize,
}

impl Atr {
    /// Adds a bar and returns the new average, 0 for the first bar.
    fn update(&mut self, bar: &Bar) -> f64 {
        let Some(previous) = self.previous_close.replace(bar.close) else {
            return 0.0;
        };
        self.ring[self.seen % ATR_BARS] = bar.high.max(previous) - bar.low.min(previous);
        self.seen += 1;
        self.sum() / self.seen.min(ATR_BARS) as f64
    }

    /// Returns the sum of the ring, recomputed at every bar: a running sum would keep rounding errors, and a flat
    /// market would not have an ATR of exactly 0. The sum is taken in pairs, because independent additions are faster.
    fn sum(&self) -> f64 {
        let (first, second) = self.ring.split_at(ATR_BARS / 2);
        first.iter().zip(second).map(|(a, b)| a + b).sum()
    }
}

/// A price extreme and its bar.
struct Swing {
    price: f64,
    bar: usize,
}

/// The current leg.
struct Leg {
    /// 1 for up, -1 for down.
    direction: f64,
    /// The extreme so far times the direction, so that both kinds of leg rise.
    extreme: f64,
    /// The bar of the extreme.
    bar: usize,
    /// The reference for the retracement of a bar: an extreme times the direction, and its bar. `None` in the first bar
    /// of the first leg, where the extreme is a close.
    young: Option<(f64, usize)>,
}

impl Leg {
    /// Creates the first leg, which begins at the close of a bar.
    fn first(close: f64, bar: usize) -> Self {
        Self {
            young: None,
            ..Self::from(1.0, close, bar)
        }
    }

    /// Creates a leg that begins at the high or low of a bar.
    fn from(direction: f64, price: f64, bar: usize) -> Self {
        let extreme = direction * price;
        Self {
            direction,
            extreme,
            bar,
            young: Some((extreme, bar)),
        }
    }

    /// Returns the best and the worst price of a bar for the leg, and its close, all times the direction.
    fn seen_from(&self, bar: &Bar) -> (f64, f64, f64) {
        if self.direction > 0.0 {
            (bar.high, bar.low, bar.close)
        } else {
            (-bar.low, -bar.high, -bar.close)
        }
    }

    /// Adds bar `t` and returns whether the leg turns there.
    fn turns(&mut self, t: usize, bar: &Bar, atr: f64) -> bool {
        let (best, worst, close) = self.seen_from(bar);
        if best > self.extreme {
            (self.extreme, self.bar) = (best, t);
        }
        let (young, since) = match self.young {
            Some((young, since)) if best <= young => (young, since),
            _ => (best, t),
        };
        self.young = Some((young, since));
        self.extreme - close >= CLOSE_RETRACE * atr
            || (t - since <= YOUNG && young - worst >= BAR_RETRACE * atr)
    }

    /// Returns the extreme as a swing.
    fn swing(&self) -> Swing {
        Swing {
            price: self.direction * self.extreme,
            bar: self.bar,
        }
    }
}

/// The swing highs and lows, found bar by bar.
#[derive(Default)]
struct ZigZag {
    leg: Option<Leg>,
    /// The last confirmed swing high.
    high: Option<Swing>,
    /// The last confirmed swing low.
    low: Option<Swing>,
}

impl ZigZag {
    /// Adds bar `t`.
    fn update(&mut self, t: usize, bar: &Bar, atr: f64) {
        // With an ATR of 0 every retracement, even one of 0, would turn the leg.
        if atr <= 0.0 {
            return;
        }
        let leg = match &mut self.leg {
            Some(leg) => leg,
            none => {
                *none = Some(Leg::first(bar.close, t));
                return;
            }
        };
        if !leg.turns(t, bar, atr) {
            return;
        }
        if leg.direction > 0.0 {
            self.high = Some(leg.swing());
            *leg = Leg::from(-1.0, bar.low, t);
        } else {
            self.low = Some(leg.swing());
            *leg = Leg::from(1.0, bar.high, t);
        }
    }

    /// Returns the direction of the current leg, 0 before the first leg.
    fn direction(&self) -> f64 {
        self.leg.as_ref().map_or(0.0, |leg| leg.direction)
    }
}

/// Returns a signed distance in ATRs, clipped to ±3.
fn distance(difference: f64, atr: f64) -> f64 {
    ratio(difference, atr).clamp(-CLIP, CLIP)
}

/// Returns `a / b`, or 0 if the quotient is NaN.
fn ratio(a: f64, b: f64) -> f64 {
    let quotient = a / b;
    if quotient.is_nan() { 0.0 } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a bar that opens at its low.
    fn bar(high: f64, low: f64, close: f64) -> Bar {
        Bar {
            open: low,
            high,
            low,
            close,
        }
    }

    /// Returns an up leg from bar 0 whose extreme, 100, is made by bar 1.
    fn up_leg() -> Leg {
        let mut leg = Leg::from(1.0, 99.0, 0);
        assert!(!leg.turns(1, &bar(100.0, 99.75, 100.0), 1.0));
        leg
    }

    #[test]
    fn a_young_extreme_turns_on_half_an_atr_of_the_bar() {
        assert!(!up_leg().turns(6, &bar(100.0, 99.51, 100.0), 1.0));
        assert!(up_leg().turns(6, &bar(100.0, 99.5, 100.0), 1.0));
    }

    #[test]
    fn an_old_extreme_turns_on_the_close_alone() {
        assert!(!up_leg().turns(7, &bar(100.0, 98.0, 99.0), 1.0));
        assert!(up_leg().turns(7, &bar(100.0, 98.0, 98.75), 1.0));
    }

    #[test]
    fn an_equal_high_leaves_the_extreme_its_age() {
        let mut leg = up_leg();
        assert!(!leg.turns(6, &bar(100.0, 99.75, 100.0), 1.0));
        assert_eq!(leg.bar, 1);
    }

    #[test]
    fn a_down_leg_is_the_mirror_image() {
        let mut leg = Leg::from(-1.0, -99.0, 0);
        assert!(!leg.turns(1, &bar(-99.75, -100.0, -100.0), 1.0));
        assert!(!leg.turns(7, &bar(-98.0, -100.0, -99.0), 1.0));
        assert!(leg.turns(7, &bar(-98.0, -100.0, -98.75), 1.0));
        assert_eq!((leg.swing().price, leg.swing().bar), (-100.0, 1));
    }

    /// Uses bars whose first close is above the next bar, where the original implementation had no candidate.
    #[test]
    fn the_first_close_is_no_young_extreme() {
        let of = |open, high, low, close| Bar {
            open,
            high,
            low,
            close,
        };
        let flat = || of(1685.75, 1685.75, 1685.75, 1685.75);
        let bars = [flat(), of(1685.5, 1686.0, 1685.5, 1686.0), flat()];
        let mut features = Vec::new();
        window_features(&bars, false, &mut features);
        let row = &features[2 * (FEATURES - 1)..];
        assert_eq!((row[6], row[8]), (0.0, 0.0), "{row:?}");
    }

    #[test]
    fn the_zigzag_waits_for_a_positive_atr() {
        let mut zigzag = ZigZag::default();
        zigzag.update(0, &bar(100.0, 99.0, 99.5), 0.0);
        assert_eq!(zigzag.direction(), 0.0);
        zigzag.update(1, &bar(100.0, 99.0, 99.5), 1.0);
        assert_eq!(zigzag.direction(), 1.0);
        assert!(zigzag.high.is_none());
        zigzag.update(2, &bar(99.75, 99.0, 99.5), 1.0);
        let high = zigzag.high.as_ref().map(|swing| (swing.price, swing.bar));
        assert_eq!((zigzag.direction(), high), (-1.0, Some((99.75, 2))));
    }

    #[test]
    fn the_atr_has_the_gap_and_forgets_after_ten() {
        let mut atr = Atr::default();
        assert_eq!(atr.update(&bar(10.0, 9.0, 9.0)), 0.0);
        assert_eq!(atr.update(&bar(12.0, 11.0, 11.0)), 3.0);
        assert_eq!(atr.update(&bar(11.0, 10.0, 11.0)), 2.0);
        for _ in 0..10 {
            atr.update(&bar(11.0, 11.0, 11.0));
        }
        assert_eq!(atr.update(&bar(11.0, 11.0, 11.0)), 0.0);
    }

    #[test]
    fn distances_are_clipped_on_both_sides() {
        assert_eq!(
            [-5.0, -8.0, 5.0, 8.0].map(|d| distance(d, 2.0)),
            [-2.5, -3.0, 2.5, 3.0]
        );
        assert_eq!([-1.0, 0.0, 1.0].map(|d| distance(d, 0.0)), [-3.0, 0.0, 3.0]);
    }

    #[test]
    fn the_ema_starts_at_its_first_value() {
        let mut ema = Ema::default();
        assert_eq!(ema.update(21.0), 21.0);
        assert_eq!(ema.update(0.0), 19.0);
    }
}
