//! Defines the settings of a training run.

use serde::{Deserialize, Serialize};

use super::part::PartConfig;
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::weighting::{Needs, Strategy};

/// The course of the learning rate over the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Schedule {
    /// The learning rate does not change.
    #[default]
    Constant,
    /// The learning rate falls along half a cosine to zero at the last step. The course depends on the number of
    /// epochs, so a run that is resumed for more epochs differs from a run that had them from the start.
    Cosine,
    /// [`Cosine`](Self::Cosine) times a factor that rises linearly from 1/25 to 1 over the first tenth of the steps. A
    /// deep network may not survive the full rate while its first steps are still large.
    OneCycle,
}

/// The reaction to a raw loss that is not a finite number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NonFinitePolicy {
    /// Stops with an error that names the task, in training and in validation. The losses are checked every few steps,
    /// without waiting for the device in any step.
    #[default]
    Stop,
    /// Leaves the parameters unchanged, counts the step in the history and continues. The strategy still receives the
    /// finite losses. Reads one flag from the device in every step.
    Skip,
}

/// Settings of a training run. The optimizer is AdamW, unless the [`Trainer`](super::Trainer) is given another.
///
/// # Example
///
/// ```
/// use equipoise::train::{Schedule, TrainConfig};
///
/// let config = TrainConfig::default()
///     .with_epochs(50)
///     .with_schedule(Schedule::Cosine)
///     .with_clip_norm(Some(1.0));
/// config.validate()?;
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// The number of passes over the training data, at least 1. Default 20.
    pub epochs: usize,
    /// The number of samples per batch, at least 1. Default 32.
    pub batch_size: usize,
    /// The number of batches whose gradients are added up for one step, at least 1. Default 1. A step covers
    /// `accumulate * batch_size` samples in the memory of one batch.
    ///
    /// The gradients are those of the means over all labels of the step, however the labels are spread over its
    /// batches, as long as the weights do not depend on the losses. A strategy weighs each batch separately, and its
    /// learnable values move by the mean over the batches. The last step of an epoch takes the remaining batches. A
    /// network with missing labels keeps the losses of all batches of a step in memory unless it has
    /// [`labels`](crate::model::MultiTaskModel::labels).
    pub accumulate: usize,
    /// The number of steps per epoch, at least 1; passes over the data follow each other without a gap. Default `None`:
    /// an epoch is one pass. A resume needs the same value, and the same `accumulate`, `batch_size` and `seed`, because
    /// they determine where in the data an epoch begins.
    pub steps_per_epoch: Option<usize>,
    /// The learning rate of the network, above 0 and at most 1. Default 1e-3.
    pub learning_rate: f64,
    /// The learning rate of a strategy's learnable weights, above 0 and at most 1. Default `None`: the learning rate of
    /// the network.
    pub weighting_learning_rate: Option<f64>,
    /// The course of the learning rates. Default [`Schedule::Constant`].
    pub schedule: Schedule,
    /// The decoupled weight decay of the network, not negative. Default 0.01. The weights of a strategy never decay.
    pub weight_decay: f64,
    /// The decay of the first moment, in [0, 1). Default 0.9.
    pub beta_1: f64,
    /// The decay of the second moment, in [0, 1). Default 0.999.
    pub beta_2: f64,
    /// The number added to the root of the second moment, positive. Default 1e-8.
    pub epsilon: f64,
    /// The largest norm of the network's whole gradient, positive; a larger gradient is scaled down to it. Default
    /// `None`: no clipping.
    pub clip_norm: Option<f64>,
    /// Settings of parts of the network, or of the strategy, that differ from the rest. Default: none. Frozen parts are
    /// trainable again after the run.
    pub parts: Vec<PartConfig>,
    /// The number of epochs without a better relative validation loss, or a better watched value, after which training
    /// stops; at least 1. Default `None`: no early stopping.
    pub patience: Option<usize>,
    /// The value that decides the best epoch and early stopping. Default `None`: the relative validation loss.
    pub watch: Option<Watch>,
    /// The number of checkpoints kept beside the best one, at least 2: while one is written, the previous one must
    /// stay. Default 2.
    pub keep_checkpoints: usize,
    /// The reaction to a loss that is not finite. Default [`NonFinitePolicy::Stop`].
    pub non_finite: NonFinitePolicy,
    /// The number of steps between two audits of the tasks' gradients, at least 1; `None` turns audits off. Default 10.
    ///
    /// An audit runs the heads once more. It changes nothing in the training except the random numbers of the later
    /// batches of a step with several batches. Under a strategy from the Gram matrix it costs nothing.
    pub audit_every: Option<usize>,
    /// Whether the uninformed predictors of all tasks are fitted before the first epoch, so that skill is recorded
    /// beside every loss. Default `true`. The fit takes a few seconds and changes nothing in the training.
    pub baseline: bool,
    /// The seed of the order of the samples and of the random numbers of the device (dropout) in every epoch. Default
    /// 0. The initial parameters of a model are drawn earlier, by the caller that builds it; nothing else may draw from
    /// the device during the run.
    pub seed: u64,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch_size: 32,
            accumulate: 1,
            steps_per_epoch: None,
            learning_rate: 1e-3,
            weighting_learning_rate: None,
            schedule: Schedule::Constant,
            weight_decay: 0.01,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            clip_norm: None,
            parts: Vec::new(),
            patience: None,
            watch: None,
            keep_checkpoints: 2,
            non_finite: NonFinitePolicy::Stop,
            audit_every: Some(10),
            baseline: true,
            seed: 0,
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $field:ident, $with:ident: $kind:ty;)*) => {
        impl TrainConfig {
            $($(#[$doc])*
            pub fn $with(mut self, $field: $kind) -> Self {
                self.$field = $field;
                self
            })*
        }
    };
}

