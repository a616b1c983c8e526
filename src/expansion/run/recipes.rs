//! Defines configs by name.

use super::config::ExpansionConfig;
use crate::error::{Error, Result};
use crate::expansion::label::COUNTDOWN_CLIP;
use crate::expansion::model::{ExpansionModelConfig, Pooling};
use crate::train::{Schedule, TrainConfig};

impl ExpansionConfig {
    /// The names that [`recipe`](Self::recipe) knows.
    pub const RECIPES: [&str; 3] = ["default", "original", "learn"];

    /// Returns the config of a recipe.
    ///
    /// | recipe | purpose |
    /// |---|---|
    /// | `default` | the defaults of [`ExpansionConfig`]: small, seconds on simulated windows |
    /// | `original` | network, dropout, optimizer and strategy of the project this crate began with; starves a task |
    /// | `learn` | finds expansions on real bars, in minutes on two cores, whatever the size of the file |
    ///
    /// Every choice of `learn` is measured in `docs/recipe.md`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if no recipe has this name.
    ///
    /// # Example
    ///
    /// ```
    /// let config = equipoise::expansion::run::ExpansionConfig::recipe("learn")?;
    /// assert_eq!((config.data.stride, config.train.epochs), (2, 12));
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn recipe(name: &str) -> Result<ExpansionConfig> {
        match name {
            "default" => Ok(ExpansionConfig::default()),
            "original" => original(),
            "learn" => learn(),
            other => Err(Error::setting(
                "recipe",
                other,
                format!("one of {}", Self::RECIPES.join(", ")),
            )),
        }
    }
}

fn original() -> Result<ExpansionConfig> {
    Ok(ExpansionConfig {
        model: ExpansionModelConfig::default(),
        weighting: ExpansionConfig::preset("running-mean")?,
        train: TrainConfig::default(),
        ..ExpansionConfig::default()
    })
}

fn learn() -> Result<ExpansionConfig> {
    let mut config = ExpansionConfig {
        weighting: ExpansionConfig::preset("gradient-share")?,
        ..ExpansionConfig::default()
    };
    config.data.stride = 2;
    config.data.position = true;
    config.data.moves = true;
    config.data.mirror = true;
    config.data.train_windows = Some(40_000);
    config.model = ExpansionModelConfig {
        hidden: 64,
        layers: 2,
        pooling: Pooling::Attention,
        input_dropout: 0.1,
        layer_dropout: 0.1,
        head_dropout: 0.2,
        countdown_scale: f64::from(COUNTDOWN_CLIP),
        ..ExpansionModelConfig::default()
    };
    config.train = TrainConfig {
        learning_rate: 3e-3,
        schedule: Schedule::OneCycle,
        clip_norm: Some(1.0),
        // A budget of 9,000 steps whatever the size of the data, with twelve checkpoints to choose the best of.
        epochs: 12,
        steps_per_epoch: Some(750),
        ..TrainConfig::default()
    };
    Ok(config)
}
