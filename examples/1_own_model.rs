//! Trains your own model in your own loop: one trunk, three heads, any strategy of the table as JSON.
//!
//! ```text
//! cargo run --release --example 1_own_model -- '{"strategy": "upgrad"}'
//! ```

use burn::module::{Module, ParamGroup};
use burn::nn::{Linear, LinearConfig};
use burn::optim::AdamWConfig;
use burn::tensor::{Device, Distribution::Normal, Tensor};
use equipoise::loss::{
    Reduction::Mean, TaskLosses, binary_cross_entropy_with_logits as bce, huber,
};
use equipoise::weighting::{Strategy, StrategyConfig};
use equipoise::{Task, TaskSet, step};

/// The network and the strategy, trained and saved as one module.
#[derive(Module, Debug)]
struct Training {
    trunk: Linear,
    heads: [Linear; 3],
    weighting: Strategy,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let (level, slope) = (Task::regression("level", 1), Task::regression("slope", 1));
    let tasks = TaskSet::new([level, slope, Task::binary("above", 1)])?;
    let json = std::env::args().nth(1);
    let json = json.unwrap_or_else(|| r#"{"strategy": "uncertainty"}"#.into());
    let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
    let mut training = Training {
        trunk: linear(8, 32),
        heads: [0, 1, 2].map(|_| linear(32, 1)),
        weighting: StrategyConfig::from_json(&json)?.init(&tasks, &device)?,
    };
    // Weight decay would pull learned weights towards their start, so the strategy is a group without weight decay.
    let own = AdamWConfig::new().with_weight_decay(0.0).build();
    let group = ParamGroup::from_predicate("weighting");
    let mut optimizer = AdamWConfig::new().init().with_group(group, own, None);
    for index in 0..=600 {
        // Made-up targets: the level is in tens, the slope in hundredths.
        let x = Tensor::<2>::random([64, 8], Normal(0.0, 1.0), &device);
        let sum = |from: usize| x.clone().narrow(1, from, 4).sum_dim(1);
        let (level, slope, above) = (sum(0) * 10.0, sum(2) / 100.0, sum(4).greater_scalar(0.0));
        let shared = training.trunk.forward(x.clone()).tanh();
        let pass = step::backward(&training.weighting, shared, |shared| {
            let [a, b, c] = shared.each();
            let [first, second, third] = &training.heads;
            TaskLosses::new(vec![
                huber(first.forward(a), level.clone(), 10.0, None, Mean),
                huber(second.forward(b), slope.clone(), 0.1, None, Mean),
                bce(third.forward(c), above.clone().float(), 1.0, None, Mean),
            ])
        });
        // Reading numbers waits for the device, so they are read every 100 steps.
        if index % 100 == 0 {
            let losses = pass.losses().values().into_data();
            println!(
                "{index:>3}: losses {losses} weights {}",
                pass.weights().into_data()
            );
        }
        let gradients = pass.gradients(&training);
        training = optimizer.step(1e-2, training, gradients);
    }
    Ok(())
}
