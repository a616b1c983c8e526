//! Windows of several instruments: none has bars of two, all are split at one moment, and a single instrument is as
//! before.

use std::path::{Path, PathBuf};

use equipoise::Error;
use equipoise::expansion::bars::{Bars, Instrument};
use equipoise::expansion::label::{Classes, LabelConfig, Marks, RuleLabeller};
use equipoise::expansion::model::Scores;
use equipoise::expansion::run::{self, DataFiles, ExpansionConfig, RunOptions};
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::window::{Resample, WindowGrid, Windows, with_resampled};
use equipoise::history::{ALL_TASKS, Split};
use equipoise::train::Progress;
use proptest::prelude::*;

const LENGTH: usize = 30;
const MINUTE: i64 = 60;

fn labeller() -> RuleLabeller {
    RuleLabeller::new(LabelConfig::default()).unwrap()
}

/// An instrument with a price, and a number of bars of its own, a minute each from `start` on.
fn instrument(name: &str, seed: u64, count: usize, start: Option<i64>) -> Instrument {
    let config = SimulatorConfig {
        price: 10f64.powi(seed as i32 % 5),
        ..SimulatorConfig::default().for_window(LENGTH)
    };
    let windows = count.div_ceil(LENGTH);
    let all = Simulator::new(config, seed).unwrap();
    let bars = all.simulate_windows(windows).bars.bars()[..count].to_vec();
    let stamps = start.map(|start| (0..count as i64).map(|t| start + t * MINUTE).collect());
    Instrument {
        name: name.into(),
        bars: Bars::new(bars, stamps, format!("{name}.csv")).unwrap(),
    }
}

fn three(times: bool) -> Vec<Instrument> {
    let start = |at: i64| times.then_some(1_700_000_000 + at * MINUTE);
    vec![
        instrument("AAA", 1, 700, start(0)),
        instrument("BBB", 2, 400, start(250)),
        instrument("CCC", 3, 900, start(-100)),
    ]
}

fn cut(instruments: &[Instrument], stride: usize) -> Windows {
    Windows::by_rule_each(instruments, &WindowGrid::new(LENGTH, stride), &labeller()).unwrap()
}

#[test]
fn windows_of_several_are_those_of_each_alone() {
    let instruments = three(true);
    let all = cut(&instruments, 7);
    assert_eq!(all.series().len(), 3);
    assert!(all.bars().timestamps().is_none());
    for (series, instrument) in all.series().iter().zip(&instruments) {
        assert_eq!(series.name(), instrument.name);
        let range = series.range();
        assert_eq!(&all.bars().bars()[range.clone()], instrument.bars.bars());
        let alone = Windows::by_rule(&instrument.bars, &WindowGrid::new(LENGTH, 7), &labeller());
        let own = all.of(series);
        let found: Vec<_> = own
            .iter()
            .map(|w| (w.first - range.start, w.label))
            .collect();
        let expected: Vec<_> = alone.unwrap().iter().map(|w| (w.first, w.label)).collect();
        assert_eq!(found, expected, "{}", series.name());
        for window in own.iter() {
            let last = window.first + LENGTH - 1;
            assert_eq!(all.place(last).unwrap().0.name(), series.name());
            let stamps = instrument.bars.timestamps().unwrap();
            assert_eq!(all.time(last), Some(stamps[last - range.start]));
        }
    }
    assert!(all.place(2000).is_none() && all.time(2000).is_none());
    let total: usize = all.series().iter().map(|series| all.of(series).len()).sum();
    assert_eq!(all.len(), total);
}

#[test]
fn a_single_instrument_is_its_series() {
    let one = instrument("AAA", 4, 600, Some(1_700_000_000));
    let grid = WindowGrid {
        at_most: Some(31),
        ..WindowGrid::new(LENGTH, 3)
    };
    let plain = Windows::by_rule(&one.bars, &grid, &labeller()).unwrap();
    let named = Windows::by_rule_each(std::slice::from_ref(&one), &grid, &labeller()).unwrap();
    assert!(plain.iter().eq(named.iter()));
    assert_eq!(named.bars().bars().as_ptr(), one.bars.bars().as_ptr());
    assert_eq!(named.bars().timestamps(), one.bars.timestamps());
    for fraction in [0.2, 0.33, 0.5] {
        let (one, other) = (
            plain.split(fraction).unwrap(),
            named.split(fraction).unwrap(),
        );
        assert!(one.0.iter().eq(other.0.iter()) && one.1.iter().eq(other.1.iter()));
    }
}

