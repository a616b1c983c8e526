//! Types of expansion of one's own: any number of them, named in the config, from labels made by hand.

use std::fs;
use std::path::{Path, PathBuf};

use equipoise::expansion::label::{Classes, ExpansionType};
use equipoise::expansion::model::baselines;
use equipoise::expansion::predictor::Predictor;
use equipoise::expansion::run::{self, ClassWeights, ExpansionConfig, RunOptions, WindowFigure};
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::history::Split;
use equipoise::train::Progress;

const NAMES: [&str; 5] = ["flag", "pennant", "wedge", "double top", "channel, rising"];
const LENGTH: usize = 40;
const WINDOWS: usize = 60;

/// Writes bars with one expansion in every forty, and their labels with the name of the type from `name`.
fn files(folder: &Path, name: impl Fn(usize) -> String) -> (PathBuf, PathBuf) {
    let simulator = Simulator::new(SimulatorConfig::default().for_window(LENGTH), 3).unwrap();
    let simulation = simulator.simulate_windows(WINDOWS);
    let (bars, labels) = (folder.join("bars.csv"), folder.join("labels.csv"));
    let rows: String = (simulation.bars.bars().iter().enumerate())
        .map(|(at, bar)| {
            let time = 1_700_000_000 + 60 * at;
            format!(
                "{time},{},{},{},{}\n",
                bar.open, bar.high, bar.low, bar.close
            )
        })
        .collect();
    fs::write(&bars, format!("time,open,high,low,close\n{rows}")).unwrap();
    let rows: String = (simulation.expansions.iter().enumerate())
        .map(|(index, found)| format!("{},{},\"{}\"\n", found.start, found.end, name(index)))
        .collect();
    fs::write(&labels, format!("start,end,type\n{rows}")).unwrap();
    (bars, labels)
}

fn config(bars: &Path, labels: &Path, types: &[&str]) -> ExpansionConfig {
    let mut config = ExpansionConfig::default();
    config.data.path = Some(bars.into());
    config.data.marks = Some(labels.into());
    config.data.stride = 1;
    config.data.max_samples = Some(240);
    config.model.window = LENGTH;
    config.model.hidden = 4;
    config.model.types = types.iter().map(ToString::to_string).collect();
    config.train.epochs = 1;
    config.train.batch_size = 16;
    config.resolved()
}

fn of_five(folder: &Path) -> ExpansionConfig {
    let (bars, labels) = files(folder, |index| NAMES[index % 5].into());
    config(&bars, &labels, &NAMES)
}

#[test]
fn five_types_go_through_training_report_and_prediction() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = of_five(folder.path());
    config.data.class_weights = ClassWeights::Balanced;
    let data = run::Data::load(&config).unwrap();
    let kinds = |kind: usize| {
        data.train
            .labels()
            .filter(|l| l.kind.index() == kind)
            .count()
    };
    assert!((0..5).all(|kind| kinds(kind) > 0));
    let said = format!(
        "types of the training windows: {} flag, {} pennant, {} wedge, {} double top, {} channel, rising;",
        kinds(0),
        kinds(1),
        kinds(2),
        kinds(3),
        kinds(4)
    );
    assert!(
        data.notes.iter().any(|note| note.starts_with(&said)),
        "{:#?}",
        data.notes
    );

    // The best constant is at most as bad as equal probabilities of five types.
    let constants = baselines(&data.train, &data.valid, &config.model);
    let constant = constants
        .iter()
        .find(|b| b.task == "type" && b.split == Split::Valid);
    let constant = constant.unwrap().constant.unwrap();
    assert!(constant > 3f64.ln() && constant <= 5f64.ln(), "{constant}");

    let run_folder = folder.path().join("run");
    let (valid, batcher) = (data.valid.clone(), config.batcher(data.valid.bars()));
    let options = RunOptions {
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let outcome = run::train(&config, data, &run_folder, options).unwrap();
    let network = outcome.model.network;
    let device = config.backend.device().unwrap();
    let figures = WindowFigure::of_predictions(&network, &valid, &batcher, &device, 12).unwrap();
    let mut wanted = valid.labels().map(|label| NAMES[label.kind.index()]);
    let first = wanted.next().unwrap();
    assert!(
        figures
            .iter()
            .any(|figure| figure.caption.contains(&format!("True: {first}, bars"))),
        "{:?}",
        figures[0].caption
    );
    let weights = fs::read_to_string(run_folder.join("class_weights.json")).unwrap();
    let weights: serde_json::Value = serde_json::from_str(&weights).unwrap();
    let weights = &weights["types"];
    assert!(
        NAMES
            .iter()
            .all(|name| weights[name]["weight"].as_f64().unwrap() > 0.0)
    );

    // A prediction has the name of the type whose logit is the largest.
    let predictor = Predictor::from_run(&run_folder).unwrap();
    let (bars, _) = config
        .data
        .read_bars(&folder.path().join("bars.csv"))
        .unwrap();
    for found in predictor.windows(&bars, 97).unwrap() {
        let found = found.unwrap();
        assert!(found.kind().index() < 5);
        assert_eq!(found.kind_name(), NAMES[found.kind().index()]);
        assert_eq!(
            serde_json::to_value(&found).unwrap()["type"],
            found.kind_name()
        );
        assert!(found.prediction.probability >= 0.2);
    }
}

