//! 2. A strategy of your own under the `Trainer`: the task whose loss has fallen least gets the largest weight.
//!
//! ```text
//! cargo run --release --example 2_own_strategy
//! ```

use burn::tensor::{Device, activation::softmax};
use equipoise::expansion::{batch::ExpansionBatcher, config::ExpansionConfig, run};
use equipoise::weighting::{LossWeighting, Memory, Step, Strategy, Weighed};
use equipoise::{Result, TaskSet, diagnosis::diagnose, model::MultiTaskModel, train::Trainer};

/// `sum_k K softmax_k(L_k / first_k) L_k / first_k`; the first losses are recorded in every checkpoint.
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
        let scale = first.clamp_min(1e-8).recip();
        let share = softmax(losses * scale.clone(), 0) * step.losses.len() as f64;
        Weighed::linear(step.losses, share * scale * active.float())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = ExpansionConfig::default();
    (
        config.data.max_samples,
        config.model.hidden,
        config.train.epochs,
    ) = (Some(800), 24, 10);
    let (device, data) = (config.backend.device()?, run::load(&config)?);
    let (network, _) = run::build(&config, &device)?;
    let strategy = Strategy::new(SlowestFirst, network.tasks(), &device)?;
    let (bars, form) = (data.train.bars(), config.model.countdown);
    let batcher = ExpansionBatcher::new(bars, config.model.window, config.data.position, form);
    let outcome = Trainer::new(config.train, tempfile::tempdir()?.path())?
        .fit(network, strategy, data.train, data.valid, batcher, &device)?;
    diagnose(&outcome.history)
        .iter()
        .for_each(|task| println!("{}", task.sentence));
    Ok(())
}
