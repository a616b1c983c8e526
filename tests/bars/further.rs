//! Volume and other columns of a file are features: scaled by the bars before, read from files and streams, demanded
//! again for a prediction.

use std::path::Path;

use burn::data::dataloader::batcher::Batcher;
use equipoise::expansion::bars::{Bar, Bars, CsvLines, CsvOptions, Instrument, read_csv};
use equipoise::expansion::feature::{FEATURES, window_columns};
use equipoise::expansion::label::{CountdownForm, LabelConfig, RuleLabeller};
use equipoise::expansion::model::ExpansionBatcher;
use equipoise::expansion::predictor::{Predictor, WindowPrediction};
use equipoise::expansion::run::{self, ExpansionConfig, RunOptions};
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::window::{Resample, Window, WindowGrid, Windows, with_resampled};
use equipoise::train::Progress;
use proptest::prelude::*;

use crate::support::values;

const WINDOW: usize = 30;

fn features(values: &[f64], columns: usize) -> Vec<f32> {
    let mut out = Vec::new();
    window_columns(values, columns, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against the definition, which takes two passes.
    #[test]
    fn a_feature_is_the_distance_from_the_values_so_far(
        column in proptest::collection::vec(prop_oneof![Just(0.0), -1e6..1e6f64, 0.0..1.0f64], 1..200),
        level in prop_oneof![Just(0.0), -1e6..1e6f64],
    ) {
        let column: Vec<f64> = column.iter().map(|value| value + level).collect();
        let found = features(&column, 1);
        for (t, found) in found.iter().enumerate() {
            let seen = &column[..=t];
            let count = seen.len() as f64;
            let mean = seen.iter().sum::<f64>() / count;
            let squares = seen.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            let deviation = (squares / count).sqrt();
            let expected = if seen.iter().all(|value| *value == seen[0]) {
                0.0
            } else {
                ((column[t] - mean) / deviation).asinh()
            };
            prop_assert!((f64::from(*found) - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{t}: {found} {expected}");
            prop_assert!(f64::from(*found).abs() <= (t as f64).sqrt().asinh() + 1e-5);
        }
        // No later value counts.
        let half = column.len() / 2;
        prop_assert_eq!(&features(&column[..half], 1)[..], &found[..half]);
    }

    #[test]
    fn features_of_finite_values_are_finite(column in proptest::collection::vec(any::<f64>(), 0..60)) {
        let column: Vec<f64> = column.into_iter().filter(|value| value.is_finite()).collect();
        prop_assert!(features(&column, 1).iter().all(|value| value.is_finite()));
    }
}

#[test]
fn units_and_levels_do_not_matter_and_constants_are_nothing() {
    let volume = [3.0, 0.0, 0.0, 7.0, 120.0, 5.0, 5.0];
    let scaled: Vec<f64> = volume.iter().map(|value| 1000.0 * value + 5e4).collect();
    for (one, other) in features(&volume, 1).iter().zip(features(&scaled, 1)) {
        assert!((one - other).abs() < 1e-5, "{one} {other}");
    }
    for constant in [0.0, 0.1, -3.3, 1e12] {
        assert_eq!(features(&[constant; 50], 1), [0.0; 50]);
    }
    // Columns do not touch each other.
    let pairs: Vec<f64> = volume.iter().flat_map(|value| [*value, 0.1]).collect();
    let both = features(&pairs, 2);
    let first: Vec<f32> = both.iter().copied().step_by(2).collect();
    assert_eq!(first, features(&volume, 1));
    assert!(both.iter().skip(1).step_by(2).all(|value| *value == 0.0));
}

/// Bars of a simulation with a volume and an oscillator.
fn bars(seed: u64, windows: usize) -> Bars {
    let simulator = Simulator::new(SimulatorConfig::default(), seed).unwrap();
    let bars = simulator.simulate_windows(windows).bars;
    let stamps = (0..bars.len() as i64)
        .map(|t| 1_700_000_000 + 60 * t)
        .collect();
    let rows = bars.bars().iter().enumerate();
    let further =
        rows.flat_map(|(t, bar)| [(1e3 * (bar.high - bar.low)).round(), (t % 17) as f64 / 4.0]);
    let further = further.collect();
    let bars = Bars::new(bars.bars().to_vec(), Some(stamps), "a test").unwrap();
    bars.with_columns(["volume", "rsi"], further).unwrap()
}

fn text(bars: &Bars, newest_first: bool) -> String {
    let mut rows: Vec<String> = (0..bars.len())
        .map(|t| {
            let Bar {
                open,
                high,
                low,
                close,
            } = bars.bars()[t];
            let [volume, rsi] = bars.columns(t, 1) else {
                panic!()
            };
            let time = bars.timestamps().unwrap()[t];
            format!("{rsi},{time},{open},{high},{low},{close},{volume}")
        })
        .collect();
    if newest_first {
        rows.reverse();
    }
    format!("RSI,time,open,high,low,close,Volume\n{}\n", rows.join("\n"))
}

fn config(path: &Path) -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.data.path = Some(path.into());
    config.data.features_from = vec!["volume".into(), "rsi".into()];
    config.data.stride = 5;
    config.data.max_samples = Some(60);
    config.model.window = WINDOW;
    config.model.hidden = 4;
    config.train.epochs = 1;
    config.train.batch_size = 8;
    config.resolved()
}

#[test]
fn columns_are_read_beside_the_prices() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    let expected = bars(1, 3);
    let names = vec!["volume".to_owned(), "rsi".to_owned()];
    let options = CsvOptions::default().with_features(names.clone());
    for newest_first in [false, true] {
        std::fs::write(&path, text(&expected, newest_first)).unwrap();
        let (read, _) = read_csv(&path, &options).unwrap();
        assert_eq!(read.column_names(), names);
        assert_eq!(read.bars(), expected.bars());
        assert_eq!(
            read.columns(0, read.len()),
            expected.columns(0, expected.len())
        );
        assert!(
            read_csv(&path, &CsvOptions::default())
                .unwrap()
                .0
                .column_names()
                .is_empty()
        );
    }
    let mut lines = CsvLines::new("a stream", &options);
    let mut seen = Vec::new();
    for line in text(&expected, false).lines() {
        if lines.take(line.as_bytes()).unwrap().is_some() {
            seen.extend_from_slice(lines.columns());
        }
    }
    assert_eq!(seen, expected.columns(0, expected.len()));
}

#[test]
fn a_column_is_a_feature_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    std::fs::write(&path, text(&bars(1, 3), false)).unwrap();
    let names = ["volume", "rsi", "Volume"].map(str::to_owned);
    let options = CsvOptions::default().with_features(names.to_vec());
    let error = read_csv(&path, &options).unwrap_err().to_string();
    let expected = "`volume` and `Volume` of `data.features_from` are one column, `Volume`";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_column_without_a_number_is_said_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    let good = text(&bars(1, 3), false);
    let options = CsvOptions::default().with_features(vec!["volume".to_owned()]);
    let refused = |text: &str, options: &CsvOptions| {
        std::fs::write(&path, text).unwrap();
        read_csv(&path, options).unwrap_err().to_string()
    };
    let mut lines: Vec<String> = good.lines().map(String::from).collect();
    for (value, expected) in [
        ("", "line 5: column `volume` is empty"),
        ("many", "line 5: column `volume` is `many`, not a number"),
        ("inf", "line 5: column `volume` is inf, which is not finite"),
    ] {
        let cut = lines[4].rfind(',').unwrap();
        lines[4] = format!("{},{value}", &lines[4][..cut]);
        let said = refused(&lines.join("\n"), &options);
        assert!(
            said.contains(expected) && said.contains("data.skip_bad_rows"),
            "{said}"
        );
    }
    let skipping = options.clone().with_skip_bad_rows(true);
    let (kept, report) = read_csv(&path, &skipping).unwrap();
    assert_eq!((report.dropped, kept.len()), (1, 314));
    assert_eq!(kept.columns(0, kept.len()).len(), 314);
    let missing = options.clone().with_features(vec!["trades".to_owned()]);
    let said = refused(&good, &missing);
    assert!(
        said.contains("line 1: the header has no column `trades`"),
        "{said}"
    );
    assert!(
        said.contains("`data.features_from` names that column"),
        "{said}"
    );
    let (_, below) = good.split_once('\n').unwrap();
    let said = refused(below, &options);
    assert!(said.contains("`data.features_from`"), "{said}");
}

