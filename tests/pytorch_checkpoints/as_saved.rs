//! Checkpoints as training programs save them: the network under a key, behind prefixes, beside other networks.

use std::collections::BTreeMap;

use equipoise::expansion::label::CountdownForm;
use equipoise::expansion::pytorch::{ImportConfig, PytorchCheckpoint};
use equipoise::pytorch::Selection;

use crate::networks::{Tables, floats, safetensors_file, smallest, tables, torch_file};
use crate::support::{Table, devices, load_torch, parameters};
use crate::writer::{Pickle, TorchFile};
use crate::{Scene, assert_says};

/// The tables under other names.
fn renamed(tables: &Tables, rename: impl Fn(&str) -> String) -> Tables {
    let renamed = tables
        .iter()
        .map(|(name, table)| (rename(name), table.clone()));
    renamed.collect()
}

#[track_caller]
fn assert_holds(checkpoint: &PytorchCheckpoint, tables: &Tables) {
    let device = &devices()[0].1;
    let expected = load_torch(smallest().init(device).unwrap(), tables);
    let found = checkpoint.model(device).unwrap();
    assert_eq!(parameters(&found), parameters(&expected));
}

/// A file whose pickle is made by `around`, which gets the instructions of the state dict.
fn around(file: &TorchFile, around: impl FnOnce(&dyn Fn(Pickle) -> Pickle) -> Pickle) -> Vec<u8> {
    file.write_with(&around(&|pickle| file.state(pickle)).end())
}

#[test]
fn the_one_dictionary_of_tensors_is_found_under_any_key() {
    let tables = tables(&smallest(), 7);
    let file = torch_file(&tables);
    let scene = Scene::new("net.pt");
    for key in [
        "state_dict",
        "model",
        "net",
        "model_state",
        "module",
        "ema",
        "weights",
        "generator",
        "model_state_dict",
        "anything_else",
    ] {
        let bytes = around(&file, |state| {
            Pickle::new().dict(|p| {
                let p = p.text("epoch").int(7).text(key);
                state(p).text("lr").raw(b"G\x3f\xf0\0\0\0\0\0\0")
            })
        });
        let found = scene.read(&bytes).unwrap();
        assert_holds(&found, &tables);
        if key == "model_state_dict" {
            assert!(found.notes().is_empty(), "{:?}", found.notes());
        } else {
            assert_says(&found.notes().join(" "), &[&format!("under `{key}`")]);
        }
    }
    // Two containers below the root: in a dictionary, in a list.
    let deep = around(&file, |state| {
        Pickle::new().dict(|p| {
            let p = p.text("checkpoint").dict(|p| state(p.text("model")));
            p.text("epoch").int(7)
        })
    });
    let found = scene.read(&deep).unwrap();
    assert_holds(&found, &tables);
    assert_says(&found.notes().join(" "), &["under `checkpoint.model`"]);
    let listed = around(&file, |state| {
        state(Pickle::new().raw(b"](").int(3)).raw(b"e")
    });
    assert_holds(&scene.read(&listed).unwrap(), &tables);
    // The tensors and the number of the epoch in one dictionary.
    let flat = file
        .state(Pickle::new())
        .text("epoch")
        .int(7)
        .raw(b"s")
        .end();
    let found = scene.read(&file.write_with(&flat)).unwrap();
    assert_holds(&found, &tables);
    assert_says(&found.notes().join(" "), &["`epoch` (an int)"]);
}

