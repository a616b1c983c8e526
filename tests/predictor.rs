//! A predictor gives one answer for a window, whichever way it is asked: alone, among others, in a series, bar by bar,
//! from another thread, from a network that comes from training. And whatever it is given, it answers or says why not.
#![cfg(feature = "expansion")]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use burn::data::dataloader::batcher::Batcher;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use equipoise::Error;
use equipoise::expansion::bars::{Bar, Bars};
use equipoise::expansion::feature::FeatureSet;
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::model::{ExpansionModel, Pooling, Prediction};
use equipoise::expansion::predictor::{Predictor, WindowPrediction};
use equipoise::expansion::run;
use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::window::{WindowGrid, Windows};
use equipoise::history::{ALL_TASKS, History, Split, quantity};
use equipoise::model::MultiTaskModel;
use equipoise::train::{Progress, checkpoint};
use proptest::prelude::*;

const WINDOW: usize = 30;
const HOUR: i64 = 3600;

/// Every kind of network, small: plain, with all features and two layers under attention, with a scalar countdown.
fn configs() -> Vec<ExpansionConfig> {
    let mut plain = ExpansionConfig::default();
    plain.model.window = WINDOW;
    plain.model.hidden = 8;
    let mut all = plain.clone();
    (all.data.position, all.data.moves) = (true, true);
    all.model.layers = 2;
    all.model.pooling = Pooling::Attention;
    let mut scalar = plain.clone();
    scalar.data.position = true;
    scalar.model.countdown = CountdownForm::Scalar;
    scalar.model.countdown_scale = 1.0;
    let configs = [plain, all, scalar];
    configs.into_iter().map(ExpansionConfig::resolved).collect()
}

fn predictor(config: &ExpansionConfig, device: &Device) -> Predictor {
    let (network, _) = config.build(device).unwrap();
    Predictor::new(network, config.data.features()).unwrap()
}

/// Bars of an hour with two days missing after bar 70 and the same second twice at bar 90.
fn series() -> Bars {
    let simulator = Simulator::new(SimulatorConfig::default(), 3).unwrap();
    let bars = simulator.simulate_windows(2).bars.bars().to_vec();
    let stamps = (0..bars.len() as i64).map(|t| {
        let outage = if t > 70 { 48 * HOUR } else { 0 };
        let twice = if t >= 90 { HOUR } else { 0 };
        1_700_000_000 + t * HOUR + outage - twice
    });
    let stamps: Vec<i64> = stamps.collect();
    Bars::new(bars, Some(stamps), "a test").unwrap()
}

fn without_stamps(bars: &Bars) -> Bars {
    Bars::new(bars.bars().to_vec(), None, "a test").unwrap()
}

fn in_series(predictor: &Predictor, bars: &Bars, stride: usize) -> Vec<WindowPrediction> {
    let found = predictor.windows(bars, stride).unwrap();
    found.map(|found| found.unwrap()).collect()
}

fn bar_by_bar(predictor: &Predictor, bars: &Bars, stride: usize) -> Vec<WindowPrediction> {
    let mut stream = predictor.stream(stride).unwrap();
    let stamp = |index: usize| Some(bars.timestamps()?[index]);
    let all = bars.bars().iter().enumerate();
    let found = all.filter_map(|(index, bar)| stream.push(*bar, stamp(index)).unwrap());
    let mut found: Vec<WindowPrediction> = found.collect();
    found.extend(stream.finish().unwrap());
    found
}

#[test]
fn it_can_be_shared_and_sent() {
    fn both<T: Send + Sync + Clone + 'static>() {}
    both::<Predictor>();
    fn sent<T: Send + 'static>() {}
    sent::<equipoise::expansion::predictor::Stream>();
}

