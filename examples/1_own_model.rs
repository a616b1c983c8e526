//! 1. A model of one's own: one trunk, two heads, two tasks whose losses differ by a factor of a hundred.
//!
//! ```text
//! cargo run --release --example 1_own_model
//! ```
//!
//! The training loop is plain Burn; `weigh` is the only line that this crate adds to it. The strategy comes from JSON, as it
//! would from a config file, and is a submodule beside the network, so that one record saves both. Watch the weights: both
//! losses start with 1/2; then that of the large loss falls, and that of the small one rises.

use burn::module::{Module, ParamGroup};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Tensor};
use equipoise::loss::{Reduction, TaskLosses, binary_cross_entropy_with_logits, huber};
use equipoise::weighting::{LossWeighting, Weighting, WeightingConfig};
use equipoise::{Task, TaskSet};

#[derive(Module, Debug)]
struct Network {
    trunk: Linear,
    level: Linear,
    above: Linear,
}

impl Network {
    fn new(device: &Device) -> Self {
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        Self {
            trunk: linear(8, 32),
            level: linear(32, 1),
            above: linear(32, 1),
        }
    }

    /// The raw losses, in the order of the tasks: not weighted, not added.
    fn losses(&self, inputs: Tensor<2>) -> TaskLosses {
        // Made-up targets: the level is in tens, and whether the other half of the inputs adds up to more than nothing.
        let level = inputs.clone().slice([0..64, 0..4]).sum_dim(1) * 10.0;
        let other = inputs.clone().slice([0..64, 4..8]).sum_dim(1);
        let above = other.greater_scalar(0.0).float();
        let shared = self.trunk.forward(inputs).tanh();
        let [levels, aboves] = [&self.level, &self.above].map(|head| head.forward(shared.clone()));
        TaskLosses::new(vec![
            huber(levels, level, 10.0, None, Reduction::Mean),
            binary_cross_entropy_with_logits(aboves, above, 1.0, None, Reduction::Mean),
        ])
    }
}

/// What is trained and saved as one.
#[derive(Module, Debug)]
struct Training {
    network: Network,
    weighting: Weighting,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let tasks = TaskSet::new([Task::regression("level", 1), Task::binary("above", 1)])?;
    let config = WeightingConfig::from_json(r#"{"strategy": "uncertainty"}"#)?;
    let mut training = Training {
        network: Network::new(&device),
        weighting: config.init(&tasks, &device)?,
    };
    // Weight decay would pull learned weights towards their start, so they are a group without it.
    let own = AdamWConfig::new().with_weight_decay(0.0).build();
    let group = ParamGroup::from_predicate("weighting");
    let mut optimizer = AdamWConfig::new().init().with_group(group, own, None);

    for step in 0..=600 {
        let inputs = Tensor::random([64, 8], Distribution::Normal(0.0, 1.0), &device);
        let losses = training.network.losses(inputs);
        let objective = training.weighting.weigh(&losses);
        // Reading numbers waits for the device, so it is done now and then and not in every step.
        if step % 100 == 0 {
            let raw: Vec<f32> = losses.values().into_data().try_to_vec()?;
            let weights: Vec<f32> = objective.weights.to_data().try_to_vec()?;
            let words = tasks.names().zip(raw.iter().zip(&weights));
            let words: Vec<_> = words
                .map(|(n, (l, w))| format!("{n} {l:8.4} x {w:.4}"))
                .collect();
            println!("step {step:>3}: {}", words.join("   "));
        }
        let gradients = GradientsParams::from_grads(objective.total.backward(), &training);
        training = optimizer.step(1e-2, training, gradients);
    }
    for value in training.weighting.state() {
        println!("{}: {:.3?}", value.name(), value.read());
    }
    Ok(())
}
