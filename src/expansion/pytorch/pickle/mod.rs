//! A stack machine for the part of Python's pickle format that `torch.save` writes: protocol 2, the instructions that
//! PyTorch's own `weights_only` loader knows.
//!
//! Nothing is ever called. A global is looked up in a closed list ([`globals`]), and what is not in it ends the reading
//! with its name. Every value is made once and referred to by number, so a file cannot ask for more memory than a fixed
//! multiple of its own size, and nothing here recurses.

mod globals;
mod machine;

use globals::Global;
pub(super) use globals::{Element, Rebuilt, Storage};
use machine::{Machine, Stop};

/// The largest pickle that is read: a thousand times that of a usual checkpoint. What a hostile one can make of it fits in
/// half a gigabyte.
const LARGEST: usize = 8 << 20;

/// A value's number.
pub(super) type Id = usize;

/// A Python value.
#[derive(Debug)]
pub(super) enum Value {
    None,
    Bool,
    Int(i64),
    Float,
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// Keys and values as they were set, the same key perhaps more than once.
    Dict(Vec<(Id, Id)>),
    Storage(Storage),
    Tensor(Box<Rebuilt>),
    Global(Global),
    /// Something that is no tensor and holds none, by the name of its type.
    Other(&'static str),
}

impl Value {
    /// What it is, in Python's words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool => "a bool",
            Self::Int(_) => "an int",
            Self::Float => "a float",
            Self::Text(_) => "a str",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
            Self::Global(_) => "a class or function",
            Self::Other(kind) => kind,
        }
    }
}

/// A pickle that has been read.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Reads a pickle; the error says at which byte.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > LARGEST {
            let found = bytes.len();
            return Err(format!(
                "its pickle has {found} bytes, more than the {LARGEST} that are read"
            ));
        }
        let mut machine = Machine::new(bytes);
        match machine.run() {
            Ok(root) => Ok(Self {
                values: machine.values,
                root,
            }),
            Err(Stop::Refused(reason)) => Err(reason),
            Err(Stop::Damaged(reason)) => Err(format!(
                "its pickle is damaged at byte {}: {reason}",
                machine.at()
            )),
        }
    }

    pub(super) fn root(&self) -> &Value {
        &self.values[self.root]
    }

    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id]
    }

    /// The text of a value, if it is one.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}
