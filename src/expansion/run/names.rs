//! Lists of names in a config, in JSON one string or a list of strings.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One name or several. In JSON a string, or a list of strings.
///
/// ```
/// use equipoise::expansion::run::Names;
///
/// assert_eq!(Names::from("EURUSD").names(), ["EURUSD"]);
/// assert_eq!(Names::new(["EURUSD", "GBPUSD"]).to_string(), "EURUSD, GBPUSD");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    names: Vec<String>,
}

impl Names {
    /// Creates a list of names.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self {
            names: names.into_iter().map(Into::into).collect(),
        }
    }

    /// Returns the names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the only name, or `None` if there are none or several.
    pub fn only(&self) -> Option<&str> {
        match &self.names[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Returns whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl From<&str> for Names {
    fn from(name: &str) -> Self {
        Self::new([name])
    }
}

impl From<String> for Names {
    fn from(name: String) -> Self {
        Self::new([name])
    }
}

/// Writes the names, separated by commas.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(", "))
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.only() {
            Some(only) => only.serialize(serializer),
            None => self.names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = strings(deserializer, "a name, or a list of names")?;
        Ok(Self { names })
    }
}

/// Reads a string or a list of strings; `expected` is said in an error.
pub(super) fn strings<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(Strings(expected))
}

struct Strings(&'static str);

impl<'de> Visitor<'de> for Strings {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<Vec<String>, A::Error> {
        let mut all = Vec::new();
        while let Some(text) = texts.next_element()? {
            all.push(text);
        }
        Ok(all)
    }
}
