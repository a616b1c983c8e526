//! The expansion model on a GPU, by counted kernels: a training step and inference launch no more for a long window than for a
//! short one, but for what the tuner chooses, and no more than what is written here.
//!
//! Without a GPU a software Vulkan driver serves (`mesa-vulkan-drivers`).
#![cfg(all(feature = "wgpu", feature = "train"))]

mod support;

use std::collections::BTreeMap;

use burn::optim::{AdamWConfig, ModuleOptimizer};
use burn::tensor::{Device, DeviceKind, Int, Tensor, TensorData};
use burn::train::TrainStep;
use equipoise::expansion::batch::ExpansionBatch;
use equipoise::expansion::config::preset;
use equipoise::expansion::labels::WindowLabel;
use equipoise::expansion::model::{ExpansionModel, ExpansionModelConfig};
use equipoise::train::MultiTask;
use support::launches::{self, alone};
use support::{Noise, tensor};

const BATCH: usize = 2;

/// The counts do not depend on the number of hidden units; tuning and compiling do.
fn config(window: usize) -> ExpansionModelConfig {
    ExpansionModelConfig {
        window,
        features: 5,
        hidden: 16,
        ..ExpansionModelConfig::default()
    }
}

fn batch(config: &ExpansionModelConfig, device: &Device) -> ExpansionBatch {
    let mut noise = Noise::new(3);
    let bars = config.window;
    let labels = [(1, 4, 0), (5, 9, 2)].map(|(start, end, kind)| WindowLabel { start, end, kind });
    let features = noise.many(BATCH * bars * config.features);
    let zeros = vec![0.0; BATCH * bars];
    ExpansionBatch {
        features: tensor(&features, [BATCH, bars, config.features], device),
        kinds: Tensor::<1, Int>::from_data(TensorData::new(vec![0i64, 2], [BATCH]), device),
        pointers: tensor(&[0.2, 0.3, 0.4, 0.5], [BATCH, 2], device),
        binary: tensor(&zeros, [BATCH, bars], device),
        countdown: tensor(&zeros, [BATCH, bars], device),
        labels: labels.to_vec().into(),
    }
}

/// Training on one batch.
struct Training {
    model: Option<MultiTask<ExpansionModel>>,
    optimizer: ModuleOptimizer,
    batch: ExpansionBatch,
}

impl Training {
    fn new(window: usize, strategy: &str) -> Self {
        let device = Device::wgpu(DeviceKind::DefaultDevice).autodiff();
        let config = config(window);
        let strategy = preset(strategy).expect("it is one of the presets");
        let tasks = config.tasks().unwrap();
        let weighting = strategy.init(&tasks, &device).unwrap();
        Self {
            model: Some(MultiTask::new(config.init(&device).unwrap(), weighting)),
            optimizer: AdamWConfig::new().init(),
            batch: batch(&config, &device),
        }
    }

    fn step(&mut self) {
        let model = self.model.take().unwrap();
        let step = TrainStep::step(&model, vec![self.batch.clone()]);
        self.model = Some(self.optimizer.step(1e-3, model, step.grads));
        let _ = step.item.losses.into_data();
        self.batch.features.device().sync().unwrap();
    }
}

fn of_step(window: usize, strategy: &str) -> BTreeMap<String, usize> {
    let mut training = Training::new(window, strategy);
    training.step();
    training.step();
    launches::of(|| training.step())
}

fn of_inference(window: usize) -> BTreeMap<String, usize> {
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let config = config(window);
    let (network, batch) = (config.init(&device).unwrap(), batch(&config, &device));
    let work = || {
        let output = network.forward(batch.features.clone());
        let _ = (output.kinds.into_data(), output.pointers.into_data());
        let _ = (output.binary.into_data(), output.countdown.into_data());
    };
    work();
    work();
    launches::of(work)
}

fn check(place: &str, most: usize, counted: impl Fn(usize) -> BTreeMap<String, usize>) {
    let (short, long) = (counted(15), counted(105));
    println!("{place}: {} launches, {long:#?}", launches::total(&long));
    // The tuner may choose a sum in one launch for one length and in two for another; nothing grows by the bar.
    let difference = launches::total(&long).abs_diff(launches::total(&short));
    assert!(difference <= 2, "{place}: {short:#?} and {long:#?}");
    assert!(launches::total(&long) <= most, "{place}: {long:#?}");
}

#[test]
fn inference_is_twenty_launches() {
    let _alone = alone();
    check("inference", 20, of_inference);
}

#[test]
fn a_training_step_is_a_hundred_launches() {
    let _alone = alone();
    check("uncertainty", 110, |window| of_step(window, "uncertainty"));
}

#[test]
fn a_gram_strategy_is_thirty_launches_more() {
    let _alone = alone();
    check("upgrad", 130, |window| of_step(window, "upgrad"));
}
