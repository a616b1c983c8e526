//! Heads, losses and combined gradients on a GPU give what they give on the CPU, in value and in gradient.
//!
//! Without a GPU a software Vulkan driver serves (`mesa-vulkan-drivers`).
#![cfg(all(feature = "wgpu", feature = "flex", feature = "expansion"))]

mod support;

use burn::module::{Initializer, Module};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Bool, Device, DeviceKind, Int, Tensor, TensorData};
use equipoise::loss::{Reduction, TaskLosses, cross_entropy};
use equipoise::nn::{Dropout, readout};
use support::launches::alone;
use support::{Noise, assert_all_close, tensor, values};

fn gpu() -> Device {
    Device::wgpu(DeviceKind::DefaultDevice).autodiff()
}

fn cpu() -> Device {
    Device::flex().autodiff()
}

fn head(width: usize, bias: bool, device: &Device) -> Linear {
    let config = LinearConfig::new(width, 1).with_bias(bias);
    config
        .with_initializer(Initializer::Constant { value: 0.0 })
        .init(device)
}

/// A head with weights from noise, the same on every device.
fn noisy(width: usize, bias: bool, seed: u64, device: &Device) -> Linear {
    support::change_parameters(head(width, bias, device), &mut |_, old| {
        Noise::new(seed).many(old.values.len())
    })
}

/// Outputs, mean and all gradients of a readout.
fn read(
    shape: [usize; 3],
    dropout: &Dropout,
    bias: bool,
    device: &Device,
) -> Vec<(&'static str, Vec<f64>)> {
    let [batch, time, width] = shape;
    let mut noise = Noise::new(7);
    let input: Tensor<3> = tensor(&noise.many(batch * time * width), shape, device).require_grad();
    let heads = [noisy(width, bias, 1, device), noisy(width, true, 2, device)];
    let found = readout(dropout, [&heads[0], &heads[1]], input.clone());
    let [first, second] = found.steps;
    let factors: Tensor<2> = tensor(&noise.many(batch * time), [batch, time], device);
    let of_mean: Tensor<2> = tensor(&noise.many(batch * width), [batch, width], device);
    let mut all = vec![
        ("first", values(&first)),
        ("second", values(&second)),
        ("mean", values(&found.mean)),
    ];
    let loss = (first * factors.clone()).sum()
        + (second * factors).square().sum()
        + (found.mean * of_mean).sum();
    let graph = loss.backward();
    all.push(("to input", values(&input.grad(&graph).unwrap())));
    for head in &heads {
        all.push((
            "to weight",
            values(&head.weight.val().grad(&graph).unwrap()),
        ));
        if let Some(bias) = &head.bias {
            all.push(("to bias", values(&bias.val().grad(&graph).unwrap())));
        }
    }
    all
}

#[test]
fn heads_agree_with_the_cpu() {
    let _alone = alone();
    for (shape, bias) in [([1, 1, 1], true), ([3, 7, 10], false), ([5, 67, 70], true)] {
        let still = Dropout::new(0.0);
        let (found, expected) = (
            read(shape, &still, bias, &gpu()),
            read(shape, &still, bias, &cpu()),
        );
        for ((name, found), (_, expected)) in found.iter().zip(&expected) {
            let largest = expected
                .iter()
                .fold(1e-3f64, |most, value| most.max(value.abs()));
            assert_all_close(
                &format!("{shape:?}, {name}"),
                found,
                expected,
                0.0,
                1e-5 * largest,
            );
        }
    }
}

/// The way back finds the mask of the way forward, as many elements are dropped as there should be, heads have masks of
/// their own, and a seed fixes them.
#[test]
fn heads_drop_elements() {
    let _alone = alone();
    let device = gpu();
    let shape = [4, 50, 40];
    let dropout = Dropout::new(0.3);
    let ones = || Tensor::<3>::ones(shape, &device).require_grad();
    let one = support::change_parameters(head(40, false, &device), &mut |_, old| {
        vec![1.0; old.values.len()]
    });
    let masks = |seed: u64| {
        device.seed(seed);
        let input = ones();
        let found = readout(&dropout, [&one, &one], input.clone());
        let [first, second] = found.steps;
        let output = values(&first);
        let (a, b) = (first.sum(), second.sum());
        let first = values(&input.grad(&a.backward()).unwrap());
        let second = values(&input.grad(&b.backward()).unwrap());
        (output, first, second)
    };
    let (output, first, second) = masks(5);
    for (row, sum) in output.iter().enumerate() {
        let kept: f64 = first[40 * row..40 * (row + 1)].iter().sum();
        assert!((kept - sum).abs() < 1e-3, "row {row}: {kept} and {sum}");
    }
    let dropped = |mask: &[f64]| mask.iter().filter(|value| **value == 0.0).count() as f64 / 8000.0;
    for mask in [&first, &second] {
        // Five standard deviations.
        assert!((dropped(mask) - 0.3).abs() < 0.026, "{}", dropped(mask));
        assert!(
            mask.iter()
                .all(|value| *value == 0.0 || (value - 1.0 / 0.7).abs() < 1e-5)
        );
    }
    let same = first.iter().zip(&second).filter(|(a, b)| a == b).count() as f64 / 8000.0;
    assert!((same - 0.58).abs() < 0.03, "{same}");
    assert_eq!(masks(5).1, first);
    assert_ne!(masks(6).1, first);
    // Nothing is dropped off the graph.
    let plain = readout(&dropout, [&one.clone().valid()], ones().inner());
    assert_all_close("plain", &values(&plain.steps[0]), &[40.0; 200], 1e-6, 0.0);
}

