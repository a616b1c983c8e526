//! The LSTM on a GPU: the kernels give what plain tensor operations give on the same device, whatever the sizes; and
//! launch as many kernels for a long sequence as for a short one.
//!
//! Without a GPU a software Vulkan driver serves (`mesa-vulkan-drivers`). Values and gradients by PyTorch are in
//! `lstm.rs`.
#![cfg(all(feature = "wgpu", feature = "expansion"))]

mod support;

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, DeviceKind, Distribution, Tensor};
use equipoise::nn::{BiLstm, BiLstmConfig, Kernel, Lengths, Lstm, LstmConfig};
use support::launches::{self, alone};
use support::{
    Noise, assert_all_close, assert_close, change_parameters, gradients, tensor, values,
};

fn device() -> Device {
    Device::wgpu(DeviceKind::DefaultDevice)
}

/// Output and gradients by name, relative to the largest of each.
type Answers = BTreeMap<String, Vec<f64>>;

#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: usize,
    time: usize,
    features: usize,
    hidden: usize,
    layers: usize,
    batch_first: bool,
    padded: bool,
}

/// Nothing is a multiple of anything. Each number of hidden units is kernels of its own to compile, so there are few.
const SIZES: [Sizes; 5] = [
    sizes(1, 1, 1, 1),
    sizes(3, 7, 5, 6),
    // Several blocks of samples.
    sizes(37, 2, 5, 6),
    Sizes {
        layers: 2,
        batch_first: false,
        ..sizes(5, 7, 5, 6)
    },
    Sizes {
        layers: 2,
        padded: true,
        ..sizes(4, 6, 3, 6)
    },
];

const fn sizes(batch: usize, time: usize, features: usize, hidden: usize) -> Sizes {
    Sizes {
        batch,
        time,
        features,
        hidden,
        layers: 1,
        batch_first: true,
        padded: false,
    }
}

impl Sizes {
    fn input(&self, device: &Device) -> Tensor<3> {
        let shape = if self.batch_first {
            [self.batch, self.time, self.features]
        } else {
            [self.time, self.batch, self.features]
        };
        Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
    }

    fn lengths(&self, device: &Device) -> Option<Lengths> {
        let lengths: Vec<usize> = (0..self.batch)
            .map(|sample| 1 + (sample * 5 + 1) % self.time)
            .collect();
        let lengths = Lengths::new(&lengths, self.time, device).with_batch_first(self.batch_first);
        self.padded.then_some(lengths)
    }

    fn bilstm(&self, device: &Device) -> BiLstm {
        BiLstmConfig::new(self.features, self.hidden)
            .with_layers(self.layers)
            .with_batch_first(self.batch_first)
            .init(device)
            .unwrap()
    }

    fn lstm(&self, device: &Device) -> Lstm {
        LstmConfig::new(self.features, self.hidden)
            .with_layers(self.layers)
            .with_batch_first(self.batch_first)
            .init(device)
            .unwrap()
    }
}

/// The output of `run` and the gradients of a sum with factors.
fn answers<M: Module>(
    layer: &M,
    input: &Tensor<3>,
    factors: &Tensor<3>,
    run: impl Fn(&M, Tensor<3>) -> Tensor<3>,
) -> Answers {
    let input = input.clone().require_grad();
    let output = run(layer, input.clone());
    let mut found = Answers::new();
    assert_eq!(output.dims(), factors.dims());
    found.insert("output".into(), values(&output));
    let graph = (output * factors.clone()).sum().backward();
    found.insert("input".into(), values(&input.grad(&graph).unwrap()));
    for (path, table) in gradients(layer, &graph) {
        found.insert(path, table.values);
    }
    found
}

fn compare(place: &str, found: &Answers, expected: &Answers, relative: f64) {
    let names = |answers: &Answers| answers.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{place}");
    for (name, expected) in expected {
        let largest = expected
            .iter()
            .fold(0.0f64, |most, value| most.max(value.abs()));
        let place = format!("{place}, {name}");
        assert_all_close(&place, &found[name], expected, 0.0, relative * largest);
    }
}

