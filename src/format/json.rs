//! Writes and reads the number in JSON.

use std::fmt;
use std::path::Path;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, IntoDeserializer, MapAccess,
    Visitor,
};
use serde::{Deserialize, Serialize};

use super::{FIELD, Format};
use crate::error::{Error, Result};

/// The content of a file, behind its number.
#[derive(Serialize)]
struct Numbered<'a, T> {
    format: u32,
    #[serde(flatten)]
    content: &'a T,
}

/// The number of a file; everything else is passed over.
#[derive(Deserialize)]
struct Number {
    #[serde(default)]
    format: Option<serde_json::Value>,
}

impl Format {
    /// Returns the content as JSON behind the number of the form.
    ///
    /// # Panics
    ///
    /// If the content is not valid JSON, or no object.
    pub(crate) fn to_json<T: Serialize>(self, content: &T) -> String {
        let format = self.version;
        serde_json::to_string_pretty(&Numbered { format, content })
            .expect("numbers, strings, lists and maps are valid JSON")
    }

    /// Reads a JSON file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if a later version wrote it, [`Error::Config`] with
    /// line, column and field if its content is another.
    pub(crate) fn read_json<T: DeserializeOwned>(self, path: &Path) -> Result<T> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        self.check_json(path, text.as_bytes())?;
        of_json(text.as_bytes()).map_err(|error| Error::Config {
            path: path.to_path_buf(),
            reason: error.to_string(),
        })
    }

    /// Checks the number of a JSON file. A text that is no object passes: who reads it finds a better message.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if a later version wrote the file, [`Error::File`] if the number is none.
    pub(crate) fn check_json(self, path: &Path, text: &[u8]) -> Result<()> {
        match serde_json::from_slice::<Number>(text) {
            Ok(Number {
                format: Some(found),
            }) => self.check(path, &found.to_string()),
            _ => Ok(()),
        }
    }
}

/// Reads the content of a JSON file of any version, behind its number if there is one.
pub(crate) fn of_json<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let content = T::deserialize(WithoutNumber(&mut json))?;
    json.end()?;
    Ok(content)
}

/// Leaves the number out of the outermost object, so that content that refuses unknown fields does not see it. The
/// messages of the parser keep line and column, which a detour through `serde_json::Value` would lose.
struct WithoutNumber<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for WithoutNumber<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Outermost(visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Outermost(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Outermost(visitor))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct enum identifier ignored_any
    }
}

/// Hands an object on without its number, and everything else as it is.
struct Outermost<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Outermost<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(OtherFields(map))
    }
}

/// The fields of an object without the number.
struct OtherFields<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OtherFields<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.0.next_key::<String>()? {
            if key != FIELD {
                let key: StrDeserializer<'_, A::Error> = key.as_str().into_deserializer();
                return seed.deserialize(key).map(Some);
            }
            self.0.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
