//! Defines the settings of the expansion model and derives its tasks.

use serde::{Deserialize, Serialize};

use super::task_names;
use crate::error::{Error, Result};
use crate::expansion::label::{CountdownForm, ExpansionType, check_names};
use crate::loss::CrossEntropyConfig;
use crate::task::{Task, TaskSet};

/// The pooling of the representation of a window into one vector. Default [`Pooling::Mean`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// The mean over time.
    #[default]
    Mean,
    /// The mean over time, a mean weighted by a learned attention, and the mean position of the attention.
    Attention,
}

/// Settings of an [`ExpansionModel`](super::ExpansionModel).
///
/// # Example
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use equipoise::expansion::model::ExpansionModelConfig;
///
/// let device = Device::default();
/// let model = ExpansionModelConfig::default().init(&device)?;
/// let output = model.forward(Tensor::zeros([2, 105, 12], &device));
/// assert_eq!(output.kinds.dims(), [2, 3]);
/// assert_eq!(output.countdown.dims(), [2, 105]);
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpansionModelConfig {
    /// The number of bars per window, T, 1 to 10000. Default 105.
    pub window: usize,
    /// The number of features per bar, 1 to 10000. Default 12.
    pub features: usize,
    /// The number of hidden units of the BiLSTM per direction, 1 to 10000. Default 96.
    pub hidden: usize,
    /// The number of layers of the BiLSTM, 1 to 100. Default 1.
    pub layers: usize,
    /// The width of the pooled features, 1 to 10000. Default 64.
    pub projection: usize,
    /// The pooling of a window into the vector that the type and the pointers are read from. Default [`Pooling::Mean`].
    pub pooling: Pooling,
    /// The dropout on the input, in [0, 1). Default 0.3.
    pub input_dropout: f64,
    /// The dropout between the layers of the BiLSTM, in [0, 1). Default 0.7.
    pub layer_dropout: f64,
    /// The dropout before every head, in [0, 1). Default 0.6.
    pub head_dropout: f64,
    /// The names of the types, in the order of their classes: 2 to 1000, all different. Default breakout, continuation,
    /// reversal, the types of the rule and of the simulator. Other types need labels made by hand.
    pub types: Vec<String>,
    /// The form of the countdown. Default [`CountdownForm::PerBar`].
    pub countdown: CountdownForm,
    /// The factor on the output of the countdown head, above 0. Default 1. An optimizer with steps of 1e-3 reaches a
    /// target of ±20 only slowly; with a scale of 20 the output of the head is near 1.
    pub countdown_scale: f64,
    /// The residual at which the Huber loss of the pointers turns linear, in window lengths, above 0. Default 0.08.
    pub pointer_delta: f64,
    /// The residual at which the Huber loss of the countdown turns linear, in bars (scalar form: window lengths), above
    /// 0. Default 1.
    pub countdown_delta: f64,
    /// The weight of a bar inside the expansion in the binary loss, above 0. Default 1, the plain loss.
    pub positive_weight: f64,
    /// The weight of each type in the loss of the type, in the order of `types`, as
    /// [`CrossEntropyConfig::class_weights`]. Default `None`, the plain loss. `data.class_weights` computes balanced
    /// weights from the training labels.
    pub class_weights: Option<Vec<f64>>,
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
            types: ExpansionType::RULE_NAMES.map(String::from).to_vec(),
            countdown: CountdownForm::PerBar,
            countdown_scale: 1.0,
            pointer_delta: 0.08,
            countdown_delta: 1.0,
            positive_weight: 1.0,
            class_weights: None,
        }
    }
}

impl ExpansionModelConfig {
    /// Returns the tasks of the model, in the order of their raw losses: type, pointers, binary, countdown.
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
            Task::classification(task_names::TYPE, self.types.len()),
            Task::regression(task_names::POINTERS, 2),
            Task::binary(task_names::BINARY, self.window),
            Task::regression(task_names::COUNTDOWN, countdown),
        ])
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first field that is out of range.
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
        check_names(&self.types)?;
        self.validate_class_weights()
    }

    fn validate_class_weights(&self) -> Result<()> {
        let Some(weights) = &self.class_weights else {
            return Ok(());
        };
        let (found, wanted) = (weights.len(), self.types.len());
        if found != wanted {
            let found = format!("a list of {found}");
            let expected = format!("a list of {wanted} weights, one for each type");
            return Err(Error::setting("class_weights", found, expected));
        }
        self.type_loss().check()
    }

    /// Returns the settings of the loss of the type.
    pub(super) fn type_loss(&self) -> CrossEntropyConfig {
        CrossEntropyConfig {
            class_weights: self.class_weights.clone(),
            ..CrossEntropyConfig::default()
        }
    }
}
