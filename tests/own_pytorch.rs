//! Models of any form from PyTorch's files and back: the layout of every layer against values by PyTorch or by hand, the
//! table of names, and errors that name what is missing, surplus and of another shape.
//!
//! `fixtures/lstm.json` holds values of `torch.nn.LSTM`; the program is in `lstm.rs`. The other expected values follow from
//! the formulas in PyTorch's documentation, computed here in double precision.

#![cfg(all(feature = "expansion", feature = "pytorch"))]

mod support;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use burn::module::{Module, Param};
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::conv::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig};
use burn::nn::gru::{BiGru, BiGruConfig, Gru, GruConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, Embedding, EmbeddingConfig, GroupNorm, GroupNormConfig, LayerNorm,
    LayerNormConfig, Linear, LinearConfig, LinearLayout, LstmState, PRelu, PReluConfig,
};
use burn::tensor::{Device, Int, Tensor};
use equipoise::nn::{BiLstm, BiLstmConfig};
use equipoise::pytorch::{NameTable, PytorchFile, Selection, load, save};
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};
use support::{Noise, Table, assert_all_close, devices, json, parameters, tensor, values};

type Tables = BTreeMap<String, Table>;

/// A folder with one file of tensors.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("net.safetensors")
    }

    /// Writes these tensors.
    fn with(tables: &Tables) -> Self {
        let scene = Self::new();
        let bytes: Vec<Vec<u8>> = (tables.values())
            .map(|table| {
                let values = table.values.iter();
                values.flat_map(|v| (*v as f32).to_le_bytes()).collect()
            })
            .collect();
        let views = tables.iter().zip(&bytes).map(|((name, table), bytes)| {
            let view = TensorView::new(Dtype::F32, table.shape.clone(), bytes);
            (name, view.unwrap())
        });
        let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
        let file = serialize(views.collect::<Vec<_>>(), Some(metadata)).unwrap();
        std::fs::write(scene.path(), file).unwrap();
        scene
    }
}

/// Tensors with numbers that look random.
fn drawn(shapes: &[(&str, &[usize])], seed: u64) -> Tables {
    let mut noise = Noise::new(seed);
    let draw = |(name, shape): &(&str, &[usize])| {
        let values = noise.many(shape.iter().product());
        let values = values.into_iter().map(|v| f64::from(v as f32)).collect();
        let shape = shape.to_vec();
        (name.to_string(), Table { shape, values })
    };
    shapes.iter().map(draw).collect()
}

fn floats(value: &serde_json::Value) -> Vec<f64> {
    let all = value.as_array().unwrap().iter();
    all.map(|value| value.as_f64().unwrap()).collect()
}

