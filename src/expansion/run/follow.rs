//! Fits the config of a run to the PyTorch checkpoint it starts from.

use std::path::Path;

use super::config::{DataConfig, ExpansionConfig};
use super::same_features::same_features;
use crate::error::{Error, Result};
use crate::expansion::feature::FEATURES;
use crate::expansion::label::CountdownForm;
use crate::expansion::model::{ExpansionModelConfig, task_names};
use crate::expansion::pytorch::{Inputs, PytorchCheckpoint};
use crate::weighting::{BuiltIn, StrategyConfig, Uncertainty};

/// Returns the config with its default sizes replaced by the sizes of the file, and a note that lists the changes.
pub(crate) fn follow(
    mut config: ExpansionConfig,
    checkpoint: &PytorchCheckpoint,
) -> Result<(ExpansionConfig, Vec<String>)> {
    let mut taken = Vec::new();
    sizes(&mut config, checkpoint, &mut taken);
    features(&mut config, checkpoint, &mut taken)?;
    countdown(&mut config, checkpoint, &mut taken);
    log_sigma(&mut config, checkpoint, &mut taken);
    // Heads of other types or of another form start from new values.
    let restart = [task_names::TYPE, task_names::COUNTDOWN];
    checkpoint.check_sizes(&config.model, &restart)?;
    let notes = if taken.is_empty() {
        Vec::new()
    } else {
        vec![format!(
            "from {}: {}",
            checkpoint.path().display(),
            taken.join(", ")
        )]
    };
    Ok((config, notes))
}

fn sizes(config: &mut ExpansionConfig, checkpoint: &PytorchCheckpoint, taken: &mut Vec<String>) {
    let (usual, file, model) = (
        ExpansionModelConfig::default(),
        checkpoint.config(),
        &mut config.model,
    );
    for (name, place, usual, file) in [
        ("hidden", &mut model.hidden, usual.hidden, file.hidden),
        ("layers", &mut model.layers, usual.layers, file.layers),
        (
            "projection",
            &mut model.projection,
            usual.projection,
            file.projection,
        ),
    ] {
        if *place == usual && *place != file {
            *place = file;
            taken.push(format!("{name} {file}"));
        }
    }
}

/// Fits the features to those that the file tells. Of a file that does not tell them, only the number is known.
fn features(
    config: &mut ExpansionConfig,
    checkpoint: &PytorchCheckpoint,
    taken: &mut Vec<String>,
) -> Result<()> {
    if let Some(inputs) = checkpoint.inputs() {
        return told_features(config, inputs, checkpoint.path(), taken);
    }
    let (file, own) = (checkpoint.config().features, inputs_of(&config.data));
    if file < FEATURES - 1 {
        return Err(Error::Checkpoint {
            path: checkpoint.path().to_path_buf(),
            reason: format!(
                "its network reads {file} features of each bar, but a bar has at least {}",
                FEATURES - 1
            ),
        });
    }
    let asked = own.names().len();
    if asked == file && file >= FEATURES {
        if config.model.features == FEATURES - 1 {
            config.model.features = file;
        }
        taken.push(format!(
            "nothing in the file tells its inputs behind the {}th, which are taken for {}",
            FEATURES - 1,
            own.others().join(", ")
        ));
    } else if file == FEATURES && own == Inputs::default() {
        config.data.position = true;
        config.model.features = FEATURES;
        taken.push(format!(
            "{FEATURES} features, of which the last is taken for the position in the window (`data.position`); nothing \
             in the file tells"
        ));
    } else if asked != file {
        let path = checkpoint.path().display();
        let expected = format!(
            "{file} to start from {path}, whose network reads {file} features of each bar; set `data.position`, \
             `data.moves` and `data.features_from` to what it was trained with"
        );
        return Err(Error::setting("model.features", asked, expected));
    }
    Ok(())
}

/// Takes the features that a file tells, or checks that the config has the same.
fn told_features(
    config: &mut ExpansionConfig,
    inputs: &Inputs,
    file: &Path,
    taken: &mut Vec<String>,
) -> Result<()> {
    let own = inputs_of(&config.data);
    let mut told = config.data.clone();
    (told.position, told.moves) = (inputs.position, inputs.moves);
    told.features_from.clone_from(&inputs.further);
    if own != Inputs::default() || own == *inputs {
        return same_features(config, &told, file);
    }
    config.data = told;
    config.model.features = config.data.features().columns();
    taken.push(format!("the features {}", inputs.others().join(", ")));
    Ok(())
}

fn inputs_of(data: &DataConfig) -> Inputs {
    Inputs {
        position: data.position,
        moves: data.moves,
        further: data.features_from.clone(),
    }
}

/// Makes the countdown head of the model scalar if the head of the file is. In the opposite case the strategy needs a
/// scalar head, which starts from new values.
fn countdown(
    config: &mut ExpansionConfig,
    checkpoint: &PytorchCheckpoint,
    taken: &mut Vec<String>,
) {
    let model = &mut config.model;
    let scalar = checkpoint.config().countdown == CountdownForm::Scalar;
    if scalar && model.countdown == CountdownForm::PerBar {
        model.countdown = CountdownForm::Scalar;
        if model.countdown_scale == ExpansionConfig::default().model.countdown_scale {
            model.countdown_scale = 1.0;
        }
        taken.push("a scalar countdown".into());
    }
}

/// Starts a strategy that learns log sigma from the values of the file, unless the config sets another start.
fn log_sigma(
    config: &mut ExpansionConfig,
    checkpoint: &PytorchCheckpoint,
    taken: &mut Vec<String>,
) {
    let Some(file) = checkpoint.uncertainty() else {
        return;
    };
    let Some(mut own) = config.weighting.get::<Uncertainty>() else {
        return;
    };
    let usual = ExpansionConfig::preset(Uncertainty::NAME).ok();
    let usual = usual.and_then(|preset| preset.get::<Uncertainty>());
    let starts = [usual.unwrap_or_default(), Uncertainty::default()];
    if starts.iter().any(|start| own.log_sigma == start.log_sigma) {
        own.log_sigma = file.log_sigma;
        config.weighting = StrategyConfig::new(own);
        taken.push("log sigma of every task".into());
    }
}
