//! Infers the sizes of a network from the tensors of a file, and checks every name and shape.

use super::import_config::ImportConfig;
use super::names::{BINARY, COUNTDOWN, Generation, LOG_SIGMA_BINARY, LOG_SIGMA_SPAN, SPAN};
use super::state::{State, shown};
use super::tensor::{Stored, listed};
use crate::expansion::label::CountdownForm;
use crate::expansion::model::ExpansionModelConfig;

/// Reduces the binary head and its log sigma to one name each. Checks that tensors present under both names are equal.
pub(super) fn one_binary_head(state: &mut State<'_>) -> Result<Generation, String> {
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

fn bits(name: &str, tensor: &Stored<'_>) -> Result<Vec<u32>, String> {
    let numbers = tensor
        .numbers()
        .map_err(|reason| format!("its tensor `{name}` {reason}"))?;
    Ok(numbers.into_iter().map(f32::to_bits).collect())
}

/// Infers the sizes from a few tensors. [`check_names`] then compares all tensors with them.
pub(super) fn sizes(
    state: &State<'_>,
    import: &ImportConfig,
) -> Result<ExpansionModelConfig, String> {
    let matrix = |name: &str, meaning: &str| match state.get(name) {
        None => Err(format!(
            "has no tensor `{name}` {meaning}, so it is not of this network; it has {}",
            names(state.keys())
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
        countdown,
        ..ExpansionModelConfig::default()
    };
    config
        .validate()
        .map_err(|error| format!("is of a network that cannot be: {error}"))?;
    Ok(config)
}

fn mismatch(name: &str, found: &[usize], expected: &str) -> String {
    let found = listed(found);
    format!("its tensor `{name}` has the shape [{found}], expected {expected}")
}

/// Checks that every expected tensor is present with its shape, and no other tensor.
pub(super) fn check_names(
    state: &State<'_>,
    expected: &[&(String, Vec<usize>)],
) -> Result<(), String> {
    for (name, shape) in expected {
        match state.get(name) {
            None => {
                let shape = listed(shape);
                return Err(format!(
                    "has no tensor `{name}`, expected one of shape [{shape}]"
                ));
            }
            Some(tensor) if tensor.shape != *shape => {
                let shape = format!("[{}]", listed(shape));
                return Err(mismatch(name, &tensor.shape, &shape));
            }
            Some(_) => {}
        }
    }
    let known = |name: &&String| expected.iter().all(|(other, _)| other != *name);
    let foreign: Vec<&String> = state.keys().filter(known).collect();
    if foreign.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "has tensors that this network does not have: {}",
            names(foreign.into_iter())
        ))
    }
}

/// Returns the first few names as text, and the number of the others.
fn names<'n>(all: impl ExactSizeIterator<Item = &'n String>) -> String {
    const SHOWN: usize = 5;
    let count = all.len();
    let mut text: Vec<String> = all
        .take(SHOWN)
        .map(|name| format!("`{}`", shown(name)))
        .collect();
    match count {
        0 => return "no tensors".into(),
        1..=SHOWN => {}
        _ => text.push(format!("{} more", count - SHOWN)),
    }
    text.join(", ")
}