#[test]
fn kernels_and_plain_operations_agree_on_the_device() {
    let _alone = alone();
    let device = device().autodiff();
    for sizes in SIZES.into_iter().filter(|sizes| !sizes.padded) {
        let input = sizes.input(&device);
        // One direction is the same kernels with half the cubes: once is enough.
        let ways: &[bool] = if sizes.batch == 3 {
            &[true, false]
        } else {
            &[true]
        };
        for &both in ways {
            let place = format!("{sizes:?}, two directions {both}");
            let width = if both { 2 * sizes.hidden } else { sizes.hidden };
            let mut shape = input.dims();
            shape[2] = width;
            let factors = Tensor::random(shape, Distribution::Normal(0.0, 1.0), &device);
            let (found, expected) = if both {
                let layer = sizes.bilstm(&device);
                (
                    answers(&layer, &input, &factors, BiLstm::forward),
                    answers(&layer, &input, &factors, BiLstm::forward_reference),
                )
            } else {
                let layer = sizes.lstm(&device);
                (
                    answers(&layer, &input, &factors, Lstm::forward),
                    answers(&layer, &input, &factors, Lstm::forward_reference),
                )
            };
            compare(&place, &found, &expected, 1e-5);
        }
    }
}

/// The plain form over lengths differs from the device's, so flex is the yardstick here.
#[test]
fn sequences_of_different_lengths_agree_with_the_cpu() {
    let _alone = alone();
    let (gpu, cpu) = (device().autodiff(), Device::flex().autodiff());
    for sizes in SIZES.into_iter().filter(|sizes| sizes.padded) {
        let layer = sizes.bilstm(&cpu);
        let input = sizes.input(&cpu);
        let lengths = sizes.lengths(&cpu).unwrap();
        // What stands in the padding is not read.
        let nan = Tensor::full_like(&input, f32::NAN);
        let hidden = padding(&lengths, input.dims(), &cpu);
        let input = input.mask_where(hidden, nan);
        let [first, second, _] = input.dims();
        let shape = [first, second, 2 * sizes.hidden];
        let factors = Tensor::random(shape, Distribution::Normal(0.0, 1.0), &cpu);
        let run = |layer: &BiLstm, input| layer.forward_padded(input, &lengths);
        let expected = answers(&layer, &input, &factors, run);
        let moved = layer.clone().fork(&gpu);
        let (input, factors) = (input.to_device(&gpu), factors.to_device(&gpu));
        let found = answers(&moved, &input, &factors, run);
        compare(&format!("{sizes:?}"), &found, &expected, 1e-5);
    }
}

fn padding(lengths: &Lengths, shape: [usize; 3], device: &Device) -> Tensor<3, burn::tensor::Bool> {
    let mask = lengths
        .mask()
        .bool_not()
        .unsqueeze_dim::<3>(2)
        .expand(shape);
    Tensor::from_inner(mask.to_device(&device.clone().inner()))
}

/// Pieces of a series, with the states going on, are the series; gradients go through the states.
#[test]
fn a_series_in_pieces_is_the_series() {
    let _alone = alone();
    let device = device().autodiff();
    let sizes = sizes(3, 8, 5, 6);
    let (layer, input) = (sizes.lstm(&device), sizes.input(&device));
    let factors = Tensor::random([3, 8, 6], Distribution::Normal(0.0, 1.0), &device);
    let whole = answers(&layer, &input, &factors, Lstm::forward);
    let pieces = answers(&layer, &input, &factors, |layer, input| {
        let (first, state) = layer.forward_from(input.clone().narrow(1, 0, 5), None, None);
        let (second, _) = layer.forward_from(input.narrow(1, 5, 3), Some(state), None);
        Tensor::cat(vec![first, second], 1)
    });
    compare("pieces", &pieces, &whole, 1e-5);
}