#[test]
fn a_lightning_checkpoint_is_read() {
    let tables = tables(&smallest(), 7);
    let mut file = torch_file(&renamed(&tables, |name| format!("model.{name}")));
    file.add(
        "score",
        &[],
        "FloatStorage",
        floats(&Table {
            shape: vec![],
            values: vec![0.5],
        }),
    );
    let score = file.tensors.pop().unwrap().1;
    let bytes = around(&file, |state| {
        Pickle::new().dict(|p| {
            let p = p
                .text("epoch")
                .int(7)
                .text("pytorch-lightning_version")
                .text("2.2.1");
            let p = state(p.text("state_dict")).text("callbacks").dict(|p| {
                p.text("ModelCheckpoint{'monitor': 'val_loss'}").dict(|p| {
                    let p = p.text("monitor").text("val_loss").text("best_model_score");
                    p.tensor(&score).text("best_model_path").text("/a/b.ckpt")
                })
            });
            let p = p.text("optimizer_states").raw(b"]").dict(|p| {
                p.text("state")
                    .dict(|p| p.int(0).dict(|p| p.text("exp_avg").tensor(&score)))
            });
            p.raw(b"a")
                .text("hyper_parameters")
                .dict(|p| p.text("hidden").int(1))
        })
    });
    let found = Scene::new("net.ckpt").read(&bytes).unwrap();
    assert_holds(&found, &tables);
    assert_says(
        &found.notes().join(" "),
        &["under `state_dict`", "took `model.` off"],
    );
}

#[test]
fn a_prefix_is_taken_off_in_either_format() {
    let tables = tables(&smallest(), 7);
    for prefix in [
        "model.",
        "net.",
        "_forward_module.",
        "encoder.",
        "module.model.",
        "_forward_module.model._orig_mod.",
    ] {
        let prefixed = renamed(&tables, |name| format!("{prefix}{name}"));
        for found in [
            Scene::new("net.pt").read(&torch_file(&prefixed).write()),
            Scene::new("net.safetensors").read(&safetensors_file(&prefixed)),
        ] {
            let found = found.unwrap();
            assert_holds(&found, &tables);
            assert_says(&found.notes().join(" "), &[&format!("took `{prefix}` off")]);
        }
    }
}

/// DataParallel around the trunk alone, and a compiled head in a wrapped network.
#[test]
fn the_name_of_a_wrapper_of_a_part_is_taken_out() {
    let tables = tables(&smallest(), 7);
    for (wrap, prefix) in [
        (("lstm.", "lstm.module."), ""),
        (("lstm.", "lstm._orig_mod."), "module."),
        (
            ("classifier.", "classifier._orig_mod.module."),
            "model._orig_mod.",
        ),
    ] {
        let wrapped = renamed(&tables, |name| {
            format!("{prefix}{}", name.replace(wrap.0, wrap.1))
        });
        let found = Scene::new("net.pt")
            .read(&torch_file(&wrapped).write())
            .unwrap();
        assert_holds(&found, &tables);
        assert_says(&found.notes().join(" "), &["the names of wrappers"]);
    }
    // Two tensors of one name without the wrapper are two tensors.
    let mut twice = tables.clone();
    let table = tables["lstm.bias_ih_l0"].clone();
    twice.insert("lstm.module.bias_ih_l0".into(), table);
    let refusal = Scene::new("net.pt").refusal(&torch_file(&twice).write());
    assert_says(&refusal, &["does not have: `lstm.module.bias_ih_l0`"]);
}

/// A path to what stands beside the network, and how the file is read with it left out.
fn leaving_out(name: &str) -> ImportConfig {
    let selection = Selection::default().with_leave_out([name]);
    ImportConfig::default()
        .with_countdown(CountdownForm::PerBar)
        .with_selection(selection)
}

#[test]
fn a_tensor_beside_the_network_is_named_and_can_be_left_out() {
    let tables = tables(&smallest(), 7);
    for prefix in ["", "model."] {
        let mut all = renamed(&tables, |name| format!("{prefix}{name}"));
        let weights = Table {
            shape: vec![3],
            values: vec![1.0, 2.0, 3.0],
        };
        all.insert("criterion.weight".into(), weights);
        for (scene, bytes, call) in [
            (
                Scene::new("net.pt"),
                torch_file(&all).write(),
                "torch.save({k: v for k, v in torch.load(\"",
            ),
            (
                Scene::new("net.safetensors"),
                safetensors_file(&all),
                "safetensors.torch.save_file({k: v for k, v in safetensors",
            ),
        ] {
            let refusal = scene.refusal(&bytes);
            assert_says(
                &refusal,
                &[
                    "does not have: `criterion.weight`",
                    "`Selection::leave_out`",
                    call,
                    "not in [\"criterion\"]",
                    "net_weights.",
                ],
            );
            for name in ["criterion", "criterion.", "criterion.weight"] {
                let found = PytorchCheckpoint::read_with(scene.path(), &leaving_out(name)).unwrap();
                assert_holds(&found, &tables);
                assert_says(
                    &found.notes().join(" "),
                    &["left out, as asked for: `criterion.weight`"],
                );
            }
            for other in ["criterio", "weight", "criterion.weight.more"] {
                assert!(PytorchCheckpoint::read_with(scene.path(), &leaving_out(other)).is_err());
            }
        }
    }
    // A tensor of the network cannot be left out by mistake.
    let scene = Scene::new("net.pt");
    scene.read(&torch_file(&tables).write()).unwrap();
    let found = PytorchCheckpoint::read_with(scene.path(), &leaving_out("lstm")).unwrap();
    assert_holds(&found, &tables);
}