#[test]
fn bar_by_bar_is_the_series_to_the_bit() {
    let bars = series();
    for (name, device) in support::devices() {
        for config in configs() {
            let predictor = predictor(&config, &device);
            for (bars, limit) in [
                (bars.clone(), None),
                (bars.clone(), Some(Duration::from_secs(2 * 3600))),
                (without_stamps(&bars), Some(Duration::from_secs(1))),
            ] {
                let predictor = predictor.clone().with_max_gap(limit);
                for stride in [3, 7, 1000] {
                    let at_once = in_series(&predictor, &bars, stride);
                    let one_by_one = bar_by_bar(&predictor, &bars, stride);
                    assert_eq!(at_once, one_by_one, "{name}, stride {stride}, {limit:?}");
                    assert!(!at_once.is_empty());
                }
            }
        }
    }
}

/// Matrix products take other paths for one row and for many, and over more than 512 columns they add in blocks.
#[test]
fn wide_networks_give_the_same_bits_too() {
    let bars = series();
    for (name, device) in support::devices() {
        for (hidden, pooling) in [(128, Pooling::Attention), (300, Pooling::Mean)] {
            let mut config = configs().swap_remove(0);
            (config.model.hidden, config.model.pooling) = (hidden, pooling);
            config.model.projection = 48;
            let predictor = predictor(&config, &device);
            let at_once = in_series(&predictor, &bars, 6);
            assert_eq!(
                at_once,
                bar_by_bar(&predictor, &bars, 6),
                "{name}, {hidden}"
            );
            let alone = predictor.predict(&bars.bars()[6..6 + WINDOW]).unwrap();
            assert_eq!(alone, at_once[1].prediction, "{name}, {hidden}");
        }
    }
}

/// Windows of one and of two bars, at the edges of what a stream keeps.
#[test]
fn the_shortest_windows() {
    let bars = series();
    for window in [1, 2] {
        let mut config = configs().swap_remove(0);
        config.model.window = window;
        let predictor = predictor(&config, &Device::flex());
        let at_once = in_series(&predictor, &bars, 1);
        assert_eq!(at_once.len(), bars.len() + 1 - window);
        assert_eq!(at_once, bar_by_bar(&predictor, &bars, 1));
    }
}

#[test]
fn every_stride_th_window_is_there_once_and_in_order() {
    let (bars, config) = (series(), &configs()[0]);
    let predictor = predictor(config, &Device::flex());
    let found = in_series(&predictor, &bars, 7);
    let firsts: Vec<usize> = found.iter().map(|found| found.first).collect();
    let last = bars.len() - WINDOW;
    let mut expected: Vec<usize> = (0..=last).step_by(7).collect();
    assert_ne!(expected.last(), Some(&last));
    expected.push(last);
    assert_eq!(firsts, expected);
    for found in &found {
        assert!(found.first <= found.start() && found.start() <= found.end());
        assert!(found.end() <= found.last() && found.last() == found.first + WINDOW - 1);
        let (times, stamps) = (found.times.as_ref().unwrap(), bars.timestamps().unwrap());
        assert_eq!(
            (times.start, times.end),
            (stamps[found.start()], stamps[found.end()])
        );
    }
    // Two days and the hour itself, for windows over bars 70 and 71.
    let longest = found
        .iter()
        .map(|found| found.times.as_ref().unwrap().longest_step);
    let over: Vec<bool> = longest
        .map(|step| step == Duration::from_secs(49 * 3600))
        .collect();
    let expected: Vec<bool> = firsts
        .iter()
        .map(|first| *first <= 70 && first + WINDOW > 71)
        .collect();
    assert_eq!(over, expected);

    let short = predictor.with_max_gap(Some(Duration::from_secs(48 * 3600)));
    let found = short.windows(&bars, 7).unwrap();
    assert_eq!(
        found.over_gaps(),
        expected.iter().filter(|over| **over).count()
    );
    let mut stream = short.stream(7).unwrap();
    for (bar, stamp) in bars.bars().iter().zip(bars.timestamps().unwrap()) {
        stream.push(*bar, Some(*stamp)).unwrap();
    }
    stream.finish().unwrap();
    assert_eq!(stream.over_gaps(), found.over_gaps());
    let left: Vec<usize> = found.map(|found| found.unwrap().first).collect();
    assert!(left.iter().all(|first| *first > 70 || first + WINDOW <= 71));
    assert_eq!(
        left.len() + short.windows(&bars, 7).unwrap().over_gaps(),
        firsts.len()
    );
}