#[test]
fn cross_entropy_agrees_with_the_cpu() {
    let _alone = alone();
    for (rows, classes) in [(1, 1), (5, 3), (300, 64), (7, 65)] {
        for masked in [false, true] {
            let found = |device: &Device| {
                let mut noise = Noise::new(9);
                let mut logits: Vec<f64> = noise
                    .many(rows * classes)
                    .iter()
                    .map(|v| 50.0 * v)
                    .collect();
                let targets: Vec<i64> = (0..rows).map(|row| (row * 7 % classes) as i64).collect();
                let mask: Vec<bool> = (0..rows).map(|row| row % 3 != 1).collect();
                if masked && rows > 1 {
                    logits[classes] = f64::NAN;
                }
                let logits: Tensor<2> = tensor(&logits, [rows, classes], device).require_grad();
                let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [rows]), device);
                let mask = masked.then(|| Tensor::<1, Bool>::from_data(mask.as_slice(), device));
                let loss = cross_entropy(logits.clone(), targets, mask, Reduction::Mean);
                let value = values(&loss);
                let graph = (loss * 3.0).backward();
                (value, values(&logits.grad(&graph).unwrap()))
            };
            let (found, expected) = (found(&gpu()), found(&cpu()));
            let place = format!("{rows} rows of {classes}, masked {masked}");
            assert_all_close(&place, &found.0, &expected.0, 1e-5, 1e-6);
            assert_all_close(&place, &found.1, &expected.1, 1e-4, 1e-6);
        }
    }
}

/// A target that is no class cannot panic on a GPU; it must not pass as a loss.
#[test]
fn a_target_that_is_no_class_is_seen() {
    let _alone = alone();
    let device = gpu();
    let logits = Tensor::<2>::zeros([2, 3], &device);
    let targets = Tensor::<1, Int>::from_ints([1, 3], &device);
    let loss = cross_entropy(logits, targets, None, Reduction::Mean);
    assert!(values(&loss)[0].is_nan());
}

#[test]
fn losses_are_put_together() {
    let _alone = alone();
    let device = gpu();
    for tasks in [1, 2, 4, 6, 7] {
        let leaves: Vec<Tensor<1>> = (0..tasks)
            .map(|task| Tensor::from_floats([task as f32 + 0.5], &device).require_grad())
            .collect();
        let losses = TaskLosses::new(leaves.iter().map(|leaf| leaf.clone() * 2.0).collect());
        let expected: Vec<f64> = (0..tasks).map(|task| 2.0 * task as f64 + 1.0).collect();
        assert_eq!(values(&losses.values()), expected);
        let weights: Vec<f32> = (0..tasks).map(|task| 10.0 + task as f32).collect();
        let weights = Tensor::<1>::from_floats(weights.as_slice(), &device);
        let graph = (losses.values() * weights).sum().backward();
        for (task, leaf) in leaves.iter().enumerate() {
            assert_eq!(
                values(&leaf.grad(&graph).unwrap()),
                [20.0 + 2.0 * task as f64]
            );
        }
    }
}

/// An audit is made of inner products; what is combined from them is in `backends_agree.rs`.
#[test]
fn inner_products_agree_with_the_cpu() {
    use equipoise::gradient::audit;
    use equipoise::model::{Branches, MultiTaskModel};
    let _alone = alone();
    let found = |device: &Device| {
        let network = support::change_parameters(Trunk::new(device), &mut |path, old| {
            Noise::new(path.len() as u64).many(old.values.len())
        });
        let batch: Tensor<2> = tensor(&Noise::new(4).many(60), [10, 6], device);
        let weights = tensor(&[1.0, 0.5, 2.0], [3], &device.clone().inner());
        let audit = audit(&network, network.represent(&batch), &batch, weights);
        let audit = audit.read().unwrap();
        let losses = network.task_losses(Branches::together(network.represent(&batch), 3), &batch);
        (
            audit.norms,
            audit.cosines.concat(),
            values(&losses.values()),
        )
    };
    let (found, expected) = (found(&gpu()), found(&cpu()));
    assert_all_close("norms", &found.0, &expected.0, 1e-5, 1e-7);
    assert_all_close("cosines", &found.1, &expected.1, 0.0, 1e-5);
    assert_all_close("losses", &found.2, &expected.2, 1e-5, 1e-7);
}

/// Three tasks on a linear representation.
#[derive(Module, Debug)]
struct Trunk {
    trunk: Linear,
    #[module(skip)]
    tasks: equipoise::TaskSet,
}

impl Trunk {
    fn new(device: &Device) -> Self {
        Self {
            trunk: LinearConfig::new(6, 8).init(device),
            tasks: equipoise::TaskSet::new(
                ["a", "b", "c"].map(|name| equipoise::Task::regression(name, 1)),
            )
            .unwrap(),
        }
    }
}

impl equipoise::model::MultiTaskModel for Trunk {
    type Batch = Tensor<2>;
    type Shared = Tensor<2>;
    type Evaluation = ();

    fn tasks(&self) -> &equipoise::TaskSet {
        &self.tasks
    }

    fn represent(&self, batch: &Tensor<2>) -> Tensor<2> {
        self.trunk.forward(batch.clone()).tanh()
    }

    fn task_losses(
        &self,
        shared: equipoise::model::Branches<Tensor<2>>,
        _: &Tensor<2>,
    ) -> TaskLosses {
        TaskLosses::new(vec![
            shared.of(0).square().mean(),
            shared.of(1).sum() * 0.1,
            (shared.of(2) - 1.0).square().mean(),
        ])
    }

    fn samples(batch: &Tensor<2>) -> usize {
        batch.dims()[0]
    }
}
