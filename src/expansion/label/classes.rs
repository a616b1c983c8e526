//! Reads the types of labels made by hand: by name, by another name of the user's, or by number.

use std::collections::{BTreeMap, BTreeSet};

use super::expansion_type::ExpansionType;
use crate::error::{Error, Result};
use crate::expansion::table::quote;

/// The largest number of types.
const MOST: usize = 1000;
/// The largest number of types that a message lists.
const LISTED: usize = 20;

/// The names that a file of labels may use for the types.
///
/// # Example
///
/// ```
/// use equipoise::expansion::label::Classes;
///
/// let classes = Classes::new(["flag", "pennant", "wedge", "channel"]).with_aliases([("fl", 0)]);
/// classes.validate()?;
/// assert_eq!(classes.names().len(), 4);
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    names: Vec<String>,
    aliases: BTreeMap<String, usize>,
}

/// The types of the rule: breakout, continuation, reversal.
impl Default for Classes {
    fn default() -> Self {
        Self::new(ExpansionType::RULE_NAMES)
    }
}

impl Classes {
    /// Creates the classes from the names of all types, in the order of their classes.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self {
            names: names.into_iter().map(Into::into).collect(),
            aliases: BTreeMap::new(),
        }
    }

    /// Sets further names that a file may use, each with its class.
    pub fn with_aliases<N: Into<String>>(
        mut self,
        aliases: impl IntoIterator<Item = (N, usize)>,
    ) -> Self {
        let aliases = aliases.into_iter();
        self.aliases = aliases.map(|(name, class)| (name.into(), class)).collect();
        self
    }

    /// Returns the names of the types, in the order of their classes.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Checks the names of the types and the further names.
    ///
    /// # Errors
    /// [`Error::Setting`] with `model.types` unless there are 2 to 1000 names, all different in lower case, none empty
    /// or with a control character; or with `data.classes` and the first further name whose class is out of range.
    pub fn validate(&self) -> Result<()> {
        check_names(&self.names).map_err(|error| error.within("model"))?;
        let types = self.names.len();
        match self.aliases.iter().find(|(_, class)| **class >= types) {
            None => Ok(()),
            Some((name, class)) => {
                let expected = format!("0 to {}, a class of `model.types`", types - 1);
                let field = format!("data.classes.{name}");
                Err(Error::setting(field, class, expected))
            }
        }
    }

    /// Returns the type of a name in any letter case, or of a number. The error is the reason in words.
    pub(crate) fn read(&self, text: &str) -> std::result::Result<ExpansionType, String> {
        self.find(text).ok_or_else(|| {
            let names = self
                .aliases
                .keys()
                .filter(|name| !self.names.contains(name));
            let all: Vec<&str> = self.names.iter().chain(names).map(String::as_str).collect();
            let number = if self.are_numbers() {
                String::new()
            } else {
                format!(" or a number from 0 to {}", self.names.len() - 1)
            };
            format!(
                "the type is {}, expected {}{number}",
                quote::value(text.trim()),
                listed(&all)
            )
        })
    }

    fn find(&self, text: &str) -> Option<ExpansionType> {
        let text = text.trim();
        let lower = text.to_lowercase();
        let names = || self.names.iter().zip(0..);
        let aliases = || self.aliases.iter().map(|(name, class)| (name, *class));
        let all = || names().chain(aliases());
        let exact = all().find(|(name, _)| name.as_str() == text);
        let found = exact.or_else(|| all().find(|(name, _)| name.to_lowercase() == lower));
        let number = || {
            let class = text.parse().ok()?;
            (!self.are_numbers() && class < self.names.len()).then_some(class)
        };
        let class = found.map(|(_, class)| class).or_else(number)?;
        Some(ExpansionType::new(class))
    }

    /// Returns whether a name is a number. Other numbers are then no classes: types numbered from 1 would be read as
    /// their neighbours.
    fn are_numbers(&self) -> bool {
        let mut names = self.names.iter().chain(self.aliases.keys());
        names.any(|name| name.trim().parse::<usize>().is_ok())
    }

    /// Returns the setting that reads a file with these types, for the message about a type that is unknown.
    pub(crate) fn advice<'a>(&self, found: impl Iterator<Item = &'a str>) -> String {
        let found: BTreeSet<&str> = found.map(str::trim).collect();
        let known = |text: &&str| self.find(text).is_some();
        let numbers = found.iter().all(|text| text.parse::<i64>().is_ok());
        let several = (2..=LISTED).contains(&found.len()) && !found.contains("");
        let own = several && (numbers || !found.iter().any(known));
        if !own {
            return "; correct the type, or give the name its class in `data.classes`, or list the names of all types in \
                    `model.types`"
                .into();
        }
        let mut names: Vec<&str> = found.into_iter().collect();
        if numbers {
            names.sort_by_key(|text| text.parse::<i64>().unwrap_or_default());
        }
        format!(
            "; if all types of the file are meant, list them in `model.types`: {}",
            names.join(",")
        )
    }
}

/// Checks the names of the types.
///
/// # Errors
/// [`Error::Setting`] with `types`.
pub(crate) fn check_names(names: &[String]) -> Result<()> {
    if !(2..=MOST).contains(&names.len()) {
        let expected = format!("2 to {MOST} names");
        return Err(Error::setting(
            "types",
            format!("a list of {}", names.len()),
            expected,
        ));
    }
    let mut seen = BTreeSet::new();
    for name in names {
        if name.trim().is_empty() || name.trim() != name || name.contains(char::is_control) {
            let expected = "a name without control characters and without blanks at its ends";
            return Err(Error::setting("types", quote::value(name), expected));
        }
        if !seen.insert(name.to_lowercase()) {
            let found = format!("{}, twice", quote::value(name));
            return Err(Error::setting(
                "types",
                found,
                "each name once, in any letter case",
            ));
        }
    }
    Ok(())
}

/// Lists names, the first of many.
fn listed(names: &[&str]) -> String {
    let more = if names.len() > LISTED { ", ..." } else { "" };
    let first: Vec<&str> = names.iter().copied().take(LISTED).collect();
    format!("{}{more}", first.join(", "))
}
