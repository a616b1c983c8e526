//! Layers without a state: what they compute from the tensors of a file, by hand.

use burn::module::Module;
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::conv::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, Embedding, EmbeddingConfig, GroupNorm, GroupNormConfig, LayerNorm,
    LayerNormConfig, Linear, LinearConfig, LinearLayout, PRelu, PReluConfig,
};
use burn::tensor::{Device, Int, Tensor};
use equipoise::pytorch::{NameTable, load, save};

use crate::support::{assert_all_close, parameters, read_tables, tensor, values};
use crate::{Scene, Tables, device, drawn, product};

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

const LAYERS: [(&str, &[usize]); 18] = [
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
];

/// The tables of [`LAYERS`], with variances above zero.
fn layer_tables() -> Tables {
    let mut tables = drawn(&LAYERS, 5);
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
    assert_eq!(read_tables(&std::fs::read(out.path()).unwrap()), tables);
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
    let mean = &read_tables(&std::fs::read(out.path()).unwrap())["batch.running_mean"];
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
    assert_eq!(read_tables(&std::fs::read(out.path()).unwrap()), tables);
}
