//! 2. A strategy of one's own, used where a built-in one would be: here under the `Trainer`, on the expansion model.
//!
//! ```text
//! cargo run --release --example 2_own_strategy
//! ```
//!
//! The idea: a task whose loss has fallen least since the start gets the largest weight. The state (the first loss of each
//! task) is a `RunningState`, so it is in every checkpoint and a resumed run goes on with it.

use burn::module::{Module, RunningState};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use equipoise::diagnosis::diagnose;
use equipoise::expansion::baselines::baselines;
use equipoise::expansion::batch::ExpansionBatcher;
use equipoise::expansion::config::ExpansionConfig;
use equipoise::expansion::run;
use equipoise::history::{Split, quantity};
use equipoise::loss::TaskLosses;
use equipoise::model::MultiTaskModel;
use equipoise::train::Trainer;
use equipoise::weighting::{LossWeighting, Objective, StateValue, remember};

/// `sum_k K softmax_k(L_k / first_k / temperature) L_k / first_k`, with the fractions as constants.
#[derive(Module, Debug)]
struct SlowestFirst {
    /// The first loss of each task, 0 while there was none, `[K]`.
    first: RunningState<Tensor<1>>,
    temperature: f64,
}

impl SlowestFirst {
    fn new(tasks: usize, temperature: f64, device: &Device) -> Self {
        let first = RunningState::new(Tensor::zeros([tasks], &device.clone().inner()));
        Self { first, temperature }
    }
}

impl LossWeighting for SlowestFirst {
    fn weigh(&self, losses: &TaskLosses) -> Objective {
        // A task without labels, or whose loss is not finite, is left out: no weight, no change of state.
        let active = losses.active();
        // Weights are constants for the gradient, so everything they are made of is taken off the graph.
        let values = losses.masked(&active).inner();
        let first = self.first.value().to_device(&values.device());
        let first = first
            .clone()
            .mask_where(first.equal_elem(0.0), values.clone());
        remember(&self.first, first.clone());
        let scale = first.clamp_min(1e-8).recip();
        let left = values * scale.clone();
        let share = softmax(left / self.temperature, 0) * losses.len() as f64;
        Objective::linear(losses, share * scale * active.float())
    }

    fn state(&self) -> Vec<StateValue> {
        vec![StateValue::per_task("first_loss", self.first.value())]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = ExpansionConfig::default().resolved();
    config.data.max_samples = Some(800);
    config.model.hidden = 24;
    config.train.epochs = 10;
    let device = config.backend.device()?;
    let data = run::load(&config)?;
    let (network, _) = run::build(&config, &device)?;
    let strategy = SlowestFirst::new(network.tasks().len(), 0.5, &device);
    let (bars, form) = (data.train.bars(), config.model.countdown);
    let batcher = ExpansionBatcher::new(bars, config.model.window, config.data.position, form);

    let folder = tempfile::tempdir()?;
    let outcome = Trainer::new(config.train.clone(), folder.path())?
        .with_baselines(baselines(&data.train, &data.valid, &config.model))
        .fit(network, strategy, data.train, data.valid, batcher, &device)?;
    for task in diagnose(&outcome.history) {
        let weights = outcome
            .history
            .series(Split::Train, &task.task, quantity::WEIGHT);
        let weights: Vec<String> = weights.iter().map(|(_, w)| format!("{w:.3}")).collect();
        println!("weight {}. {}", weights.join(", "), task.sentence);
    }
    Ok(())
}