#[test]
fn counters_are_left_out() {
    let tables = tables(&smallest(), 7);
    // `AveragedModel` of SWA, and a norm that was taken out of the network.
    let mut file = torch_file(&renamed(&tables, |name| format!("module.{name}")));
    file.add(
        "n_averaged",
        &[],
        "LongStorage",
        3u64.to_le_bytes().to_vec(),
    );
    file.add(
        "module.norm.num_batches_tracked",
        &[],
        "LongStorage",
        9u64.to_le_bytes().to_vec(),
    );
    let found = Scene::new("net.pt").read(&file.write()).unwrap();
    assert_holds(&found, &tables);
    assert_says(
        &found.notes().join(" "),
        &["counters: `module.norm.num_batches_tracked`, `n_averaged`"],
    );
    // Two whole numbers count nothing.
    file.add("pair", &[2], "LongStorage", vec![0; 16]);
    assert_says(
        &Scene::new("net.pt").refusal(&file.write()),
        &["does not have: `pair`"],
    );
}

/// A file with two state dicts.
fn pair(first: (&str, &Tables), second: (&str, &Tables)) -> Vec<u8> {
    let mut file = TorchFile::default();
    let mut dict = |tables: &Tables| {
        let from = file.tensors.len();
        for (name, table) in tables {
            file.add(name, &table.shape, "FloatStorage", floats(table));
        }
        file.tensors[from..].to_vec()
    };
    let (one, two) = (dict(first.1), dict(second.1));
    let part = |tensors| TorchFile {
        tensors,
        ..TorchFile::default()
    };
    let pickle = Pickle::new().dict(|p| {
        let p = part(one).state(p.text(first.0));
        part(two).state(p.text(second.0))
    });
    file.write_with(&pickle.end())
}

#[test]
fn of_several_dictionaries_the_one_that_fits_is_taken() {
    let (ours, others) = (tables(&smallest(), 7), tables(&smallest(), 8));
    let other_names = renamed(&others, |name| format!("{name}_of_another"));
    let scene = Scene::new("net.pt");
    for bytes in [
        pair(("critic", &other_names), ("actor", &ours)),
        pair(("actor", &ours), ("critic", &other_names)),
    ] {
        let found = scene.read(&bytes).unwrap();
        assert_holds(&found, &ours);
        assert_says(&found.notes().join(" "), &["under `actor`"]);
    }
    let refusal = scene.refusal(&pair(("model", &ours), ("ema", &others)));
    assert_says(
        &refusal,
        &[
            "2 times",
            "`model`",
            "`ema`",
            "`Selection::key`",
            "[\"model\"], \"",
        ],
    );
    for (key, tables) in [("model", &ours), ("ema", &others)] {
        let config = ImportConfig::default()
            .with_countdown(CountdownForm::PerBar)
            .with_selection(Selection::default().with_key(key));
        let found = PytorchCheckpoint::read_with(scene.path(), &config).unwrap();
        assert_holds(&found, tables);
    }
    let wrong = ImportConfig::default().with_selection(Selection::default().with_key("models"));
    let error = PytorchCheckpoint::read_with(scene.path(), &wrong).unwrap_err();
    assert_says(&error.to_string(), &["`models`", "`model`, `ema`"]);
    // Neither fits: both are named, with what they lack.
    let refusal = scene.refusal(&pair(("critic", &other_names), ("actor", &other_names)));
    assert_says(&refusal, &["`critic` (no `lstm.weight_ih_l0`)", "`actor`"]);
    // One lacks a tensor: it is the one that is meant.
    let mut incomplete = ours.clone();
    incomplete.remove("classifier.1.bias");
    let refusal = scene.refusal(&pair(("critic", &other_names), ("actor", &incomplete)));
    assert_says(&refusal, &["has no tensor `classifier.1.bias`", "[3]"]);
}

