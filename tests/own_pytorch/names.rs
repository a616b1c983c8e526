//! The table of names, and errors about the tensors of a file.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor};
use equipoise::nn::{BiLstm, BiLstmConfig};
use equipoise::pytorch::{NameTable, PytorchFile, Selection, load, save};

use crate::support::{Table, fixture, parameters, read_tables, tensor};
use crate::{Scene, Tables, assert_says, device};

#[derive(Module, Debug)]
enum Head {
    Deep(Vec<Linear>),
}

#[derive(Module, Debug)]
struct Branching {
    head: Head,
    offset: Param<Tensor<1>>,
}

/// The variant of an enum is no part of a name; a row may name a single parameter.
#[test]
fn enums_and_parameters_of_ones_own_have_names_too() {
    let device = device();
    let module = Branching {
        head: Head::Deep(vec![LinearConfig::new(2, 1).with_bias(false).init(&device)]),
        offset: Param::from_tensor(tensor(&[1.0, 2.0], [2], &device)),
    };
    let out = Scene::new();
    let names = NameTable::new()
        .with("offset", "shift.value")
        .with("head", "mlp");
    save(&module, out.path(), &names).unwrap();
    let found = read_tables(&std::fs::read(out.path()).unwrap());
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["mlp.0.weight", "shift.value"]
    );
    assert_eq!(found["shift.value"].values, [1.0, 2.0]);
    load(module, out.path(), &names).unwrap();
}

/// The file is written beside its place and moved there: another name of the earlier file still has the earlier bytes.
#[test]
fn an_earlier_file_is_replaced_whole() {
    let module = LinearConfig::new(2, 1).init(&device());
    let out = Scene::new();
    std::fs::write(out.path(), "earlier").unwrap();
    let folder = tempfile::tempdir_in(out.path().parent().unwrap()).unwrap();
    let other = folder.path().join("other");
    std::fs::hard_link(out.path(), &other).unwrap();
    save(&module, out.path(), &NameTable::new()).unwrap();
    assert_eq!(std::fs::read(&other).unwrap(), b"earlier");
    load(module, out.path(), &NameTable::new()).unwrap();
}

/// Parameters of double precision stay so.
#[test]
fn the_precision_of_a_parameter_stays() {
    let device = device();
    let linear = || LinearConfig::new(2, 1).with_bias(false).init(&device);
    let offset = |dtype| Tensor::<1>::from_data([1.5, -2.0], (&device, dtype));
    let module = |dtype| Branching {
        head: Head::Deep(vec![linear()]),
        offset: Param::from_tensor(offset(dtype)),
    };
    let out = Scene::new();
    save(&module(DType::F64), out.path(), &NameTable::new()).unwrap();
    for dtype in [DType::F32, DType::F64] {
        let loaded = load(module(dtype), out.path(), &NameTable::new()).unwrap();
        let found = loaded.module.offset.val();
        assert_eq!(found.dtype(), dtype);
        found
            .into_data()
            .assert_eq(&offset(dtype).into_data(), true);
    }
}

/// A network with several heads, as its owner would write it.
#[derive(Module, Debug)]
struct Network {
    trunk: BiLstm,
    heads: Vec<Linear>,
}

impl Network {
    fn new(device: &Device) -> Self {
        let head = |outputs| LinearConfig::new(6, outputs).init(device);
        Self {
            trunk: BiLstmConfig::new(2, 3).init(device).unwrap(),
            heads: vec![head(4), head(1)],
        }
    }
}

fn network_names() -> NameTable {
    NameTable::new()
        .with("trunk", "lstm")
        .with("heads.0", "kind")
        .with("heads.1", "size.1")
}

fn network_tables() -> Tables {
    let device = device();
    let scene = Scene::new();
    device.seed(7);
    save(&Network::new(&device), scene.path(), &network_names()).unwrap();
    read_tables(&std::fs::read(scene.path()).unwrap())
}