#[test]
fn the_largest_number_is_of_all_together() {
    let instruments = three(false);
    let whole = cut(&instruments, 2);
    let grid = WindowGrid {
        at_most: Some(100),
        ..WindowGrid::new(LENGTH, 2)
    };
    let thinned = Windows::by_rule_each(&instruments, &grid, &labeller()).unwrap();
    assert_eq!(thinned.len(), 100);
    for series in thinned.series() {
        let share = thinned.of(series).len() as f64 / 100.0;
        let expected = whole.of(series).len() as f64 / whole.len() as f64;
        assert!((share - expected).abs() < 0.02, "{}", series.name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn several_series_are_split_at_one_moment(
        counts in proptest::collection::vec((40usize..500, 0i64..600), 2..5),
        stride in 1usize..20,
        fraction in 0.05f64..0.9,
    ) {
        let instruments: Vec<Instrument> = counts
            .iter()
            .enumerate()
            .map(|(seed, (count, start))| {
                instrument(&format!("I{seed}"), seed as u64, *count, Some(1_700_000_000 + start * MINUTE))
            })
            .collect();
        let all = cut(&instruments, stride);
        let end = |w: &equipoise::expansion::window::Window| all.time(w.first + LENGTH - 1).unwrap();
        match all.split(fraction) {
            Ok((train, valid)) => {
                let moment = train.iter().map(end).max().unwrap();
                // As many windows train as asked, and those that end at the same minute as the last.
                let wanted = (all.len() as f64 * (1.0 - fraction)).round() as usize;
                let before = train.iter().filter(|w| end(w) < moment).count();
                prop_assert!(before < wanted && wanted <= train.len());
                prop_assert_eq!(all.iter().filter(|w| end(w) <= moment).count(), train.len());
                for window in valid.iter() {
                    // A window of bars of the same series lies between.
                    let (series, first) = all.place(window.first).unwrap();
                    let between = first.checked_sub(LENGTH).expect("a gap");
                    prop_assert!(all.time(series.range().start + between).unwrap() > moment);
                }
                // None is left out without need.
                let clear = |w: &&equipoise::expansion::window::Window| {
                    let (series, first) = all.place(w.first).unwrap();
                    first >= LENGTH && all.time(series.range().start + first - LENGTH).unwrap() > moment
                };
                prop_assert_eq!(all.iter().filter(clear).count(), valid.len());
            }
            Err(Error::File { reason, .. }) => prop_assert!(reason.contains("windows do not split"), "{reason}"),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn without_time_stamps_each_series_is_split_by_itself() {
    let mut instruments = three(true);
    instruments[1] = instrument("BBB", 2, 400, None);
    let all = cut(&instruments, 5);
    assert!(!all.has_common_times());
    let (train, valid) = all.split(0.3).unwrap();
    for (series, instrument) in all.series().iter().zip(&instruments) {
        let alone = Windows::by_rule(&instrument.bars, &WindowGrid::new(LENGTH, 5), &labeller());
        let (before, after) = alone.unwrap().split(0.3).unwrap();
        let start = series.range().start;
        for (side, expected) in [(&train, before), (&valid, after)] {
            let found: Vec<_> = side.of(series).iter().map(|w| w.first - start).collect();
            let expected: Vec<_> = expected.iter().map(|w| w.first).collect();
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn instruments_without_a_window_are_left_out_and_named() {
    let mut instruments = three(true);
    instruments.insert(1, instrument("NEW", 7, LENGTH - 1, Some(0)));
    let all = cut(&instruments, 5);
    assert_eq!(all.series().len(), 3);
    let [(name, reason)] = all.without_windows() else {
        panic!("{:?}", all.without_windows());
    };
    assert_eq!(name, "NEW");
    assert!(reason.starts_with("29 bars, but 30 are needed"), "{reason}");
    let few = [instruments[1].clone(), instrument("OLD", 8, 5, None)];
    let error = Windows::by_rule_each(&few, &WindowGrid::new(LENGTH, 1), &labeller());
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("none of 2 instruments has a window; the first, NEW: 29 bars"),
        "{error}"
    );
    let error = Windows::by_rule_each(&[], &WindowGrid::new(LENGTH, 1), &labeller());
    assert!(error.is_err());
}

#[test]
fn joined_stretches_are_of_one_instrument_and_of_its_training_bars() {
    // Prices a thousandfold apart, so that a stretch tells its series.
    let mut instruments = three(true);
    instruments.push(instrument("NEW", 9, 45, Some(1_700_000_000)));
    let (train, _) = cut(&instruments, 5).split(0.2).unwrap();
    let joined = Resample {
        copies: 2,
        stride: 10,
        seed: 3,
    };
    let more = with_resampled(&train, &joined, &labeller()).unwrap();
    assert_eq!(more.len(), 3 * train.len());
    let own = train.bars().len();
    assert_eq!(&more.bars().bars()[..own], train.bars().bars());
    let added = &more.bars().bars()[own..];
    let mut drawn = std::collections::BTreeSet::new();
    for segment in added.chunks(2 * LENGTH) {
        let first = &segment[..LENGTH];
        let known = train.bars().bars();
        let places: Vec<usize> = (0..=known.len() - LENGTH)
            .filter(|place| &known[*place..place + LENGTH] == first)
            .collect();
        let [place] = places[..] else {
            panic!("{places:?}");
        };
        let (series, inside) = train.place(place).unwrap();
        drawn.insert(series.name().to_owned());
        let last = train.of(series).iter().last().unwrap().first + LENGTH;
        assert!(
            series.range().start + inside + LENGTH <= last,
            "a bar after the training"
        );
        // The price goes on where the first stretch ends, within the range of its instrument.
        let level = |bars: &[equipoise::expansion::bars::Bar]| bars[bars.len() - 1].close;
        let ratio = level(segment) / level(first);
        assert!((0.5..2.0).contains(&ratio), "{ratio}");
    }
    let names: Vec<&str> = drawn.iter().map(String::as_str).collect();
    assert_eq!(names, ["AAA", "BBB", "CCC"], "NEW is too short");
}

fn write(path: &Path, instruments: &[Instrument]) {
    let mut rows = Vec::new();
    for one in instruments {
        for (index, bar) in one.bars.bars().iter().enumerate() {
            let time = one.bars.timestamps().map_or(0, |times| times[index]);
            rows.push((
                time,
                format!(
                    "{time},{},{},{},{},{}",
                    one.name, bar.open, bar.high, bar.low, bar.close
                ),
            ));
        }
    }
    rows.sort_by_key(|(time, _)| *time);
    let rows: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    let text = format!("time,symbol,open,high,low,close\n{}\n", rows.join("\n"));
    std::fs::write(path, text).unwrap();
}

fn config(files: impl Into<DataFiles>) -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.data.path = Some(files.into());
    config.data.stride = 5;
    config.model.window = LENGTH;
    config.model.hidden = 4;
    config.train.epochs = 1;
    config.resolved()
}

/// One file with three instruments, three files, and a pattern are the same windows.
#[test]
fn files_are_one_or_several_or_a_pattern() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let instruments = three(true);
    write(&place("all.csv"), &instruments);
    std::fs::create_dir(place("each")).unwrap();
    for one in &instruments {
        write(
            &place(&format!("each/{}.csv", one.name)),
            std::slice::from_ref(one),
        );
    }
    let names = ["each/AAA.csv", "each/BBB.csv", "each/CCC.csv"];
    let several = DataFiles::new(names.map(place));
    let pattern = DataFiles::from(place("each/*.csv"));
    assert_eq!(pattern.files().unwrap(), several.files().unwrap());
    // The order of first rows, in which CCC is the first.
    let order = |config: &ExpansionConfig| {
        let data = run::Data::load(config).unwrap();
        let named = data.train.series().iter();
        let names: Vec<String> = named.map(|series| series.name().to_owned()).collect();
        let mut windows: Vec<_> = [&data.train, &data.valid]
            .into_iter()
            .flat_map(|side| side.iter().map(move |w| (side, w)))
            .map(|(side, w)| {
                let (series, first) = side.place(w.first).unwrap();
                (series.name().to_owned(), first, w.label.start, w.label.end)
            })
            .collect();
        windows.sort();
        (names, windows, data.notes)
    };
    let (names, windows, notes) = order(&config(place("all.csv")));
    assert_eq!(names, ["CCC", "AAA", "BBB"]);
    let said = notes.join("\n");
    assert!(
        said.contains("read 2000 bars of 3 instruments from "),
        "{said}"
    );
    assert!(said.contains(": CCC 900, AAA 700, BBB 400"), "{said}");
    assert!(
        said.contains("in every instrument; the training ends with 2023-11-15T"),
        "{said}"
    );
    for files in [several, pattern] {
        let (names, same, _) = order(&config(files));
        assert_eq!(names, ["AAA", "BBB", "CCC"]);
        assert_eq!(same, windows);
    }
    // The same instrument in another file is another series.
    let twice = DataFiles::new([place("each/AAA.csv"), place("all.csv")]);
    let (names, ..) = order(&config(twice));
    assert_eq!(names[0], "AAA");
    assert!(
        names[2].starts_with("AAA (") && names[2].ends_with("all.csv)"),
        "{names:?}"
    );
}

#[test]
fn files_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let refused = |files: DataFiles| files.files().unwrap_err().to_string();
    let none = DataFiles::new(Vec::<PathBuf>::new());
    assert_eq!(
        refused(none),
        "`data.path` is an empty list, but it must be a path, or a list with at least one path"
    );
    let nothing = refused(place("*.csv").into());
    assert!(
        nothing.ends_with("*.csv: no file matches this pattern"),
        "{nothing}"
    );
    let broken = refused(place("a[.csv").into());
    assert!(
        broken.contains("is no pattern for names of files"),
        "{broken}"
    );
    let twice = refused(DataFiles::new(["a.csv", "a.csv"]));
    assert!(twice.contains("a.csv, twice"), "{twice}");
    // The names of folders that exist are no patterns.
    std::fs::create_dir(place("bars [2024]")).unwrap();
    std::fs::write(place("bars [2024]/a.csv"), "").unwrap();
    let inside = DataFiles::from(place("bars [2024]/*.csv"));
    assert_eq!(inside.files().unwrap(), [place("bars [2024]/a.csv")]);
    // A file with such a name is itself.
    std::fs::write(place("a[1].csv"), "").unwrap();
    let named = DataFiles::from(place("a[1].csv"));
    assert_eq!(named.files().unwrap(), [place("a[1].csv")]);
}

#[test]
fn files_are_a_string_or_a_list_in_a_config() {
    let read = |json: &str| serde_json::from_str::<DataFiles>(json);
    assert_eq!(read("\"a.csv\"").unwrap(), DataFiles::from("a.csv"));
    let two = DataFiles::new(["a.csv", "b.csv"]);
    assert_eq!(read("[\"a.csv\", \"b.csv\"]").unwrap(), two);
    assert_eq!(
        serde_json::to_string(&two).unwrap(),
        "[\"a.csv\",\"b.csv\"]"
    );
    let one = serde_json::to_string(&DataFiles::from("a.csv")).unwrap();
    assert_eq!(one, "\"a.csv\"", "as in configs of one file");
    let error = read("3").unwrap_err().to_string();
    assert!(
        error.contains("expected a path, or a list of paths"),
        "{error}"
    );
    assert_eq!(two.to_string(), "a.csv, b.csv");
}

#[test]
fn marks_belong_to_instruments() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marks.csv");
    let instruments = three(true);
    let read = |text: &str, instruments: &[Instrument]| {
        std::fs::write(&file, text).unwrap();
        Marks::read_each(&file, instruments, &Classes::default(), None)
            .map_err(|error| error.to_string())
    };
    let text = "symbol,start,end,type\nBBB,40,44,reversal\nAAA,10,12,breakout\nXYZ,1,2,breakout\nAAA,40,43,reversal\n";
    let (marks, notes) = read(text, &instruments).unwrap();
    let spans = |marks: &Marks| marks.iter().map(|m| (m.start, m.end)).collect::<Vec<_>>();
    assert_eq!(spans(&marks[0]), [(10, 12), (40, 43)]);
    assert_eq!(spans(&marks[1]), [(40, 44)]);
    assert!(marks[2].is_empty());
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].starts_with("left out 1 marked expansions of instruments whose bars"),
        "{notes:?}"
    );
    let windows = Windows::by_hand_each(&instruments, &WindowGrid::new(LENGTH, 1), &marks).unwrap();
    for window in windows.iter() {
        let (series, first) = windows.place(window.first).unwrap();
        let span = (first + window.label.start, first + window.label.end);
        let index = instruments.iter().position(|one| one.name == series.name());
        assert!(
            spans(&marks[index.unwrap()]).contains(&span),
            "{} {span:?}",
            series.name()
        );
    }
    let named: Vec<usize> = windows
        .series()
        .iter()
        .map(|s| windows.of(s).len())
        .collect();
    assert!(named[0] > 0 && named[1] > 0 && named[2] == 0, "{named:?}");

    let nameless = read("start,end,type\n40,44,reversal\n", &instruments).unwrap_err();
    assert!(
        nameless.contains(
            "marks.csv, line 1: names no instrument, and the bars are those of 3 (AAA, BBB, CCC)"
        ),
        "{nameless}"
    );
    let strangers = read("ticker,start,end,type\nXYZ,1,2,breakout\n", &instruments).unwrap_err();
    assert!(
        strangers.contains("none of 1 marked expansions"),
        "{strangers}"
    );
    // One instrument takes its own rows, and all rows where none is named as it is.
    let one = &instruments[..1];
    assert_eq!(read(text, one).unwrap().0[0].len(), 2);
    let (all, notes) = read(
        "name,start,end,type\nfirst,1,2,breakout\nlast,9,9,reversal\n",
        one,
    )
    .unwrap();
    assert_eq!(all[0].len(), 2);
    assert!(
        notes[0].contains("column `name` of") && notes[0].contains("was ignored"),
        "{notes:?}"
    );
    assert_eq!(
        read("start,end,type\n40,44,reversal\n", one).unwrap().0[0].len(),
        1
    );
}

/// Marks of other instruments are never those of the only series.
#[test]
fn marks_of_another_instrument_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marks.csv");
    let mut one = instrument("AAA", 1, 200, Some(1_700_000_000));
    let read = |text: &str, one: &Instrument| {
        std::fs::write(&file, text).unwrap();
        let all = Marks::read_each(&file, std::slice::from_ref(one), &Classes::default(), None);
        all.map(|(marks, notes)| (marks[0].len(), notes))
            .map_err(|error| error.to_string())
    };
    let two = "symbol,start,end,type\nXXX,1,2,breakout\nYYY,5,6,breakout\nXXX,8,9,reversal\n";
    let other = "symbol,start,end,type\nXXX,1,2,breakout\nXXX,8,9,reversal\n";
    // The name is that of the file, so the bars do not say whose they are.
    let error = read(two, &one).unwrap_err();
    assert!(
        error.contains("line 1: column `symbol` names 2 instruments (`XXX`, `YYY`)"),
        "{error}"
    );
    let (count, notes) = read(other, &one).unwrap();
    assert_eq!((count, notes.len()), (2, 1));
    let alone = Marks::read_csv(&file, &one.bars, &Classes::default(), None).unwrap();
    assert_eq!(alone.len(), 2);
    // The name is that of the bars.
    one.name = "ZZZ".into();
    for text in [two, other] {
        let error = read(text, &one).unwrap_err();
        assert!(
            error.contains("marked expansions is of an instrument whose bars are read"),
            "{error}"
        );
    }
    one.name = "YYY".into();
    assert_eq!(read(two, &one).unwrap().0, 1);
}

