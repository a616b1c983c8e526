//! Maps a user's names of the types of expansion to the types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kind::ExpansionType;
use crate::error::{Error, Result};
use crate::expansion::table::quote;

/// The type, 0 to 2, of each name that a file may use. By default the [names](ExpansionType::name) of the types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Classes {
    names: BTreeMap<String, usize>,
}

impl Default for Classes {
    fn default() -> Self {
        Self::new(ExpansionType::ALL.map(|kind| (kind.name(), kind)))
    }
}

impl Classes {
    /// Creates the classes from names and their types. Several names may have one type.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = (N, ExpansionType)>) -> Self {
        let names = names
            .into_iter()
            .map(|(name, kind)| (name.into(), kind.index()));
        Self {
            names: names.collect(),
        }
    }

    /// Checks that there is a name, and that every class is from 0 to 2.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first name whose type is out of range, or with `classes` if there is no name.
    pub fn validate(&self) -> Result<()> {
        if self.names.is_empty() {
            return Err(Error::setting("classes", "empty", "at least one name"));
        }
        match self
            .names
            .iter()
            .find(|(_, kind)| **kind >= ExpansionType::COUNT)
        {
            None => Ok(()),
            Some((name, kind)) => {
                let expected = format!("0 to {}", ExpansionType::COUNT - 1);
                Err(Error::setting(format!("classes.{name}"), kind, expected))
            }
        }
    }

    /// Returns the type of a name in any letter case, or of a number. The error is the reason in words.
    pub(crate) fn read(&self, text: &str) -> std::result::Result<ExpansionType, String> {
        let text = text.trim();
        let named = self.names.get(text).or_else(|| {
            let same = |(name, _): &(&String, &usize)| name.to_lowercase() == text.to_lowercase();
            self.names.iter().find(same).map(|(_, kind)| kind)
        });
        let number = || text.parse().ok();
        let class = named.copied().or_else(number);
        class.and_then(ExpansionType::from_index).ok_or_else(|| {
            let names: Vec<&str> = self.names.keys().map(String::as_str).collect();
            format!(
                "the type is {}, expected {} or a number from 0 to {} (other names: `data.classes` in the config)",
                quote::value(text),
                names.join(", "),
                ExpansionType::COUNT - 1
            )
        })
    }
}
