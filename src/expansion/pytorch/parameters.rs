//! Loads and collects the parameters of the model under PyTorch's names.

use std::collections::BTreeMap;

use burn::tensor::TensorReadError;

use super::names::{COUNTDOWN, name_table};
use crate::expansion::model::{ExpansionModel, task_names};
use crate::pytorch::{Entries, HostTensor, collect, fill};

/// Tensors by their names in PyTorch.
pub(super) type Parameters = BTreeMap<String, HostTensor>;

/// Multiplies the parameters of the countdown head. The head computes `scale * (w x + b)`; the original has no scale,
/// so its parameters are `scale * w` and `scale * b`.
fn scale_countdown(parameters: &mut Parameters, change: impl Fn(f64) -> f64) {
    for (name, tensor) in parameters {
        if name.starts_with(COUNTDOWN) {
            let changed = |value: &mut f32| *value = change(f64::from(*value)) as f32;
            tensor.numbers.iter_mut().for_each(changed);
        }
    }
}

/// Returns the model with the values of `parameters`, which must be complete and have the right shapes. The
/// heads of the tasks in `restart` stay unchanged.
pub(super) fn with_parameters(
    network: ExpansionModel,
    parameters: &Parameters,
    restart: &[&str],
) -> ExpansionModel {
    let mut parameters = parameters.clone();
    let scale = network.config().countdown_scale;
    if scale != 1.0 {
        scale_countdown(&mut parameters, |value| value / scale);
    }
    let mut names = name_table();
    for task in restart {
        // The head of the type has a name of its own.
        let head = if *task == task_names::TYPE {
            "classifier"
        } else {
            task
        };
        names = names.with_new(head);
    }
    let entries = Entries::of(&network, &names).expect("the table fits the model");
    fill(network, &entries, &parameters)
}

/// Returns the parameters of the model under their names and in their shapes in PyTorch.
pub(super) fn parameters(network: &ExpansionModel) -> Result<Parameters, TensorReadError> {
    let entries = Entries::of(network, &name_table()).expect("the table fits the model");
    let mut parameters = collect(network, &entries)?;
    let scale = network.config().countdown_scale;
    if scale != 1.0 {
        scale_countdown(&mut parameters, |value| value * scale);
    }
    Ok(parameters)
}