/// A file has one order of day and month, which one row of any instrument may tell.
#[test]
fn the_order_of_dates_is_that_of_the_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marks.csv");
    // From 2024-01-01 on, hours for three months.
    let hours = |name: &str, seed| {
        let plain = instrument(name, seed, 2160, None);
        let stamps = (0..2160).map(|hour| 1_704_067_200 + 3600 * hour).collect();
        let bars = Bars::new(
            plain.bars.bars().to_vec(),
            Some(stamps),
            format!("{name}.csv"),
        );
        Instrument {
            bars: bars.unwrap(),
            ..plain
        }
    };
    let both = [hours("AAA", 1), hours("BBB", 2)];
    let text = "symbol,start,end,type\nAAA,02/03/2024 01:00,02/03/2024 03:00,0\nBBB,01/13/2024 01:00,01/13/2024 02:00,0\n";
    std::fs::write(&file, text).unwrap();
    let (marks, _) = Marks::read_each(&file, &both, &Classes::default(), None).unwrap();
    let first = marks[0].iter().next().unwrap();
    assert_eq!(
        first.start,
        33 * 24 + 1,
        "the third of February, as the row of BBB tells"
    );
    // A row of an instrument that is not read tells too.
    let (marks, _) = Marks::read_each(&file, &both[..1], &Classes::default(), None).unwrap();
    assert_eq!(marks[0].iter().next().unwrap().start, 33 * 24 + 1);
}

