//! Windows of joined stretches: from the training bars alone, labelled by the rule, as calm or lively after the join as
//! before.

use std::time::Duration;

use equipoise::expansion::bars::{Bar, Bars};
use equipoise::expansion::label::{LabelConfig, RuleLabeller};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::window::{Resample, Window, WindowGrid, Windows, with_resampled};

const LENGTH: usize = 60;
const STRIDE: usize = 4;

/// A walk whose steps grow and shrink; deterministic.
fn series(count: usize, shift: usize) -> Vec<Bar> {
    let mut price = 1000.0;
    (0..count)
        .map(|t| {
            let t = (t + shift) as f64;
            let size = 1.0 + 0.8 * (t / 90.0).sin();
            let open = price;
            price += size * ((t * 1.7).sin() + 0.6 * (t * 0.37).cos());
            let high = open.max(price) + 0.3 * size;
            let low = open.min(price) - 0.3 * size;
            Bar {
                open,
                high,
                low,
                close: price,
            }
        })
        .collect()
}

fn labeller() -> RuleLabeller {
    RuleLabeller::new(LabelConfig::default()).unwrap()
}

fn windows(bars: Vec<Bar>) -> Windows {
    let bars = Bars::new(bars, None, "test").unwrap();
    Windows::labelled(&bars, LENGTH, STRIDE, None, &labeller()).unwrap()
}

fn joined(copies: usize, seed: u64) -> Resample {
    Resample {
        copies,
        stride: STRIDE,
        seed,
    }
}

fn more(windows: &Windows, copies: usize, seed: u64) -> Windows {
    with_resampled(windows, &joined(copies, seed), &labeller()).unwrap()
}

fn listed(windows: &Windows) -> Vec<Window> {
    windows.iter().copied().collect()
}

#[test]
fn the_windows_that_were_there_stay_and_the_others_are_labelled_by_the_rule() {
    let plain = windows(series(900, 0));
    let extended = more(&plain, 2, 5);
    assert_eq!(extended.len(), 3 * plain.len());
    let (all, count) = (listed(&extended), plain.len());
    assert_eq!(all[..count], listed(&plain)[..]);
    let bars = extended.bars().bars();
    assert_eq!(bars[..900], plain.bars().bars()[..]);
    for window in &all[count..] {
        assert!(window.first >= 900);
        let place = (window.first - 900) % (2 * LENGTH);
        assert!(
            (1..LENGTH).contains(&place),
            "{place} does not reach over the join"
        );
        let own = &bars[window.first..window.first + LENGTH];
        assert_eq!(Some(window.label), labeller().label(own));
    }
}

#[test]
fn the_seed_fixes_every_draw() {
    let plain = windows(series(900, 0));
    let (one, same, other) = (more(&plain, 1, 5), more(&plain, 1, 5), more(&plain, 1, 6));
    assert_eq!(one.bars().bars(), same.bars().bars());
    assert_eq!(listed(&one), listed(&same));
    assert_ne!(one.bars().bars(), other.bars().bars());
}

/// Otherwise a network would be trained on bars it is validated on.
#[test]
fn bars_after_the_last_training_window_do_not_matter() {
    let (train, _) = windows(series(1200, 0)).split(0.3).unwrap();
    let end = train.iter().last().unwrap().first + LENGTH;
    let mut changed = series(1200, 0);
    changed.truncate(end);
    changed.extend(series(1200 - end, 7777));
    let (other, _) = windows(changed).split(0.3).unwrap();
    assert_eq!(other.iter().last().unwrap().first + LENGTH, end);
    let (one, other) = (more(&train, 1, 3), more(&other, 1, 3));
    assert_eq!(one.bars().bars()[1200..], other.bars().bars()[1200..]);
}

fn range(bars: &[Bar], t: usize) -> f64 {
    let before = bars[t - 1].close;
    bars[t].high.max(before) - bars[t].low.min(before)
}

