//! Windows are views: they share their bars, are thinned evenly, split by time with a gap, and become batches whose
//! targets are what the definitions say. What needs no price to be predicted is known exactly.

use crate::support;

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use equipoise::Error;
use equipoise::expansion::bars::{Bar, Bars};
use equipoise::expansion::feature::{FEATURES, window_features};
use equipoise::expansion::label::{
    CountdownForm, ExpansionType, LabelConfig, RuleLabeller, WindowLabel,
};
use equipoise::expansion::model::{ExpansionBatcher, ExpansionModelConfig, baselines};
use equipoise::expansion::simulator::{Simulation, Simulator, SimulatorConfig};
use equipoise::expansion::window::{Window, Windows};
use equipoise::history::Split;
use proptest::prelude::*;
use support::{assert_all_close, assert_close, devices, values};

fn simulation(windows: usize) -> Simulation {
    let config = SimulatorConfig {
        window: 30,
        ..SimulatorConfig::default()
    };
    Simulator::new(config, 9).unwrap().simulate_windows(windows)
}

fn labeller() -> RuleLabeller {
    RuleLabeller::new(LabelConfig::default()).unwrap()
}

/// The first `count` bars of a simulated series.
fn bars(count: usize) -> Bars {
    let all = simulation(count.div_ceil(30)).bars;
    Bars::new(all.bars()[..count].to_vec(), None, "a test").unwrap()
}