/// A network of five types learns five types, which three outputs could not.
#[test]
fn five_types_are_learned() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = of_five(folder.path());
    // The type is the fifth of the expansions, by length, that an expansion belongs to.
    let (bars, labels) = files(folder.path(), |_| "flag".into());
    let text = fs::read_to_string(&labels).unwrap();
    let spans = text.lines().skip(1).map(|row| {
        let mut cells = row.split(',').map_while(|cell| cell.parse::<usize>().ok());
        (cells.next().unwrap(), cells.next().unwrap())
    });
    let spans: Vec<(usize, usize)> = spans.collect();
    let shorter = |bars: usize| {
        spans
            .iter()
            .filter(|(start, end)| end - start < bars)
            .count()
    };
    let rows = spans.iter().map(|(start, end)| {
        let name = NAMES[5 * shorter(end - start) / spans.len()];
        format!("{start},{end},\"{name}\"\n")
    });
    let rows: String = rows.collect();
    fs::write(&labels, format!("start,end,type\n{rows}")).unwrap();
    config.data.path = Some(bars.into());
    config.train.epochs = 80;
    (config.model.input_dropout, config.model.head_dropout) = (0.0, 0.0);
    config.model.hidden = 24;
    let data = run::Data::load(&config).unwrap();
    let (valid, batcher) = (data.train.clone(), config.batcher(data.train.bars()));
    let options = RunOptions {
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let outcome = run::train(&config, data, folder.path().join("run"), options).unwrap();
    let device = config.backend.device().unwrap();
    let count = valid.len();
    let figures =
        WindowFigure::of_predictions(&outcome.model.network, &valid, &batcher, &device, count);
    let figures = figures.unwrap();
    let predicted = |name: &str| {
        let said = format!("Predicted: {name} (");
        figures
            .iter()
            .filter(|figure| figure.caption.contains(&said))
            .count()
    };
    let several = NAMES.iter().filter(|name| predicted(name) > 0).count();
    let right = figures.iter().filter(|figure| {
        let name = |start: &str, end: &str| {
            let from = figure.caption.split(start).nth(1).unwrap();
            from.split(end).next().unwrap().to_owned()
        };
        name("True: ", ", bars ") == name("Predicted: ", " (")
    });
    let right = right.count();
    println!("{several} types predicted, {right} of {count} right");
    assert!(
        several == 5 && 10 * right > 8 * count,
        "{several} types, {right} of {count}"
    );
}