#[test]
fn two_networks_behind_prefixes_are_told_apart() {
    let (ours, others) = (tables(&smallest(), 7), tables(&smallest(), 8));
    let mut both: BTreeMap<_, _> = renamed(&ours, |name| format!("student.{name}"));
    both.extend(renamed(&others, |name| format!("teacher.{name}")));
    let scene = Scene::new("net.pt");
    let refusal = scene.refusal(&torch_file(&both).write());
    assert_says(
        &refusal,
        &[
            "`student.`",
            "`teacher.`",
            "`Selection::prefix`",
            "k.removeprefix(\"student.\"): v",
            "if k.startswith(\"student.\")",
        ],
    );
    for (prefix, other, tables) in [
        ("student", "teacher", &ours),
        ("teacher.", "student", &others),
    ] {
        let selection = Selection::default().with_prefix(prefix);
        let config = ImportConfig::default().with_countdown(CountdownForm::PerBar);
        let alone = config.clone().with_selection(selection.clone());
        let error = PytorchCheckpoint::read_with(scene.path(), &alone).unwrap_err();
        assert_says(&error.to_string(), &["does not have", other]);
        let config = config.with_selection(selection.with_leave_out([other]));
        let found = PytorchCheckpoint::read_with(scene.path(), &config).unwrap();
        assert_holds(&found, tables);
    }
}

/// One state dict under two keys is one state dict.
#[test]
fn a_dictionary_under_two_keys_is_one() {
    let tables = tables(&smallest(), 7);
    let file = torch_file(&tables);
    let bytes = around(&file, |state| {
        Pickle::new().dict(|p| {
            let p = state(p.text("model")).raw(b"q\x01");
            p.text("best").raw(b"h\x01")
        })
    });
    assert_holds(&Scene::new("net.pt").read(&bytes).unwrap(), &tables);
}

#[test]
fn a_whole_module_is_refused_with_the_line_that_saves_its_tensors() {
    let tables = tables(&smallest(), 7);
    let file = torch_file(&tables);
    let module = |p: Pickle| {
        p.global("my_project.networks", "Network")
            .raw(b")\x81")
            .dict(|p| {
                let p = p
                    .text("training")
                    .raw(b"\x88")
                    .text("_parameters")
                    .ordered();
                file.state(p.text("_buffers").ordered().text("_modules"))
            })
            .raw(b"b")
    };
    let scene = Scene::new("net.pt");
    let refusal = scene.refusal(&file.write_with(&module(Pickle::new()).end()));
    let path = scene.path().display().to_string();
    assert_says(
        &refusal,
        &[
            "whole module, an object of `my_project.networks.Network`",
            &format!(
                "torch.save(torch.load(\"{path}\", map_location=\"cpu\", weights_only=False).state_dict(), \""
            ),
            "net_weights.pt\")",
        ],
    );
    let nested = Pickle::new().dict(|p| module(p.text("epoch").int(3).text("model")));
    let refusal = scene.refusal(&file.write_with(&nested.end()));
    assert_says(
        &refusal,
        &[
            "under `model`",
            "weights_only=False)[\"model\"].state_dict(), \"",
        ],
    );
    // A tensor beside it is no network.
    let beside = &file.tensors[0].1;
    let nested = Pickle::new().dict(|p| module(p.text("seen").tensor(beside).text("model")));
    let refusal = scene.refusal(&file.write_with(&nested.end()));
    assert_says(&refusal, &["holds a whole module", "under `model`"]);
}
