//! 1. A model of your own in a loop of your own: one trunk, three heads, any strategy from JSON.
//!
//! ```text
//! cargo run --release --example 1_own_model -- '{"strategy": "upgrad"}'
//! ```

use burn::module::{Module, ParamGroup};
use burn::nn::{Linear, LinearConfig};
use burn::optim::AdamWConfig;
use burn::tensor::{Device, Distribution, Tensor};
use equipoise::loss::{Reduction, TaskLosses, binary_cross_entropy_with_logits as bce, huber};
use equipoise::weighting::{Strategy, StrategyConfig};
use equipoise::{Task, TaskSet, step};

/// What is trained and saved as one: the network, and the strategy beside it.
#[derive(Module, Debug)]
struct Training {
    trunk: Linear,
    heads: [Linear; 3],
    weighting: Strategy,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let tasks = TaskSet::new([
        Task::regression("level", 1),
        Task::regression("slope", 1),
        Task::binary("above", 1),
    ])?;
    let json = std::env::args().nth(1);
    let json = json.unwrap_or_else(|| r#"{"strategy": "uncertainty"}"#.into());
    let head = |_| LinearConfig::new(32, 1).init(&device);
    let mut training = Training {
        trunk: LinearConfig::new(8, 32).init(&device),
        heads: [0, 1, 2].map(head),
        weighting: StrategyConfig::from_json(&json)?.init(&tasks, &device)?,
    };
    // Weight decay would pull learned weights towards their start, so the strategy is a group without it.
    let own = AdamWConfig::new().with_weight_decay(0.0).build();
    let group = ParamGroup::from_predicate("weighting");
    let mut optimizer = AdamWConfig::new().init().with_group(group, own, None);
    for index in 0..=600 {
        // Made-up targets: the level is in tens, the slope in hundredths.
        let inputs = Tensor::<2>::random([64, 8], Distribution::Normal(0.0, 1.0), &device);
        let sum = |from: usize, to: usize| inputs.clone().narrow(1, from, to).sum_dim(1);
        let (level, slope, above) = (sum(0, 4) * 10.0, sum(2, 4) / 100.0, sum(4, 4));
        let above = above.greater_scalar(0.0).float();
        let shared = training.trunk.forward(inputs.clone()).tanh();
        let pass = step::backward(&training.weighting, shared, |branches| {
            let [a, b, c] = branches.each();
            TaskLosses::by_name(&tasks, &device)
                .loss(
                    "level",
                    huber(
                        training.heads[0].forward(a),
                        level.clone(),
                        10.0,
                        None,
                        Reduction::Mean,
                    ),
                )
                .loss(
                    "slope",
                    huber(
                        training.heads[1].forward(b),
                        slope.clone(),
                        0.1,
                        None,
                        Reduction::Mean,
                    ),
                )
                .loss(
                    "above",
                    bce(
                        training.heads[2].forward(c),
                        above.clone(),
                        1.0,
                        None,
                        Reduction::Mean,
                    ),
                )
                .build()
        });
        // Reading numbers waits for the device, so it is done now and then and not in every step.
        if index % 100 == 0 {
            let (losses, weights) = (
                pass.losses().values().into_data(),
                pass.weights().into_data(),
            );
            println!("step {index:>3}: losses {losses}, weights {weights}");
        }
        let gradients = pass.gradients(&training);
        training = optimizer.step(1e-2, training, gradients);
    }
    Ok(())
}
