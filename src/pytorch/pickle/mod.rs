//! Reads the part of Python's pickle format that `torch.save` writes: protocol 2.
//!
//! Nothing is ever called. A closed list of names ([`globals`]) makes tensors and plain containers. A name of code
//! ([`code`]) is an error. Every other name, and every object that a call of it would make, is a placeholder: it holds
//! its name, takes items and attributes without keeping the items, and never becomes a tensor. Values are stored once
//! and referred to by number, nothing recurses, and the number of instructions is limited, so memory is at most a fixed
//! multiple of what is read, whatever sizes the pickle claims.

mod code;
mod globals;
mod machine;
mod value;

use machine::{Machine, Stop};
pub(super) use value::{Element, Id, PickleValue, Rebuilt};

use super::remedy::Remedy;

/// The values of a pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<PickleValue>,
    names: Vec<String>,
    calls_code: bool,
    root: Id,
}

impl Pickle {
    /// Reads a pickle. An error in a damaged pickle names the byte.
    pub(super) fn read(bytes: &[u8], remedy: &Remedy<'_>) -> Result<Self, String> {
        let mut machine = Machine::new(bytes);
        match machine.run() {
            Ok(root) => Ok(Self {
                values: machine.values,
                names: machine.names,
                calls_code: machine.calls_code,
                root,
            }),
            Err(Stop::Refused(reason)) => Err(reason),
            Err(Stop::Protocol(found)) => Err(format!(
                "its pickle was saved with `pickle_protocol={found}`, but only the usual 2 is read. Save it again, if you \
                 trust it: `{}`",
                remedy.save(&remedy.load(true))
            )),
            Err(Stop::Damaged(reason)) => Err(format!(
                "its pickle is damaged at byte {}: {reason}",
                machine.at()
            )),
        }
    }

    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn value(&self, id: Id) -> &PickleValue {
        &self.values[id]
    }

    /// Returns the text of a value, or `None` if the value is no text.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            PickleValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the type of a value with its article. The type of a placeholder is its name.
    pub(super) fn kind(&self, id: Id) -> String {
        match self.value(id) {
            PickleValue::Object { name, .. } => format!("an object of `{}`", self.names[*name]),
            other => other.kind().into(),
        }
    }

    /// Returns the class of a module of a network that was saved whole, or `None` for any other value.
    pub(super) fn module_class(&self, id: Id) -> Option<&str> {
        let PickleValue::Object { name, attributes } = self.value(id) else {
            return None;
        };
        let PickleValue::Dict(attributes) = self.value((*attributes)?) else {
            return None;
        };
        // They are among the first; many objects may have one large dictionary of attributes.
        let first = &attributes[..attributes.len().min(64)];
        let has = |wanted: &str| {
            let mut keys = first.iter().map(|(key, _)| self.text(*key));
            keys.any(|key| key == Some(wanted))
        };
        (has("_parameters") && has("_modules")).then(|| self.names[*name].as_str())
    }

    /// Returns whether PyTorch's `weights_only` loader would refuse the pickle, so that Python must call what it names.
    pub(super) fn calls_code(&self) -> bool {
        self.calls_code
    }

    /// Returns the names of the classes and functions that Python would have called and that were passed over.
    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }
}