/// The scores of the instruments add up to the metrics of the run.
#[test]
fn every_instrument_is_scored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.csv");
    write(&file, &three(true));
    let mut config = config(file);
    (config.data.mirror, config.data.resampled) = (true, 1);
    let data = run::Data::load(&config).unwrap();
    let (valid, out) = (data.valid.clone(), folder.path().join("run"));
    let options = RunOptions {
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let outcome = run::train(&config, data, out, options).unwrap();
    let device = config.backend.device().unwrap();
    let batcher = config.batcher(valid.bars());
    let network = &outcome.model.network;
    let scores = run::InstrumentScores::of_predictions(network, &valid, &batcher, &device).unwrap();
    let mut all = Scores::default();
    scores.iter().for_each(|one| all.merge(&one.scores));
    assert_eq!(all.windows, valid.len());
    let of = |task, quantity| {
        let series = outcome.history.series(Split::Valid, task, quantity);
        series.at(1).unwrap()
    };
    let windows = all.windows as f64;
    for (found, expected) in [
        (all.right_kinds as f64 / windows, of("type", "accuracy")),
        (all.iou / windows, of(ALL_TASKS, "iou")),
        (
            all.countdown_error / windows,
            of("countdown", "error_in_bars"),
        ),
    ] {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    assert!(all.pointer_error >= 0.0 && all.pointer_error / windows < LENGTH as f64);
    let section = run::InstrumentScores::section(&scores).unwrap();
    let page = equipoise::report::Report::new("A run")
        .with_section(section)
        .html();
    for one in &scores {
        assert!(page.contains(&format!("<th scope=\"row\">{}</th>", one.name)));
    }
    let figures =
        run::WindowFigure::of_predictions(network, &valid, &batcher, &device, 20).unwrap();
    assert!(
        figures
            .iter()
            .any(|figure| figure.title.starts_with("AAA, bars "))
    );
    assert!(figures.iter().all(|figure| figure.title.contains(" UTC")));
    // One series is scored by the metrics alone.
    let one = valid.of(&valid.series()[0].clone());
    assert_eq!(one.series().len(), 3);
    let simulated = Simulator::new(SimulatorConfig::default().for_window(LENGTH), 1).unwrap();
    let single = simulated.simulate_windows(3).windows();
    assert!(
        run::InstrumentScores::of_predictions(network, &single, &batcher, &device)
            .unwrap()
            .is_empty()
    );
    assert!(run::InstrumentScores::section(&[]).is_none());
}

/// A name that two files have is the instruments of both.
#[test]
fn a_name_is_chosen_from_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let start = |at: i64| Some(1_700_000_000 + at * MINUTE);
    write(&place("one.csv"), &[instrument("AAA", 1, 700, start(0))]);
    write(&place("two.csv"), &[instrument("AAA", 2, 700, start(0))]);
    let mut both = config(DataFiles::new(["one.csv", "two.csv"].map(place)));
    both.data.instrument = Some("AAA".into());
    let names = |config: &ExpansionConfig| -> Vec<String> {
        let train = run::Data::load(config).unwrap().train;
        let names = train.series().iter().map(|series| series.name().to_owned());
        names.collect()
    };
    assert_eq!(names(&both), ["AAA", "AAA (two.csv)"]);
    both.data.instrument = Some("AAA (two.csv)".into());
    assert_eq!(names(&both), ["AAA (two.csv)"]);
}

