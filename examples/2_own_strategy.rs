//! Defines your own strategy, for `step::backward` and the `Trainer`: the slower a loss falls, the larger its weight.
//! Its memory is part of every checkpoint. `cargo run --release --example 2_own_strategy`

use burn::tensor::{Device, Tensor, activation::softmax};
use equipoise::weighting::{LossWeighting, Memory, Step, Strategy, Weighed};
use equipoise::{Result, Task, TaskSet, loss::TaskLosses};

/// `sum_k K softmax_k(L_k / first_k) L_k / first_k`, with the fractions as constants.
#[derive(Debug)]
struct SlowestFirst;

impl LossWeighting for SlowestFirst {
    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        Ok(Memory::new(device).with_buffer("first", &vec![0.0; tasks.len()]))
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        let active = step.losses.active();
        let losses = step.losses.masked(&active).inner();
        let first = memory.buffer_on("first", &losses);
        let first = first
            .clone()
            .mask_where(first.equal_elem(0.0), losses.clone());
        memory.remember("first", first.clone());
        let left = losses / first.clone().clamp_min(1e-8);
        let weights = softmax(left, 0) * step.losses.len() as f64 / first.clamp_min(1e-8);
        Weighed::linear(step.losses, weights * active.float())
    }
}

fn main() -> Result<()> {
    let (device, names) = (Device::flex(), ["near", "far"]);
    let tasks = TaskSet::new(names.map(|name| Task::regression(name, 1)))?;
    let strategy = Strategy::new(SlowestFirst, &tasks, &device)?;
    for row in [[2.0, 30.0], [1.0, 29.0], [0.5, 28.0]] {
        let losses = TaskLosses::from_values(Tensor::from_floats(row, &device));
        println!("{row:?}: {}", strategy.weigh(&losses).weights.into_data());
    }
    Ok(())
}
