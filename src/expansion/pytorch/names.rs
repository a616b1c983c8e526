//! Lists the names and shapes of the original network's tensors.

use crate::expansion::label::{CountdownForm, ExpansionType};
use crate::expansion::model::{ExpansionModelConfig, task_names};

/// The generation of the original network that a checkpoint belongs to.
///
/// The newer network holds its binary head a second time under the name `expansion_span_emission`, and the log sigma of
/// the binary task also as `log_sigma_span`. PyTorch's `load_state_dict(strict=True)` requires exactly the names of the
/// network it is called on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Generation {
    /// The older network, with `expansion_binary_head` alone.
    #[default]
    Binary,
    /// The newer network, with `expansion_binary_head` and an identical `expansion_span_emission`.
    Span,
}

/// The names of the binary head and its log sigma, and their second names in the newer generation.
pub(super) const BINARY: &str = "expansion_binary_head.1";
pub(super) const SPAN: &str = "expansion_span_emission.1";
pub(super) const LOG_SIGMA_BINARY: &str = "log_sigma_binary";
pub(super) const LOG_SIGMA_SPAN: &str = "log_sigma_span";

pub(super) const COUNTDOWN: &str = "expansion_countdown_head.1";

/// The names of the log sigmas with their tasks, in the order of the tasks.
pub(super) const LOG_SIGMAS: [(&str, &str); 4] = [
    ("log_sigma_type", task_names::TYPE),
    ("log_sigma_ptr", task_names::POINTERS),
    (LOG_SIGMA_BINARY, task_names::BINARY),
    ("log_sigma_countdown", task_names::COUNTDOWN),
];

/// Returns the PyTorch name of the parameter at `path` in the model, and whether PyTorch stores it transposed.
pub(super) fn torch_name(path: &[String]) -> (String, bool) {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["lstm", "layers", layer, direction, name] => {
            let reverse = if *direction == "backward" {
                "_reverse"
            } else {
                ""
            };
            (format!("lstm.{name}_l{layer}{reverse}"), false)
        }
        [head, name] => {
            let module = match *head {
                "projection" => "projection.0",
                "classifier" => "classifier.1",
                "pointers" => "pointer_head.1",
                "binary" => BINARY,
                "countdown" => COUNTDOWN,
                other => unreachable!("the model has no part called {other}"),
            };
            (format!("{module}.{name}"), *name == "weight")
        }
        other => unreachable!("the model has no parameter at {other:?}"),
    }
}

/// Returns the name and shape of every tensor of a network, without log sigmas and with the binary head once.
pub(super) fn network_tensors(config: &ExpansionModelConfig) -> Vec<(String, Vec<usize>)> {
    let (hidden, width) = (config.hidden, 2 * config.hidden);
    let mut tensors = Vec::new();
    for layer in 0..config.layers {
        let input = if layer == 0 { config.features } else { width };
        for reverse in ["", "_reverse"] {
            for (name, shape) in [
                ("weight_ih", vec![4 * hidden, input]),
                ("weight_hh", vec![4 * hidden, hidden]),
                ("bias_ih", vec![4 * hidden]),
                ("bias_hh", vec![4 * hidden]),
            ] {
                tensors.push((format!("lstm.{name}_l{layer}{reverse}"), shape));
            }
        }
    }
    let countdown = match config.countdown {
        CountdownForm::PerBar => width,
        CountdownForm::Scalar => config.projection,
    };
    for (module, outputs, inputs) in [
        ("projection.0", config.projection, width),
        ("classifier.1", ExpansionType::COUNT, config.projection),
        ("pointer_head.1", 2, config.projection),
        (BINARY, 1, width),
        (COUNTDOWN, 1, countdown),
    ] {
        tensors.push((format!("{module}.weight"), vec![outputs, inputs]));
        tensors.push((format!("{module}.bias"), vec![outputs]));
    }
    tensors
}
