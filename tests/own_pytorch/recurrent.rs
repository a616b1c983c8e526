//! Recurrent layers: Burn's gates, which PyTorch packs into one tensor.

use burn::module::Module;
use burn::nn::LstmState;
use burn::nn::gru::{BiGru, BiGruConfig, Gru, GruConfig};
use burn::tensor::Tensor;
use equipoise::pytorch::{NameTable, load, save};

use crate::support::{Noise, Table, assert_all_close, json, tensor, values};
use crate::{Scene, Tables, assert_says, device, drawn, floats, product};

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

/// Burn's own LSTM holds each gate apart and transposed; from the file of an `nn.LSTM` it computes what PyTorch
/// computed.
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
