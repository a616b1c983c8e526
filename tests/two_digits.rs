//! Twenty training steps of a convolutional network with a representation of rank 4, followed step by step: losses and
//! weights are those of the same network in PyTorch, from the same weights on the same batches, under `sum`,
//! `uncertainty`, `upgrad` and `pcgrad`.
//!
//! The data are not part of this project; without them the test says so. The numbers are the `float64` rows of
//! `trajectory.json`, made by the program beside it (torch 2.15, torchjd 0.18 with its regularisation at 1e-11). The
//! data, the batches and their order come from SplitMix64 as its head describes.
#![cfg(feature = "expansion")]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::{Module, Param};
use burn::nn::pool::MaxPool2dConfig;
use burn::optim::AdamConfig;
use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Int, Tensor, TensorData};
use equipoise::loss::{Reduction, TaskLosses, cross_entropy, huber};
use equipoise::model::Branches;
use equipoise::step;
use equipoise::weighting::{Strategy, StrategyConfig};
use equipoise::{Task, TaskSet};
use serde_json::Value;
use support::{Table, assert_all_close, values};

const BATCH: usize = 64;
const PAIRS: usize = 6000;
const PIXELS: usize = 144;
const TASKS: [&str; 3] = ["left", "right", "addition"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/two_digits")
}

struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = self.0;
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (((self.next() >> 32) * n as u64) >> 32) as usize
    }

    fn shuffled(&mut self, n: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            let j = self.below(i + 1);
            all.swap(i, j);
        }
        all
    }
}

/// A canvas of two digits and their labels.
type Pair = ([f32; PIXELS], [i64; 2]);

fn pairs(text: &str) -> Vec<Pair> {
    let image = |line: &str| {
        let (label, pixels) = line.split_once(',').expect("a label and pixels");
        let pixels: Vec<u32> = pixels.chars().map(|c| c.to_digit(17).unwrap()).collect();
        (label.parse::<i64>().unwrap(), pixels)
    };
    let images: Vec<_> = text.split_whitespace().skip(1).map(image).collect();
    let sources = &SplitMix64(1).shuffled(images.len())[..1100];
    let mut draws = SplitMix64(2);
    let pair = |_| {
        let [a, b] = [0; 2].map(|_| sources[draws.below(sources.len())]);
        let (r1, c1) = (draws.below(3), draws.below(2));
        let (r2, c2) = (2 + draws.below(3), 3 + draws.below(2));
        let mut canvas = [0f32; PIXELS];
        for (image, row, column) in [(a, r1, c1), (b, r2, c2)] {
            for (i, value) in images[image].1.iter().enumerate() {
                let at = (row + i / 8) * 12 + column + i % 8;
                canvas[at] = canvas[at].max(*value as f32 / 16.0);
            }
        }
        (canvas, [images[a].0, images[b].0])
    };
    (0..PAIRS).map(pair).collect()
}

#[derive(Module, Debug)]
struct Head {
    hidden: Param<Tensor<2>>,
    hidden_bias: Param<Tensor<1>>,
    out: Param<Tensor<2>>,
    out_bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Network {
    conv1: Param<Tensor<4>>,
    conv1_bias: Param<Tensor<1>>,
    conv2: Param<Tensor<4>>,
    conv2_bias: Param<Tensor<1>>,
    heads: [Head; 3],
    weighting: Strategy,
}

fn parameter<const D: usize>(table: &Table, device: &Device) -> Param<Tensor<D>> {
    let shape: [usize; D] = table.shape.clone().try_into().unwrap();
    Param::from_tensor(support::tensor(&table.values, shape, device))
}

impl Network {
    fn new(weights: &BTreeMap<String, Table>, weighting: Strategy, device: &Device) -> Self {
        let head = |task: &str| Head {
            hidden: parameter(&weights[&format!("{task}.hidden.weight")], device),
            hidden_bias: parameter(&weights[&format!("{task}.hidden.bias")], device),
            out: parameter(&weights[&format!("{task}.out.weight")], device),
            out_bias: parameter(&weights[&format!("{task}.out.bias")], device),
        };
        Self {
            conv1: parameter(&weights["conv1.weight"], device),
            conv1_bias: parameter(&weights["conv1.bias"], device),
            conv2: parameter(&weights["conv2.weight"], device),
            conv2_bias: parameter(&weights["conv2.bias"], device),
            heads: TASKS.map(head),
            weighting,
        }
    }