#[test]
fn a_batch_has_them_last() {
    let bars = bars(2, 4);
    let labeller = RuleLabeller::new(LabelConfig::default()).unwrap();
    let windows = Windows::by_rule(&bars, &WindowGrid::new(WINDOW, 9), &labeller).unwrap();
    let windows = windows.with_mirrored();
    let chosen: Vec<Window> = windows.iter().copied().take(6).collect();
    for moves in [false, true] {
        let plain =
            ExpansionBatcher::new(&bars, WINDOW, true, CountdownForm::PerBar).with_moves(moves);
        let further = plain.clone().with_columns(true);
        let device = burn::tensor::Device::flex();
        let plain = values(&plain.batch(chosen.clone(), &device).features);
        let batch = further.batch(chosen.clone(), &device);
        let base = FEATURES + if moves { 4 } else { 0 };
        assert_eq!(batch.features.dims(), [6, WINDOW, base + 2]);
        let all = values(&batch.features);
        for (index, row) in all.chunks(base + 2).enumerate() {
            assert_eq!(row[..base], plain[index * base..(index + 1) * base]);
            let window = chosen[index / WINDOW];
            let expected = features(bars.columns(window.first, WINDOW), 2);
            let t = index % WINDOW;
            let found: Vec<f32> = row[base..].iter().map(|value| *value as f32).collect();
            assert_eq!(found, expected[2 * t..2 * t + 2]);
        }
    }
}

