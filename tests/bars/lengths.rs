//! Windows of 20 to 1,000 bars: simulated and cut from a series, labelled, split, trained on, drawn and predicted.

use equipoise::Error;
use equipoise::expansion::bars::{Bars, CsvOptions, read_csv};
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::predictor::Predictor;
use equipoise::expansion::run::{self, Data, ExpansionConfig, RunOptions};
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::window::{WindowGrid, Windows};
use equipoise::history::{Split, quantity};
use equipoise::train::Progress;

const LENGTHS: [usize; 6] = [20, 33, 64, 105, 400, 1000];

fn tiny(window: usize) -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.model.window = window;
    config.model.hidden = 4;
    config.data.max_samples = Some(40);
    config.train.epochs = 1;
    config.train.batch_size = 8;
    config
}

/// Writes a simulated series of at least `bars` bars, as CSV.
fn series(bars: usize, path: &std::path::Path) {
    let windows = bars.div_ceil(105);
    let simulator = Simulator::new(SimulatorConfig::default(), 5).unwrap();
    let simulated = simulator.simulate_windows(windows).bars;
    let rows = simulated.bars().iter();
    let rows: Vec<String> = rows
        .map(|bar| format!("{},{},{},{}", bar.open, bar.high, bar.low, bar.close))
        .collect();
    let text = format!("open,high,low,close\n{}\n", rows.join("\n"));
    std::fs::write(path, text).unwrap();
}

/// Trains for an epoch, and checks the losses, the report and the predictions of the trained network.
fn check_run(config: &ExpansionConfig, data: Data) {
    let folder = tempfile::tempdir().unwrap();
    let length = config.model.window;
    let (bars, valid) = (data.valid.bars().clone(), data.valid.clone());
    let options = RunOptions {
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let outcome = run::train(config, data, folder.path(), options).unwrap();
    for task in ["type", "pointers", "binary", "countdown"] {
        let losses = outcome.history.series(Split::Valid, task, quantity::LOSS);
        let loss = losses.at(1).unwrap();
        assert!(loss.is_finite() && loss > 0.0, "{length}, {task}: {loss}");
    }
    let device = config.backend.device().unwrap();
    let network = &outcome.model.network;
    let batcher = config.batcher(&bars);
    let figures = run::WindowFigure::of_predictions(network, &valid, &batcher, &device, 3).unwrap();
    assert!(!figures.is_empty());
    for figure in &figures {
        assert_eq!(figure.bars.len(), length);
        let (truth, found) = (figure.truth.unwrap(), figure.predicted.unwrap());
        assert!(truth.end < length && found.end < length);
    }
    let html = run::WindowFigure::section(&figures);
    assert!(html.is_some());
    let predictor = Predictor::from_run(folder.path()).unwrap();
    assert_eq!(predictor.window(), length);
    let series = Bars::new(bars.bars()[..length + 7].to_vec(), None, "a test").unwrap();
    let found = predictor.windows(&series, 5).unwrap();
    let found: Vec<_> = found.map(|found| found.unwrap()).collect();
    let firsts: Vec<usize> = found.iter().map(|found| found.first).collect();
    assert_eq!(firsts, [0, 5, 7], "{length}");
    assert!(found.iter().all(|found| found.end() <= found.last()));
}

#[test]
fn simulated_windows_of_every_length_are_learned_from() {
    for length in LENGTHS {
        for form in [CountdownForm::PerBar, CountdownForm::Scalar] {
            let mut config = tiny(length);
            config.model.countdown = form;
            if form == CountdownForm::Scalar {
                config.model.countdown_scale = 1.0;
            }
            let config = config.resolved();
            config.validate().unwrap();
            assert_eq!(config.clone().resolved(), config);
            let data = run::Data::load(&config).unwrap();
            for windows in [&data.train, &data.valid] {
                assert!(windows.labels().all(|label| label.end < length));
            }
            let mut starts: Vec<usize> = data.train.labels().map(|label| label.start).collect();
            starts.sort_unstable();
            starts.dedup();
            // An expansion at the same place in every window could be found without a look at the price.
            assert!(starts.len() >= 4, "{length}: {starts:?}");
            check_run(&config, data);
        }
    }
}

#[test]
fn windows_of_every_length_are_cut_from_a_series() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    series(14_000, &path);
    for length in LENGTHS {
        let mut config = tiny(length);
        config.data.path = Some(path.clone().into());
        config.data.mirror = true;
        config.data.resampled = 1;
        let config = config.resolved();
        config.validate().unwrap();
        let data = run::Data::load(&config).unwrap();
        assert!(data.train.len() > 40, "joined and mirrored");
        let labels = config.data.labels.clone();
        for label in data.train.labels().chain(data.valid.labels()) {
            let bars = label.end + 1 - label.start;
            assert!((labels.min_length..=labels.max_length).contains(&bars));
            assert!(label.start >= labels.atr_bars && label.end < length);
        }
        let kinds: Vec<usize> = data.train.labels().map(|l| l.kind.index()).collect();
        assert!((0..3).all(|kind| kinds.contains(&kind)), "{length}");
        check_run(&config, data);
    }
}

#[test]
fn a_window_that_is_too_short_or_too_long_is_refused_in_words_of_the_config() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    series(2000, &path);
    let refused = |window: usize, simulated: bool| {
        let mut config = tiny(window);
        if !simulated {
            config.data.path = Some(path.clone().into());
        }
        let config = config.resolved();
        let error = config
            .validate()
            .and_then(|()| run::Data::load(&config).map(drop));
        error.unwrap_err().to_string()
    };
    for (window, simulated, expected) in [
        (
            0,
            false,
            "`model.window` is 0, but it must be from 1 to 10000",
        ),
        (
            10_001,
            true,
            "`model.window` is 10001, but it must be from 1 to 10000",
        ),
        (
            12,
            false,
            "`model.window` is 12, but it must be at least 13, or the rule finds no",
        ),
        (
            12,
            true,
            "`data.simulator.window` is 12, but it must be from 14",
        ),
        // Twice the window over the share of the validation windows, and the window itself.
        (
            400,
            false,
            "with `model.window` 400 and `data.valid_fraction` 0.2, about 4400 bars are needed, and there are 2100",
        ),
        (
            2500,
            false,
            "2100 bars, but 2500 are needed (one window has 2500; a smaller `model.window` needs fewer)",
        ),
    ] {
        let said = refused(window, simulated);
        assert!(said.contains(expected), "{window}: {said}");
    }
}

/// The number of bars in the message is enough, and not much more than needed.
#[test]
fn as_many_bars_as_the_message_asks_for_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    series(14_000, &path);
    let (all, _) = read_csv(&path, &CsvOptions::default()).unwrap();
    let labeller = equipoise::expansion::label::RuleLabeller::new(Default::default()).unwrap();
    let split = |length: usize, bars: usize, stride: usize| {
        let bars = Bars::new(all.bars()[..bars].to_vec(), None, "a test").unwrap();
        let windows = Windows::by_rule(&bars, &WindowGrid::new(length, stride), &labeller)?;
        windows.split(0.2).map(drop)
    };
    for length in [20, 105, 400, 1000] {
        let Error::File { reason, .. } = split(length, 2 * length, 5).unwrap_err() else {
            panic!("another error");
        };
        let words: Vec<&str> = reason.split(' ').collect();
        let place = words.iter().position(|word| *word == "about").unwrap();
        let needed: usize = words[place + 1].parse().unwrap();
        split(length, needed + 5, 5).unwrap();
        assert!(split(length, needed * 9 / 10, 5).is_err(), "{length}");
    }
}
