//! Defines one dictionary of tensors by name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::place::Place;
use super::stored::Stored;
use super::text::shown;
use crate::error::{Error, Result};

/// One dictionary of tensors by name: what `state_dict()` returns.
#[derive(Clone, Debug)]
pub struct StateDict {
    pub(super) path: PathBuf,
    pub(super) place: Place,
    pub(super) tensors: BTreeMap<String, Stored>,
    /// The kinds of the entries that are no tensors.
    pub(super) others: BTreeMap<String, String>,
}

/// The names that wrappers of a part of a network add to the names of its tensors: DataParallel, `torch.compile`, FSDP
/// and activation checkpointing.
const WRAPPERS: [&str; 4] = [
    "module",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
];

impl StateDict {
    /// Returns the keys that lead to the dictionary, separated by dots; empty if the dictionary is the file itself.
    pub fn key(&self) -> String {
        self.place.key()
    }

    /// Returns the dictionary without the names of wrappers inside the names, or `None` if there are none or two names
    /// would be equal. A wrapper of the whole network is at the start of every name, and stays as its prefix.
    pub(super) fn unwrapped(&self) -> Option<Self> {
        let short = |name: &String| {
            let mut parts = name.split('.');
            let first = parts.next().into_iter();
            let parts: Vec<&str> = first
                .chain(parts.filter(|part| !WRAPPERS.contains(part)))
                .collect();
            parts.join(".")
        };
        let tensors = self.tensors.iter();
        let tensors: BTreeMap<String, Stored> = tensors
            .map(|(name, tensor)| (short(name), tensor.clone()))
            .collect();
        let others = self.others.iter();
        let others = others.map(|(name, kind)| (short(name), kind.clone()));
        let changed = self.tensors.keys().any(|name| short(name) != *name);
        (changed && tensors.len() == self.tensors.len()).then(|| Self {
            path: self.path.clone(),
            place: self.place.clone(),
            tensors,
            others: others.collect(),
        })
    }

    /// Returns the names of the tensors, in alphabetical order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Returns the shape of a tensor, or `None` if there is none of this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.tensors.get(name)?.shape)
    }

    /// Returns the numbers of a tensor in single precision, row by row, or `None` if there is none of this name.
    ///
    /// # Errors
    ///
    /// [`Error::Checkpoint`] if the tensor does not hold finite floating-point numbers, or its view does not fit its
    /// storage.
    pub fn numbers(&self, name: &str) -> Option<Result<Vec<f32>>> {
        let tensor = self.tensors.get(name)?;
        let refuse = |reason| Error::Checkpoint {
            path: self.path.clone(),
            reason: format!("its tensor `{}` {reason}", shown(name)),
        };
        Some(tensor.numbers().map_err(refuse))
    }
}