/// The newest bars are those that a user waits for.
#[test]
fn the_last_window_ends_with_the_last_bar() {
    let (all, config) = (series(), &configs()[0]);
    let predictor = predictor(config, &Device::flex());
    for (bars, stride) in [
        (210, 10),
        (209, 10),
        (201, 10),
        (30, 10),
        (31, 1000),
        (210, 1),
    ] {
        let bars = Bars::new(all.bars()[..bars].to_vec(), None, "a test").unwrap();
        let found = in_series(&predictor, &bars, stride);
        let last = bars.len() - WINDOW;
        let firsts: Vec<usize> = found.iter().map(|found| found.first).collect();
        let mut expected: Vec<usize> = (0..last).step_by(stride).collect();
        expected.push(last);
        assert_eq!(firsts, expected, "each once, {} bars", bars.len());
        let newest = predictor.predict(&bars.bars()[last..]).unwrap();
        assert_eq!(found.last().unwrap().prediction, newest);
        assert_eq!(found, bar_by_bar(&predictor, &bars, stride));
        let predictions = predictor.windows(&bars, stride).unwrap();
        assert_eq!(predictions.firsts(), expected);
        assert_eq!(predictions.size_hint().1, Some(expected.len()));
    }
    let mut few = predictor.stream(10).unwrap();
    for bar in &all.bars()[..WINDOW - 1] {
        assert_eq!(few.push(*bar, None).unwrap(), None);
    }
    assert_eq!(few.finish().unwrap(), None);
}

/// What training computes for its metrics and its report.
#[test]
fn it_says_what_the_evaluation_of_the_training_says() {
    let bars = series();
    for config in configs() {
        let device = Device::flex();
        let (network, _) = config.build(&device).unwrap();
        let labeller = equipoise::expansion::label::RuleLabeller::new(Default::default()).unwrap();
        let windows = Windows::by_rule(&bars, &WindowGrid::new(WINDOW, 10), &labeller).unwrap();
        let batcher = config.batcher(&bars);
        let batch = batcher.batch(windows.iter().copied().collect(), &device);
        let expected = network.evaluate(network.represent(&batch), &batch);
        let expected = expected.unwrap().predictions().unwrap();

        let predictor = Predictor::new(network, config.data.features()).unwrap();
        let views: Vec<&[Bar]> = windows
            .iter()
            .map(|window| &bars.bars()[window.first..window.first + WINDOW])
            .collect();
        assert_eq!(predictor.predict_all(&views).unwrap(), expected);
        let alone: Vec<Prediction> = views
            .iter()
            .map(|view| predictor.predict(view).unwrap())
            .collect();
        assert_eq!(alone, expected);
    }
}

#[test]
fn a_network_from_training_draws_no_dropout() {
    let config = &configs()[1];
    let (network, _) = config.build(&Device::flex().autodiff()).unwrap();
    let features = config.data.features();
    let plain = Predictor::new(network.valid(), features).unwrap();
    let trained = Predictor::new(network, features).unwrap();
    let bars = series();
    let first = in_series(&trained, &bars, 10);
    assert_eq!(first, in_series(&trained, &bars, 10));
    assert_eq!(first, in_series(&plain, &bars, 10));
}