#[test]
fn joined_stretches_and_instruments_keep_their_columns() {
    let labeller = RuleLabeller::new(LabelConfig::default()).unwrap();
    let named = |name: &str, seed| Instrument {
        name: name.into(),
        bars: bars(seed, 4),
    };
    let mut both = vec![named("A", 3), named("B", 4)];
    let grid = WindowGrid::new(WINDOW, 9);
    let windows = Windows::by_rule_each(&both, &grid, &labeller).unwrap();
    for (series, one) in windows.series().iter().zip(&both) {
        let range = series.range();
        assert_eq!(
            windows.bars().columns(range.start, range.len()),
            one.bars.columns(0, one.bars.len())
        );
    }
    let joined = Resample {
        copies: 1,
        stride: 7,
        seed: 1,
    };
    let more = with_resampled(&windows, &joined, &labeller).unwrap();
    let (all, own) = (more.bars(), windows.bars().len());
    assert_eq!(all.column_names(), ["volume", "rsi"]);
    assert_eq!(all.columns(0, own), windows.bars().columns(0, own));
    let segments = (own..all.len()).step_by(2 * WINDOW);
    for start in segments {
        // The second stretch has the mean and the deviation of the first, in either column.
        for column in 0..2 {
            let spread = |from: usize| {
                let values: Vec<f64> = all
                    .columns(from, WINDOW)
                    .iter()
                    .skip(column)
                    .step_by(2)
                    .copied()
                    .collect();
                let mean = values.iter().sum::<f64>() / WINDOW as f64;
                let squares = values
                    .iter()
                    .map(|value| (value - mean).powi(2))
                    .sum::<f64>();
                (mean, (squares / WINDOW as f64).sqrt())
            };
            let (first, second) = (spread(start), spread(start + WINDOW));
            assert!(
                (first.0 - second.0).abs() < 1e-6 * (1.0 + first.0.abs()),
                "{first:?} {second:?}"
            );
            assert!(
                (first.1 - second.1).abs() < 1e-6 * (1.0 + first.1),
                "{first:?} {second:?}"
            );
        }
    }
    let plain = Bars::new(both[1].bars.bars().to_vec(), None, "plain.csv").unwrap();
    both[1].bars = plain;
    let error = Windows::by_rule_each(&both, &grid, &labeller)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("plain.csv: its further columns are []") && error.contains("[volume, rsi]"),
        "{error}"
    );
}

