//! The work of a training step and of inference on the expansion model, at the sizes it was designed with: T = 105, F = 12,
//! H = 96, all dropouts, uncertainty weighting, AdamW.

// Every program that measures uses a part of this.
#![allow(dead_code)]

use burn::data::dataloader::batcher::Batcher;
use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use burn::train::TrainStep;
use equipoise::expansion::model::{
    ExpansionBatch, ExpansionBatcher, ExpansionModel, ExpansionModelConfig,
};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
use equipoise::expansion::window::{Window, Windows};
use equipoise::model::{Branches, MultiTaskModel};
use equipoise::nn::Dropout;
use equipoise::train::MultiTask;
use equipoise::weighting::StrategyConfig;

use super::waiting::wait;

/// Simulated windows, one after another in one series.
pub fn windows(size: usize) -> Windows {
    let simulator = Simulator::new(SimulatorConfig::default(), 0).expect("the defaults are valid");
    simulator.simulate_windows(size).windows()
}

/// Simulated windows of another length.
pub fn windows_of(bars: usize, size: usize) -> Windows {
    let market = SimulatorConfig {
        window: bars,
        // Short enough for the shortest windows that are measured.
        min_length: 2,
        max_length: 6,
        ..SimulatorConfig::default()
    };
    let simulator = Simulator::new(market, 0).expect("an expansion fits into these windows");
    simulator.simulate_windows(size).windows()
}

/// Features and targets of all of some windows.
pub fn assemble(windows: &Windows, device: &Device) -> ExpansionBatch {
    let all: Vec<Window> = windows.iter().copied().collect();
    let form = ExpansionModelConfig::default().countdown;
    ExpansionBatcher::new(windows.bars(), windows.length(), false, form).batch(all, device)
}

/// A batch of simulated windows.
pub fn batch(size: usize, device: &Device) -> ExpansionBatch {
    assemble(&windows(size), device)
}

/// The network under its usual strategy.
pub fn model(device: &Device) -> MultiTask<ExpansionModel> {
    let strategy = ExpansionConfig::preset("uncertainty").expect("it is one of the presets");
    model_under(&strategy, device)
}

/// The network under a strategy.
fn model_under(strategy: &StrategyConfig, device: &Device) -> MultiTask<ExpansionModel> {
    let config = ExpansionModelConfig::default();
    let tasks = config.tasks().expect("the defaults are valid");
    let weighting = strategy.init(&tasks, device).expect("it fits the tasks");
    let network = config.init(device).expect("the defaults are valid");
    MultiTask::new(network, weighting)
}

/// Training steps on one batch, one after another.
pub struct Training {
    model: Option<MultiTask<ExpansionModel>>,
    optimizer: ModuleOptimizer,
    batch: ExpansionBatch,
}

impl Training {
    /// Before the first step under the usual strategy, on simulated windows.
    pub fn new(size: usize, device: &Device) -> Self {
        let strategy = ExpansionConfig::preset("uncertainty").expect("it is one of the presets");
        Self::under(&strategy, size, device)
    }

    /// Before the first step under a strategy, on simulated windows.
    pub fn under(strategy: &StrategyConfig, size: usize, device: &Device) -> Self {
        let device = device.clone().autodiff();
        let model = model_under(strategy, &device);
        Self::of(model, batch(size, &device))
    }

    /// Before the first step on a batch that is there already, on its device, which has autodiff.
    pub fn on(batch: ExpansionBatch, device: &Device) -> Self {
        Self::of(model(device), batch)
    }

    /// Before the first step of a network of another size, on windows of another length.
    pub fn sized(bars: usize, hidden: usize, size: usize, device: &Device) -> Self {
        let device = device.clone().autodiff();
        let config = ExpansionModelConfig {
            window: bars,
            hidden,
            ..ExpansionModelConfig::default()
        };
        let tasks = config.tasks().expect("the sizes are valid");
        let strategy = ExpansionConfig::preset("uncertainty").expect("it is one of the presets");
        let weighting = strategy.init(&tasks, &device).expect("it fits the tasks");
        let network = config.init(&device).expect("the sizes are valid");
        let batch = assemble(&windows_of(bars, size), &device);
        Self::of(MultiTask::new(network, weighting), batch)
    }

    /// The network, without autodiff.
    pub fn network(&self) -> ExpansionModel {
        let model = self.model.as_ref().expect("the last step put it back");
        model.network.valid()
    }

    fn of(model: MultiTask<ExpansionModel>, batch: ExpansionBatch) -> Self {
        Self {
            model: Some(model),
            optimizer: AdamWConfig::new()
                .with_epsilon(1e-8)
                .with_weight_decay(0.01)
                .init(),
            batch,
        }
    }

    /// Forward, four losses, weighting, backward, AdamW.
    pub fn step(&mut self) {
        let model = self.model.take().expect("the last step put it back");
        let step = TrainStep::step(&model, vec![self.batch.clone()]);
        self.model = Some(self.optimizer.step(1e-3, model, step.grads));
        wait(step.item.losses);
    }

    /// The same with recurrent layers in plain tensor operations.
    pub fn in_plain_form(self) -> PlainForm {
        PlainForm(self)
    }
}

/// Training steps on one batch whose recurrent layers are plain tensor operations.
pub struct PlainForm(Training);

impl PlainForm {
    /// Forward, four losses, weighting, backward, AdamW.
    pub fn step(&mut self) {
        let Training {
            model,
            optimizer,
            batch,
        } = &mut self.0;
        let MultiTask {
            network, weighting, ..
        } = model.as_ref().expect("the last step put it back");
        let input = batch.features.clone();
        let dropped = Dropout::new(network.config().input_dropout).forward(input);
        let shared = network.lstm().forward_reference(dropped);
        let tasks = network.tasks().len();
        let losses = network.task_losses(Branches::together(shared, tasks), batch);
        let weighed = weighting.weigh(&losses);
        let gradients = weighed.total.backward();
        let moved = model.take().expect("it was there");
        let gradients = GradientsParams::from_grads(gradients, &moved);
        *model = Some(optimizer.step(1e-3, moved, gradients));
        wait(losses.values());
    }
}

/// All four heads of a network without autodiff.
pub fn infer(network: &ExpansionModel, batch: &ExpansionBatch) {
    let output = network.forward(batch.features.clone());
    wait(output.kinds);
    wait(output.pointers);
    wait(output.binary);
    wait(output.countdown);
}
