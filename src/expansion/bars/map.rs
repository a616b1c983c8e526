//! Names the columns of a file, where the user chooses them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};
use crate::expansion::table::quote;

/// The columns of a file of bars by name, for files whose columns cannot be told from their names.
///
/// A column is named as in the header, or by its number from 1, as `#3`. What is named is not guessed: with one price
/// all four are needed, `date` and `time` together are a date and its time of day, and an empty name means that the
/// file has no such column. In JSON this is an object, `{"open": "bidopen", ..}`, or the text that
/// [`parse`](Self::parse) reads.
///
/// # Example
/// ```
/// use equipoise::expansion::bars::ColumnMap;
///
/// let map = ColumnMap::parse("open=bidopen,high=bidhigh,low=bidlow,close=bidclose,time=begin")?;
/// assert_eq!(map.close.as_deref(), Some("bidclose"));
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ColumnMap {
    /// The column of the open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// The column of the high.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<String>,
    /// The column of the low.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<String>,
    /// The column of the close.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close: Option<String>,
    /// The column of the date, if the time of day has a column of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// The column of the time stamp, or of the time of day beside `date`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The column that names the instrument of a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instrument: Option<String>,
}

/// The keys of a map, in the order of its fields.
const KEYS: [&str; 7] = ["open", "high", "low", "close", "date", "time", "instrument"];

impl ColumnMap {
    /// Reads `open=bidopen,high=bidhigh,...`.
    ///
    /// # Errors
    /// [`Error::Setting`] for `data.columns` if a part is no `KEY=COLUMN`, a key is unknown or given twice, or one
    /// price is given without the others.
    pub fn parse(text: &str) -> Result<Self> {
        let mut map = Self::default();
        let mut last: Option<usize> = None;
        for part in text.split(',') {
            let pair = part.split_once('=').map(|(key, name)| (key.trim(), name));
            let known = pair.and_then(|(key, _)| KEYS.iter().position(|known| *known == key));
            match (known, pair, last) {
                (Some(key), Some((_, name)), _) => {
                    let field = map.fields_mut()[key].replace(name.trim().to_owned());
                    if field.is_some() {
                        return Err(Self::refuse(text, &format!("`{}` once", KEYS[key])));
                    }
                    last = Some(key);
                }
                // The name of a column may have a comma.
                (None, None, Some(key)) => {
                    if let Some(name) = &mut map.fields_mut()[key] {
                        name.push(',');
                        name.push_str(part);
                    }
                }
                _ => return Err(Self::refuse(text, &Self::wanted())),
            }
        }
        map.check()?;
        Ok(map)
    }

    /// Checks that all four prices are given or none is.
    ///
    /// # Errors
    /// [`Error::Setting`] for `data.columns` if not.
    pub fn check(&self) -> Result<()> {
        let prices = self.prices();
        let given = prices.iter().filter(|name| name.is_some()).count();
        let empty = prices.into_iter().flatten().any(str::is_empty);
        if (given != 0 && given != 4) || empty {
            let expected = "all of open, high, low and close, or none of them";
            return Err(Self::refuse(&self.to_string(), expected));
        }
        Ok(())
    }

    /// Returns whether no column is named.
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, name)| name.is_none())
    }

    /// Returns the columns of open, high, low and close.
    pub(crate) fn prices(&self) -> [Option<&str>; 4] {
        let fields = [&self.open, &self.high, &self.low, &self.close];
        fields.map(|name| name.as_deref())
    }

    /// Returns whether the prices are named.
    pub(crate) fn has_prices(&self) -> bool {
        self.open.is_some()
    }

    /// Returns the keys and the names that are given and not empty.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let fields = self.fields().into_iter();
        fields.filter_map(|(key, name)| Some((key, name?)).filter(|(_, name)| !name.is_empty()))
    }

    fn fields(&self) -> [(&'static str, Option<&str>); 7] {
        let names = [
            &self.open,
            &self.high,
            &self.low,
            &self.close,
            &self.date,
            &self.time,
            &self.instrument,
        ];
        let mut fields = [("", None); 7];
        for ((field, key), name) in fields.iter_mut().zip(KEYS).zip(names) {
            *field = (key, name.as_deref());
        }
        fields
    }

    fn fields_mut(&mut self) -> [&mut Option<String>; 7] {
        [
            &mut self.open,
            &mut self.high,
            &mut self.low,
            &mut self.close,
            &mut self.date,
            &mut self.time,
            &mut self.instrument,
        ]
    }

    fn wanted() -> String {
        format!(
            "`KEY=COLUMN` with commas between, such as `time=begin,open=bidopen`, where KEY is one of {}",
            KEYS.join(", ")
        )
    }

    fn refuse(text: &str, expected: &str) -> Error {
        Error::setting("data.columns", quote::line(text), expected)
    }
}

impl fmt::Display for ColumnMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields().into_iter();
        let parts: Vec<String> = fields
            .filter_map(|(key, name)| Some(format!("{key}={}", name?)))
            .collect();
        f.write_str(&parts.join(","))
    }
}

/// A map in JSON: an object or a text.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an object such as {\"time\": \"begin\"}, with the keys open, high, low, close, date, time and instrument, or a text such as \"time=begin\""
)]
enum Written {
    Text(String),
    Object(Fields),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Fields {
    open: Option<String>,
    high: Option<String>,
    low: Option<String>,
    close: Option<String>,
    date: Option<String>,
    time: Option<String>,
    instrument: Option<String>,
}

impl<'de> Deserialize<'de> for ColumnMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = match Written::deserialize(deserializer)? {
            Written::Text(text) if text.is_empty() => Ok(Self::default()),
            Written::Text(text) => Self::parse(&text),
            Written::Object(fields) => {
                let map = Self {
                    open: fields.open,
                    high: fields.high,
                    low: fields.low,
                    close: fields.close,
                    date: fields.date,
                    time: fields.time,
                    instrument: fields.instrument,
                };
                map.check().map(|()| map)
            }
        };
        map.map_err(serde::de::Error::custom)
    }
}
