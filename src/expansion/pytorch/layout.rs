//! Infers the sizes of a network from the tensors of a file.

use std::collections::BTreeMap;

use super::import_config::ImportConfig;
use super::names::{
    BINARY, CLASSIFIER, COUNTDOWN, Generation, LOG_SIGMA_BINARY, LOG_SIGMA_SPAN, SPAN,
};
use crate::expansion::label::{CountdownForm, ExpansionType};
use crate::expansion::model::ExpansionModelConfig;
use crate::pytorch::{Stored, list_names, mismatch};

/// The tensors of a file by name.
type Tensors = BTreeMap<String, Stored>;

/// Reduces the binary head and its log sigma to one name each. Checks that tensors present under both names are equal.
pub(super) fn one_binary_head(state: &mut Tensors) -> Result<Generation, String> {
    let mut generation = Generation::Binary;
    for (span, binary) in [
        (format!("{SPAN}.weight"), format!("{BINARY}.weight")),
        (format!("{SPAN}.bias"), format!("{BINARY}.bias")),
        (LOG_SIGMA_SPAN.to_string(), LOG_SIGMA_BINARY.to_string()),
    ] {
        let Some(tensor) = state.remove(&span) else {
            continue;
        };
        generation = Generation::Span;
        let Some(other) = state.get(&binary) else {
            state.insert(binary, tensor);
            continue;
        };
        if other.shape != tensor.shape || bits(&span, &tensor)? != bits(&binary, other)? {
            return Err(format!(
                "its tensors `{span}` and `{binary}` are two names of one tensor, but they differ"
            ));
        }
    }
    Ok(generation)
}

fn bits(name: &str, tensor: &Stored) -> Result<Vec<u32>, String> {
    let numbers = tensor
        .numbers()
        .map_err(|reason| format!("its tensor `{name}` {reason}"))?;
    Ok(numbers.into_iter().map(f32::to_bits).collect())
}

/// Returns the names of the types of a file, which holds none: the names of the rule's types if it has as many types,
/// otherwise the numbers of their classes.
fn type_names(types: usize) -> Vec<String> {
    let rule = ExpansionType::RULE_NAMES;
    if types == rule.len() {
        return rule.map(String::from).to_vec();
    }
    (0..types).map(|class| class.to_string()).collect()
}

/// Infers the sizes from a few tensors. All tensors are compared with them afterwards.
pub(super) fn sizes(
    state: &Tensors,
    import: &ImportConfig,
) -> Result<ExpansionModelConfig, String> {
    let matrix = |name: &str, meaning: &str| match state.get(name) {
        None => Err(format!(
            "has no tensor `{name}` {meaning}, so it is not of this network; it has {}",
            list_names(state.keys())
        )),
        Some(tensor) => match tensor.shape[..] {
            [rows, columns] => Ok([rows, columns]),
            _ => Err(mismatch(name, &tensor.shape, meaning)),
        },
    };
    let [gates, features] = matrix("lstm.weight_ih_l0", "[4 hidden, features]")?;
    let [projection, width] = matrix("projection.0.weight", "[projection, 2 hidden]")?;
    let countdown_name = format!("{COUNTDOWN}.weight");
    let [_, countdown_inputs] = matrix(&countdown_name, "[1, 2 hidden] or [1, projection]")?;
    let [types, _] = matrix(&format!("{CLASSIFIER}.weight"), "[types, projection]")?;
    let hidden = gates / 4;
    let layer = |index: &usize| state.contains_key(&format!("lstm.weight_ih_l{index}"));
    let countdown = match (countdown_inputs == width, countdown_inputs == projection) {
        (true, false) => CountdownForm::PerBar,
        (false, true) => CountdownForm::Scalar,
        (true, true) => import.countdown.ok_or_else(|| {
            format!(
                "its tensor `{countdown_name}` [1, {width}] fits both forms of the countdown; say which it is"
            )
        })?,
        (false, false) => {
            let expected = format!("[1, {width}] (per bar) or [1, {projection}] (scalar)");
            let found = &state[&countdown_name].shape;
            return Err(mismatch(&countdown_name, found, &expected));
        }
    };
    let config = ExpansionModelConfig {
        window: import.window,
        features,
        hidden,
        layers: (0..).take_while(layer).count(),
        projection,
        types: type_names(types),
        countdown,
        ..ExpansionModelConfig::default()
    };
    config
        .validate()
        .map_err(|error| format!("is of a network that cannot be: {error}"))?;
    Ok(config)
}
