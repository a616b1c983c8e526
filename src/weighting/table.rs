//! Lists the strategies by name.

use std::sync::{Arc, LazyLock};

use burn::tensor::Device;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{LossWeighting, Needs, Strategy, rules};
use crate::error::{Error, Result};
use crate::task::TaskSet;

/// A rule that can be selected by name. Its settings are its fields, in JSON and in code.
pub trait BuiltIn: LossWeighting + Clone + PartialEq + Serialize + DeserializeOwned {
    /// The name in JSON: the name in the literature, in lower case with hyphens.
    const NAME: &'static str;

    /// Creates a strategy from the rule for `tasks`, with its memory on `device`.
    ///
    /// # Errors
    ///
    /// The errors of [`LossWeighting::memory`].
    fn init(&self, tasks: &TaskSet, device: &Device) -> Result<Strategy> {
        Strategy::new(self.clone(), tasks, device)
    }
}

/// A row of a [`StrategyTable`]: the name and the summary of a strategy.
#[derive(Clone, Copy, Debug)]
pub struct StrategyRow {
    name: &'static str,
    summary: &'static str,
    read: fn(Value) -> std::result::Result<Chosen, serde_json::Error>,
}

/// A rule, and its settings with every default written out.
pub(super) type Chosen = (Arc<dyn LossWeighting>, Map<String, Value>);

impl StrategyRow {
    /// Creates the row of a rule; `summary` is its objective in one line.
    pub const fn of<T: BuiltIn>(summary: &'static str) -> Self {
        Self {
            name: T::NAME,
            summary,
            read: |settings| chosen(serde_json::from_value::<T>(settings)?),
        }
    }

    /// Returns the name in JSON.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the objective or the definition, in one line.
    pub fn summary(&self) -> &'static str {
        self.summary
    }

    /// Returns the input that the rule needs with default settings, or `None` if a setting has no default.
    pub fn needs(&self) -> Option<Needs> {
        let (rule, _) = (self.read)(Value::Object(Map::new())).ok()?;
        Some(rule.needs())
    }

    /// Creates the config of this strategy with settings from JSON, without the name: `{"temperature": 2}`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] with the message of the parser.
    pub fn config(&self, settings: &str) -> Result<super::StrategyConfig> {
        let settings = serde_json::from_str(settings)
            .map_err(|error| Error::setting("weighting", error, "the settings of a strategy"))?;
        super::StrategyConfig::from_row(self, settings)
    }

    pub(super) fn read(&self, settings: Map<String, Value>) -> Result<Chosen> {
        (self.read)(Value::Object(settings))
            .map_err(|error| Error::setting("weighting", error, "a strategy and its settings"))
    }
}

/// Returns a rule and its settings as JSON.
pub(super) fn chosen<T: BuiltIn>(rule: T) -> std::result::Result<Chosen, serde_json::Error> {
    match serde_json::to_value(&rule)? {
        Value::Object(settings) => Ok((Arc::new(rule), settings)),
        Value::Null => Ok((Arc::new(rule), Map::new())),
        other => Err(serde::de::Error::custom(format!(
            "the settings of `{}` are {other} and not fields with names",
            T::NAME
        ))),
    }
}

/// A table of the strategies that can be selected by name.
///
/// # Example: a table with a strategy of your own
///
/// ```
/// use burn::tensor::Device;
/// use equipoise::loss::TaskLosses;
/// use equipoise::weighting::{BuiltIn, LossWeighting, Memory, StrategyRow, Step, StrategyTable, Weighed};
/// use equipoise::{Result, TaskSet};
/// use serde::{Deserialize, Serialize};
///
/// /// Gives all tasks the same weight.
/// #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Alike {
///     weight: f64,
/// }
///
/// impl BuiltIn for Alike {
///     const NAME: &'static str = "alike";
/// }
///
/// impl LossWeighting for Alike {
///     fn memory(&self, _: &TaskSet, device: &Device) -> Result<Memory> {
///         Ok(Memory::new(device))
///     }
///
///     fn weigh(&self, step: &Step<'_>, _: &Memory) -> Weighed {
///         Weighed::linear(step.losses, step.losses.active().float() * self.weight)
///     }
/// }
///
/// let table = StrategyTable::built_in().with(StrategyRow::of::<Alike>("sum w L_k"));
/// let config = table.read(r#"{"strategy": "alike", "weight": 0.5}"#)?;
/// assert_eq!(config.name(), "alike");
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct StrategyTable {
    rows: Vec<StrategyRow>,
}

static BUILT_IN: LazyLock<StrategyTable> = LazyLock::new(|| StrategyTable {
    rows: rules::TABLE.to_vec(),
});

impl StrategyTable {
    /// Returns the table of the built-in strategies.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Returns the table with another strategy, which replaces a strategy of the same name.
    pub fn with(&self, row: StrategyRow) -> Self {
        let mut rows = self.rows.clone();
        rows.retain(|other| other.name != row.name);
        rows.push(row);
        Self { rows }
    }

    /// Returns the strategies in order.
    pub fn rows(&self) -> &[StrategyRow] {
        &self.rows
    }

    /// Returns the names in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().map(StrategyRow::name)
    }

    /// Returns the strategy called `name`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] with the known names, if there is no such strategy.
    pub fn row(&self, name: &str) -> Result<&StrategyRow> {
        self.rows
            .iter()
            .find(|row| row.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = self.names().collect();
                let expected = format!("one of {}", names.join(", "));
                Error::setting("strategy", name, expected)
            })
    }

    /// Reads a strategy from JSON, as [`StrategyConfig::from_json`](super::StrategyConfig::from_json) does with the
    /// built-in table.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] with the unknown strategy or field, or the value of a wrong type.
    pub fn read(&self, json: &str) -> Result<super::StrategyConfig> {
        let value = serde_json::from_str(json)
            .map_err(|error| Error::setting("weighting", error, "a strategy and its settings"))?;
        super::StrategyConfig::from_value(self, value)
    }

    /// Reads a strategy as a part of a larger config, for `#[serde(deserialize_with = "..")]` with a table that is
    /// not the built-in table.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), as an error of the deserializer.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        &self,
        deserializer: D,
    ) -> std::result::Result<super::StrategyConfig, D::Error> {
        let value = Value::deserialize(deserializer)?;
        super::StrategyConfig::from_value(self, value).map_err(|error| match error {
            // Only the message is passed on: the caller, who reads the whole config, names the field.
            Error::Setting { field, found, .. } if field == "weighting" => D::Error::custom(found),
            other => D::Error::custom(other),
        })
    }
}
