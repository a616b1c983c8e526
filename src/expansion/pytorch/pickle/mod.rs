//! Reads the part of Python's pickle format that `torch.save` writes: protocol 2, with the instructions of PyTorch's own
//! `weights_only` loader.
//!
//! Nothing is ever called. A global that is not in a closed list ([`globals`]) is an error that names it. Values are
//! stored once and referred to by number, so memory is at most a fixed multiple of the size of the file, and nothing
//! recurses.

mod globals;
mod machine;
mod value;

use machine::{Machine, Stop};
pub(super) use value::{Element, Id, PickleValue, Rebuilt};

/// The largest pickle that is read, in bytes: a thousand times that of a usual checkpoint. The values of a hostile pickle
/// of this size fit in half a gigabyte.
const LARGEST: usize = 8 << 20;

/// The values of a pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<PickleValue>,
    root: Id,
}

impl Pickle {
    /// Reads a pickle. An error in a damaged pickle names the byte.
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

    /// Returns the text of a value, or `None` if the value is no text.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            PickleValue::Text(text) => Some(text),
            _ => None,
        }
    }
}