setters! {
    /// Sets the number of epochs.
    epochs, with_epochs: usize;
    /// Sets the number of samples per batch.
    batch_size, with_batch_size: usize;
    /// Sets the number of batches per step.
    accumulate, with_accumulate: usize;
    /// Sets the number of steps per epoch.
    steps_per_epoch, with_steps_per_epoch: Option<usize>;
    /// Sets the learning rate of the network.
    learning_rate, with_learning_rate: f64;
    /// Sets the learning rate of the strategy's learnable weights.
    weighting_learning_rate, with_weighting_learning_rate: Option<f64>;
    /// Sets the course of the learning rates.
    schedule, with_schedule: Schedule;
    /// Sets the weight decay of the network.
    weight_decay, with_weight_decay: f64;
    /// Sets the decay of the first moment.
    beta_1, with_beta_1: f64;
    /// Sets the decay of the second moment.
    beta_2, with_beta_2: f64;
    /// Sets the number added to the root of the second moment.
    epsilon, with_epsilon: f64;
    /// Sets the largest norm of the network's gradient.
    clip_norm, with_clip_norm: Option<f64>;
    /// Sets the settings of parts of the network or of the strategy.
    parts, with_parts: Vec<PartConfig>;
    /// Sets the number of epochs without a better value after which training stops.
    patience, with_patience: Option<usize>;
    /// Sets the value that decides the best epoch.
    watch, with_watch: Option<Watch>;
    /// Sets the number of checkpoints kept beside the best one.
    keep_checkpoints, with_keep_checkpoints: usize;
    /// Sets the reaction to a loss that is not finite.
    non_finite, with_non_finite: NonFinitePolicy;
    /// Sets the number of steps between two audits.
    audit_every, with_audit_every: Option<usize>;
    /// Sets whether the uninformed predictors are fitted.
    baseline, with_baseline: bool;
    /// Sets the seed.
    seed, with_seed: u64;
}

impl TrainConfig {
    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first field with an invalid value.
    pub fn validate(&self) -> Result<()> {
        for (field, value, least) in [
            ("epochs", self.epochs, 1),
            ("batch_size", self.batch_size, 1),
            ("accumulate", self.accumulate, 1),
            ("steps_per_epoch", self.steps_per_epoch.unwrap_or(1), 1),
            ("keep_checkpoints", self.keep_checkpoints, 2),
            ("patience", self.patience.unwrap_or(1), 1),
            ("audit_every", self.audit_every.unwrap_or(1), 1),
        ] {
            if value < least {
                return Err(Error::setting(field, value, format!("at least {least}")));
            }
        }
        let rate = |rate: f64| rate as f32 > 0.0 && rate <= 1.0;
        let positive = |value: f64| value as f32 > 0.0 && (value as f32).is_finite();
        let decay = |value: f64| value >= 0.0 && (value as f32).is_finite();
        // The optimizer computes in single precision, where 0.99999999 is 1 and divides by zero.
        let moment = |beta: f64| (0.0..1.0).contains(&(beta as f32)) && beta >= 0.0;
        let weighting_rate = self.weighting_learning_rate.unwrap_or(1.0);
        let clip = self.clip_norm.unwrap_or(1.0);
        for (field, value, fits, expected) in [
            (
                "learning_rate",
                self.learning_rate,
                rate(self.learning_rate),
                "above 0, up to 1",
            ),
            (
                "weighting_learning_rate",
                weighting_rate,
                rate(weighting_rate),
                "above 0, up to 1",
            ),
            (
                "epsilon",
                self.epsilon,
                positive(self.epsilon),
                "a positive finite number",
            ),
            (
                "clip_norm",
                clip,
                positive(clip),
                "a positive finite number",
            ),
            (
                "beta_1",
                self.beta_1,
                moment(self.beta_1),
                "at least 0 and below 1",
            ),
            (
                "beta_2",
                self.beta_2,
                moment(self.beta_2),
                "at least 0 and below 1",
            ),
            (
                "weight_decay",
                self.weight_decay,
                decay(self.weight_decay),
                "a finite number that is not negative",
            ),
        ] {
            if !fits {
                return Err(Error::setting(field, value, expected));
            }
        }
        for part in &self.parts {
            part.validate()?;
            for (field, value, fits, expected) in [
                (
                    "parts.learning_rate",
                    part.learning_rate,
                    part.learning_rate.is_none_or(rate),
                    "above 0, up to 1; a part that is to stay as it is is `frozen`",
                ),
                (
                    "parts.weight_decay",
                    part.weight_decay,
                    part.weight_decay.is_none_or(decay),
                    "a finite number that is not negative",
                ),
                (
                    "parts.clip_norm",
                    part.clip_norm,
                    part.clip_norm.is_none_or(positive),
                    "a positive finite number",
                ),
            ] {
                if !fits {
                    let found = format!("{} for {}", value.unwrap_or_default(), part.path);
                    return Err(Error::setting(field, found, expected));
                }
            }
        }
        Ok(())
    }

    /// Checks that gradients are audited if the strategy needs audits.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the strategy needs audits and `audit_every` is `None`.
    pub fn check_observed(&self, weighting: &Strategy) -> Result<()> {
        if weighting.needs() == Needs::GramWhenAudited && self.audit_every.is_none() {
            let expected = "a number of steps: this strategy needs the gradients to be measured";
            return Err(Error::setting("audit_every", "null", expected));
        }
        Ok(())
    }
}