/// The bars behind the join are those of the series times a factor and moved; the factor carries the volatility over,
/// and the price goes on where it was.
#[test]
fn the_second_stretch_begins_where_the_first_ends() {
    let plain = windows(series(900, 0));
    let extended = more(&plain, 1, 9);
    let (bars, source) = (extended.bars().bars(), series(900, 0));
    let segments = (bars.len() - 900) / (2 * LENGTH);
    assert!(segments > 3);
    for segment in 0..segments {
        let join = 900 + segment * 2 * LENGTH + LENGTH;
        let atr = (join - 10..join).map(|t| range(bars, t)).sum::<f64>() / 10.0;
        let (mut found, body) = (0, |bars: &[Bar], t: usize| bars[t].close - bars[t].open);
        for from in 11..=900 - LENGTH {
            let factor = atr / ((from - 10..from).map(|t| range(&source, t)).sum::<f64>() / 10.0);
            let to = bars[join - 1].close;
            let same = (0..LENGTH).all(|t| {
                let expected = to + factor * (source[from + t].close - source[from - 1].close);
                let body = body(bars, join + t) - factor * body(&source, from + t);
                (bars[join + t].close - expected).abs() < 1e-8 && body.abs() < 1e-8
            });
            found += usize::from(same);
        }
        assert_eq!(found, 1, "segment {segment}");
    }
}

/// An hour is missing after bar 500 of a series of minutes, and five minutes are the most that may; no stretch has bars
/// of both sides.
#[test]
fn no_stretch_reaches_over_an_outage() {
    let stamps = (0..900)
        .map(|t| 60 * (t + if t > 500 { 60 } else { 0 }))
        .collect();
    let bars = Bars::new(series(900, 0), Some(stamps), "test").unwrap();
    let max_gap = Some(Duration::from_secs(300));
    let grid = WindowGrid {
        max_gap,
        ..WindowGrid::new(LENGTH, STRIDE)
    };
    let plain = Windows::by_rule(&bars, &grid, &labeller()).unwrap();
    let extended = with_resampled(&plain, &joined(3, 11), &labeller()).unwrap();
    let source = series(900, 0);
    for segment in extended.bars().bars()[900..].chunks(2 * LENGTH) {
        // The first stretch is as it was, so its place can be found.
        let place = (0..900).find(|t| source[*t] == segment[0]).unwrap();
        assert!(place > 500 || place + LENGTH - 1 <= 500, "{place}");
    }
}

#[test]
fn a_series_too_short_is_refused() {
    let short = windows(series(125, 0));
    let error = with_resampled(&short, &joined(1, 0), &labeller())
        .unwrap_err()
        .to_string();
    assert!(error.contains("131") && error.contains("124"), "{error}");
}

/// Windows shorter than the rule's ATR and shortest run never have a label; that must end in an error, not go on for
/// ever.
#[test]
fn windows_too_short_for_the_rule_are_refused() {
    let plain = windows(series(900, 0));
    let demanding = LabelConfig {
        atr_bars: LENGTH,
        ..LabelConfig::default()
    };
    let labeller = RuleLabeller::new(demanding).unwrap();
    let error = with_resampled(&plain, &joined(1, 0), &labeller).unwrap_err();
    assert!(error.to_string().contains("no expansion"), "{error}");
}

#[test]
fn simulated_bars_are_not_resampled() {
    let mut config = ExpansionConfig::default();
    config.data.resampled = 1;
    let error = config.validate().unwrap_err().to_string();
    assert!(error.contains("data.resampled"), "{error}");
    let config = config.resolved();
    assert_eq!(config.data.resampled, 0);
    config.validate().unwrap();
}

/// The mean of equal values is off by a rounding error, which is no deviation to be stretched.
#[test]
fn a_constant_column_joins_without_noise() {
    let added = |column: Vec<f64>| {
        let bars = Bars::new(series(700, 0), None, "test").unwrap();
        let bars = bars.with_columns(["tone"], column).unwrap();
        let windows = Windows::labelled(&bars, LENGTH, STRIDE, None, &labeller()).unwrap();
        let all = more(&windows, 3, 5);
        let own = windows.bars().len();
        all.bars().columns(own, all.bars().len() - own).to_vec()
    };
    assert!(added(vec![0.1; 700]).iter().all(|value| *value == 0.1));
    let wave = |t: u32| {
        if t < 350 {
            0.1
        } else {
            (f64::from(t) * 1.3).sin()
        }
    };
    assert!(
        added((0..700).map(wave).collect())
            .iter()
            .all(|value| value.abs() < 5.0)
    );
}

#[test]
fn more_copies_than_memory_holds_are_refused() {
    let windows = windows(series(700, 0));
    let error = with_resampled(&windows, &joined(usize::MAX, 1), &labeller()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("`copies` is {}, but it must be at most 100", usize::MAX)
    );
    let mut config = ExpansionConfig::default();
    (config.data.path, config.data.resampled) = (Some("bars.csv".into()), 1 << 60);
    let error = config.validate().unwrap_err().to_string();
    assert!(
        error.contains("`data.resampled`") && error.contains("at most 100"),
        "{error}"
    );
}
