//! The features of a window of bars: what the network sees of each bar.
//!
//! Every feature is a ratio of price differences or of bar counts, so it does not depend on the
//! price level, and it is computed from the window alone. Row `t` depends on bars `0..=t` only.
//!
//! With `o h l c` the bar's prices, `r = h - l`, and `T` the number of bars in the window:
//!
//! | # | name | formula | range |
//! |--:|------|---------|-------|
//! | 0 | `open_norm` | `(o - l) / r` | 0 to 1 |
//! | 1 | `close_norm` | `(c - l) / r` | 0 to 1 |
//! | 2 | `body_pct` | `(c - o) / r` | -1 to 1 |
//! | 3 | `upper_wick_pct` | `(h - max(o, c)) / r` | 0 to 1 |
//! | 4 | `lower_wick_pct` | `(min(o, c) - l) / r` | 0 to 1 |
//! | 5 | `range_z` | `min(r / EMA(r), 3)` | 0 to 3 |
//! | 6 | `dist_to_prev_SH` | `clip((SH - c) / ATR, -3, 3)` | -3 to 3 |
//! | 7 | `dist_to_prev_SL` | `clip((c - SL) / ATR, -3, 3)` | -3 to 3 |
//! | 8 | `bars_since_SH_norm` | `(t - t_SH) / T` | 0 to 1 |
//! | 9 | `bars_since_SL_norm` | `(t - t_SL) / T` | 0 to 1 |
//! | 10 | `expansion_proxy` | `clip(leg * body_pct * range_z, -2, 2)` | -2 to 2 |
//! | 11 | `consol_proxy` | `(1 - abs(body_pct)) * (1 - range_z / 3) * (#8 + #9) / 2` | 0 to 1 |
//! | 12 | `position_encoding` | `t / (T - 1)`, 0 if `T = 1` | 0 to 1 |
//!
//! * `EMA` starts at the first bar's range and then moves by `2 / 21` of the difference to the
//!   bar's range; the bar itself is included.
//! * `ATR` is the mean of the last ten true ranges, of fewer while there are fewer. A true range
//!   needs the previous close, so the first bar has none, and no ATR.
//! * `SH`, `SL` are the prices of the last confirmed swing high and low, `t_SH`, `t_SL` the bars
//!   where these extremes were made (not where they were confirmed). Features 6 and 8 are 0 while
//!   there is no swing high, 7 and 9 while there is no swing low.
//! * `leg` is the direction of the zigzag after bar `t`: 1 up, -1 down, 0 before it has begun.
//! * `0 / 0` counts as 0, so a bar without range has 0 in all of 0 to 5. A distance that is not 0
//!   over an ATR of 0 (ten flat bars in a row) takes the clip's value.
//!
//! # The zigzag
//!
//! It begins at the first bar with a positive ATR, as an up leg whose extreme is that bar's
//! **close**. At each later bar, for an up leg (a down leg is the mirror image):
//!
//! 1. a high above the extreme becomes the extreme;
//! 2. the leg turns if `extreme - close >= 1.2 ATR`, or if the extreme is at most 5 bars old and
//!    `extreme - low >= 0.5 ATR`. In the first leg this second rule looks at the highest high *after* the bar it began
//!    at, not at that bar's close;
//! 3. a turn confirms the extreme as a swing high, and a down leg begins with this bar's **low** as
//!    its extreme.
//!
//! A bar may make the extreme and turn the leg at once, but it turns only once. A bar whose ATR is
//! 0 is passed over.

use crate::expansion::bars::Bar;

/// How many features a bar has, the position included.
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

