//! The scalar countdown: any weights over a model that predicts one number instead of a sequence.
//!
//! Needs: a task with exactly one element, by default the one called `countdown`. Remembers: what the strategy inside
//! remembers. The remedy is in the model, not in the weights; this strategy makes sure that the model has it.

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

/// The objective of the strategy inside, over tasks one of which must be a scalar: [`RequiredElements`] for the countdown.
///
/// Its name in JSON is `scalar-countdown`, which [`strategy_table`] knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScalarCountdown {
    /// The task that must be a scalar.
    pub task: String,
    /// The strategy that weighs the losses; [`Manual`] by default.
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
    /// Sets the strategy that weighs the losses.
    pub fn with_weighting(mut self, weighting: impl Into<StrategyConfig>) -> Self {
        self.weighting = weighting.into();
        self
    }

    /// Returns the generic strategy that does the work.
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

/// Returns the table that configs of this domain are read with: [every strategy of the crate](StrategyTable::built_in) and
/// [`ScalarCountdown`].
pub fn strategy_table() -> StrategyTable {
    let summary = "that of the strategy inside, over a scalar task";
    StrategyTable::built_in().with(StrategyRow::of::<ScalarCountdown>(summary))
}
