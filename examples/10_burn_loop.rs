//! Adds a strategy to an existing training loop of Burn.
//!
//! The four added lines are marked `// added`; one of them replaces the plain sum.
//!
//! ```text
//! cargo run --release --example 10_burn_loop
//! ```

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution::Normal, Tensor};
use equipoise::{Task, TaskSet, loss::TaskLosses, weighting::StrategyConfig}; // added

#[derive(Module, Debug)]
struct Network {
    trunk: Linear,
    heads: [Linear; 2],
}

impl Network {
    fn losses(&self, inputs: Tensor<2>, targets: &[Tensor<2>; 2]) -> [Tensor<1>; 2] {
        let shared = self.trunk.forward(inputs).tanh();
        let loss = |at: usize| {
            let found = self.heads[at].forward(shared.clone());
            (found - targets[at].clone()).square().mean()
        };
        [loss(0), loss(1)]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex().autodiff();
    device.seed(1);
    let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(&device);
    let mut network = Network {
        trunk: linear(8, 32),
        heads: [linear(32, 1), linear(32, 1)],
    };
    let mut optimizer = AdamWConfig::new().init();
    let tasks = TaskSet::new([Task::regression("tens", 1), Task::regression("units", 1)])?; // added
    let strategy = StrategyConfig::named("geometric-mean")?.init(&tasks, &device)?; // added
    for index in 0..=300 {
        let inputs = Tensor::<2>::random([64, 8], Normal(0.0, 1.0), &device);
        let sum = |from: usize| inputs.clone().narrow(1, from, 4).sum_dim(1);
        let targets = [sum(0) * 10.0, sum(4)];
        let [first, second] = network.losses(inputs.clone(), &targets);
        if index % 100 == 0 {
            let [tens, units] = [&first, &second].map(|loss| loss.clone().into_scalar::<f32>());
            println!("{index:>3}: tens {tens:.2} units {units:.4}");
        }
        // Before: let total = first + second;
        let total = strategy.weigh(&TaskLosses::new(vec![first, second])).total; // added
        let gradients = GradientsParams::from_grads(total.backward(), &network);
        network = optimizer.step(1e-2, network, gradients);
    }
    Ok(())
}