#[test]
fn threads_get_the_same_answers() {
    let predictor = predictor(&configs()[1], &Device::flex());
    let bars = Arc::new(series());
    let expected = in_series(&predictor, &bars, 3);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (predictor, bars) = (predictor.clone(), bars.clone());
            std::thread::spawn(move || bar_by_bar(&predictor, &bars, 3))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let (config, bars) = (&configs()[0], series());
    let predictor = predictor(config, &Device::flex());
    let words = |error: Error| error.to_string();

    let short = predictor.predict(&bars.bars()[..WINDOW - 1]).unwrap_err();
    assert_eq!(
        words(short),
        "`bars of window 0` is 29, but it must be 30, the window of the network"
    );
    let mut broken = bars.bars()[..WINDOW].to_vec();
    broken[4].high = f64::NAN;
    let views = [&bars.bars()[..WINDOW], &broken[..]];
    let error = words(predictor.predict_all(&views).unwrap_err());
    assert_eq!(
        error,
        "no prediction: window 1, bar 4: column `high` is NaN, which is not finite"
    );
    assert!(predictor.predict_all(&[]).unwrap().is_empty());

    let few = Bars::new(bars.bars()[..WINDOW - 1].to_vec(), None, "few.csv").unwrap();
    let error = words(predictor.windows(&few, 1).unwrap_err());
    assert_eq!(
        error,
        "few.csv: 29 bars, but 30 are needed (one window has 30)"
    );
    for error in [
        predictor.windows(&bars, 0).unwrap_err(),
        predictor.stream(0).unwrap_err(),
    ] {
        assert_eq!(words(error), "`stride` is 0, but it must be at least 1");
    }
    let (network, _) = config.build(&Device::flex()).unwrap();
    let features = FeatureSet {
        position: true,
        ..FeatureSet::default()
    };
    let error = words(Predictor::new(network, features).unwrap_err());
    assert!(error.starts_with("`model.features` is 12, but it must be 13"));
}

/// Bars that cannot be are refused, and the stream goes on as if they had never been there.
#[test]
fn a_stream_goes_on_after_a_bar_that_it_refused() {
    let predictor = predictor(&configs()[0], &Device::flex());
    let bars = series();
    let stamps = bars.timestamps().unwrap();
    let mut stream = predictor.stream(1).unwrap();
    let mut found = Vec::new();
    for (index, bar) in bars.bars().iter().enumerate() {
        let before = stream.taken();
        let mut upside_down = *bar;
        (upside_down.low, upside_down.high) = (bar.high + 1.0, bar.low);
        let error = stream.push(upside_down, Some(stamps[index])).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("no prediction: bar {index}: column `low`"))
        );
        if index > 0 {
            let error = stream.push(*bar, Some(stamps[index - 1] - 1)).unwrap_err();
            assert!(error.to_string().contains("is earlier than"), "{error}");
            let error = stream.push(*bar, None).unwrap_err();
            assert!(error.to_string().contains("it has no time"), "{error}");
        }
        assert_eq!(stream.taken(), before);
        found.extend(stream.push(*bar, Some(stamps[index])).unwrap());
    }
    assert_eq!(found, in_series(&predictor, &bars, 1));

    let mut stream = predictor.stream(1).unwrap();
    stream.push(bars.bars()[0], None).unwrap();
    let error = stream.push(bars.bars()[1], Some(0)).unwrap_err();
    assert!(error.to_string().contains("the bars before have none"));
}

struct Fill(f64);

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|values| values.full_like(self.0))
    }
}

fn filled(config: &ExpansionConfig, value: f64) -> ExpansionModel {
    let (network, _) = config.build(&Device::flex()).unwrap();
    network.map(&mut Fill(value))
}

#[test]
fn outputs_that_are_not_finite_are_no_prediction() {
    let (config, bars) = (&configs()[0], series());
    for value in [f64::NAN, 3e38] {
        let features = config.data.features();
        let predictor = Predictor::new(filled(config, value), features).unwrap();
        let found = predictor.windows(&bars, 40).unwrap();
        for (index, found) in found.enumerate() {
            let first = (40 * index).min(bars.len() - WINDOW);
            let error = found.unwrap_err().to_string();
            let expected = format!(
                "no prediction: what the network says of the window from bar {first} on is not finite"
            );
            assert!(error.starts_with(&expected), "{error}");
        }
        assert!(predictor.predict(&bars.bars()[..WINDOW]).is_err());
        assert!(bar_errors(&predictor, &bars));
    }
}

fn bar_errors(predictor: &Predictor, bars: &Bars) -> bool {
    let mut stream = predictor.stream(1).unwrap();
    let pushed = bars.bars()[..WINDOW]
        .iter()
        .map(|bar| stream.push(*bar, None));
    pushed.last().unwrap().is_err()
}

