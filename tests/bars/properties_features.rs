//! What holds for the features of any bars: finite and bounded, blind to the future, blind to the
//! price level.

use equipoise::expansion::bars::Bar;
use equipoise::expansion::feature::{FEATURES, window_features};
use proptest::prelude::*;

/// The bounds of each column.
const BOUNDS: [(f32, f32); FEATURES] = [
    (0.0, 1.0),
    (0.0, 1.0),
    (-1.0, 1.0),
    (0.0, 1.0),
    (0.0, 1.0),
    (0.0, 3.0),
    (-3.0, 3.0),
    (-3.0, 3.0),
    (0.0, 1.0),
    (0.0, 1.0),
    (-2.0, 2.0),
    (0.0, 1.0),
    (0.0, 1.0),
];

fn features(bars: &[Bar]) -> Vec<f32> {
    let mut out = Vec::new();
    window_features(bars, true, &mut out);
    out
}

/// A bar that follows from the previous close: a gap, a body and two wicks, in sixteenths. Small
/// whole steps make flat bars, equal extremes and retracements of exactly the turning size common.
type Step = (i32, i32, u32, u32);

fn steps(size: i32) -> impl Strategy<Value = Vec<Step>> {
    let wick = size as u32 + 1;
    let step = (-size / 4..=size / 4, -size..=size, 0..wick, 0..wick);
    prop::collection::vec(step, 1..=130)
}

fn walk(steps: &[Step]) -> Vec<Bar> {
    let mut price = 4096.0;
    let bars = steps.iter().map(|&(gap, body, upper, lower)| {
        let open = price + f64::from(gap) / 16.0;
        let close = open + f64::from(body) / 16.0;
        price = close;
        let high = open.max(close) + f64::from(upper) / 16.0;
        let low = open.min(close) - f64::from(lower) / 16.0;
        Bar {
            open,
            high,
            low,
            close,
        }
    });
    bars.collect()
}

/// Market-like windows: coarse ticks, fine ticks, and no movement at all.
fn windows() -> impl Strategy<Value = Vec<Bar>> {
    let sizes = prop_oneof![Just(0), Just(1), Just(4), Just(100)];
    sizes.prop_flat_map(steps).prop_map(|steps| walk(&steps))
}

/// Valid bars with no relation to each other, of any positive size, many without range.
fn wild_windows() -> impl Strategy<Value = Vec<Bar>> {
    let price = prop_oneof![
        Just(1.0),
        Just(f64::MIN_POSITIVE),
        Just(f64::MAX),
        1e-300..1e-290_f64,
        0.5..2.0_f64,
        1e290..1e300_f64
    ];
    let bar = prop::array::uniform4(price).prop_map(|mut prices| {
        prices.sort_by(f64::total_cmp);
        let [low, open, close, high] = prices;
        Bar {
            open,
            high,
            low,
            close,
        }
    });
    prop::collection::vec(bar, 0..=40)
}

/// Bars with finite prices in no order at all.
fn nonsense_windows() -> impl Strategy<Value = Vec<Bar>> {
    let price = prop_oneof![
        Just(0.0),
        Just(f64::MIN),
        Just(f64::MAX),
        prop::num::f64::NORMAL
    ];
    let bar = prop::array::uniform4(price).prop_map(|[open, high, low, close]| Bar {
        open,
        high,
        low,
        close,
    });
    prop::collection::vec(bar, 0..=40)
}

fn assert_bounded(bars: &[Bar]) -> Result<(), TestCaseError> {
    for (i, value) in features(bars).into_iter().enumerate() {
        let (low, high) = BOUNDS[i % FEATURES];
        prop_assert!(
            (low..=high).contains(&value),
            "bar {}, column {}: {value}",
            i / FEATURES,
            i % FEATURES
        );
    }
    Ok(())
}

proptest! {
    // A failure prints its input; a file of old failures would only be noise.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn market_windows_are_bounded(bars in windows()) {
        assert_bounded(&bars)?;
    }

    #[test]
    fn wild_windows_are_bounded(bars in wild_windows()) {
        assert_bounded(&bars)?;
    }

    #[test]
    fn nonsense_is_finite(bars in nonsense_windows()) {
        prop_assert!(features(&bars).into_iter().all(f32::is_finite));
    }

    #[test]
    fn no_row_knows_the_future(
        bars in windows(),
        place in any::<prop::sample::Index>(),
        by in 0.5..2.0_f64,
    ) {
        let at = place.index(bars.len());
        let mut changed = bars.clone();
        let Bar { open, high, low, close } = bars[at];
        changed[at] = Bar { open: open * by, high: high * by, low: low * by, close: close * by };
        let (before, after) = (features(&bars), features(&changed));
        prop_assert_eq!(&before[..at * FEATURES], &after[..at * FEATURES]);
    }

    #[test]
    fn the_price_level_does_not_matter(bars in windows(), exponent in -40..=40_i32) {
        let by = f64::from(exponent).exp2();
        let scale = |bar: &Bar| Bar {
            open: bar.open * by,
            high: bar.high * by,
            low: bar.low * by,
            close: bar.close * by,
        };
        let scaled: Vec<Bar> = bars.iter().map(scale).collect();
        prop_assert_eq!(features(&bars), features(&scaled));
    }

    #[test]
    fn without_position_only_the_last_column_is_missing(bars in windows()) {
        let mut short = vec![7.0];
        window_features(&bars, false, &mut short);
        let full = features(&bars);
        let cut: Vec<f32> =
            full.chunks(FEATURES).flat_map(|row| &row[..FEATURES - 1]).copied().collect();
        prop_assert_eq!(short[0], 7.0);
        prop_assert_eq!(&short[1..], &cut[..]);
    }
}

#[test]
fn one_bar_has_position_zero() {
    let row = features(&[Bar {
        open: 1.0,
        high: 2.0,
        low: 1.0,
        close: 1.5,
    }]);
    assert_eq!(
        row,
        [
            0.0, 0.5, 0.5, 0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        ]
    );
}

#[test]
fn a_constant_price_has_only_its_position() {
    let bars = [Bar {
        open: 5.0,
        high: 5.0,
        low: 5.0,
        close: 5.0,
    }; 30];
    for row in features(&bars).chunks(FEATURES) {
        assert!(row[..FEATURES - 1].iter().all(|&value| value == 0.0));
    }
}