/// What runs a layer is told, and why it is not the kernels.
#[test]
fn what_runs_a_layer_is_told() {
    let _alone = alone();
    let device = device();
    let narrow = sizes(2, 3, 2, 8);
    assert_eq!(
        narrow.bilstm(&device).kernel([2, 3, 2], &device),
        Kernel::Gpu
    );
    assert_eq!(
        narrow
            .lstm(&Device::flex())
            .kernel([2, 3, 2], &Device::flex()),
        Kernel::Cpu
    );
    // Wider than any device has units for.
    let layer = LstmConfig::new(1, 10_000).init(&device).unwrap();
    let Kernel::Plain(why) = layer.kernel([1, 2, 1], &device) else {
        panic!("it has kernels");
    };
    assert!(
        why.starts_with("10000 hidden units, and the device runs "),
        "{why}"
    );
}

/// Gates far from zero saturate, and a value that is no number stays one.
#[test]
fn large_inputs_saturate_and_nan_stays() {
    let _alone = alone();
    let device = device();
    let layer = sizes(2, 3, 5, 6).bilstm(&device);
    let large = Tensor::<3>::full([2, 3, 5], 1e4, &device);
    let found = values(&layer.forward(large.clone()));
    assert!(found.iter().all(|value| value.abs() <= 1.0), "{found:?}");
    let expected = values(&layer.forward_reference(large));
    assert_all_close("saturated", &found, &expected, 0.0, 1e-5);
    let nan = Tensor::<3>::full([2, 3, 5], f32::NAN, &device);
    let found = values(&layer.forward(nan));
    assert!(found.iter().all(|value| value.is_nan()), "{found:?}");
}

/// A frozen layer passes gradients on and has none of its own; and an input that needs none gets none.
#[test]
fn frozen_layers_and_inputs_without_gradient() {
    let _alone = alone();
    let device = device().autodiff();
    let sizes = sizes(2, 4, 5, 6);
    let input = sizes.input(&device);
    let layer = sizes.bilstm(&device);
    let expected = {
        let leaf = input.clone().require_grad();
        let graph = layer.forward_reference(leaf.clone()).sum().backward();
        values(&leaf.grad(&graph).unwrap())
    };
    // A parameter is made when it is first read; only then is the copy's flag its own.
    let frozen = layer.clone().no_grad();
    let leaf = input.clone().require_grad();
    let graph = frozen.forward(leaf.clone()).sum().backward();
    let (forward, backward) = frozen.weights(0).unwrap();
    for weights in [forward, backward] {
        assert!(weights.weight_ih.val().grad(&graph).is_none());
        assert!(weights.weight_hh.val().grad(&graph).is_none());
        assert!(weights.bias_hh.val().grad(&graph).is_none());
    }
    let found = values(&leaf.grad(&graph).unwrap());
    assert_all_close("to the input", &found, &expected, 1e-5, 1e-6);
    let graph = layer.forward(input.clone()).sum().backward();
    let found = gradients(&layer, &graph);
    let graph = layer.forward_reference(input).sum().backward();
    for (path, expected) in gradients(&layer, &graph) {
        assert_all_close(&path, &found[&path].values, &expected.values, 1e-5, 1e-5);
    }
}

/// The gradient along a direction is the slope of a central difference.
#[test]
fn the_gradient_is_the_slope() {
    let _alone = alone();
    let device = device().autodiff();
    let sizes = Sizes {
        layers: 2,
        ..sizes(2, 5, 3, 4)
    };
    let layer = change_parameters(sizes.bilstm(&device), &mut |path, old| {
        Noise::new(path.len() as u64).many(old.values.len())
    });
    let input = sizes.input(&device);
    let factors = Noise::new(5).many(2 * 5 * 8);
    let weights: Tensor<3> = tensor(&factors, [2, 5, 8], &device);
    let graph = (layer.forward(input.clone()) * weights).sum().backward();
    let gradients = gradients(&layer, &graph);
    let directions = |path: &str, count: usize| Noise::new(31 + path.len() as u64).many(count);
    // The sum is in double precision, or it would round away what a step changes.
    let objective = |by: f64| {
        let moved = change_parameters(layer.clone(), &mut |path, old| {
            let along = directions(path, old.values.len());
            let pairs = old.values.iter().zip(along);
            pairs.map(|(value, along)| value + by * along).collect()
        });
        let output = values(&moved.forward(input.clone()));
        output.iter().zip(&factors).map(|(a, b)| a * b).sum::<f64>()
    };
    let step = 2e-3;
    let slope = (objective(step) - objective(-step)) / (2.0 * step);
    let along = gradients.iter().map(|(path, table)| {
        let along = directions(path, table.values.len());
        table
            .values
            .iter()
            .zip(along)
            .map(|(a, b)| a * b)
            .sum::<f64>()
    });
    let found: f64 = along.sum();
    assert!(found.abs() > 0.1, "a gradient of {found} proves nothing");
    assert_close("slope", found, slope, 2e-3, 2e-3);
}

