//! The moves say how far the price went, measured against the bars before; and a mirrored window is the same window
//! upside down, with the same targets.

use crate::support;

use burn::data::dataloader::batcher::Batcher;
use burn::tensor::Device;
use equipoise::expansion::bars::{Bar, Bars};
use equipoise::expansion::feature::{FEATURES, MOVES, window_moves};
use equipoise::expansion::label::{CountdownForm, LabelConfig, RuleLabeller};
use equipoise::expansion::model::ExpansionBatcher;
use equipoise::expansion::run;
use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::window::{Window, Windows};
use proptest::prelude::*;
use support::{assert_all_close, values};

fn moves(bars: &[Bar]) -> Vec<f64> {
    let mut out = Vec::new();
    window_moves(bars, &mut out);
    out.into_iter().map(f64::from).collect()
}

fn bar(open: f64, high: f64, low: f64, close: f64) -> Bar {
    Bar {
        open,
        high,
        low,
        close,
    }
}

/// A walk in sixteenths, so that sums and differences of prices are exact.
fn walk(steps: &[(i32, u32, u32)]) -> Vec<Bar> {
    let mut price = 4096.0;
    let step = |&(body, upper, lower): &(i32, u32, u32)| {
        let open = price;
        price += f64::from(body) / 16.0;
        let high = open.max(price) + f64::from(upper) / 16.0;
        let low = open.min(price) - f64::from(lower) / 16.0;
        bar(open, high, low, price)
    };
    steps.iter().map(step).collect()
}

fn steps(least: usize) -> impl Strategy<Value = Vec<(i32, u32, u32)>> {
    prop::collection::vec((-40..=40i32, 0..20u32, 0..20u32), least..=160)
}

/// By hand: true ranges 2, 4 (the gap counts), 6; their means before bars 1 and 2 are 2 and 3; moves of 3, -6 and, over
/// two bars, -3.
#[test]
fn three_bars_by_hand() {
    let bars = [
        bar(10.0, 11.0, 9.0, 10.0),
        bar(13.0, 14.0, 12.0, 13.0),
        bar(13.0, 13.0, 7.0, 7.0),
    ];
    let both = -(1.0 / 2f64.sqrt()).asinh();
    #[rustfmt::skip]
    let expected = [
        0.0, 0.0, 0.0, 0.0,
        1.5f64.asinh(), 2f64.asinh(), 1.5f64.asinh(), 1.5f64.asinh(),
        -(2f64.asinh()), 2f64.asinh(), both, both,
    ];
    assert_all_close("moves", &moves(&bars), &expected, 1e-6, 0.0);
}

/// Up one a bar, with ranges of one.
#[test]
fn longer_moves_look_back_five_and_twenty_bars() {
    let climb = |t: usize| {
        let price = 100.0 + t as f64;
        bar(price, price + 1.0, price, price + 1.0)
    };
    let bars: Vec<Bar> = (0..40).map(climb).collect();
    let found = moves(&bars);
    for (t, n) in [(3, [3, 3]), (5, [5, 5]), (12, [5, 12]), (39, [5, 20])] {
        let expected = n.map(|n| f64::from(n).sqrt().asinh());
        let row = &found[t * MOVES..(t + 1) * MOVES];
        assert_all_close("row", &row[2..], &expected, 1e-6, 0.0);
    }
}

/// The eleventh bar before no longer counts.
#[test]
fn the_scale_forgets_after_ten() {
    let mut bars = vec![bar(100.0, 150.0, 50.0, 100.0)];
    bars.extend([bar(100.0, 101.0, 99.0, 100.0); 10]);
    bars.push(bar(100.0, 104.0, 100.0, 104.0));
    let found = moves(&bars);
    let last = &found[found.len() - MOVES..];
    assert_all_close("last", &last[..2], &[2f64.asinh(), 2f64.asinh()], 1e-6, 0.0);
}

#[test]
fn a_flat_market_stays_finite() {
    let mut bars = vec![bar(5.0, 5.0, 5.0, 5.0); 30];
    assert!(moves(&bars).iter().all(|value| *value == 0.0));
    bars.push(bar(5.0, 9.0, 5.0, 9.0));
    let found = moves(&bars);
    let last = &found[30 * MOVES..];
    assert_all_close("after it", last, &[1000f64.asinh(); MOVES], 1e-6, 0.0);
}

proptest! {
    #[test]
    fn nothing_depends_on_later_bars_or_on_the_unit(steps in steps(2), at in 0..160usize, unit in 1e-6..1e6f64) {
        let bars = walk(&steps);
        let all = moves(&bars);
        let cut = at.min(bars.len());
        prop_assert_eq!(&moves(&bars[..cut])[..], &all[..cut * MOVES]);
        let scaled: Vec<Bar> = bars
            .iter()
            .map(|b| bar(b.open * unit, b.high * unit, b.low * unit, b.close * unit))
            .collect();
        for (found, expected) in moves(&scaled).iter().zip(&all) {
            prop_assert!((found - expected).abs() <= 1e-5 * (1.0 + expected.abs()));
        }
    }

    /// The mirror image of a series, made with prices, gives the features and the label that a mirrored window has.
    #[test]
    fn a_mirrored_window_is_the_window_of_the_mirrored_prices(steps in steps(60)) {
        let bars = walk(&steps);
        let flipped: Vec<Bar> = bars
            .iter()
            .map(|b| bar(8192.0 - b.open, 8192.0 - b.low, 8192.0 - b.high, 8192.0 - b.close))
            .collect();
        let labeller = RuleLabeller::new(LabelConfig::default()).unwrap();
        let (Some(label), Some(other)) = (labeller.label(&bars[..60]), labeller.label(&flipped[..60])) else {
            return Ok(());
        };
        prop_assert_eq!(label, other);
        let features = |bars: Vec<Bar>, mirrored| {
            let bars = Bars::new(bars, None, "test").unwrap();
            let batcher = ExpansionBatcher::new(&bars, 60, true, CountdownForm::PerBar).with_moves(true);
            let window = Window { first: 0, label, mirrored };
            let batch = batcher.batch(vec![window], &Device::flex());
            (batch.features.dims(), values(&batch.features), values(&batch.binary))
        };
        let mirrored = features(bars.clone(), true);
        prop_assert_eq!(mirrored.0, [1, 60, FEATURES + MOVES]);
        prop_assert_ne!(&mirrored.1, &features(bars, false).1);
        prop_assert_eq!(mirrored, features(flipped, false));
    }
}

#[test]
fn mirroring_doubles_the_training_windows_only() {
    let mut config = ExpansionConfig::default();
    config.data.max_samples = Some(60);
    let plain = run::Data::load(&config.clone().resolved()).unwrap();
    config.data.mirror = true;
    config.data.moves = true;
    let config = config.resolved();
    assert_eq!(config.model.features, FEATURES - 1 + MOVES);
    config.validate().unwrap();
    let data = run::Data::load(&config).unwrap();
    assert_eq!(data.train.len(), 2 * plain.train.len());
    assert_eq!(data.valid.len(), plain.valid.len());
    let pairs: Vec<Window> = data.train.iter().copied().collect();
    for (pair, window) in pairs.chunks(2).zip(plain.train.iter()) {
        assert_eq!(pair[0], *window);
        let mirrored = Window {
            mirrored: true,
            ..*window
        };
        assert_eq!(pair[1], mirrored);
    }
    assert!(data.valid.iter().all(|window| !window.mirrored));
    let windows: Windows = data.train.with_mirrored();
    assert_eq!(
        windows.iter().filter(|w| w.mirrored).count(),
        data.train.len()
    );
}
