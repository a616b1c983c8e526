//! Settings by name: those the four-task problem was first met with, those of the main job, and those that learn most.
//!
//! | recipe | what it is for |
//! |---|---|
//! | `original` | the network, dropout and optimizer of the project that this crate began with, and its strategy, which starves a task |
//! | `default` | what runs when nothing is said: small, seconds on simulated windows |
//! | `learn` | finds expansions on real bars, in minutes on two cores, whatever the size of the file; every choice is measured in `docs/recipe.md` |

use super::config::{ExpansionConfig, preset};
use crate::error::{Error, Result};
use crate::expansion::label::COUNTDOWN_CLIP;
use crate::expansion::model::{ExpansionModelConfig, Pooling};
use crate::train::{Schedule, TrainConfig};

/// The names that [`recipe`] knows.
pub const RECIPES: [&str; 3] = ["default", "original", "learn"];

/// Returns the settings of a recipe.
///
/// # Errors
///
/// [`Error::Setting`] if there is no such recipe.
pub fn recipe(name: &str) -> Result<ExpansionConfig> {
    match name {
        "default" => Ok(ExpansionConfig::default()),
        "original" => original(),
        "learn" => learn(),
        other => Err(Error::setting(
            "recipe",
            other,
            format!("one of {}", RECIPES.join(", ")),
        )),
    }
}

fn original() -> Result<ExpansionConfig> {
    Ok(ExpansionConfig {
        model: ExpansionModelConfig::default(),
        weighting: preset("running-mean")?,
        train: TrainConfig::default(),
        ..ExpansionConfig::default()
    })
}

fn learn() -> Result<ExpansionConfig> {
    let mut config = ExpansionConfig {
        weighting: preset("gradient-share")?,
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
        // A budget of 9,000 steps whatever the size of the data, and twelve networks to choose the best of.
        epochs: 12,
        steps_per_epoch: Some(750),
        ..TrainConfig::default()
    };
    Ok(config)
}