/// A small run in a folder.
fn trained(folder: &Path, epochs: usize) -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.model.hidden = 4;
    config.data.max_samples = Some(24);
    config.train.epochs = epochs;
    config.train.batch_size = 8;
    config.data.max_gap = Some(Duration::from_secs(7200));
    let config = config.resolved();
    let options = run::RunOptions {
        progress: Progress::Silent,
        ..Default::default()
    };
    run::train(&config, run::Data::load(&config).unwrap(), folder, options).unwrap();
    config
}

/// A run of two epochs, of which the first is made the better one.
#[test]
fn a_run_predicts_with_its_best_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let config = trained(folder.path(), 2);
    let bars = series();

    let table = folder.path().join("history.csv");
    let mut history = History::read_csv(&table).unwrap();
    for (epoch, loss) in [(1, 0.5), (2, 0.7)] {
        let name = quantity::RELATIVE_LOSS;
        history.record(epoch, Split::Valid, ALL_TASKS, name, loss);
    }
    history.write_csv(&table).unwrap();
    let of = |epoch| {
        let file = checkpoint::model_file(folder.path(), epoch);
        let predictor = Predictor::from_checkpoint(&config, file).unwrap();
        in_series(&predictor, &bars, 50)
    };
    let best = Predictor::from_run(folder.path()).unwrap();
    assert_eq!(best.max_gap(), config.data.max_gap);
    assert_eq!(in_series(&best, &bars, 50), of(1));
    assert_ne!(of(1), of(2), "two epochs that can be told apart");

    // The history of an epoch is there before its checkpoint.
    history.record(3, Split::Valid, ALL_TASKS, quantity::RELATIVE_LOSS, 0.1);
    history.write_csv(&table).unwrap();
    let best = Predictor::from_run(folder.path()).unwrap();
    assert_eq!(in_series(&best, &bars, 50), of(1));

    let whole = std::fs::read(&table).unwrap();
    history.truncate_after(1);
    history.write_csv(&table).unwrap();
    let error = Predictor::from_run(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("ends with epoch 1, but there is a checkpoint of epoch 2"),
        "{error}"
    );
    std::fs::write(&table, whole).unwrap();

    std::fs::remove_file(checkpoint::model_file(folder.path(), 1)).unwrap();
    let error = Predictor::from_run(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("epoch 1 is the best") && error.contains("the newest is 2"),
        "{error}"
    );
    // Without a history the newest is taken.
    std::fs::remove_file(table).unwrap();
    let newest = Predictor::from_run(folder.path()).unwrap();
    assert_eq!(in_series(&newest, &bars, 50), of(2));
    let error = Predictor::from_run(folder.path().join("none")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

/// A flipped bit in a table of numbers is another number, and nothing but the checksum can tell.
#[test]
fn a_damaged_checkpoint_is_refused_wherever_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let config = trained(folder.path(), 1);
    let file = checkpoint::model_file(folder.path(), 1);
    let sum = file.with_extension("bpk.crc32");
    let refused = |what: &str| {
        let error = Predictor::from_checkpoint(&config, &file).unwrap_err();
        let words = error.to_string();
        assert!(
            words.starts_with("checkpoint ") && words.contains("model-1.bpk"),
            "{what}: {words}"
        );
        words
    };
    let whole = std::fs::read(&file).unwrap();
    let recorded = std::fs::read(&sum).unwrap();
    for place in (0..whole.len()).step_by(97) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        std::fs::write(&file, &damaged).unwrap();
        let words = refused(&format!("a bit of byte {place}"));
        assert!(words.contains("is damaged: its CRC-32 is"), "{words}");
        // Without a checksum it may be another number, but never a panic.
        std::fs::remove_file(&sum).unwrap();
        let _ = Predictor::from_checkpoint(&config, &file);
        std::fs::write(&sum, &recorded).unwrap();
    }
    for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&file, &whole[..length]).unwrap();
        refused(&format!("cut to {length}"));
        std::fs::remove_file(&sum).unwrap();
        refused(&format!("cut to {length}, without a checksum"));
        std::fs::write(&sum, &recorded).unwrap();
    }
    std::fs::write(&file, &whole).unwrap();
    assert!(Predictor::from_checkpoint(&config, &file).is_ok());
    for wrong in [&b""[..], b"zz", b"\xff\xfe"] {
        std::fs::write(&sum, wrong).unwrap();
        let words = refused("the checksum");
        assert!(
            words.contains("model-1.bpk.crc32: holds") && words.contains("remove this one"),
            "{words}"
        );
    }
    // As a file of somebody who gives only that.
    std::fs::remove_file(&sum).unwrap();
    assert!(Predictor::from_checkpoint(&config, &file).is_ok());
}

