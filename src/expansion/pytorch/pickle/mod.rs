//! A stack machine for the part of Python's pickle format that `torch.save` writes: protocol 2, the instructions that
//! PyTorch's own `weights_only` loader knows.
//!
//! Nothing is ever called. A global is looked up in a closed list ([`globals`]), and what is not in it ends the reading
//! with its name. Every value is made once and referred to by number, so a file cannot ask for more memory than a fixed
//! multiple of its own size, and nothing here recurses.

mod globals;
mod machine;
mod value;

use machine::{Machine, Stop};
pub(super) use value::{Element, Id, PickleValue, Rebuilt};

/// The largest pickle that is read: a thousand times that of a usual checkpoint. What a hostile one can make of it fits in
/// half a gigabyte.
const LARGEST: usize = 8 << 20;

/// A pickle that has been read.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<PickleValue>,
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

    pub(super) fn root(&self) -> &PickleValue {
        &self.values[self.root]
    }

    pub(super) fn value(&self, id: Id) -> &PickleValue {
        &self.values[id]
    }

    /// Returns the text of a value, if it is one.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            PickleValue::Text(text) => Some(text),
            _ => None,
        }
    }
}
