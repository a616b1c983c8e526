//! Defines the strategy `scalar-countdown` and the strategy table of the expansion model.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::task_names;
use crate::error::Result;
use crate::loss::TaskLosses;
use crate::task::TaskSet;
use crate::weighting::{
    BuiltIn, LossWeighting, Manual, Memory, Needs, RequiredElements, StateValue, Step,
    StrategyConfig, StrategyRow, StrategyTable, Weighed,
};

/// A strategy that applies an inner strategy to a model with a scalar countdown: [`RequiredElements`] for the
/// countdown.
///
/// The model predicts one number instead of a sequence. The remedy is in the model, not in the weights; the strategy
/// checks that the countdown is scalar. Its name in JSON is `scalar-countdown`, a row of [`strategy_table`].
///
/// Needs: a task with exactly one element, by default the task `countdown`. Remembers: the memory of the inner
/// strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScalarCountdown {
    /// The task that must have exactly one element. Default `countdown`.
    pub task: String,
    /// The strategy that weighs the raw losses. Default [`Manual`].
    pub weighting: StrategyConfig,
}

impl Default for ScalarCountdown {
    fn default() -> Self {
        Self {
            task: task_names::COUNTDOWN.into(),
            weighting: StrategyConfig::new(Manual::default()),
        }
    }
}

impl ScalarCountdown {
    /// Sets the strategy that weighs the raw losses.
    pub fn with_weighting(mut self, weighting: impl Into<StrategyConfig>) -> Self {
        self.weighting = weighting.into();
        self
    }

    /// Returns the equivalent generic strategy.
    fn required(&self) -> RequiredElements {
        RequiredElements::new(&self.task, 1).with_weighting(self.weighting.clone())
    }
}

impl BuiltIn for ScalarCountdown {
    const NAME: &'static str = "scalar-countdown";
}

impl LossWeighting for ScalarCountdown {
    fn needs(&self) -> Needs {
        self.weighting.rule().needs()
    }

    fn memory(&self, tasks: &TaskSet, device: &Device) -> Result<Memory> {
        let required = self.required();
        required.check(tasks, Self::NAME)?;
        required.memory(tasks, device)
    }

    fn intended(&self, tasks: &TaskSet) -> Option<Vec<f64>> {
        self.weighting.rule().intended(tasks)
    }

    fn weigh(&self, step: &Step<'_>, memory: &Memory) -> Weighed {
        self.required().weigh(step, memory)
    }

    fn after(&self, before: &TaskLosses, after: &TaskLosses, memory: &Memory) {
        self.required().after(before, after, memory);
    }

    fn state(&self, memory: &Memory) -> Vec<StateValue> {
        self.required().state(memory)
    }
}

/// Returns the strategies that a config of the expansion model can name:
/// [every strategy of the crate](StrategyTable::built_in) and [`ScalarCountdown`].
pub fn strategy_table() -> StrategyTable {
    let summary = "that of the strategy inside, over a scalar task";
    StrategyTable::built_in().with(StrategyRow::of::<ScalarCountdown>(summary))
}
