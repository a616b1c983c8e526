//! Settings of a training run: optimizer, schedule, length, seed, and what to do when a loss is not finite.

use serde::{Deserialize, Serialize};

use super::part::PartConfig;
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::weighting::{Needs, Strategy};

/// How the learning rate moves over the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Schedule {
    /// The same all the time.
    #[default]
    Constant,
    /// Along half a cosine to zero at the last step. Depends on the number of epochs, so a run that is resumed for more
    /// of them is not the run that would have had them from the start.
    Cosine,
    /// As [`Cosine`](Self::Cosine), times a factor that rises in a line from a 25th to one over the first tenth of the
    /// steps. A deep network may not survive the full rate while its first steps are still large.
    OneCycle,
}

/// What to do when a task's raw loss is not a finite number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NonFinitePolicy {
    /// Stop with an error that names the task, in training and in validation. Noticed every few steps, without waiting for
    /// the device in any of them.
    #[default]
    Stop,
    /// Leave the parameters alone, count the step in the history, and go on; the strategy still sees the losses that are
    /// finite. Reads one flag from the device in every step.
    Skip,
}

/// Settings of a training run. The optimizer is AdamW, unless the [`Trainer`](super::Trainer) is given another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training data, at least 1.
    pub epochs: usize,
    /// Samples per batch, at least 1.
    pub batch_size: usize,
    /// Batches whose gradients are added up for one step, at least 1: a step of `accumulate * batch_size` samples in the memory of
    /// one batch.
    ///
    /// The gradients are those of the means over all labels of the step, however these are spread over its batches, wherever the
    /// weights do not depend on the losses; a strategy weighs each batch by itself, and its own learned values move by the mean
    /// over the batches. The last step of an epoch takes the batches that are left. A network with missing labels keeps the losses of all batches of a step in memory unless it has
    /// [`labels`](crate::model::MultiTaskModel::labels).
    pub accumulate: usize,
    /// Steps after which an epoch ends, at least 1; the passes over the data follow each other. Without it an epoch is one
    /// pass. A run is resumed with the same one, and the same `accumulate`, `batch_size` and `seed`: where in the data an epoch begins
    /// follows from them.
    pub steps_per_epoch: Option<usize>,
    /// Learning rate of the network, above 0 and at most 1.
    pub learning_rate: f64,
    /// Learning rate of a strategy's learnable weights, above 0 and at most 1; that of the network if not given.
    pub weighting_learning_rate: Option<f64>,
    /// How the learning rates move.
    pub schedule: Schedule,
    /// Decoupled weight decay of the network, not negative. A strategy's weights never decay.
    pub weight_decay: f64,
    /// Decay of the first moment, in [0, 1).
    pub beta_1: f64,
    /// Decay of the second moment, in [0, 1).
    pub beta_2: f64,
    /// Added to the root of the second moment, positive.
    pub epsilon: f64,
    /// The norm that the network's whole gradient is scaled down to where it is larger, positive.
    pub clip_norm: Option<f64>,
    /// What parts of the network, or the strategy, are trained with where that differs. Frozen parts are trainable again after the
    /// run.
    pub parts: Vec<PartConfig>,
    /// Epochs without a better relative validation loss, or without a better value of what is watched, after which training stops;
    /// at least 1.
    pub patience: Option<usize>,
    /// The number by which the best epoch is chosen and patience is lost; the relative validation loss if not given.
    pub watch: Option<Watch>,
    /// Checkpoints kept beside the best one, at least 2: while one is written, the one before must stay.
    pub keep_checkpoints: usize,
    /// What to do when a loss is not finite.
    pub non_finite: NonFinitePolicy,
    /// Steps between two audits of the tasks' gradients, at least 1; none if they are not audited. An audit runs the heads
    /// once more, and changes nothing in the training, but what the later batches of a step draw where it has several; under a
    /// strategy from the Gram matrix it costs nothing.
    pub audit_every: Option<usize>,
    /// Whether the uninformed predictors of all tasks are fitted before the first epoch, so that skill is recorded beside every
    /// loss. It takes a few seconds and changes nothing in the training.
    pub baseline: bool,
    /// Fixes the order of the samples and what the device draws (dropout) in every epoch. A model's first values are drawn
    /// before, by whoever builds it; nothing else may draw from the device meanwhile.
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
    /// Sets the samples per batch.
    batch_size, with_batch_size: usize;
    /// Sets the batches of a step.
    accumulate, with_accumulate: usize;
    /// Sets the steps of an epoch.
    steps_per_epoch, with_steps_per_epoch: Option<usize>;
    /// Sets the network's learning rate.
    learning_rate, with_learning_rate: f64;
    /// Sets the learning rate of the strategy's learnable weights.
    weighting_learning_rate, with_weighting_learning_rate: Option<f64>;
    /// Sets how the learning rates move.
    schedule, with_schedule: Schedule;
    /// Sets the network's weight decay.
    weight_decay, with_weight_decay: f64;
    /// Sets the decay of the first moment.
    beta_1, with_beta_1: f64;
    /// Sets the decay of the second moment.
    beta_2, with_beta_2: f64;
    /// Sets what is added to the root of the second moment.
    epsilon, with_epsilon: f64;
    /// Sets the norm that the network's gradient is clipped to.
    clip_norm, with_clip_norm: Option<f64>;
    /// Sets what parts of the network are trained with.
    parts, with_parts: Vec<PartConfig>;
    /// Sets the epochs without a better number after which training stops.
    patience, with_patience: Option<usize>;
    /// Sets the number by which the best epoch is chosen.
    watch, with_watch: Option<Watch>;
    /// Sets the checkpoints that are kept.
    keep_checkpoints, with_keep_checkpoints: usize;
    /// Sets what is done when a loss is not finite.
    non_finite, with_non_finite: NonFinitePolicy;
    /// Sets the steps between two audits.
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
    /// [`Error::Setting`] naming the field that has a value it cannot have.
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

    /// Checks that a strategy that looks at gradients is shown some.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if it does and nothing is audited.
    pub fn check_observed(&self, weighting: &Strategy) -> Result<()> {
        if weighting.needs() == Needs::GramWhenAudited && self.audit_every.is_none() {
            let expected = "a number of steps: this strategy needs the gradients to be measured";
            return Err(Error::setting("audit_every", "null", expected));
        }
        Ok(())
    }
}
