//! Knows how PyTorch names and lays out the parameters of each layer.

use super::names::{NameTable, joined};

/// A step of the path to a parameter: the field, and the type that has it, as Burn's visitors tell them.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) field: String,
    pub(super) container: String,
}

/// The place of a parameter in PyTorch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TorchPlace {
    pub(super) name: String,
    /// Whether PyTorch stores the matrix the other way round.
    pub(super) transposed: bool,
    /// The number of the part along the first axis, and the number of parts, if PyTorch has several in one tensor.
    pub(super) part: Option<(usize, usize)>,
}

/// The gates of a recurrent layer in PyTorch's order, by their fields in Burn.
const GATES: [(&str, &[&str]); 3] = [
    (
        "Struct:Lstm",
        &["input_gate", "forget_gate", "cell_gate", "output_gate"],
    ),
    ("Struct:Gru", &["reset_gate", "update_gate", "new_gate"]),
    ("Struct:Rnn", &["gate"]),
];

/// Returns the path of a parameter in Burn, without the variants of enums.
pub(super) fn burn_path(steps: &[Step]) -> String {
    let fields = steps
        .iter()
        .filter(|step| !step.container.starts_with("Enum:"));
    let fields: Vec<&str> = fields.map(|step| step.field.as_str()).collect();
    fields.join(".")
}

/// Returns the place of a parameter in PyTorch.
pub(super) fn torch_place(steps: &[Step], names: &NameTable) -> TorchPlace {
    packed(steps, names)
        .or_else(|| gate(steps, names))
        .or_else(|| attention(steps, names))
        .unwrap_or_else(|| plain(steps, names))
}

/// Returns the number of gates of the recurrent layer that a parameter belongs to, or `None` for any other parameter.
fn gates_of(container: &str) -> Option<&'static [&'static str]> {
    let row = GATES.iter().find(|(layer, _)| *layer == container);
    row.map(|(_, gates)| *gates)
}

/// Places a parameter of this crate's LSTM, which has PyTorch's layout.
fn packed(steps: &[Step], names: &NameTable) -> Option<TorchPlace> {
    let [.., parameter] = steps else { return None };
    if parameter.container != "Struct:LstmWeights" {
        return None;
    }
    let (module, layer, reverse) = match steps {
        [module @ .., list, layer, direction, _]
            if direction.container == "Struct:BiLstmLayer" && list.field == "layers" =>
        {
            (module, layer, direction.field == "backward")
        }
        [module @ .., list, layer, _]
            if list.container == "Struct:Lstm" && list.field == "layers" =>
        {
            (module, layer, false)
        }
        _ => return None,
    };
    let layer: usize = layer.field.parse().ok()?;
    let name = recurrent(module, &parameter.field, layer, reverse, names);
    Some(TorchPlace {
        name,
        transposed: false,
        part: None,
    })
}

/// Places a parameter of a gate of Burn's recurrent layers. PyTorch has all gates of a layer in one tensor.
fn gate(steps: &[Step], names: &NameTable) -> Option<TorchPlace> {
    let [module @ .., gate, transform, parameter] = steps else {
        return None;
    };
    if transform.container != "Struct:GateController" {
        return None;
    }
    let gates = gates_of(&gate.container)?;
    let index = gates.iter().position(|field| *field == gate.field)?;
    let (module, reverse) = match module {
        [outer @ .., direction]
            if ["Struct:BiLstm", "Struct:BiGru", "Struct:BiRnn"]
                .contains(&direction.container.as_str()) =>
        {
            (outer, direction.field == "reverse")
        }
        whole => (whole, false),
    };
    let side = if transform.field == "input_transform" {
        "ih"
    } else {
        "hh"
    };
    let parameter = &parameter.field;
    let name = recurrent(module, &format!("{parameter}_{side}"), 0, reverse, names);
    Some(TorchPlace {
        name,
        transposed: parameter == "weight",
        part: Some((index, gates.len())),
    })
}

fn recurrent(
    module: &[Step],
    parameter: &str,
    layer: usize,
    reverse: bool,
    names: &NameTable,
) -> String {
    let (module, first) = names.torch(&burn_path(module));
    let reverse = if reverse { "_reverse" } else { "" };
    joined(&module, &format!("{parameter}_l{}{reverse}", first + layer))
}

/// Places a parameter of Burn's attention. PyTorch has query, key and value in one tensor.
fn attention(steps: &[Step], names: &NameTable) -> Option<TorchPlace> {
    let [module @ .., linear, parameter] = steps else {
        return None;
    };
    if linear.container != "Struct:MultiHeadAttention" {
        return None;
    }
    let (module, _) = names.torch(&burn_path(module));
    let parts = ["query", "key", "value"];
    let part = parts.iter().position(|field| *field == linear.field);
    let local = match part {
        Some(_) => format!("in_proj_{}", parameter.field),
        None => format!("out_proj.{}", parameter.field),
    };
    Some(TorchPlace {
        name: joined(&module, &local),
        transposed: parameter.field == "weight",
        part: part.map(|index| (index, parts.len())),
    })
}

/// Places a parameter of any other layer. A row that names the parameter itself takes precedence over the layer's name.
fn plain(steps: &[Step], names: &NameTable) -> TorchPlace {
    let [module @ .., parameter] = steps else {
        return TorchPlace {
            name: names.torch("").0,
            transposed: false,
            part: None,
        };
    };
    let container = parameter.container.as_str();
    let path = burn_path(steps);
    let (direct, _) = names.torch(&path);
    let (module, _) = names.torch(&burn_path(module));
    let as_field = joined(&module, &parameter.field);
    let name = if direct == as_field {
        joined(&module, torch_field(container, &parameter.field))
    } else {
        direct
    };
    TorchPlace {
        name,
        transposed: container == "Struct:Linear" && parameter.field == "weight",
        part: None,
    }
}

fn torch_field<'f>(container: &str, field: &'f str) -> &'f str {
    let normalises = [
        "BatchNorm",
        "LayerNorm",
        "GroupNorm",
        "InstanceNorm",
        "RmsNorm",
    ]
    .iter()
    .any(|layer| container.strip_prefix("Struct:") == Some(layer));
    match (field, container) {
        ("gamma", _) if normalises => "weight",
        ("beta", _) if normalises => "bias",
        ("alpha", "Struct:PRelu") => "weight",
        _ => field,
    }
}