    fn represent(&self, images: Tensor<4>) -> Tensor<4> {
        let block = |x, weight: &Param<Tensor<4>>, bias: &Param<Tensor<1>>| {
            let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
            let found = relu(conv2d(x, weight.val(), Some(bias.val()), options));
            let pool = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]);
            pool.init().forward(found)
        };
        let first = block(images, &self.conv1, &self.conv1_bias);
        block(first, &self.conv2, &self.conv2_bias)
    }

    fn losses(&self, shared: Branches<Tensor<4>>, labels: &[Tensor<1, Int>; 2]) -> TaskLosses {
        let read = |(head, x): (&Head, Tensor<4>)| {
            let x: Tensor<2> = x.flatten(1, 3);
            let linear = |x: Tensor<2>, weight: &Param<Tensor<2>>, bias: &Param<Tensor<1>>| {
                x.matmul(weight.val().transpose()) + bias.val().unsqueeze()
            };
            let hidden = relu(linear(x, &head.hidden, &head.hidden_bias));
            linear(hidden, &head.out, &head.out_bias)
        };
        let found: Vec<Tensor<2>> = self.heads.iter().zip(shared.all()).map(read).collect();
        let [left, right] = labels;
        let sum = (left.clone() + right.clone()).float().reshape([BATCH, 1]);
        let mean = Reduction::Mean;
        TaskLosses::new(vec![
            cross_entropy(found[0].clone(), left.clone(), None, mean),
            cross_entropy(found[1].clone(), right.clone(), None, mean),
            huber(found[2].clone(), sum, 4.0, None, mean),
        ])
    }
}

fn batch(pairs: &[Pair], order: &[usize], device: &Device) -> (Tensor<4>, [Tensor<1, Int>; 2]) {
    let images: Vec<f32> = order.iter().flat_map(|i| pairs[*i].0).collect();
    let images = Tensor::from_data(TensorData::new(images, [order.len(), 1, 12, 12]), device);
    let labels = [0, 1].map(|side| {
        let labels: Vec<i64> = order.iter().map(|i| pairs[*i].1[side]).collect();
        Tensor::from_data(TensorData::new(labels, [order.len()]), device)
    });
    (images, labels)
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).expect("rows of numbers")
}

#[test]
fn twenty_steps_are_those_of_pytorch() {
    let file = |name: &str| folder().join(name);
    let Ok(text) = std::fs::read_to_string(file("digits.csv")) else {
        println!("skipped: no data at {}", folder().display());
        return;
    };
    let pairs = pairs(&text);
    let order = SplitMix64(1000).shuffled(PAIRS);
    let document = std::fs::read_to_string(file("trajectory.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let weights = std::fs::read(file("initial_0.safetensors")).unwrap();
    let weights = support::read_tables(&weights);
    let tasks = TaskSet::new([
        Task::classification("left", 10),
        Task::classification("right", 10),
        Task::regression("addition", 1),
    ])
    .unwrap();
    let device = Device::flex().autodiff();
    for (name, json) in [
        ("sum", r#"{"strategy": "sum"}"#),
        ("uncertainty", r#"{"strategy": "uncertainty"}"#),
        ("upgrad", r#"{"strategy": "upgrad"}"#),
        (
            "pcgrad-ascending",
            r#"{"strategy": "pcgrad", "order": "ascending"}"#,
        ),
    ] {
        let expected = &document["strategies"][name]["float64"];
        let (losses, weights_of) = (rows(&expected["losses"]), rows(&expected["weights"]));
        let config = StrategyConfig::from_json(json).unwrap();
        let strategy = config.init(&tasks, &device).unwrap();
        let mut network = Network::new(&weights, strategy, &device);
        let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
        for step in 0..losses.len() {
            let (images, labels) = batch(&pairs, &order[step * BATCH..(step + 1) * BATCH], &device);
            let found = step::backward(&network.weighting, network.represent(images), |shared| {
                network.losses(shared, &labels)
            });
            let place = format!("{name}, step {step}");
            let raw = values(&found.losses().values());
            assert_all_close(&format!("{place}, losses"), &raw, &losses[step], 1e-5, 0.0);
            let used = values(&found.weights());
            assert_all_close(
                &format!("{place}, weights"),
                &used,
                &weights_of[step],
                1e-5,
                1e-6,
            );
            if let Some(gram) = expected["gram"].get(step).filter(|_| step == 0) {
                let own = values(&found.gram().unwrap().matrix());
                let gram: Vec<f64> = rows(gram).concat();
                assert_all_close(&format!("{place}, Gram matrix"), &own, &gram, 1e-4, 1e-9);
            }
            let gradients = found.gradients(&network);
            network = optimizer.step(1e-3, network, gradients);
        }
    }
}