#[test]
fn a_network_that_was_trained_with_them_asks_for_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    let all = bars(5, 8);
    std::fs::write(&path, text(&all, false)).unwrap();
    let mut config = config(&path);
    (config.data.mirror, config.data.resampled) = (true, 1);
    assert_eq!(config.model.features, 14);
    config.validate().unwrap();
    let data = run::Data::load(&config).unwrap();
    let options = RunOptions {
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let out = folder.path().join("run");
    run::train(&config, data, &out, options).unwrap();
    let predictor = Predictor::from_run(&out).unwrap();
    assert_eq!(predictor.columns(), ["volume", "rsi"]);
    let (read, _) = config.data.read_bars(&path).unwrap();
    let found = predictor.windows(&read, 7).unwrap();
    let found: Vec<WindowPrediction> = found.map(|found| found.unwrap()).collect();
    let mut stream = predictor.stream(7).unwrap();
    let mut by_bar = Vec::new();
    for (t, bar) in read.bars().iter().enumerate() {
        let time = Some(read.timestamps().unwrap()[t]);
        let error = stream.push(*bar, time).unwrap_err().to_string();
        assert!(
            error.contains("it has 0 further columns, but the network reads 2 (volume, rsi)"),
            "{error}"
        );
        let error = stream
            .push_row(*bar, time, &[1.0, f64::NAN])
            .unwrap_err()
            .to_string();
        assert!(error.contains("column `rsi` is NaN"), "{error}");
        by_bar.extend(stream.push_row(*bar, time, read.columns(t, 1)).unwrap());
    }
    by_bar.extend(stream.finish().unwrap());
    assert_eq!(by_bar, found);
    // The columns are not there for nothing.
    let zeros = Bars::new(
        read.bars().to_vec(),
        read.timestamps().map(<[i64]>::to_vec),
        "zeros",
    );
    let zeros = zeros
        .unwrap()
        .with_columns(["volume", "rsi"], vec![0.0; 2 * read.len()])
        .unwrap();
    let other = predictor.windows(&zeros, 7).unwrap();
    let other: Vec<WindowPrediction> = other.map(|found| found.unwrap()).collect();
    assert_ne!(other, found);

    let plain = Bars::new(read.bars().to_vec(), None, "plain.csv").unwrap();
    let error = predictor.windows(&plain, 7).unwrap_err().to_string();
    assert!(
        error.contains(
            "plain.csv: has no further columns, but the network reads the columns volume, rsi"
        ),
        "{error}"
    );
    let error = predictor
        .predict(&read.bars()[..WINDOW])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the network reads the columns volume, rsi"),
        "{error}"
    );
    assert!(
        predictor
            .clone()
            .with_columns(vec!["volume".into()])
            .is_err()
    );
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let refused = |change: fn(&mut ExpansionConfig)| {
        let mut config = config(Path::new("bars.csv"));
        change(&mut config);
        config.validate().unwrap_err().to_string()
    };
    let said = refused(|config| config.data.features_from.push("rsi".into()));
    assert!(
        said.starts_with("`data.features_from` is rsi, twice"),
        "{said}"
    );
    let said = refused(|config| config.data.features_from.push(" ".into()));
    assert!(said.contains("an empty name"), "{said}");
    let said = refused(|config| config.data.path = None);
    assert!(said.contains("simulated bars have prices alone"), "{said}");
    let said = refused(|config| config.model.features = 12);
    assert!(
        said.starts_with("`model.features` is 12, but it must be 14"),
        "{said}"
    );
    for (values, expected) in [
        (vec![1.0], "1 values of further columns, expected 630"),
        (
            vec![f64::NAN; 630],
            "bar 0: column `volume` is NaN, not a finite number",
        ),
    ] {
        let error = bars(1, 3)
            .with_columns(["volume", "rsi"], values)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}
