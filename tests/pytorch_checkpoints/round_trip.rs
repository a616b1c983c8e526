//! Out and in again: the same bits, under the names of either generation.

use std::collections::BTreeSet;

use burn::tensor::{Device, Distribution, Tensor};
use equipoise::Error;
use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::model::{ExpansionModel, ExpansionModelConfig, Pooling};
use equipoise::expansion::pytorch::{Generation, PytorchCheckpoint, PytorchExport};
use equipoise::task::{Task, TaskSet};
use equipoise::weighting::BuiltIn;
use equipoise::weighting::Uncertainty;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::networks::{safetensors_file, tables};
use crate::support::{
    Noise, assert_all_close, change_parameters, devices, fixture, parameters, tensor, values,
};
use crate::{Scene, assert_says};

/// The names in a safetensors file.
fn names(bytes: &[u8]) -> BTreeSet<String> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    file.names().into_iter().map(String::from).collect()
}

#[test]
fn in_and_out_and_in_gives_the_same_bits() {
    for name in ["compact_raw", "compact_training"] {
        let first = PytorchCheckpoint::read(fixture(&format!("checkpoints/{name}.pt"))).unwrap();
        for (_, device) in devices() {
            let model = first.model(&device).unwrap();
            let scene = Scene::new("back.safetensors");
            let export = PytorchExport::new(&model).unwrap();
            export
                .with_log_sigma(first.log_sigma().unwrap())
                .with_generation(first.generation())
                .write(scene.path())
                .unwrap();
            let second = PytorchCheckpoint::read(scene.path()).unwrap();
            assert_eq!(second.config(), first.config());
            assert_eq!(second.generation(), first.generation());
            assert_eq!(second.log_sigma(), first.log_sigma());
            let again = second.model(&device).unwrap();
            assert_eq!(parameters(&again), parameters(&model), "{name}");
        }
    }
}

/// What `load_state_dict(strict=True)` asks for are the names of the network, which the fixtures list.
#[test]
fn each_generation_gets_its_names() {
    let device = &devices()[0].1;
    let model = ExpansionModelConfig::default().init(device).unwrap();
    let export = PytorchExport::new(&model).unwrap().with_log_sigma([0.0; 4]);
    let scene = Scene::new("net.safetensors");
    let written = |export: PytorchExport| {
        export.write(scene.path()).unwrap();
        std::fs::read(scene.path()).unwrap()
    };
    let older = written(export.clone());
    let listed: BTreeSet<String> = tables(model.config(), 0).keys().cloned().collect();
    assert_eq!(names(&older), listed);
    let newer = names(&written(export.with_generation(Generation::Span)));
    let added = [
        "expansion_span_emission.1.bias",
        "expansion_span_emission.1.weight",
        "log_sigma_span",
    ];
    let expected: BTreeSet<String> = listed.into_iter().chain(added.map(String::from)).collect();
    assert_eq!(newer, expected);
    let (_, header) = SafeTensors::read_metadata(&older).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["format"], "pt");
    let bare = PytorchExport::new(&model).unwrap();
    assert!(
        !names(&written(bare))
            .iter()
            .any(|name| name.starts_with("log_sigma"))
    );
    assert_eq!(
        std::fs::read_dir(scene.folder.path()).unwrap().count(),
        1,
        "nothing is left over"
    );
}

#[test]
fn the_tensors_are_written_as_the_safetensors_library_writes_them() {
    let config = ExpansionModelConfig {
        features: 3,
        hidden: 4,
        projection: 5,
        ..ExpansionModelConfig::default()
    };
    let bytes = safetensors_file(&tables(&config, 9));
    let scene = Scene::new("net.safetensors");
    let checkpoint = scene.read(&bytes).unwrap();
    let model = checkpoint.model(&devices()[0].1).unwrap();
    let export = PytorchExport::new(&model).unwrap();
    let export = export.with_log_sigma(checkpoint.log_sigma().unwrap());
    export.write(scene.path()).unwrap();
    let (mut header, tensors) = parts(&std::fs::read(scene.path()).unwrap());
    let (mut expected, those) = parts(&bytes);
    assert_eq!(tensors, those);
    // The number of the form is ours.
    let metadata = |header: &mut serde_json::Map<String, Value>| header.remove("__metadata__");
    let own = serde_json::json!({"format": "pt", "equipoise.format": "2"});
    assert_eq!(metadata(&mut header), Some(own));
    metadata(&mut expected);
    assert_eq!(header, expected);
}

/// The header and the tensors of a safetensors file.
fn parts(bytes: &[u8]) -> (serde_json::Map<String, Value>, Vec<u8>) {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, tensors) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (serde_json::from_slice(header).unwrap(), tensors.to_vec())
}

fn countdown(model: &ExpansionModel, device: &Device) -> Vec<f64> {
    let input = tensor(&Noise::new(3).many(2 * 105 * 12), [2, 105, 12], device);
    values(&model.forward(input).countdown)
}

/// The original has no scale behind its countdown head, so the parameters take it over.
#[test]
fn the_scale_of_the_countdown_goes_into_its_head() {
    for form in [CountdownForm::PerBar, CountdownForm::Scalar] {
        let device = &devices()[0].1;
        let config = ExpansionModelConfig {
            countdown_scale: 20.0,
            countdown: form,
            ..ExpansionModelConfig::default()
        };
        let model = config.init(device).unwrap();
        let scene = Scene::new("net.safetensors");
        PytorchExport::new(&model)
            .unwrap()
            .write(scene.path())
            .unwrap();
        let checkpoint = PytorchCheckpoint::read(scene.path()).unwrap();
        assert_eq!(checkpoint.config().countdown_scale, 1.0);
        let plain = checkpoint.model(device).unwrap();
        let scaled = checkpoint
            .load_into(config.init(device).unwrap(), &[])
            .unwrap();
        let expected = countdown(&model, device);
        for found in [plain, scaled] {
            assert_all_close(
                "countdown",
                &countdown(&found, device),
                &expected,
                1e-5,
                1e-5,
            );
        }
    }
}

