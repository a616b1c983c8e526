//! A run that starts from another one's network: with a backbone that stays, and from a PyTorch checkpoint.

#![cfg(feature = "expansion")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use equipoise::Error;
use equipoise::expansion::model::{ExpansionBatcher, ExpansionModel};
use equipoise::expansion::run::{self, ExpansionConfig, RunOptions};
use equipoise::history::{History, Split, quantity};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::train::{Outcome, Progress, checkpoint};
use support::{Table, gradients, parameters};

/// Burn's devices have one random state, so runs that draw from it must not overlap.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(|broken| broken.into_inner())
}

/// A small network over simulated windows, every step audited, with what could move a parameter without a gradient.
fn config(strategy: &str) -> ExpansionConfig {
    let mut config = ExpansionConfig {
        weighting: ExpansionConfig::preset(strategy).unwrap(),
        ..ExpansionConfig::default()
    };
    config.data.max_samples = Some(40);
    config.model.hidden = 4;
    config.model.layers = 2;
    config.train.epochs = 2;
    config.train.batch_size = 8;
    config.train.weight_decay = 0.1;
    config.train.audit_every = Some(1);
    config.resolved()
}

fn train(
    config: &ExpansionConfig,
    folder: &Path,
    init: Option<PathBuf>,
    resume: bool,
) -> Result<Outcome<ExpansionModel>, Error> {
    let options = RunOptions {
        init,
        resume,
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    run::train(config, run::Data::load(config).unwrap(), folder, options)
}

type Tables = BTreeMap<String, Table>;

/// The parameters of the backbone, and the others.
fn split(tables: Tables) -> (Tables, Tables) {
    let backbone = |name: &String| name.starts_with("lstm.");
    tables.into_iter().partition(|(name, _)| backbone(name))
}

/// A network that has learned for one epoch.
fn teacher(folder: &Path) -> (PathBuf, Tables) {
    let mut config = config("uncertainty");
    config.train.epochs = 1;
    let outcome = train(&config, folder, None, false).unwrap();
    let parameters = parameters(&outcome.model.network);
    (checkpoint::model_file(folder, 1), parameters)
}

#[test]
fn a_frozen_backbone_stays_to_the_bit_under_every_strategy() {
    let _alone = alone();
    let first = tempfile::tempdir().unwrap();
    let (file, before) = teacher(first.path());
    let (backbone, heads) = split(before);
    assert_eq!(backbone.len(), 16, "two layers, two directions, four each");
    for strategy in ExpansionConfig::STRATEGIES {
        for clip_norm in [None, Some(0.1)] {
            let mut config = config(strategy);
            config.train.clip_norm = clip_norm;
            config.train.epochs = 1;
            config.freeze_backbone = true;
            let folder = tempfile::tempdir().unwrap();
            let outcome = train(&config, folder.path(), Some(file.clone()), false).unwrap();
            let (found, trained) = split(parameters(&outcome.model.network));
            assert_eq!(found, backbone, "{strategy}");
            for (name, table) in trained {
                assert_ne!(table, heads[&name], "{strategy}: `{name}` has learned");
            }
            // What the audit measures at the representation does not need the backbone's gradient.
            let share = |task| {
                outcome
                    .history
                    .last(Split::Train, task, quantity::GRADIENT_SHARE)
            };
            let shares =
                ["type", "pointers", "binary", "countdown"].map(|task| share(task).unwrap());
            let sum: f64 = shares.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{strategy}: {shares:?}");
        }
    }
}

#[test]
fn a_backbone_that_is_not_frozen_learns() {
    let _alone = alone();
    let first = tempfile::tempdir().unwrap();
    let (file, before) = teacher(first.path());
    let folder = tempfile::tempdir().unwrap();
    let outcome = train(&config("uncertainty"), folder.path(), Some(file), false).unwrap();
    let (backbone, _) = split(before);
    for (name, table) in split(parameters(&outcome.model.network)).0 {
        assert_ne!(table, backbone[&name], "{name}");
    }
}

#[test]
fn a_resumed_run_keeps_the_backbone_frozen_and_repeats_the_whole_one() {
    let _alone = alone();
    let first = tempfile::tempdir().unwrap();
    let (file, before) = teacher(first.path());
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut config = config("uncertainty");
    config.freeze_backbone = true;
    let outcome = train(&config, whole.path(), Some(file.clone()), false).unwrap();
    let mut short = config.clone();
    short.train.epochs = 1;
    train(&short, parts.path(), Some(file), false).unwrap();

    let stored = ExpansionConfig::read(parts.path().join("config.json")).unwrap();
    assert!(stored.freeze_backbone);
    let mut thawed = config.clone();
    thawed.freeze_backbone = false;
    let error = train(&thawed, parts.path(), None, true)
        .unwrap_err()
        .to_string();
    assert!(error.contains("`freeze_backbone`"), "{error}");

    let resumed = train(&config, parts.path(), None, true).unwrap();
    let found = parameters(&resumed.model.network);
    assert_eq!(found, parameters(&outcome.model.network));
    assert_eq!(split(found).0, split(before).0);
    let history = |folder: &Path| History::read_csv(folder.join("history.csv")).unwrap();
    assert_eq!(history(parts.path()), history(whole.path()));
}

#[test]
fn a_frozen_backbone_needs_something_to_start_from() {
    let mut config = config("manual");
    config.freeze_backbone = true;
    let folder = tempfile::tempdir().unwrap();
    let error = train(&config, folder.path(), None, false)
        .unwrap_err()
        .to_string();
    assert!(error.contains("`freeze_backbone` is true"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The graph ends at the representation, so there is nothing to run backwards below it.
#[test]
fn no_gradient_goes_below_the_representation() {
    let _alone = alone();
    let config = config("manual");
    let windows = run::Data::load(&config).unwrap().train;
    for (backend, device) in support::devices() {
        let device = device.autodiff();
        let (network, _) = config.build(&device).unwrap();
        let model = &config.model;
        let batcher = ExpansionBatcher::new(
            windows.bars(),
            model.window,
            config.data.position,
            model.countdown,
        );
        let items = (0..4).map(|index| windows.get(index).unwrap()).collect();
        let batch = batcher.batch(items, &device);
        for (network, frozen) in [
            (network.clone(), false),
            (network.with_frozen_backbone(), true),
        ] {
            let representation = network.represent(&batch);
            let losses = network.task_losses(Branches::together(representation, 4), &batch);
            let backward = losses.values().sum().backward();
            let (backbone, heads) = split(gradients(&network, &backward));
            let zero = |table: &Table| table.values.iter().all(|value| *value == 0.0);
            assert_eq!(backbone.values().all(zero), frozen, "{backend}");
            assert!(!heads.values().any(zero), "{backend}");
        }
    }
}

#[test]
fn our_own_checkpoints_leave_the_config_alone() {
    let config = config("uncertainty");
    for file in [None, Some(Path::new("model-3.bpk"))] {
        let (same, notes) = config.clone().follow_init(file).unwrap();
        assert_eq!(same, config);
        assert!(notes.is_empty());
    }
}

/// No parameter depends on the window, so windows of one length start from a network of another.
#[test]
fn a_network_goes_on_with_windows_of_another_length() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (file, before) = teacher(&folder.path().join("teacher"));
    let mut asked = ExpansionConfig::default();
    asked.model.window = 40;
    asked.data.max_samples = Some(40);
    asked.train.epochs = 1;
    asked.train.learning_rate = 1e-30;
    let (config, notes) = asked.resolved().follow_init(Some(&file)).unwrap();
    assert_eq!(
        (config.model.window, config.data.simulator.window),
        (40, 40)
    );
    assert_eq!((config.model.hidden, config.model.layers), (4, 2));
    assert_eq!(notes.len(), 1);
    let outcome = train(
        &config,
        &folder.path().join("run"),
        Some(file.clone()),
        false,
    )
    .unwrap();
    assert_eq!(split(parameters(&outcome.model.network)).0, split(before).0);
    // Without a window of its own the config takes that of the run.
    let (same, _) = ExpansionConfig::default().follow_init(Some(&file)).unwrap();
    assert_eq!(same.model.window, 105);
}

#[cfg(not(feature = "pytorch"))]
#[test]
fn a_pytorch_file_asks_for_the_feature() {
    let file = support::fixture("checkpoints/compact_raw.pt");
    let error = config("manual")
        .follow_init(Some(&file))
        .unwrap_err()
        .to_string();
    assert!(error.contains("Cargo's feature `pytorch`"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error = train(&config("manual"), folder.path(), Some(file), false).unwrap_err();
    assert!(
        error.to_string().contains("Cargo's feature `pytorch`"),
        "{error}"
    );
}

#[cfg(feature = "pytorch")]
mod pytorch {
    use equipoise::expansion::label::CountdownForm;
    use equipoise::expansion::pytorch::{PytorchCheckpoint, PytorchExport};
    use equipoise::expansion::run::{InitSelection, export_run};
    use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
    use equipoise::weighting::{StrategyConfig, Uncertainty};

    use super::*;
    use crate::support::{assert_all_close, devices, fixture, values};

    fn file(name: &str) -> PathBuf {
        fixture(&format!("checkpoints/{name}.pt"))
    }

    /// The defaults but for the data, which is little.
    fn usual(strategy: &str) -> ExpansionConfig {
        let mut config = ExpansionConfig {
            weighting: ExpansionConfig::preset(strategy).unwrap(),
            ..ExpansionConfig::default()
        };
        config.data.max_samples = Some(16);
        config.train.epochs = 1;
        config.train.batch_size = 4;
        config.resolved()
    }

    #[test]
    fn the_config_follows_the_file_where_it_has_defaults() {
        let (config, notes) = usual("uncertainty")
            .follow_init(Some(&file("compact_training")))
            .unwrap();
        assert!(config.data.position);
        assert_eq!(config.model.features, 13);
        let checkpoint = PytorchCheckpoint::read(file("compact_training")).unwrap();
        let weighting = config.weighting.get::<Uncertainty>();
        let weighting = weighting.expect("the same strategy");
        assert_eq!(
            weighting.log_sigma,
            checkpoint.uncertainty().unwrap().log_sigma
        );
        assert_eq!(notes.len(), 1, "{notes:?}");
        for part in ["compact_training.pt", "13 features", "log sigma"] {
            assert!(notes[0].contains(part), "{notes:?}");
        }
        config.validate().unwrap();

        let (config, notes) = usual("manual")
            .follow_init(Some(&file("compact_raw")))
            .unwrap();
        assert_eq!(config, usual("manual"), "everything fits already");
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn what_was_set_stays_or_is_refused_with_both_numbers() {
        let own = Uncertainty::default().with_log_sigma([("type", 0.5)]);
        let mut config = usual("uncertainty");
        config.weighting = StrategyConfig::new(own);
        let (same, _) = config
            .clone()
            .follow_init(Some(&file("compact_raw")))
            .unwrap();
        assert_eq!(same, config);

        let mut wide = usual("manual");
        wide.model.hidden = 128;
        let mut position = usual("manual");
        position.data.position = true;
        for (config, parts) in [
            (wide, ["model.hidden", "128", "96"]),
            (position.resolved(), ["model.features", "13", "12"]),
        ] {
            let file = file("compact_raw");
            let error = config
                .clone()
                .follow_init(Some(&file))
                .unwrap_err()
                .to_string();
            for part in parts.iter().chain(&["compact_raw.pt"]) {
                assert!(error.contains(part), "{error}");
            }
            // Also where nobody asked first.
            let folder = tempfile::tempdir().unwrap();
            let error = train(&config, folder.path(), Some(file), false)
                .unwrap_err()
                .to_string();
            assert!(error.contains(parts[0]), "{error}");
        }
    }

    /// A network of other sizes, written by the exporter.
    fn other(folder: &Path, form: CountdownForm, features: usize) -> PathBuf {
        let mut config = ExpansionConfig::default().model;
        config.features = features;
        config.hidden = 6;
        config.layers = 2;
        config.projection = 5;
        config.countdown = form;
        let model = config.init(&devices()[0].1).unwrap();
        let file = folder.join("other.safetensors");
        PytorchExport::new(&model).unwrap().write(&file).unwrap();
        file
    }

    #[test]
    fn other_sizes_and_a_scalar_countdown_are_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = other(folder.path(), CountdownForm::Scalar, 12);
        for strategy in ["manual", "scalar-countdown"] {
            let (config, notes) = usual(strategy).follow_init(Some(&file)).unwrap();
            let model = &config.model;
            assert_eq!((model.hidden, model.layers, model.projection), (6, 2, 5));
            assert_eq!(
                (model.countdown, model.countdown_scale),
                (CountdownForm::Scalar, 1.0)
            );
            assert_eq!(notes.len(), 1);
            config.validate().unwrap();
        }
        let eleven = other(folder.path(), CountdownForm::PerBar, 11);
        let error = usual("manual")
            .follow_init(Some(&eleven))
            .unwrap_err()
            .to_string();
        assert!(error.contains("11 features"), "{error}");
    }

    /// Nothing is learned at this rate, so what comes out is what went in.
    #[test]
    fn a_run_starts_from_the_file_and_goes_back_to_pytorch() {
        let _alone = alone();
        for name in ["compact_raw", "compact_training"] {
            let (mut config, _) = usual("uncertainty").follow_init(Some(&file(name))).unwrap();
            config.train.learning_rate = 1e-30;
            config.freeze_backbone = true;
            let folder = tempfile::tempdir().unwrap();
            let outcome = train(&config, folder.path(), Some(file(name)), false).unwrap();
            let before = PytorchCheckpoint::read(file(name)).unwrap();
            let model = before.model(&devices()[0].1).unwrap();
            let expected = parameters(&model);
            for (path, found) in parameters(&outcome.model.network) {
                // The countdown head of the run is scaled.
                let scale = if path.starts_with("countdown.") {
                    config.model.countdown_scale
                } else {
                    1.0
                };
                let found: Vec<f64> = found.values.iter().map(|v| v * scale).collect();
                assert_all_close(&path, &found, &expected[&path].values, 1e-6, 1e-9);
            }
            let back = folder.path().join("back.safetensors");
            export_run(folder.path(), 1).unwrap().write(&back).unwrap();
            let back = PytorchCheckpoint::read(back).unwrap();
            assert_eq!(back.log_sigma(), before.log_sigma());
            let again = parameters(&back.model(&devices()[0].1).unwrap());
            assert_eq!(
                split(again).0,
                split(expected).0,
                "to the bit, though saved in between"
            );
        }
    }

    /// A run of a few windows with a volume, exported: its folder has `bars.csv` and `network.safetensors`.
    fn exported(folder: &Path, features: impl Fn(&mut ExpansionConfig)) -> (PathBuf, PathBuf) {
        let simulator = Simulator::new(SimulatorConfig::default(), 1).unwrap();
        let bars = simulator.simulate_windows(4).bars;
        let rows = bars.bars().iter().enumerate();
        let rows = rows.map(|(index, bar)| {
            let volume = index % 7 + 1;
            format!(
                "{},{},{},{},{volume}\n",
                bar.open, bar.high, bar.low, bar.close
            )
        });
        let text: String = rows.collect();
        let bars = folder.join("bars.csv");
        std::fs::write(&bars, format!("open,high,low,close,volume\n{text}")).unwrap();
        let mut config = usual("manual");
        config.model.window = 30;
        config.model.hidden = 4;
        config.model.features = 12;
        config.data.path = Some(bars.clone().into());
        features(&mut config);
        let run = folder.join("run");
        train(&config.resolved(), &run, None, false).unwrap();
        let file = folder.join("network.safetensors");
        export_run(&run, 1).unwrap().write(&file).unwrap();
        (bars, file)
    }

    #[test]
    fn an_exported_file_tells_what_its_inputs_are() {
        let _alone = alone();
        let folder = tempfile::tempdir().unwrap();
        let (bars, file) = exported(folder.path(), |config| {
            config.data.moves = true;
            config.data.features_from = vec!["volume".into()];
        });
        let names = export_run(folder.path().join("run"), 1).unwrap();
        let names = names.inputs().unwrap().names();
        assert_eq!(names.len(), 17);
        assert_eq!(names[11..14], ["consol_proxy", "move", "true_range"]);
        assert_eq!(names[16], "volume");
        assert_eq!(
            PytorchCheckpoint::read(&file)
                .unwrap()
                .inputs()
                .unwrap()
                .names(),
            names
        );
        let mut asked = usual("manual");
        asked.model.window = 30;
        asked.data.path = Some(bars.into());
        let (config, notes) = asked.clone().follow_init(Some(&file)).unwrap();
        assert!(config.data.moves && !config.data.position);
        assert_eq!(config.data.features_from, ["volume"]);
        assert_eq!(config.model.features, 17);
        assert!(
            notes[0].contains("the features move, true_range"),
            "{notes:?}"
        );
        config.validate().unwrap();
        let (same, _) = config.clone().follow_init(Some(&file)).unwrap();
        assert_eq!(same, config);

        // As many inputs are not the same inputs.
        let mut other = config;
        other.data.features_from = vec!["open_interest".into()];
        let error = other.follow_init(Some(&file)).unwrap_err().to_string();
        let expected = "`data.features_from` is open_interest, but it must be volume";
        assert!(error.contains(expected), "{error}");
        asked.data.position = true;
        let error = asked.resolved().follow_init(Some(&file)).unwrap_err();
        assert!(
            error.to_string().contains("`data.position` is true"),
            "{error}"
        );
    }

    /// A 13th input is the position only if the config has no other feature.
    #[test]
    fn a_file_that_tells_nothing_is_read_as_the_note_says() {
        let folder = tempfile::tempdir().unwrap();
        let file = other(folder.path(), CountdownForm::PerBar, 13);
        assert_eq!(PytorchCheckpoint::read(&file).unwrap().inputs(), None);
        let (config, notes) = usual("manual").follow_init(Some(&file)).unwrap();
        assert!(config.data.position);
        let expected = "the last is taken for the position in the window (`data.position`)";
        assert!(notes[0].contains(expected), "{notes:?}");

        let mut volume = usual("manual");
        volume.data.path = Some("bars.csv".into());
        volume.data.features_from = vec!["volume".into()];
        // With and without the number of features, which a library's user may not have resolved.
        for asked in [volume.clone(), volume.resolved()] {
            let (config, notes) = asked.follow_init(Some(&file)).unwrap();
            assert!(!config.data.position);
            assert_eq!(config.model.features, 13);
            assert!(notes[0].contains("taken for volume"), "{notes:?}");
        }

        let seventeen = other(folder.path(), CountdownForm::PerBar, 17);
        let error = usual("manual").follow_init(Some(&seventeen)).unwrap_err();
        let error = error.to_string();
        for part in ["`model.features` is 12", "17 features", "`data.moves`"] {
            assert!(error.contains(part), "{error}");
        }
        let mut moves = usual("manual");
        moves.data.position = true;
        moves.data.moves = true;
        let (_, notes) = moves.resolved().follow_init(Some(&seventeen)).unwrap();
        let expected = "taken for position_encoding, move, true_range, move_5, move_20";
        assert!(notes[0].contains(expected), "{notes:?}");
    }

    /// Two networks in one file, and a tensor that no network has.
    fn two_networks(folder: &Path) -> PathBuf {
        let file = other(folder, CountdownForm::PerBar, 12);
        let bytes = std::fs::read(&file).unwrap();
        let one = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut all = Vec::new();
        for prefix in ["student.", "teacher."] {
            let named = one.tensors().into_iter();
            all.extend(named.map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
        let foreign = one.tensor("classifier.1.bias").unwrap();
        all.push(("teacher.criterion.weight".into(), foreign));
        let file = folder.join("two.safetensors");
        std::fs::write(&file, safetensors::serialize(all, None).unwrap()).unwrap();
        file
    }

    #[test]
    fn a_network_of_several_in_a_file_is_chosen() {
        let _alone = alone();
        let folder = tempfile::tempdir().unwrap();
        let file = two_networks(folder.path());
        let follow =
            |selection: &InitSelection| usual("manual").follow_init_with(Some(&file), selection);
        let error = follow(&InitSelection::default()).unwrap_err().to_string();
        assert!(error.contains("`Selection::prefix`"), "{error}");
        let mut selection = InitSelection {
            prefix: Some("teacher".into()),
            ..InitSelection::default()
        };
        let error = follow(&selection).unwrap_err().to_string();
        assert!(error.contains("`Selection::leave_out`"), "{error}");
        selection.leave_out = vec!["student".into(), "criterion".into()];
        let (config, _) = follow(&selection).unwrap();
        assert_eq!(config.model.hidden, 6);
        let options = RunOptions {
            init: Some(file.clone()),
            init_selection: selection.clone(),
            progress: Progress::Silent,
            ..RunOptions::default()
        };
        let data = || run::Data::load(&config).unwrap();
        run::train(&config, data(), folder.path().join("run"), options).unwrap();
        // Without the choice the run cannot begin.
        let run = folder.path().join("other");
        assert!(train(&config, &run, Some(file.clone()), false).is_err());

        selection.key = Some("ema".into());
        let error = follow(&selection).unwrap_err().to_string();
        assert!(error.contains("`Selection::key`"), "{error}");
        let own = checkpoint::model_file(folder.path().join("run"), 1);
        let error = config.follow_init_with(Some(&own), &selection).unwrap_err();
        let expected = "`Selection::key` is ema, but it must be left out";
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn a_countdown_of_the_other_form_starts_anew() {
        let _alone = alone();
        let config = usual("scalar-countdown");
        let (config, _) = config.follow_init(Some(&file("compact_raw"))).unwrap();
        assert_eq!(config.model.countdown, CountdownForm::Scalar);
        let folder = tempfile::tempdir().unwrap();
        let mut frozen = config.clone();
        frozen.freeze_backbone = true;
        let outcome = train(&frozen, folder.path(), Some(file("compact_raw")), false).unwrap();
        let device = &devices()[0].1;
        let expected = PytorchCheckpoint::read(file("compact_raw"))
            .unwrap()
            .model(device)
            .unwrap();
        let found = split(parameters(&outcome.model.network)).0;
        assert_eq!(found, split(parameters(&expected)).0);
        assert_eq!(
            values(
                &outcome
                    .model
                    .network
                    .forward(support::tensor(&vec![0.5; 105 * 12], [1, 105, 12], device))
                    .countdown
            )
            .len(),
            1
        );
    }

    #[test]
    fn a_damaged_file_stops_the_run_before_it_writes() {
        let folder = tempfile::tempdir().unwrap();
        let damaged = folder.path().join("net.pt");
        let mut bytes = std::fs::read(file("compact_raw")).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&damaged, bytes).unwrap();
        let run = folder.path().join("run");
        for error in [
            usual("manual").follow_init(Some(&damaged)).unwrap_err(),
            train(&usual("manual"), &run, Some(damaged.clone()), false).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Checkpoint { .. }), "{error:?}");
            assert!(error.to_string().contains("net.pt"), "{error}");
        }
        assert!(!run.exists());
    }
}

/// As many features are not the same features.
#[test]
fn a_network_with_other_features_is_refused() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = teacher(&folder.path().join("teacher"));
    let run = folder.path().join("teacher/config.json");
    let mut stored = ExpansionConfig::read(&run).unwrap();
    stored.data.position = true;
    stored.model.features = 13;
    stored.write(&run).unwrap();
    let mut asked = stored.clone();
    asked.model.hidden = 4;
    asked.data.position = false;
    asked.data.features_from = vec!["volume".into()];
    let error = asked.follow_init(Some(&file)).unwrap_err().to_string();
    assert!(
        error.contains("`data.position` is false, but it must be true"),
        "{error}"
    );
    let (same, _) = stored.clone().follow_init(Some(&file)).unwrap();
    assert_eq!(same, stored);
}

/// A step so small that every parameter stays where it started.
fn hardly_moved(file: &Path, types: &[&str]) -> Tables {
    let mut config = config("uncertainty");
    let data = run::Data::load(&config).unwrap();
    config.model.types = types.iter().map(ToString::to_string).collect();
    (config.train.epochs, config.train.weight_decay) = (1, 0.0);
    config.train.learning_rate = 1e-12;
    let options = RunOptions {
        init: Some(file.into()),
        progress: Progress::Silent,
        ..RunOptions::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let outcome = run::train(&config, data, folder.path(), options).unwrap();
    parameters(&outcome.model.network)
}

#[test]
fn a_head_of_other_types_starts_anew_and_nothing_else() {
    let _alone = alone();
    let first = tempfile::tempdir().unwrap();
    let (file, before) = teacher(first.path());
    // As many types, but others, and another number.
    for types in [
        &["up", "down", "flat"][..],
        &["up", "down", "flat", "odd"],
        &["a", "b", "c", "d", "e"],
    ] {
        for (name, table) in hardly_moved(&file, types) {
            let near = before[&name].shape == table.shape
                && before[&name]
                    .values
                    .iter()
                    .zip(&table.values)
                    .all(|(a, b)| (a - b).abs() < 1e-6);
            assert_eq!(near, !name.starts_with("classifier."), "{types:?}: {name}");
        }
    }
    let same = hardly_moved(&file, &["breakout", "continuation", "reversal"]);
    for (name, table) in same {
        let near = before[&name]
            .values
            .iter()
            .zip(&table.values)
            .all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near, "{name}");
    }
}

/// The network of a run with types of its own is fitted to what is asked for.
#[test]
fn a_config_follows_the_types_of_the_run_only_for_labels_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let mut stored = config("uncertainty");
    stored.model.types = ["flag", "wedge"].map(String::from).to_vec();
    stored.data.path = Some("bars.csv".into());
    stored.data.marks = Some("labels.csv".into());
    stored.write(folder.path().join("config.json")).unwrap();
    let file = checkpoint::model_file(folder.path(), 1);
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "").unwrap();
    let follow = |config: ExpansionConfig| config.follow_init(Some(&file)).unwrap().0.model;
    let usual = ExpansionConfig::default();
    let rule = usual.model.types.clone();
    let mut by_hand = usual.clone();
    by_hand.data.path.clone_from(&stored.data.path);
    by_hand.data.marks.clone_from(&stored.data.marks);
    let mut own = by_hand.clone();
    own.model.types = ["x", "y", "z"].map(String::from).to_vec();
    assert_eq!(follow(usual).types, rule, "the rule has types of its own");
    assert_eq!(follow(by_hand).types, stored.model.types);
    let found = follow(own.clone());
    assert_eq!(
        (found.types, found.hidden),
        (own.model.types, stored.model.hidden)
    );
}