#[test]
fn a_table_of_names_brings_the_weights_of_an_own_model() {
    let tables = network_tables();
    let expected = [
        "kind.bias",
        "kind.weight",
        "lstm.bias_hh_l0",
        "lstm.bias_hh_l0_reverse",
    ];
    assert_eq!(tables.keys().take(4).collect::<Vec<_>>(), expected);
    assert_eq!(tables["size.1.weight"].shape, [1, 6]);
    let network = load(
        Network::new(&device()),
        Scene::with(&tables).path(),
        &network_names(),
    )
    .unwrap();
    assert!(network.notes.is_empty(), "{:?}", network.notes);
    let found = parameters(&network.module);
    assert_eq!(
        found["trunk.layers.0.forward.weight_ih"],
        tables["lstm.weight_ih_l0"]
    );
    assert_eq!(
        found["trunk.layers.0.backward.bias_hh"],
        tables["lstm.bias_hh_l0_reverse"]
    );
    assert_eq!(
        found["heads.1.weight"].values,
        tables["size.1.weight"].values
    );
    // A wrapper's prefix, and something beside the network.
    let mut wrapped: Tables = tables
        .iter()
        .map(|(name, table)| (format!("module.net.{name}"), table.clone()))
        .collect();
    wrapped.insert("loss.weight".into(), tables["kind.bias"].clone());
    let scene = Scene::with(&wrapped);
    let error = load(Network::new(&device()), scene.path(), &network_names()).unwrap_err();
    assert_says(
        &error.to_string(),
        &["does not have: `loss.weight`", "`Selection::leave_out`"],
    );
    let names = network_names().with_selection(Selection::default().with_leave_out(["loss"]));
    let loaded = load(Network::new(&device()), scene.path(), &names).unwrap();
    assert_eq!(parameters(&loaded.module), found);
    assert_says(
        &loaded.notes.join(" "),
        &["took `module.net.` off", "`loss.weight`"],
    );
}

#[test]
fn a_new_head_keeps_its_values() {
    let mut tables = network_tables();
    tables.retain(|name, _| !name.starts_with("size"));
    let scene = Scene::with(&tables);
    let network = Network::new(&device());
    let before = parameters(&network);
    let names = NameTable::new()
        .with("trunk", "lstm")
        .with("heads.0", "kind")
        .with_new("heads.1");
    let found = parameters(&load(network, scene.path(), &names).unwrap().module);
    assert_eq!(found["heads.1.weight"], before["heads.1.weight"]);
    assert_eq!(
        found["trunk.layers.0.forward.bias_ih"],
        tables["lstm.bias_ih_l0"]
    );
}

#[test]
fn every_fault_of_a_file_is_named_at_once() {
    let mut tables = network_tables();
    tables.remove("lstm.bias_hh_l0");
    tables.insert("tail.weight".into(), tables["kind.bias"].clone());
    let wide = Table {
        shape: vec![2, 6],
        values: vec![0.0; 12],
    };
    tables.insert("size.1.weight".into(), wide);
    let network = Network::new(&device());
    let before = parameters(&network);
    let error = load(
        network.clone(),
        Scene::with(&tables).path(),
        &network_names(),
    )
    .unwrap_err();
    assert_says(
        &error.to_string(),
        &[
            "no tensor `lstm.bias_hh_l0`, expected one of shape [12]",
            "`size.1.weight` has the shape [2, 6], expected [1, 6]",
            "does not have: `tail.weight`",
        ],
    );
    assert_eq!(parameters(&network), before);
    let error = load(
        network.clone(),
        Scene::with(&network_tables()).path(),
        &NameTable::new(),
    )
    .unwrap_err();
    assert_says(
        &error.to_string(),
        &[
            "no tensors `heads.0.bias` of shape [4]",
            "it has `kind.bias`",
        ],
    );
    let typo = network_names().with("heads.9", "kind");
    let error = load(
        network.clone(),
        Scene::with(&network_tables()).path(),
        &typo,
    )
    .unwrap_err();
    assert_says(
        &error.to_string(),
        &[
            "`names` is `heads.9`",
            "`heads.0`",
            "`trunk.layers.0.forward`",
        ],
    );
    let twice = NameTable::new()
        .with("heads.0", "kind")
        .with("heads.1", "kind");
    let error = save(&network, Scene::new().path(), &twice).unwrap_err();
    assert_says(
        &error.to_string(),
        &["`kind.weight` also for `heads.1.weight`"],
    );
    let error = save(
        &network,
        Scene::new().path().with_extension("pt"),
        &network_names(),
    )
    .unwrap_err();
    assert_says(&error.to_string(), &["net.pt", ".safetensors"]);
}

#[test]
fn a_file_shows_its_tensors() {
    let file = PytorchFile::read(fixture("checkpoints/compact_training.pt")).unwrap();
    let [state] = file.dictionaries() else {
        panic!("{} dictionaries", file.dictionaries().len())
    };
    assert_eq!(state.key(), "model_state_dict");
    assert_eq!(state.shape("classifier.1.bias"), Some([3].as_slice()));
    assert_eq!(
        state.numbers("classifier.1.bias").unwrap().unwrap().len(),
        3
    );
    assert!(state.numbers("nothing").is_none());
    assert!(state.names().any(|name| name == "lstm.weight_ih_l0"));
}
