//! Sizes and settings of the expansion model, and the tasks that follow from them.

use serde::{Deserialize, Serialize};

use super::task_names;
use crate::error::{Error, Result};
use crate::expansion::label::{CountdownForm, ExpansionType};
use crate::task::{Task, TaskSet};

/// How the representation of a window becomes one vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// The mean over time.
    #[default]
    Mean,
    /// The mean, beside it a mean weighted by a learned attention, and where that attention lies.
    Attention,
}

/// Configuration of an [`ExpansionModel`](super::ExpansionModel).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpansionModelConfig {
    /// Bars per window, T, 1 to 10000.
    pub window: usize,
    /// Features per bar, 1 to 10000.
    pub features: usize,
    /// Hidden units of the BiLSTM per direction, 1 to 10000.
    pub hidden: usize,
    /// Layers of the BiLSTM, 1 to 100.
    pub layers: usize,
    /// Width of the pooled features, 1 to 10000.
    pub projection: usize,
    /// How a window becomes one vector, which the type and the pointers are read from.
    pub pooling: Pooling,
    /// Dropout on the input, in [0, 1).
    pub input_dropout: f64,
    /// Dropout between the layers of the BiLSTM, in [0, 1).
    pub layer_dropout: f64,
    /// Dropout before every head, in [0, 1).
    pub head_dropout: f64,
    /// What the countdown head predicts.
    pub countdown: CountdownForm,
    /// What the output of the countdown head is multiplied by, positive. An optimizer with steps of 1e-3 reaches a
    /// target of ±20 only slowly; with a scale of 20 the head works with numbers of size one.
    pub countdown_scale: f64,
    /// Where the pointers' Huber loss turns linear, in window lengths, positive.
    pub pointer_delta: f64,
    /// Where the countdown's Huber loss turns linear, in bars (scalar form: window lengths), positive.
    pub countdown_delta: f64,
    /// Weight of a bar inside the expansion in the binary loss, positive; 1 is the plain loss.
    pub positive_weight: f64,
}

impl Default for ExpansionModelConfig {
    fn default() -> Self {
        Self {
            window: 105,
            features: 12,
            hidden: 96,
            layers: 1,
            projection: 64,
            pooling: Pooling::Mean,
            input_dropout: 0.3,
            layer_dropout: 0.7,
            head_dropout: 0.6,
            countdown: CountdownForm::PerBar,
            countdown_scale: 1.0,
            pointer_delta: 0.08,
            countdown_delta: 1.0,
            positive_weight: 1.0,
        }
    }
}

impl ExpansionModelConfig {
    /// Returns the tasks of such a model, in the order of their losses: type, pointers, binary, countdown.
    ///
    /// # Errors
    ///
    /// [`Error::Tasks`] if the window has no bars.
    pub fn tasks(&self) -> Result<TaskSet> {
        let countdown = match self.countdown {
            CountdownForm::PerBar => self.window,
            CountdownForm::Scalar => 1,
        };
        TaskSet::new([
            Task::classification(task_names::TYPE, ExpansionType::COUNT),
            Task::regression(task_names::POINTERS, 2),
            Task::binary(task_names::BINARY, self.window),
            Task::regression(task_names::COUNTDOWN, countdown),
        ])
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the field that has a value it cannot have.
    pub fn validate(&self) -> Result<()> {
        for (field, value, most) in [
            ("window", self.window, 10_000),
            ("features", self.features, 10_000),
            ("hidden", self.hidden, 10_000),
            ("layers", self.layers, 100),
            ("projection", self.projection, 10_000),
        ] {
            if !(1..=most).contains(&value) {
                let expected = format!("from 1 to {most}");
                return Err(Error::setting(field, value, expected));
            }
        }
        for (field, value) in [
            ("input_dropout", self.input_dropout),
            ("layer_dropout", self.layer_dropout),
            ("head_dropout", self.head_dropout),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::setting(field, value, "at least 0 and below 1"));
            }
        }
        for (field, value) in [
            ("countdown_scale", self.countdown_scale),
            ("pointer_delta", self.pointer_delta),
            ("countdown_delta", self.countdown_delta),
            ("positive_weight", self.positive_weight),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::setting(field, value, "a positive finite number"));
            }
        }
        Ok(())
    }
}