/// Smoothing of the range's EMA: a span of 20 bars.
const EMA_ALPHA: f64 = 2.0 / 21.0;
/// True ranges in the ATR.
const ATR_BARS: usize = 10;
/// ATRs that the close must retrace to turn a leg.
const CLOSE_RETRACE: f64 = 1.2;
/// ATRs that the bar must retrace to turn a leg with a young extreme.
const BAR_RETRACE: f64 = 0.5;
/// Age in bars up to which an extreme is young.
const YOUNG: usize = 5;
/// Bound of the range ratio and of the distances.
const CLIP: f64 = 3.0;
/// Bound of the expansion proxy.
const EXPANSION_CLIP: f64 = 2.0;

/// Appends the features of a window to `out`: `bars.len()` rows of [`FEATURES`] values, or of one
/// less without the position, which is the last column.
///
/// The values are computed in `f64` and are finite for all bars with finite prices, sensible or
/// not.
///
/// ```text
/// out[start + t * columns + feature],  t = 0 .. bars.len()
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

/// What the window's bars so far leave behind for the next one.
#[derive(Default)]
struct Context {
    range: Ema,
    atr: Atr,
    zigzag: ZigZag,
}

impl Context {
    /// Takes in bar `t` and returns its features.
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
        // Only a bar with a price outside its low and high ever reaches the clamp.
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
    /// Takes in a value and returns the average with it.
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
    /// Takes in a bar and returns the average with it, 0 for the first bar.
    fn update(&mut self, bar: &Bar) -> f64 {
        let Some(previous) = self.previous_close.replace(bar.close) else {
            return 0.0;
        };
        self.ring[self.seen % ATR_BARS] = bar.high.max(previous) - bar.low.min(previous);
        self.seen += 1;
        self.sum() / self.seen.min(ATR_BARS) as f64
    }

    /// Returns the ring's sum, made anew each time: a running sum would keep rounding errors, and then a
    /// flat market would not have an ATR of exactly 0. In pairs, because additions that do not wait
    /// for each other are faster.
    fn sum(&self) -> f64 {
        let (first, second) = self.ring.split_at(ATR_BARS / 2);
        first.iter().zip(second).map(|(a, b)| a + b).sum()
    }
}

/// A price extreme and the bar that made it.
struct Swing {
    price: f64,
    bar: usize,
}

/// The leg under way.
struct Leg {
    /// 1 for up, -1 for down.
    direction: f64,
    /// The extreme so far times the direction, so that both kinds of leg climb.
    extreme: f64,
    /// The bar that made the extreme.
    bar: usize,
    /// The extreme, likewise, and its bar that a retracement of the bar is measured from: none in the first bar of the first leg, where
    /// the extreme is a close.
    young: Option<(f64, usize)>,
}

impl Leg {
    /// Returns the first leg, which begins at the close of a bar.
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

    /// Returns the bar's best and worst price for this leg, and its close, all times the direction.
    fn seen_from(&self, bar: &Bar) -> (f64, f64, f64) {
        if self.direction > 0.0 {
            (bar.high, bar.low, bar.close)
        } else {
            (-bar.low, -bar.high, -bar.close)
        }
    }

    /// Takes in bar `t` and says whether the leg turns there.
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

/// Finds swing highs and lows as the bars come in.
#[derive(Default)]
struct ZigZag {
    leg: Option<Leg>,
    /// The last confirmed swing high.
    high: Option<Swing>,
    /// The last confirmed swing low.
    low: Option<Swing>,
}

impl ZigZag {
    /// Takes in bar `t`.
    fn update(&mut self, t: usize, bar: &Bar, atr: f64) {
        // Without a scale every retracement, even none at all, would turn the leg.
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

    /// Returns the direction of the leg under way, 0 while there is none.
    fn direction(&self) -> f64 {
        self.leg.as_ref().map_or(0.0, |leg| leg.direction)
    }
}

/// Returns a signed distance in ATRs, clipped.
fn distance(difference: f64, atr: f64) -> f64 {
    ratio(difference, atr).clamp(-CLIP, CLIP)
}

/// `a / b`, but 0 where that is not a number.
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

    /// Bars in which the first close is above the next bar: as the first implementation, whose candidate was empty there.
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
