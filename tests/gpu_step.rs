//! The expansion model on a GPU, by counted kernels: a training step and inference launch no more for a long window
//! than for a short one, but for what the tuner chooses, and no more than what is written here.
//!
//! Without a GPU a software Vulkan driver serves (`mesa-vulkan-drivers`).
#![cfg(all(feature = "wgpu", feature = "expansion"))]

mod support;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use burn::data::dataset::InMemDataset;
use burn::optim::{AdamWConfig, ModuleOptimizer};
use burn::tensor::{Device, DeviceKind, Int, Tensor, TensorData};
use burn::train::TrainStep;
use equipoise::expansion::label::{ExpansionType, WindowLabel};
use equipoise::expansion::model::{ExpansionBatch, ExpansionModel, ExpansionModelConfig};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::model::MultiTaskModel;
use equipoise::train::{BatchBy, MultiTask, Progress, TrainConfig, Trainer};
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
    let labels = [(1, 4, 0), (5, 9, 2)].map(|(start, end, kind): (_, _, usize)| WindowLabel {
        start,
        end,
        kind: ExpansionType::OF_RULE[kind],
    });
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
        let strategy = ExpansionConfig::preset(strategy).expect("it is one of the presets");
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
    // The tuner may choose a sum in one launch for one length, and for another one in two with two copies beside them: it
    // measures, so other work on the machine changes its choice. Nothing grows by the bar.
    let copies = |all: &BTreeMap<String, usize>| all.get("CopyKernelPack").copied().unwrap_or(0);
    let others = |all: &BTreeMap<String, usize>| launches::total(all) - copies(all);
    let difference = others(&long).abs_diff(others(&short));
    assert!(difference <= 2, "{place}: {short:#?} and {long:#?}");
    let difference = copies(&long).abs_diff(copies(&short));
    assert!(difference <= 4, "{place}: {short:#?} and {long:#?}");
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

/// The launches of each step of a run, audited every fourth step.
fn of_a_run(clip_norm: Option<f64>) -> Vec<BTreeMap<String, usize>> {
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let config = config(15);
    let network = config.init(&device).unwrap();
    let weighting = ExpansionConfig::preset("uncertainty").unwrap();
    let weighting = weighting.init(network.tasks(), &device).unwrap();
    let batches = BatchBy(move |_: Vec<usize>, device: &Device| batch(&config, device));
    let samples = |count: usize| InMemDataset::new((0..count * BATCH).collect());
    let settings = TrainConfig::default()
        .with_epochs(1)
        .with_batch_size(BATCH)
        .with_audit_every(Some(4))
        .with_clip_norm(clip_norm)
        .with_baseline(false);
    let folder = tempfile::tempdir().unwrap();
    let counted = Arc::new(Mutex::new(Vec::new()));
    let (watch, seen) = (launches::Watch::start(), counted.clone());
    let last = Mutex::new(BTreeMap::new());
    Trainer::new(settings, folder.path())
        .unwrap()
        .with_progress(Progress::Silent)
        .on_step(move |step| {
            step.losses.device().sync().unwrap();
            let now = watch.so_far();
            let before = std::mem::replace(&mut *last.lock().unwrap(), now.clone());
            let since = |(name, count): (String, usize)| {
                let count = count - before.get(&name).copied().unwrap_or_default();
                (count > 0).then_some((name, count))
            };
            let since = now.into_iter().filter_map(since).collect();
            seen.lock().unwrap().push(since);
            ControlFlow::Continue(())
        })
        .fit(
            network,
            weighting,
            samples(12),
            samples(1),
            batches,
            &device,
        )
        .unwrap();
    counted.lock().unwrap().clone()
}

/// A step of a run sums for the history besides, clipping reads all gradients once, and an audit runs the heads again,
/// which happens in every 10th step by default.
#[test]
fn clipping_and_audits_are_counted_too() {
    let _alone = alone();
    let of = |clip| {
        let steps = of_a_run(clip);
        assert_eq!(steps.len(), 12);
        // The first steps are tuned.
        let audited = launches::total(&steps[8]);
        let mut plain: Vec<usize> = steps[5..8].iter().map(launches::total).collect();
        plain.sort_unstable();
        (plain[1], audited)
    };
    let ((plain, audited), (clipped, _)) = (of(None), of(Some(1.0)));
    println!("a step of a run: {plain}, with clipping {clipped}, audited {audited}");
    assert!(plain <= 115 && clipped <= plain + 30 && audited <= plain + 110);
}
