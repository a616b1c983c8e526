//! Lists the names and shapes of the original network's tensors.

use crate::expansion::label::CountdownForm;
use crate::expansion::model::{ExpansionModelConfig, task_names};
use crate::pytorch::NameTable;

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

pub(super) const CLASSIFIER: &str = "classifier.1";
pub(super) const COUNTDOWN: &str = "expansion_countdown_head.1";

/// The names of the log sigmas with their tasks, in the order of the tasks.
pub(super) const LOG_SIGMAS: [(&str, &str); 4] = [
    ("log_sigma_type", task_names::TYPE),
    ("log_sigma_ptr", task_names::POINTERS),
    (LOG_SIGMA_BINARY, task_names::BINARY),
    ("log_sigma_countdown", task_names::COUNTDOWN),
];

/// Returns the names of the model's parts in the original network. The BiLSTM has the same name in both.
pub(super) fn name_table() -> NameTable {
    NameTable::new()
        .with("projection", "projection.0")
        .with("classifier", CLASSIFIER)
        .with("pointers", "pointer_head.1")
        .with("binary", BINARY)
        .with("countdown", COUNTDOWN)
}

/// Returns the tensors that every such network has, whatever its sizes, each under all its names.
pub(super) fn common_tensors() -> Vec<Vec<String>> {
    let one_layer = ExpansionModelConfig {
        layers: 1,
        ..ExpansionModelConfig::default()
    };
    let tensors = network_tensors(&one_layer).into_iter();
    let names = tensors.map(|(name, _)| match name.strip_prefix(BINARY) {
        Some(parameter) => vec![name.clone(), format!("{SPAN}{parameter}")],
        None => vec![name],
    });
    names.collect()
}

/// Returns whether such a network, of any sizes, may have a tensor of this name. `common` are its
/// [`common_tensors`].
pub(super) fn may_have(common: &[Vec<String>], name: &str) -> bool {
    let sigmas = LOG_SIGMAS.iter().map(|(name, _)| *name);
    name.starts_with("lstm.")
        || sigmas.chain([LOG_SIGMA_SPAN]).any(|sigma| sigma == name)
        || common.iter().flatten().any(|known| known == name)
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
        (CLASSIFIER, config.types.len(), config.projection),
        ("pointer_head.1", 2, config.projection),
        (BINARY, 1, width),
        (COUNTDOWN, 1, countdown),
    ] {
        tensors.push((format!("{module}.weight"), vec![outputs, inputs]));
        tensors.push((format!("{module}.bias"), vec![outputs]));
    }
    tensors
}