/// How far half precision is from single, relative to the largest of each.
#[test]
fn half_precision_is_near() {
    let _alone = alone();
    let device = device().autodiff();
    // The documentation's numbers are those of `layers: 2` and `sizes(4, 60, 12, 32)`, which take a minute to tune.
    let sizes = sizes(3, 7, 5, 6);
    let (layer, input) = (sizes.bilstm(&device), sizes.input(&device));
    let factors = Tensor::random([3, 7, 12], Distribution::Normal(0.0, 1.0), &device);
    let expected = answers(&layer, &input, &factors, BiLstm::forward);
    let half = layer.clone().with_half_precision(true);
    if half.kernel(input.dims(), &device) != Kernel::GpuHalf {
        println!("skipped: this device has no half precision");
        return;
    }
    let found = answers(&half, &input, &factors, BiLstm::forward);
    let mut worst = (0.0f64, 0.0f64);
    for (name, expected) in &expected {
        let largest = expected
            .iter()
            .fold(0.0f64, |most, value| most.max(value.abs()));
        let pairs = found[name].iter().zip(expected);
        let off = pairs.fold(0.0f64, |most, (a, b)| most.max((a - b).abs() / largest));
        match name.as_str() {
            "output" => worst.0 = off,
            _ => worst.1 = worst.1.max(off),
        }
    }
    println!(
        "half precision: outputs {:.2e}, gradients {:.2e}",
        worst.0, worst.1
    );
    assert!(worst.0 > 0.0 && worst.0 < 1e-3, "{worst:?}");
    assert!(worst.1 < 2e-3, "{worst:?}");
}

/// The same work twice gives the same bits.
#[test]
fn the_same_bits_twice() {
    let _alone = alone();
    let device = device().autodiff();
    let sizes = sizes(5, 7, 5, 6);
    let (layer, input) = (sizes.bilstm(&device), sizes.input(&device));
    let factors = Tensor::random([5, 7, 12], Distribution::Default, &device);
    let once = answers(&layer, &input, &factors, BiLstm::forward);
    let twice = answers(&layer, &input, &factors, BiLstm::forward);
    assert_eq!(once, twice);
}

/// A layer launches the same few kernels whatever the length of the sequences is.
#[test]
fn launches_do_not_grow_with_time() {
    let _alone = alone();
    let device = device().autodiff();
    let counted = |time: usize, both_ways: bool| {
        let sizes = sizes(2, time, 3, 8);
        let layer = sizes.bilstm(&device);
        let input = sizes.input(&device);
        let work = || {
            if both_ways {
                let graph = layer.forward(input.clone()).sum().backward();
                let _ = gradients(&layer, &graph);
            } else {
                let layer = layer.clone().valid();
                let _ = layer.forward(input.clone().inner()).into_data();
            }
        };
        // Twice before, so that nothing is tuned or compiled while it is counted.
        work();
        work();
        launches::of(work)
    };
    for (both_ways, most) in [(false, 5), (true, 16)] {
        let (short, long) = (counted(15, both_ways), counted(105, both_ways));
        println!("gradients {both_ways}: {long:#?}");
        // The tuner may choose a sum in one launch for one length and in two for another; nothing grows by the step.
        let difference = launches::total(&long).abs_diff(launches::total(&short));
        assert!(difference <= 2, "{short:#?} and {long:#?}");
        assert!(launches::total(&long) <= most, "{long:#?}");
    }
}