/// The settings that the message names read the very file.
#[test]
fn unknown_types_are_refused_with_the_setting_that_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let message = |name: &dyn Fn(usize) -> String, types: &[&str]| {
        let (bars, labels) = files(folder.path(), name);
        match run::Data::load(&config(&bars, &labels, types)) {
            Ok(data) => Ok(data.train.len()),
            Err(error) => Err(error.to_string()),
        }
    };
    let own = |index: usize| ["bear", "bull", "flat"][index % 3].to_string();
    let said = message(&own, &ExpansionType::RULE_NAMES).unwrap_err();
    assert!(
        said.contains("labels.csv")
            && said.ends_with("line 2: the type is `bear`, expected breakout, continuation, reversal or a number from 0 to 2; if all types of the file are meant, list them in `model.types`: bear,bull,flat"),
        "{said}"
    );
    assert!(message(&own, &["bear", "bull", "flat"]).is_ok());
    // Numbers from 1 are no classes from 0.
    let numbers = |index: usize| (1 + index % 3).to_string();
    let said = message(&numbers, &ExpansionType::RULE_NAMES).unwrap_err();
    assert!(
        said.ends_with("list them in `model.types`: 1,2,3"),
        "{said}"
    );
    assert!(message(&numbers, &["1", "2", "3"]).is_ok());
    let said = message(&|index| (index % 4).to_string(), &["1", "2", "3"]).unwrap_err();
    assert!(
        said.contains("the type is `0`, expected 1, 2, 3; "),
        "{said}"
    );
    // A slip of the pen among known names is no type of its own.
    let slip = |index: usize| ["bear", "bull", "bulll"][index % 3].to_string();
    let said = message(&slip, &["bear", "bull"]).unwrap_err();
    assert!(
        said.contains(
            "the type is `bulll`, expected bear, bull or a number from 0 to 1; correct the type, or"
        ),
        "{said}"
    );
    assert!(!said.contains("if all types"), "{said}");
}

#[test]
fn names_that_cannot_be_are_refused() {
    let refused = |names: &[&str]| {
        let mut config = ExpansionConfig::default();
        config.model.types = names.iter().map(ToString::to_string).collect();
        config.validate().unwrap_err().to_string()
    };
    for (names, found) in [
        (
            &["one"][..],
            "`model.types` is a list of 1, but it must be 2 to 1000 names",
        ),
        (&["one", " "], "`model.types` is ` `"),
        (&["one", "two "], "`model.types` is `two `"),
        (&["one", "t\u{1b}[31mwo"], "`model.types` is `t"),
        (&["one", "ONE"], "`model.types` is `ONE`, twice"),
    ] {
        let said = refused(names);
        assert!(
            said.starts_with(found) && !said.contains('\u{1b}'),
            "{said}"
        );
    }
    assert!(
        Classes::new((0..1000).map(|n| format!("t{n}")))
            .validate()
            .is_ok()
    );
    assert!(
        Classes::new((0..1001).map(|n| format!("t{n}")))
            .validate()
            .is_err()
    );
}

/// The rule and the simulator know three types, and a network of others would learn names that mean nothing.
#[test]
fn the_rule_and_the_simulator_have_their_own_types() {
    let folder = tempfile::tempdir().unwrap();
    let by_hand = of_five(folder.path());
    let mut by_rule = by_hand.clone();
    by_rule.data.marks = None;
    let mut simulated = by_rule.clone();
    simulated.data.path = None;
    for config in [by_rule, simulated.resolved()] {
        let said = run::Data::load(&config).unwrap_err().to_string();
        assert!(
            said.starts_with("`model.types` is flag, pennant, wedge, double top, channel, rising, but it must be breakout, continuation, reversal, the types of the rule"),
            "{said}"
        );
    }
}

/// A config as version 0.1.0 wrote it, with the names of the rule's types as classes.
#[test]
fn a_config_of_before_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let text =
        r#"{"data": {"classes": {"breakout": 0, "burst": 1, "continuation": 1, "reversal": 2}}}"#;
    fs::write(&file, text).unwrap();
    let config = ExpansionConfig::read(&file).unwrap();
    config.validate().unwrap();
    assert_eq!(config.model.types, ExpansionType::RULE_NAMES);
    assert_eq!(config.classes().names().len(), 3);
}
