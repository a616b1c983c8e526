//! Builds the optimizer and the learning rates of a run, from its settings or from those of Burn.

use burn::module::ParamGroup;
use burn::optim::lr_scheduler::composed::ComposedLrSchedulerConfig;
use burn::optim::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::optim::lr_scheduler::module_lr_scheduler::{ModuleLrScheduler, ModuleLrSchedulerConfig};
use burn::optim::lr_scheduler::{LrScheduler, LrSchedulerConfig, LrSchedulerRecord};
use burn::optim::{AdamWConfig, LearningRate, ModuleOptimizer};

use super::config::{Schedule, TrainConfig};
use crate::error::{Error, Result};

/// Returns the learnable weights of the strategy, selected by their path in [`MultiTask`](super::MultiTask).
fn weighting_group() -> ParamGroup {
    ParamGroup::from_regex(r"^weighting(\.|$)").expect("the pattern is valid")
}

/// Builds AdamW, or uses the optimizer given, for the network, and AdamW without weight decay for the learnable values
/// of the strategy.
///
/// # Errors
///
/// [`Error::Setting`] if a part has a weight decay and an optimizer is given, which has its own weight decay.
pub(super) fn optimizer(
    config: &TrainConfig,
    given: Option<ModuleOptimizer>,
) -> Result<ModuleOptimizer> {
    let adam_w = |decay: f64| {
        AdamWConfig::new()
            .with_beta_1(config.beta_1 as f32)
            .with_beta_2(config.beta_2 as f32)
            .with_epsilon(config.epsilon as f32)
            .with_weight_decay(decay as f32)
    };
    let decays = config.parts.iter().find(|part| part.weight_decay.is_some());
    if let (Some(part), Some(_)) = (decays, &given) {
        let expected = "left out where the optimizer is given: add a group to the optimizer for it";
        return Err(Error::setting("parts.weight_decay", &part.path, expected));
    }
    let network = given.unwrap_or_else(|| adam_w(config.weight_decay).init());
    let strategy = adam_w(0.0).build();
    let mut optimizer = network.with_group(weighting_group(), strategy, None);
    for part in &config.parts {
        if let Some(decay) = part.weight_decay {
            optimizer = optimizer.with_group(part.group(), adam_w(decay).build(), None);
        }
    }
    Ok(optimizer)
}

/// Builds the learning rates of all parts over `steps` steps. With a given schedule the rates of the parts change in
/// proportion, and the strategy keeps the schedule of the settings.
///
/// # Errors
///
/// [`Error::Setting`] if Burn refuses the rate.
pub(super) fn scheduler(
    config: &TrainConfig,
    given: Option<ModuleLrScheduler>,
    steps: usize,
) -> Result<ModuleLrScheduler> {
    let network = config.learning_rate;
    let weighting = config.weighting_learning_rate.unwrap_or(network);
    let refused = |reason| Error::setting("learning_rate", network, reason);
    let parts = config.parts.iter();
    let parts = parts.filter_map(|part| Some((part.group(), part.learning_rate?)));
    if let Some(given) = given {
        let own = ModuleLrSchedulerConfig::new(of(config.schedule, weighting, steps)).init();
        let own = Scaled {
            inner: own.map_err(refused)?,
            factor: 1.0,
        };
        let add = |scheduler: ModuleLrScheduler, (group, rate): (ParamGroup, f64)| {
            let inner = given.clone();
            let factor = rate / network;
            scheduler.with_group(group, Scaled { inner, factor })
        };
        let with_own = given.clone().with_group(weighting_group(), own);
        return Ok(parts.fold(with_own, add));
    }
    let groups = std::iter::once((weighting_group(), weighting)).chain(parts);
    let add = |scheduler: ModuleLrSchedulerConfig, (group, rate): (ParamGroup, f64)| {
        scheduler.with_group(group, of(config.schedule, rate, steps))
    };
    let base = ModuleLrSchedulerConfig::new(of(config.schedule, network, steps));
    groups.fold(base, add).init().map_err(refused)
}

fn of(schedule: Schedule, rate: f64, steps: usize) -> LrSchedulerConfig {
    let cosine = CosineAnnealingLrSchedulerConfig::new(rate, steps.max(1));
    match schedule {
        Schedule::Constant => LrSchedulerConfig::Constant(rate),
        Schedule::Cosine => cosine.into(),
        Schedule::OneCycle => {
            let rise = LinearLrSchedulerConfig::new(0.04, 1.0, steps.div_ceil(10).max(1));
            ComposedLrSchedulerConfig::new()
                .cosine(cosine)
                .linear(rise)
                .into()
        }
    }
}

/// The base rate of a schedule times a factor.
#[derive(Clone)]
struct Scaled {
    inner: ModuleLrScheduler,
    factor: f64,
}

impl LrScheduler for Scaled {
    fn step(&mut self) -> LearningRate {
        self.inner.step().base() * self.factor
    }

    fn to_record(&self) -> LrSchedulerRecord {
        self.inner.to_record()
    }

    fn load_record(&mut self, record: LrSchedulerRecord) {
        self.inner = self.inner.clone().load_record(record);
    }
}