fn device() -> Device {
    devices()[0].1.clone()
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// Burn's recurrent layers, one by one as PyTorch has them together.
#[derive(Module, Debug)]
struct Stacked<L: Module> {
    layers: Vec<L>,
}

/// The parameters of a case of the fixture, with the shapes that `nn.LSTM` gives them.
fn recorded(case: &serde_json::Value, hidden: usize) -> Tables {
    let parameters = case["parameters"].as_object().unwrap().iter();
    let table = |(name, value): (&String, _)| {
        let values = floats(value);
        let shape = if name.starts_with("bias") {
            vec![4 * hidden]
        } else {
            vec![4 * hidden, values.len() / (4 * hidden)]
        };
        (format!("rnn.{name}"), Table { shape, values })
    };
    parameters.map(table).collect()
}

/// Burn's own LSTM holds each gate apart and transposed; from the file of an `nn.LSTM` it computes what PyTorch computed.
#[test]
fn burns_lstm_computes_what_pytorch_recorded() {
    let file = json("lstm.json");
    let device = device();
    let mut seen = 0;
    for case in file["cases"].as_array().unwrap() {
        if !case["lengths"].is_null() {
            continue;
        }
        let scene = Scene::with(&recorded(case, 3));
        let names = NameTable::new()
            .with_layer("layers.0", "rnn", 0)
            .with_layer("layers.1", "rnn", 1);
        let input = tensor(&floats(&case["input"]), [3, 5, 2], &device);
        let output = if case["bidirectional"] == true {
            let layer = |input| burn::nn::BiLstmConfig::new(input, 3, true).init(&device);
            let layers = vec![layer(2), layer(6)];
            let stack = load(Stacked { layers }, scene.path(), &names)
                .unwrap()
                .module;
            let states = |name: &str| tensor(&floats(&case[name]), [4, 3, 3], &device);
            let mut output = input;
            for (index, layer) in stack.layers.iter().enumerate() {
                let part = |all: Tensor<3>| all.narrow(0, 2 * index, 2);
                let state = LstmState::new(part(states("cell")), part(states("hidden")));
                output = layer.forward(output, Some(state)).0;
            }
            output
        } else {
            let layer = |input| burn::nn::LstmConfig::new(input, 3, true).init(&device);
            let layers = vec![layer(2), layer(3)];
            let stack = load(Stacked { layers }, scene.path(), &names)
                .unwrap()
                .module;
            let states = |name: &str| tensor(&floats(&case[name]), [2, 3, 3], &device);
            let mut output = input;
            for (index, layer) in stack.layers.iter().enumerate() {
                let part = |all: Tensor<3>| all.narrow(0, index, 1).squeeze_dim::<2>(0);
                let state = LstmState::new(part(states("cell")), part(states("hidden")));
                output = layer.forward(output, Some(state)).0;
            }
            output
        };
        let expected = floats(&case["expected"]["output"]);
        assert_all_close("output", &values(&output), &expected, 1e-5, 1e-6);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// `row(weights, r) . vector`.
fn product(weights: &Table, row: usize, vector: &[f64]) -> f64 {
    let width = weights.shape[1];
    let row = &weights.values[row * width..][..width];
    row.iter().zip(vector).map(|(a, b)| a * b).sum()
}

/// The formulas of `nn.GRU`: r, z, n; `n = tanh(W x + b + r (U h + c))`, `h' = (1 - z) n + z h`.
fn gru_by_hand(tables: &Tables, suffix: &str, input: &[f64], time: usize) -> Vec<Vec<f64>> {
    let table = |name: &str| &tables[&format!("gru.{name}_l0{suffix}")];
    let (w, u) = (table("weight_ih"), table("weight_hh"));
    let (b, c) = (table("bias_ih"), table("bias_hh"));
    let hidden = u.shape[1];
    let mut state = vec![0.0; hidden];
    let mut found = Vec::new();
    for t in 0..time {
        let t = if suffix.is_empty() { t } else { time - 1 - t };
        let x = &input[t * w.shape[1]..][..w.shape[1]];
        let next = (0..hidden).map(|j| {
            let of_input = |gate: usize| {
                let row = gate * hidden + j;
                product(w, row, x) + b.values[row]
            };
            let of_state = |gate: usize| {
                let row = gate * hidden + j;
                product(u, row, &state) + c.values[row]
            };
            let reset = sigmoid(of_input(0) + of_state(0));
            let update = sigmoid(of_input(1) + of_state(1));
            let new = (of_input(2) + reset * of_state(2)).tanh();
            (1.0 - update) * new + update * state[j]
        });
        state = next.collect();
        found.push(state.clone());
    }
    if !suffix.is_empty() {
        found.reverse();
    }
    found
}

#[derive(Module, Debug)]
struct Recurrent {
    gru: BiGru,
}

#[test]
fn burns_gru_computes_the_formulas_of_pytorch() {
    let shapes = ["", "_reverse"].map(|suffix| {
        [
            ("weight_ih", vec![9, 2]),
            ("weight_hh", vec![9, 3]),
            ("bias_ih", vec![9]),
            ("bias_hh", vec![9]),
        ]
        .map(|(name, shape)| (format!("gru.{name}_l0{suffix}"), shape))
    });
    let shapes: Vec<(&str, &[usize])> = (shapes.iter().flatten())
        .map(|(name, shape)| (name.as_str(), shape.as_slice()))
        .collect();
    let tables = drawn(&shapes, 3);
    let device = device();
    let module = Recurrent {
        gru: BiGruConfig::new(2, 3, true).init(&device),
    };
    let module = load(module, Scene::with(&tables).path(), &NameTable::new())
        .unwrap()
        .module;
    let input = Noise::new(4).many(5 * 2);
    let (output, _) = module.gru.forward(tensor(&input, [1, 5, 2], &device), None);
    let forward = gru_by_hand(&tables, "", &input, 5);
    let backward = gru_by_hand(&tables, "_reverse", &input, 5);
    let expected: Vec<f64> = forward
        .into_iter()
        .zip(backward)
        .flat_map(|(a, b)| [a, b].concat())
        .collect();
    assert_all_close("output", &values(&output), &expected, 1e-5, 1e-6);
}

#[derive(Module, Debug)]
struct OneGru {
    inner: Option<Gru>,
}

#[test]
fn a_gru_that_pytorch_does_not_have_is_refused() {
    let scene = Scene::new();
    let gru = GruConfig::new(2, 3, true)
        .with_reset_after(false)
        .init(&device());
    let error = save(
        &OneGru { inner: Some(gru) },
        scene.path(),
        &NameTable::new(),
    )
    .unwrap_err();
    assert_says(
        &error.to_string(),
        &[
            "`inner.update_gate.input_transform.weight` of a GRU",
            "reset_after",
        ],
    );
    let coupled = burn::nn::LstmConfig::new(2, 3, true)
        .with_input_forget(true)
        .init(&device());
    let error = save(
        &Stacked {
            layers: vec![coupled],
        },
        scene.path(),
        &NameTable::new(),
    )
    .unwrap_err();
    assert_says(
        &error.to_string(),
        &[
            "`layers.0.cell_gate",
            "4 parts in `layers.0.",
            "no coupled gates",
        ],
    );
}

#[derive(Module, Debug)]
struct Layers {
    linear: Linear,
    turned: Linear,
    wide: Conv1d,
    image: Conv2d,
    batch: BatchNorm,
    layer: LayerNorm,
    group: GroupNorm,
    words: Embedding,
    slope: PRelu,
}

impl Layers {
    fn new(device: &Device) -> Self {
        Self {
            linear: LinearConfig::new(3, 2).init(device),
            turned: LinearConfig::new(3, 2)
                .with_layout(LinearLayout::Col)
                .init(device),
            wide: Conv1dConfig::new(2, 3, 2).init(device),
            image: Conv2dConfig::new([1, 2], [2, 2]).init(device),
            batch: BatchNormConfig::new(2).init(device),
            layer: LayerNormConfig::new(3).init(device),
            group: GroupNormConfig::new(1, 2).init(device),
            words: EmbeddingConfig::new(4, 2).init(device),
            slope: PReluConfig::new().init(device),
        }
    }
}

const LAYERS: [(&str, &[usize]); 19] = [
    ("linear.weight", &[2, 3]),
    ("linear.bias", &[2]),
    ("turned.weight", &[2, 3]),
    ("turned.bias", &[2]),
    ("wide.weight", &[3, 2, 2]),
    ("wide.bias", &[3]),
    ("image.weight", &[2, 1, 2, 2]),
    ("image.bias", &[2]),
    ("batch.weight", &[2]),
    ("batch.bias", &[2]),
    ("batch.running_mean", &[2]),
    ("batch.running_var", &[2]),
    ("layer.weight", &[3]),
    ("layer.bias", &[3]),
    ("group.weight", &[2]),
    ("group.bias", &[2]),
    ("words.weight", &[4, 2]),
    ("slope.weight", &[1]),
    ("unused.num_batches_tracked", &[]),
];

/// The tables of [`LAYERS`], with variances above zero and without the counter.
fn layer_tables() -> Tables {
    let mut tables = drawn(&LAYERS[..18], 5);
    tables.get_mut("batch.running_var").unwrap().values = vec![0.5, 2.5];
    tables
}

#[test]
fn every_layer_computes_by_hand_what_the_tensors_say() {
    let tables = layer_tables();
    let device = device();
    let scene = Scene::with(&tables);
    let layers = load(Layers::new(&device), scene.path(), &NameTable::new())
        .unwrap()
        .module;
    let at = |name: &str, index: usize| tables[name].values[index];
    let x = [0.5, -1.0, 2.0];
    let input = tensor(&x, [1, 3], &device);
    for (name, layer) in [("linear", &layers.linear), ("turned", &layers.turned)] {
        let weight = &tables[&format!("{name}.weight")];
        let expected: Vec<f64> = (0..2)
            .map(|row| product(weight, row, &x) + at(&format!("{name}.bias"), row))
            .collect();
        assert_all_close(
            name,
            &values(&layer.forward(input.clone())),
            &expected,
            1e-5,
            1e-6,
        );
    }
    // Two channels of two positions: one window.
    let series = [1.0, -0.5, 0.25, 2.0];
    let expected: Vec<f64> = (0..3)
        .map(|out| {
            let window = (0..4).map(|i| at("wide.weight", 4 * out + i) * series[i]);
            window.sum::<f64>() + at("wide.bias", out)
        })
        .collect();
    let found = layers.wide.forward(tensor(&series, [1, 2, 2], &device));
    assert_all_close("conv1d", &values(&found), &expected, 1e-5, 1e-6);
    let expected: Vec<f64> = (0..2)
        .map(|out| {
            let window = (0..4).map(|i| at("image.weight", 4 * out + i) * series[i]);
            window.sum::<f64>() + at("image.bias", out)
        })
        .collect();
    let found = layers.image.forward(tensor(&series, [1, 1, 2, 2], &device));
    assert_all_close("conv2d", &values(&found), &expected, 1e-5, 1e-6);
    let expected: Vec<f64> = (0..2)
        .map(|c| {
            let scaled =
                (x[c] - at("batch.running_mean", c)) / (at("batch.running_var", c) + 1e-5).sqrt();
            scaled * at("batch.weight", c) + at("batch.bias", c)
        })
        .collect();
    let found = layers
        .valid()
        .batch
        .forward(tensor(&x[..2], [1, 2], &device));
    assert_all_close("batch norm", &values(&found), &expected, 1e-4, 1e-5);
    let normalised = |x: &[f64]| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let var = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64;
        x.iter().map(|v| (v - mean) / (var + 1e-5).sqrt()).collect()
    };
    let expected: Vec<f64> = (0..3)
        .map(|i| normalised(&x)[i] * at("layer.weight", i) + at("layer.bias", i))
        .collect();
    assert_all_close(
        "layer norm",
        &values(&layers.layer.forward(input)),
        &expected,
        1e-4,
        1e-5,
    );
    let expected: Vec<f64> = (0..4)
        .map(|i| normalised(&series)[i] * at("group.weight", i / 2) + at("group.bias", i / 2))
        .collect();
    let found = layers.group.forward(tensor(&series, [1, 2, 2], &device));
    assert_all_close("group norm", &values(&found), &expected, 1e-4, 1e-5);
    let index = Tensor::<2, Int>::from_data([[2, 0]], &device);
    let expected = [
        at("words.weight", 4),
        at("words.weight", 5),
        at("words.weight", 0),
        at("words.weight", 1),
    ];
    assert_all_close(
        "embedding",
        &values(&layers.words.forward(index)),
        &expected,
        1e-6,
        1e-6,
    );
    let expected = [0.5, -at("slope.weight", 0), 2.0];
    let found = layers.slope.forward(tensor(&x, [1, 3], &device));
    assert_all_close("prelu", &values(&found), &expected, 1e-6, 1e-6);
}

#[test]
fn out_and_in_gives_the_same_bits_and_the_names_of_pytorch() {
    let tables = layer_tables();
    let device = device();
    let names = NameTable::new();
    let layers = load(Layers::new(&device), Scene::with(&tables).path(), &names)
        .unwrap()
        .module;
    let out = Scene::new();
    save(&layers, out.path(), &names).unwrap();
    assert_eq!(
        support::read_tables(&std::fs::read(out.path()).unwrap()),
        tables
    );
    let again = load(Layers::new(&device), out.path(), &names)
        .unwrap()
        .module;
    assert_eq!(parameters(&again), parameters(&layers));
    // A pending update of a running statistic is written too.
    let autodiff = device.clone().autodiff();
    let layers = load(Layers::new(&autodiff), out.path(), &names)
        .unwrap()
        .module;
    layers
        .batch
        .forward(tensor(&[4.0, 8.0, 6.0, 8.0], [2, 2], &autodiff));
    save(&layers, out.path(), &names).unwrap();
    let mean = &support::read_tables(&std::fs::read(out.path()).unwrap())["batch.running_mean"];
    let before = &tables["batch.running_mean"].values;
    let expected = [0.9 * before[0] + 0.1 * 5.0, 0.9 * before[1] + 0.1 * 8.0];
    assert_all_close("running mean", &mean.values, &expected, 1e-5, 1e-5);
    // And one that waits does not replace what is loaded.
    layers
        .batch
        .forward(tensor(&[4.0, 8.0, 6.0, 8.0], [2, 2], &autodiff));
    let loaded = load(layers, Scene::with(&tables).path(), &names)
        .unwrap()
        .module;
    assert_all_close(
        "loaded",
        &values(&loaded.batch.running_mean.value_sync()),
        before,
        1e-6,
        1e-6,
    );
}

#[derive(Module, Debug)]
struct Attentive {
    attention: MultiHeadAttention,
}

/// `nn.MultiheadAttention`: softmax(q k' / sqrt d) v, each of one head here.
#[test]
fn attention_is_packed_as_in_pytorch() {
    let tables = drawn(
        &[
            ("attn.in_proj_weight", &[6, 2]),
            ("attn.in_proj_bias", &[6]),
            ("attn.out_proj.weight", &[2, 2]),
            ("attn.out_proj.bias", &[2]),
        ],
        6,
    );
    let device = device();
    let attention = MultiHeadAttentionConfig::new(2, 1)
        .with_dropout(0.0)
        .init(&device);
    let names = NameTable::new().with("attention", "attn");
    let module = load(Attentive { attention }, Scene::with(&tables).path(), &names)
        .unwrap()
        .module;
    let x = [[0.5, -1.0], [2.0, 0.25]];
    let row =
        |name: &str, row: usize, x: &[f64]| product(&tables[&format!("attn.{name}weight")], row, x);
    let project = |part: usize, x: &[f64; 2]| {
        [0, 1].map(|i| {
            row("in_proj_", 2 * part + i, x) + tables["attn.in_proj_bias"].values[2 * part + i]
        })
    };
    let mut expected = Vec::new();
    for query in &x {
        let query = project(0, query);
        let scores = x.map(|key| {
            let key = project(1, &key);
            ((query[0] * key[0] + query[1] * key[1]) / 2f64.sqrt()).exp()
        });
        let values = x.map(|value| project(2, &value));
        let mixed = [0, 1].map(|i| {
            (scores[0] * values[0][i] + scores[1] * values[1][i]) / (scores[0] + scores[1])
        });
        expected.extend(
            [0, 1].map(|i| row("out_proj.", i, &mixed) + tables["attn.out_proj.bias"].values[i]),
        );
    }
    let input = tensor(&x.concat(), [1, 2, 2], &device);
    let found = module.attention.forward(MhaInput::self_attn(input)).context;
    assert_all_close("attention", &values(&found), &expected, 1e-5, 1e-6);
    let out = Scene::new();
    save(&module, out.path(), &names).unwrap();
    assert_eq!(
        support::read_tables(&std::fs::read(out.path()).unwrap()),
        tables
    );
}

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
    let found = support::read_tables(&std::fs::read(out.path()).unwrap());
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["mlp.0.weight", "shift.value"]
    );
    assert_eq!(found["shift.value"].values, [1.0, 2.0]);
    load(module, out.path(), &names).unwrap();
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
    support::read_tables(&std::fs::read(scene.path()).unwrap())
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
    let typo = network_names().with("haeds.0", "kind");
    let error = load(
        network.clone(),
        Scene::with(&network_tables()).path(),
        &typo,
    )
    .unwrap_err();
    assert_says(
        &error.to_string(),
        &[
            "`names` is `haeds.0`",
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
    let file = PytorchFile::read(support::fixture("checkpoints/compact_training.pt")).unwrap();
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