fn firsts(windows: &Windows) -> Vec<usize> {
    windows.iter().map(|window| window.first).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_split_keeps_a_gap_of_a_window(
        count in 30usize..900,
        length in 14usize..60,
        stride in 1usize..40,
        fraction in 0.02f64..0.98,
    ) {
        prop_assume!(count >= length);
        let windows = Windows::labelled(&bars(count), length, stride, None, &labeller()).unwrap();
        let all = firsts(&windows);
        let training = (all.len() as f64 * (1.0 - fraction)).round() as usize;
        match windows.split(fraction) {
            Ok((train, valid)) => {
                let last_bar = firsts(&train).last().unwrap() + length - 1;
                let first_bar = firsts(&valid)[0];
                // Bars that belong to neither side.
                prop_assert!(first_bar > last_bar + length, "{last_bar} {first_bar}");
                prop_assert_eq!(&firsts(&train)[..], &all[..training]);
                // No window is left out without need.
                let expected: Vec<usize> = all[training..]
                    .iter()
                    .copied()
                    .filter(|first| *first > last_bar + length)
                    .collect();
                prop_assert_eq!(firsts(&valid), expected);
                prop_assert_eq!((train.length(), valid.length()), (length, length));
            }
            Err(Error::File { reason, .. }) => {
                let named = format!("{} windows do not split", all.len());
                prop_assert!(reason.contains(&named), "{reason}");
                let fits = training > 0 && all[training..]
                    .iter()
                    .any(|first| *first >= all[training - 1] + 2 * length);
                prop_assert!(!fits, "{all:?} could be split at {training}");
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn thinning_is_even_over_the_series(
        count in 100usize..900,
        stride in 1usize..12,
        at_most in 1usize..60,
    ) {
        let bars = bars(count);
        let whole = firsts(&Windows::labelled(&bars, 40, stride, None, &labeller()).unwrap());
        let thinned =
            firsts(&Windows::labelled(&bars, 40, stride, Some(at_most), &labeller()).unwrap());
        prop_assert_eq!(thinned.len(), at_most.min(whole.len()));
        prop_assert_eq!(thinned[0], 0);
        prop_assert!(thinned.iter().all(|first| whole.contains(first)));
        let steps: Vec<usize> = thinned.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (least, most) = (steps.iter().min(), steps.iter().max());
        if let (Some(least), Some(most)) = (least, most) {
            prop_assert!(most - least <= stride, "{steps:?}");
            // What is left over at the end is no longer than a step.
            let rest = whole.last().unwrap() - thinned.last().unwrap();
            prop_assert!(rest <= *most, "{rest} {steps:?}");
        }
    }
}

#[test]
fn windows_lie_one_stride_apart_from_the_first_bar_to_the_last() {
    let windows = Windows::labelled(&bars(100), 40, 20, None, &labeller()).unwrap();
    assert_eq!(firsts(&windows), [0, 20, 40, 60]);
    let windows = Windows::labelled(&bars(40), 40, 20, None, &labeller()).unwrap();
    assert_eq!(firsts(&windows), [0]);
}

#[test]
fn labels_are_those_of_the_rule_and_of_the_simulation() {
    let bars = bars(300);
    let windows = Windows::labelled(&bars, 40, 13, None, &labeller()).unwrap();
    for window in windows.iter() {
        let expected = labeller()
            .label(&bars.bars()[window.first..window.first + 40])
            .unwrap();
        assert_eq!(window.label, expected);
    }
    let simulation = simulation(20);
    let windows = simulation.windows();
    assert_eq!(
        (windows.len(), windows.length(), windows.unlabelled()),
        (20, 30, 0)
    );
    for (window, expansion) in windows.iter().zip(&simulation.expansions) {
        let label = window.label;
        assert_eq!(
            (
                window.first + label.start,
                window.first + label.end,
                label.kind
            ),
            (expansion.start, expansion.end, expansion.kind)
        );
    }
}

#[test]
fn too_few_bars_is_an_error_that_says_how_many_are_needed() {
    let error = Windows::labelled(&bars(39), 40, 5, None, &labeller()).unwrap_err();
    match &error {
        Error::TooFew {
            unit: "bars",
            origin,
            found,
            needed,
            ..
        } => {
            assert_eq!((origin.as_str(), *found, *needed), ("a test", 39, 40));
        }
        other => panic!("{other:?}"),
    }
    let windows = Windows::labelled(&bars(60), 40, 5, None, &labeller()).unwrap();
    let message = windows.split(0.5).unwrap_err().to_string();
    for word in [
        "a test",
        "5 windows do not split",
        "3 would train",
        "0 would validate",
        "40 bars",
    ] {
        assert!(message.contains(word), "{message}");
    }
    let needed = Windows::labelled(&bars(121), 40, 1, None, &labeller()).unwrap();
    let (train, valid) = needed.split(0.99).unwrap();
    assert_eq!((firsts(&train), firsts(&valid)), (vec![0], vec![80, 81]));
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let bars = bars(100);
    let refused = |length, stride, at_most| match Windows::labelled(
        &bars,
        length,
        stride,
        at_most,
        &labeller(),
    )
    .unwrap_err()
    {
        Error::Setting { field, .. } => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(0, 1, None), "window");
    assert_eq!(refused(40, 0, None), "stride");
    assert_eq!(refused(40, 1, Some(0)), "max_samples");
    let windows = Windows::labelled(&bars, 20, 1, None, &labeller()).unwrap();
    for fraction in [0.0, 1.0, -0.1, 1.5, f64::NAN] {
        let error = windows.split(fraction).unwrap_err();
        assert!(error.to_string().contains("valid_fraction"), "{error}");
    }
}

fn still(count: usize) -> Vec<Bar> {
    let bar = Bar {
        open: 100.0,
        high: 100.0,
        low: 100.0,
        close: 100.0,
    };
    vec![bar; count]
}

#[test]
fn windows_without_a_move_are_left_out_and_counted() {
    let mut series = still(80);
    series.extend_from_slice(bars(120).bars());
    let series = Bars::new(series, None, "a test").unwrap();
    let windows = Windows::labelled(&series, 40, 40, None, &labeller()).unwrap();
    assert_eq!(
        (firsts(&windows), windows.unlabelled()),
        (vec![80, 120, 160], 2)
    );
    let series = Bars::new(still(200), None, "a test").unwrap();
    let error = Windows::labelled(&series, 40, 40, None, &labeller()).unwrap_err();
    assert!(error.to_string().contains("none of 5 windows"), "{error}");
}

#[test]
fn windows_share_their_bars() {
    let bars = bars(900);
    let place = bars.bars().as_ptr();
    let windows = Windows::labelled(&bars, 40, 1, None, &labeller()).unwrap();
    assert_eq!(windows.len(), 861);
    let (train, valid) = windows.split(0.3).unwrap();
    for part in [&windows, &windows.clone(), &train, &valid] {
        assert_eq!(part.bars().bars().as_ptr(), place);
    }
    // A window is a place, a label and a flag, not bars.
    assert!(size_of::<Window>() <= 5 * size_of::<usize>());
    assert_eq!(Dataset::len(&train), train.len());
    assert_eq!(
        Dataset::get(&train, 3).unwrap(),
        *train.iter().nth(3).unwrap()
    );
}

#[test]
fn targets_are_what_the_definitions_say() {
    let bars = bars(200);
    let windows = Windows::labelled(&bars, 50, 25, None, &labeller()).unwrap();
    let chosen: Vec<Window> = windows.iter().copied().collect();
    assert!(chosen.len() >= 5);
    for (backend, device) in devices() {
        for (form, position) in [
            (CountdownForm::PerBar, false),
            (CountdownForm::PerBar, true),
            (CountdownForm::Scalar, false),
        ] {
            let batcher = ExpansionBatcher::new(&bars, 50, position, form);
            let batch = batcher.batch(chosen.clone(), &device);
            let columns = FEATURES - usize::from(!position);
            assert_eq!(batch.features.dims(), [chosen.len(), 50, columns]);
            let mut features = Vec::new();
            let (mut kinds, mut pointers) = (Vec::new(), Vec::new());
            let (mut binary, mut countdown) = (Vec::new(), Vec::new());
            for window in &chosen {
                let slice = &bars.bars()[window.first..window.first + 50];
                window_features(slice, position, &mut features);
                let (start, end) = (window.label.start as f64, window.label.end as f64);
                kinds.push(window.label.kind.index() as i64);
                pointers.extend([(start + end) / 2.0 / 50.0, (end - start) / 50.0]);
                for t in 0..50 {
                    let t = f64::from(t);
                    binary.push(if start <= t && t <= end { 1.0 } else { 0.0 });
                    if form == CountdownForm::PerBar {
                        countdown.push((start - t).clamp(-20.0, 20.0));
                    }
                }
                if form == CountdownForm::Scalar {
                    countdown.push(start / 50.0);
                }
            }
            let features: Vec<f64> = features.iter().map(|v| f64::from(*v)).collect();
            assert_eq!(values(&batch.features), features, "{backend}");
            assert_eq!(
                batch.kinds.to_data().iter::<i64>().collect::<Vec<_>>(),
                kinds
            );
            assert_all_close(backend, &values(&batch.pointers), &pointers, 1e-6, 0.0);
            assert_eq!(values(&batch.binary), binary, "{backend}");
            assert_all_close(backend, &values(&batch.countdown), &countdown, 1e-6, 0.0);
            assert_eq!(
                batch.countdown.dims()[1],
                if countdown.len() == chosen.len() {
                    1
                } else {
                    50
                }
            );
            let labels: Vec<_> = chosen.iter().map(|window| window.label).collect();
            assert_eq!(batch.labels[..], labels[..]);
            // Both ends of the clip and both signs occur.
            if form == CountdownForm::PerBar {
                for bound in [-20.0, 20.0] {
                    assert!(
                        countdown.contains(&bound),
                        "no countdown is clipped to {bound}"
                    );
                }
            }
        }
    }
}

fn huber(residual: f64, delta: f64) -> f64 {
    if residual.abs() <= delta {
        residual * residual / 2.0
    } else {
        delta * (residual.abs() - delta / 2.0)
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// The smallest mean Huber loss of any constant, by looking at very many.
fn best_huber(targets: &[f64], delta: f64) -> (f64, f64) {
    let loss = |constant: f64| mean(targets.iter().map(|t| huber(constant - t, delta)));
    let low = targets.iter().copied().fold(f64::INFINITY, f64::min);
    let high = targets.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    search(loss, low, high)
}

/// The smallest mean binary cross entropy of any constant, positives weighted.
fn best_binary(targets: &[f64], positive: f64) -> (f64, f64) {
    search(|p| binary(targets, p, positive), 1e-6, 1.0 - 1e-6)
}

fn binary(targets: &[f64], p: f64, positive: f64) -> f64 {
    mean(targets.iter().map(|t| {
        if *t > 0.5 {
            -positive * p.ln()
        } else {
            -(1.0 - p).ln()
        }
    }))
}

/// The least value of a convex function on a grid, refined twice around the best point; and where it is.
fn search(loss: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> (f64, f64) {
    let mut best = (f64::INFINITY, low);
    for _ in 0..3 {
        let step = (high - low) / 400.0;
        for index in 0..=400 {
            let at = low + step * f64::from(index);
            let value = loss(at);
            if value < best.0 {
                best = (value, at);
            }
        }
        (low, high) = (best.1 - step, best.1 + step);
    }
    best
}

#[test]
fn the_trivial_predictors_are_the_best_that_a_grid_search_finds() {
    let windows = simulation(120).windows();
    let (train, valid) = windows.split(0.25).unwrap();
    for (form, positive) in [(CountdownForm::PerBar, 1.0), (CountdownForm::Scalar, 4.0)] {
        let config = ExpansionModelConfig {
            window: 30,
            countdown: form,
            positive_weight: positive,
            ..ExpansionModelConfig::default()
        };
        let found = baselines(&train, &valid, &config);
        assert_eq!(found.len(), 8);
        let get = |split: Split, task: &str| {
            let found = found.iter().filter(|b| b.split == split && b.task == task);
            let all: Vec<_> = found.collect();
            assert_eq!(all.len(), 1, "{split} {task}");
            all[0].clone()
        };
        let labels = |windows: &Windows| windows.labels().collect::<Vec<_>>();
        let (train_labels, valid_labels) = (labels(&train), labels(&valid));

        // Type: the entropy of the frequencies, or that of knowing nothing, if that is less.
        let shares = ExpansionType::OF_RULE.map(|kind| {
            let count = train_labels
                .iter()
                .filter(|label| label.kind == kind)
                .count();
            count as f64 / train_labels.len() as f64
        });
        for (split, labels) in [(Split::Train, &train_labels), (Split::Valid, &valid_labels)] {
            let expected =
                mean(labels.iter().map(|label| -shares[label.kind.index()].ln())).min(3f64.ln());
            assert_close(
                "type",
                get(split, "type").constant.unwrap(),
                expected,
                1e-9,
                0.0,
            );
            assert_eq!(get(split, "type").position, None);
        }

        // Pointers: one constant for each of the two.
        let center = |l: &WindowLabel| (l.start + l.end) as f64 / 60.0;
        let long = |l: &WindowLabel| (l.end - l.start) as f64 / 30.0;
        let delta = config.pointer_delta;
        let centers: Vec<f64> = train_labels.iter().map(center).collect();
        let lengths: Vec<f64> = train_labels.iter().map(long).collect();
        let (one, at_one) = best_huber(&centers, delta);
        let (two, at_two) = best_huber(&lengths, delta);
        assert_close(
            "pointers",
            get(Split::Train, "pointers").constant.unwrap(),
            (one + two) / 2.0,
            1e-4,
            0.0,
        );
        let expected = mean(valid_labels.iter().map(|label| {
            (huber(at_one - center(label), delta) + huber(at_two - long(label), delta)) / 2.0
        }));
        assert_close(
            "pointers",
            get(Split::Valid, "pointers").constant.unwrap(),
            expected,
            1e-3,
            0.0,
        );

        // Binary: over all bars, and at each position by itself.
        let inside = |labels: &[WindowLabel], t: usize| -> Vec<f64> {
            let inside = labels
                .iter()
                .map(|l| f64::from(u8::from((l.start..=l.end).contains(&t))));
            inside.collect()
        };
        let all: Vec<f64> = (0..30).flat_map(|t| inside(&train_labels, t)).collect();
        let (expected, rate) = best_binary(&all, positive);
        assert_close(
            "binary",
            get(Split::Train, "binary").constant.unwrap(),
            expected,
            1e-4,
            0.0,
        );
        let held_out: Vec<f64> = (0..30).flat_map(|t| inside(&valid_labels, t)).collect();
        let expected = binary(&held_out, rate, positive);
        assert_close(
            "binary",
            get(Split::Valid, "binary").constant.unwrap(),
            expected,
            1e-3,
            0.0,
        );
        let at: f64 = (0..30)
            .map(|t| best_binary(&inside(&train_labels, t), positive).0)
            .sum();
        // Where a position was never inside, the predictor does not dare to say 0, which costs a little.
        let found = get(Split::Train, "binary").position.unwrap();
        assert!(
            found >= at / 30.0 - 1e-6 && found <= at / 30.0 + 0.01,
            "{found} {}",
            at / 30.0
        );

        // Countdown.
        let delta = config.countdown_delta;
        match form {
            CountdownForm::Scalar => {
                let starts: Vec<f64> = train_labels.iter().map(|l| l.start as f64 / 30.0).collect();
                let (expected, _) = best_huber(&starts, delta);
                let countdown = get(Split::Train, "countdown");
                assert_close(
                    "countdown",
                    countdown.constant.unwrap(),
                    expected,
                    1e-4,
                    0.0,
                );
                assert_eq!(countdown.position, None);
            }
            CountdownForm::PerBar => {
                let targets = |t: usize| -> Vec<f64> {
                    let away = |l: &WindowLabel| (l.start as f64 - t as f64).clamp(-20.0, 20.0);
                    train_labels.iter().map(away).collect()
                };
                let all: Vec<f64> = (0..30).flat_map(targets).collect();
                let (expected, _) = best_huber(&all, delta);
                let countdown = get(Split::Train, "countdown");
                assert_close(
                    "countdown",
                    countdown.constant.unwrap(),
                    expected,
                    1e-4,
                    0.0,
                );
                let at: f64 = (0..30).map(|t| best_huber(&targets(t), delta).0).sum();
                assert_close(
                    "countdown",
                    countdown.position.unwrap(),
                    at / 30.0,
                    1e-4,
                    0.0,
                );
            }
        }
    }
}