/// The bar of an hour trains until the hour ends, so the minutes of the hour do not validate.
#[test]
fn validation_waits_for_the_longest_bar() {
    let mut instruments = three(true);
    let hours = instrument("HOUR", 4, 400, None);
    let stamps = (0..400)
        .map(|hour| 1_700_000_000 + (hour - 390) * 3600)
        .collect();
    let bars = Bars::new(hours.bars.bars().to_vec(), Some(stamps), "HOUR.csv").unwrap();
    instruments.push(Instrument { bars, ..hours });
    let (train, valid) = cut(&instruments, 3).split(0.2).unwrap();
    let last = |windows: &Windows| {
        windows
            .iter()
            .map(|w| w.first + LENGTH - 1)
            .collect::<Vec<_>>()
    };
    let time = |windows: &Windows, bar: usize| {
        let all = windows.series().iter().zip(&instruments);
        let of = |(series, one): (_, &Instrument)| {
            let series: &equipoise::expansion::window::Series = series;
            let place = bar.checked_sub(series.range().start)?;
            let times = one.bars.timestamps().unwrap();
            (series.range().contains(&bar)).then(|| times[place])
        };
        all.filter_map(of).next().unwrap()
    };
    let latest = last(&train)
        .into_iter()
        .map(|bar| time(&train, bar))
        .max()
        .unwrap();
    let firsts = valid.iter().map(|w| time(&valid, w.first));
    assert!(firsts.min().unwrap() >= latest + 3600);
}
