//! Names the place of a dictionary in a file.

use super::text::{quoted, shown};

/// One step from a container to a value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// The steps from the root of the file, at most a few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place(pub(super) Vec<Step>);

impl Place {
    /// Returns the keys separated by dots; empty for the file itself.
    pub(super) fn key(&self) -> String {
        let steps = self.0.iter().map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Index(index) => index.to_string(),
        });
        steps.collect::<Vec<_>>().join(".")
    }

    /// Returns the place in words.
    pub(super) fn words(&self) -> String {
        if self.0.is_empty() {
            "the file itself".into()
        } else {
            format!("`{}`", shown(&self.key()))
        }
    }

    /// Returns the subscripts of Python that lead from the root to the place.
    pub(super) fn subscripts(&self) -> String {
        let steps = self.0.iter().map(|step| match step {
            Step::Key(key) => format!("[{}]", quoted(key)),
            Step::Index(index) => format!("[{index}]"),
        });
        steps.collect()
    }
}