#[test]
fn a_row_has_the_columns_that_are_documented() {
    let (bars, config) = (series(), &configs()[0]);
    let predictor = predictor(config, &Device::flex());
    let found = &in_series(&predictor, &bars, 40)[1];
    let mut table = csv::Writer::from_writer(Vec::new());
    table.serialize(found).unwrap();
    let text = String::from_utf8(table.into_inner().unwrap()).unwrap();
    let header = "first,last,start,end,type,probability,agreement,confidence,start_time,end_time,longest_step,\
                  pointers_start,pointers_end,binary_start,binary_end,countdown_start,countdown_end";
    assert_eq!(text.lines().next(), Some(header));
    assert_eq!(WindowPrediction::COLUMNS.join(","), header);

    let row = serde_json::to_value(found).unwrap();
    assert_eq!(row["first"], 40);
    assert_eq!(row["last"], 69);
    assert_eq!(row["start"], found.start());
    assert_eq!(row["pointers_end"], 40 + found.prediction.pointers.end);
    assert_eq!(row["type"], found.kind_name());
    assert_eq!(row["longest_step"], 3600);
    let time: jiff::Timestamp = row["start_time"].as_str().unwrap().parse().unwrap();
    assert_eq!(time.as_second(), found.times.as_ref().unwrap().start);

    let timeless = &in_series(&predictor, &without_stamps(&bars), 40)[1];
    let row = serde_json::to_value(timeless).unwrap();
    assert!(row["start_time"].is_null() && row["longest_step"].is_null());
}

/// Numbers of all sizes and kinds, and now and then a bar that can be.
fn any_bar() -> impl Strategy<Value = Bar> {
    let number = prop_oneof![
        any::<f64>(),
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE),
        0.5..2.0f64
    ];
    prop_oneof![
        (number.clone(), number.clone(), number.clone(), number).prop_map(
            |(open, high, low, close)| Bar {
                open,
                high,
                low,
                close
            }
        ),
        (any::<f64>(), any::<f64>()).prop_map(|(a, b)| {
            let (a, b) = (a.abs(), b.abs());
            Bar {
                open: a,
                high: a.max(b),
                low: a.min(b),
                close: b,
            }
        }),
    ]
}

/// Mostly to the next bar, now and then anywhere.
fn any_step() -> impl Strategy<Value = i64> {
    prop_oneof![20 => 0..100_000i64, 1 => any::<i64>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bars_make_it_panic_or_answer_with_what_is_no_number(
        bars in proptest::collection::vec((any_bar(), proptest::option::weighted(0.95, any_step())), 0..60)
    ) {
        let mut config = configs().swap_remove(1);
        config.model.window = 5;
        let predictor = predictor(&config, &Device::flex());
        let mut stream = predictor.stream(1).unwrap();
        let mut now = 0i64;
        for (bar, step) in &bars {
            now = step.map_or(now, |step| now.saturating_add(step));
            let Ok(Some(found)) = stream.push(*bar, step.map(|_| now)) else { continue };
            prop_assert!(found.prediction.probability.is_finite());
            prop_assert!(found.start() <= found.end() && found.end() <= found.last());
            prop_assert!(serde_json::to_string(&found).is_ok());
        }
        let plain: Vec<Bar> = bars.iter().map(|(bar, _)| *bar).collect();
        let _ = predictor.predict(&plain);
    }
}