#[test]
fn what_a_strategy_has_learned_goes_along() {
    let device = &devices()[0].1;
    let model = ExpansionModelConfig::default().init(device).unwrap();
    let learned = Uncertainty::default().with_log_sigma([0.25, -0.5, 0.75, -1.25]);
    let strategy = learned
        .init(&model.config().tasks().unwrap(), device)
        .unwrap();
    let export = PytorchExport::new(&model).unwrap();
    let scene = Scene::new("net.safetensors");
    let export_with = export.clone().with_learned(&strategy).unwrap();
    export_with.write(scene.path()).unwrap();
    let found = PytorchCheckpoint::read(scene.path()).unwrap().log_sigma();
    assert_eq!(found, Some([0.25, -0.5, 0.75, -1.25]));
    let other = TaskSet::new([Task::regression("one", 1), Task::regression("two", 1)]).unwrap();
    let other = Uncertainty::default().init(&other, device).unwrap();
    let error = export.with_learned(&other).unwrap_err();
    assert!(matches!(error, Error::Tasks { .. }), "{error:?}");
}

#[test]
fn a_network_that_has_diverged_is_not_written() {
    let device = &devices()[0].1;
    let model = ExpansionModelConfig::default().init(device).unwrap();
    let broken = change_parameters(model, &mut |path, table| {
        let mut values = table.values.clone();
        if path == "classifier.bias" {
            values[1] = f64::NAN;
        }
        values
    });
    let scene = Scene::new("net.safetensors");
    let error = PytorchExport::new(&broken)
        .unwrap()
        .write(scene.path())
        .unwrap_err();
    assert_says(
        &error.to_string(),
        &["net.safetensors", "classifier.1.bias", "finite"],
    );
    assert!(!scene.path().exists());
}

#[test]
fn a_network_that_pools_by_attention_has_no_counterpart() {
    let device = &devices()[0].1;
    let config = ExpansionModelConfig {
        pooling: Pooling::Attention,
        ..ExpansionModelConfig::default()
    };
    let network = config.init(device).unwrap();
    let error = PytorchExport::new(&network).unwrap_err();
    assert_says(&error.to_string(), &["model.pooling", "attention", "mean"]);
    let file = PytorchCheckpoint::read(fixture("checkpoints/compact_raw.pt")).unwrap();
    let error = file.load_into(network, &[]).unwrap_err();
    assert_says(&error.to_string(), &["model.pooling", "compact_raw.pt"]);
}

/// The file holds the number of types, and no names.
#[test]
fn types_of_ones_own_go_out_and_in() {
    let device = &devices()[0].1;
    let config = ExpansionModelConfig {
        types: ["a", "b", "c", "d", "e"].map(String::from).to_vec(),
        hidden: 5,
        ..ExpansionModelConfig::default()
    };
    let network = config.init(device).unwrap();
    let scene = Scene::new("five.safetensors");
    PytorchExport::new(&network)
        .unwrap()
        .write(scene.path())
        .unwrap();
    let file = PytorchCheckpoint::read(scene.path()).unwrap();
    assert_eq!(file.config().types, ["0", "1", "2", "3", "4"]);
    let input = Tensor::<3>::random([2, 105, 12], Distribution::Default, device);
    let logits = |network: &ExpansionModel| network.forward(input.clone()).kinds.into_data();
    let named = file.load_into(config.init(device).unwrap(), &[]).unwrap();
    for loaded in [named, file.model(device).unwrap()] {
        assert_eq!(logits(&loaded), logits(&network));
    }

    let three = ExpansionModelConfig {
        types: ExpansionModelConfig::default().types,
        ..config
    };
    let three = three.init(device).unwrap();
    let error = file.load_into(three.clone(), &[]).unwrap_err();
    assert_says(
        &error.to_string(),
        &["model.types", "a list of 3", "5 names", "five.safetensors"],
    );
    let restarted = file.load_into(three.clone(), &["type"]).unwrap();
    let (fresh, restarted) = (parameters(&three), parameters(&restarted));
    let all = parameters(&network);
    for (name, found) in restarted {
        let of = if name.starts_with("classifier.") {
            &fresh
        } else {
            &all
        };
        assert_eq!(found, of[&name], "{name}");
    }
}

#[test]
fn another_size_names_both() {
    let device = &devices()[0].1;
    let file = PytorchCheckpoint::read(fixture("checkpoints/compact_raw.pt")).unwrap();
    let usual = ExpansionModelConfig::default();
    for (config, parts) in [
        (
            ExpansionModelConfig {
                hidden: 32,
                ..usual.clone()
            },
            ["model.hidden", "32", "96"],
        ),
        (
            ExpansionModelConfig {
                layers: 2,
                ..usual.clone()
            },
            ["model.layers", "2", "1"],
        ),
        (
            ExpansionModelConfig {
                features: 13,
                ..usual.clone()
            },
            ["model.features", "13", "12"],
        ),
        (
            ExpansionModelConfig {
                projection: 8,
                ..usual.clone()
            },
            ["model.projection", "8", "64"],
        ),
        (
            ExpansionModelConfig {
                countdown: CountdownForm::Scalar,
                ..usual.clone()
            },
            ["model.countdown", "scalar", "per-bar"],
        ),
    ] {
        let error = file
            .load_into(config.init(device).unwrap(), &[])
            .unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error:?}");
        assert_says(&error.to_string(), &parts);
        assert_says(&error.to_string(), &["compact_raw.pt"]);
    }
}
