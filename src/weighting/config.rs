//! The closed family of built-in strategies and the JSON that picks one.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{
    BatchStatistics, BatchStatisticsConfig, GradientScale, GradientScaleConfig, GradientShare,
    GradientShareConfig, LossWeighting, Manual, ManualConfig, Objective, RunningMean,
    RunningMeanConfig, ScalarCountdown, ScalarCountdownConfig, ScalarCountdownInner, StateValue,
    TaskValues, Uncertainty, UncertaintyConfig,
};
use crate::error::{Error, Result};
use crate::loss::TaskLosses;
use crate::task::TaskSet;

/// Picks a built-in strategy: `{"strategy": "uncertainty", "log_sigma": {"pointers": -0.3}}`.
///
/// A field that is left out has its default; one that does not exist is refused.
///
/// # Example
///
/// ```
/// use equipoise::weighting::{ManualConfig, WeightingConfig};
///
/// let json = r#"{"strategy": "manual", "weights": {"type": 0.25, "start": 0.75}}"#;
/// let config = WeightingConfig::from_json(json)?;
/// let same = ManualConfig::default().with_weights([("type", 0.25), ("start", 0.75)]);
/// assert_eq!(config, WeightingConfig::Manual(same));
/// assert_eq!(config, WeightingConfig::from_json(&config.to_json())?);
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "kebab-case")]
pub enum WeightingConfig {
    /// [`RunningMean`].
    RunningMean(RunningMeanConfig),
    /// [`Uncertainty`].
    Uncertainty(UncertaintyConfig),
    /// [`GradientScale`].
    GradientScale(GradientScaleConfig),
    /// [`ScalarCountdown`].
    ScalarCountdown(ScalarCountdownConfig),
    /// [`BatchStatistics`].
    BatchStatistics(BatchStatisticsConfig),
    /// [`GradientShare`].
    GradientShare(GradientShareConfig),
    /// [`Manual`].
    Manual(ManualConfig),
}

impl WeightingConfig {
    /// The strategy's name, as in JSON and on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunningMean(_) => "running-mean",
            Self::Uncertainty(_) => "uncertainty",
            Self::GradientScale(_) => "gradient-scale",
            Self::ScalarCountdown(_) => "scalar-countdown",
            Self::BatchStatistics(_) => "batch-statistics",
            Self::GradientShare(_) => "gradient-share",
            Self::Manual(_) => "manual",
        }
    }

    /// The same strategy with other fixed weights.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the strategy has no fixed weights.
    pub fn with_weights(mut self, weights: impl Into<TaskValues>) -> Result<Self> {
        let own = match &mut self {
            Self::RunningMean(config) => &mut config.weights,
            Self::GradientScale(config) => &mut config.weights,
            Self::BatchStatistics(config) => &mut config.weights,
            Self::GradientShare(config) => &mut config.weights,
            Self::Manual(config)
            | Self::ScalarCountdown(ScalarCountdownConfig {
                weighting: ScalarCountdownInner::Manual(config),
                ..
            }) => &mut config.weights,
            Self::Uncertainty(_) | Self::ScalarCountdown(_) => {
                return Err(Error::setting(
                    "weights",
                    "given",
                    "left out: this strategy learns its weights",
                ));
            }
        };
        *own = weights.into();
        Ok(self)
    }

    /// Reads a config from JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] with the parser's words: the unknown field or strategy, or the value of a wrong type.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json)
            .map_err(|error| Error::setting("weighting", error, "a strategy and its settings"))
    }

    /// The config as JSON, every field written out.
    pub fn to_json(&self) -> String {
        // A config holds numbers, strings and lists only; there is nothing JSON could not hold.
        serde_json::to_string_pretty(self).expect("a config is valid JSON")
    }

    /// Builds the strategy for `tasks`, with its state and parameters on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the field that has a value it cannot have, [`Error::Tasks`] if the strategy cannot weigh
    /// these tasks.
    pub fn init(&self, tasks: &TaskSet, device: &Device) -> Result<Weighting> {
        Ok(match self {
            Self::RunningMean(config) => Weighting::RunningMean(config.init(tasks, device)?),
            Self::Uncertainty(config) => Weighting::Uncertainty(config.init(tasks, device)?),
            Self::GradientScale(config) => Weighting::GradientScale(config.init(tasks, device)?),
            Self::ScalarCountdown(config) => {
                Weighting::ScalarCountdown(config.init(tasks, device)?)
            }
            Self::BatchStatistics(config) => {
                Weighting::BatchStatistics(config.init(tasks, device)?)
            }
            Self::GradientShare(config) => Weighting::GradientShare(config.init(tasks, device)?),
            Self::Manual(config) => Weighting::Manual(config.init(tasks, device)?),
        })
    }
}

/// A built-in strategy, chosen at run time by a [`WeightingConfig`].
#[derive(Module, Debug)]
pub enum Weighting {
    /// Fixed weights over losses divided by their running means.
    RunningMean(RunningMean),
    /// Learned noise levels.
    Uncertainty(Uncertainty),
    /// Running means and the square root of the outputs.
    GradientScale(GradientScale),
    /// Fixed or learned weights over a scalar countdown.
    ScalarCountdown(ScalarCountdown),
    /// Standardised over the losses of one step.
    BatchStatistics(BatchStatistics),
    /// Measured gradients.
    GradientShare(GradientShare),
    /// Fixed weights.
    Manual(Manual),
}

impl LossWeighting for Weighting {
    fn weigh(&self, losses: &TaskLosses) -> Objective {
        match self {
            Self::RunningMean(strategy) => strategy.weigh(losses),
            Self::Uncertainty(strategy) => strategy.weigh(losses),
            Self::GradientScale(strategy) => strategy.weigh(losses),
            Self::ScalarCountdown(strategy) => strategy.weigh(losses),
            Self::BatchStatistics(strategy) => strategy.weigh(losses),
            Self::GradientShare(strategy) => strategy.weigh(losses),
            Self::Manual(strategy) => strategy.weigh(losses),
        }
    }

    fn state(&self) -> Vec<StateValue> {
        match self {
            Self::RunningMean(strategy) => strategy.state(),
            Self::Uncertainty(strategy) => strategy.state(),
            Self::GradientScale(strategy) => strategy.state(),
            Self::ScalarCountdown(strategy) => strategy.state(),
            Self::BatchStatistics(strategy) => strategy.state(),
            Self::GradientShare(strategy) => strategy.state(),
            Self::Manual(strategy) => strategy.state(),
        }
    }

    fn intended(&self) -> Option<Tensor<1>> {
        match self {
            Self::RunningMean(strategy) => strategy.intended(),
            Self::Uncertainty(strategy) => strategy.intended(),
            Self::GradientScale(strategy) => strategy.intended(),
            Self::ScalarCountdown(strategy) => strategy.intended(),
            Self::BatchStatistics(strategy) => strategy.intended(),
            Self::GradientShare(strategy) => strategy.intended(),
            Self::Manual(strategy) => strategy.intended(),
        }
    }

    fn observes(&self) -> bool {
        matches!(self, Self::GradientShare(_))
    }

    fn observe(&self, norms: Tensor<1>) {
        if let Self::GradientShare(strategy) = self {
            strategy.observe(norms);
        }
    }
}
