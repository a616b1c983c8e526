//! Defines the JSON that selects a strategy.

use std::fmt;
use std::sync::Arc;

use burn::tensor::Device;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::table::chosen;
use super::{
    BuiltIn, Heads, LossWeighting, Needs, Strategy, StrategyRow, StrategyTable, TaskValues,
};
use crate::error::{Error, Result};
use crate::task::TaskSet;

/// The key of the strategy's name.
const STRATEGY: &str = "strategy";
/// The keys of the options that every strategy from the Gram matrix has.
const HEADS: &str = "heads";
const RESCALE: &str = "rescale";
/// The key of fixed weights, in every strategy that has them.
const WEIGHTS: &str = "weights";

/// A strategy and its settings, in JSON: `{"strategy": "uncertainty", "log_sigma": {"pointers": -0.3}}`.
///
/// A missing field has its default; an unknown field is refused. A strategy from the Gram matrix also has `heads`
/// (`raw` or `weighted`, see [`Heads`]) and `rescale` (`true` gives the combined gradient the length of the mean
/// gradient).
///
/// # Example
///
/// ```
/// use equipoise::weighting::{Manual, StrategyConfig};
///
/// let json = r#"{"strategy": "manual", "weights": {"type": 0.25, "start": 0.75}}"#;
/// let config = StrategyConfig::from_json(json)?;
/// let same = Manual::default().with_weights([("type", 0.25), ("start", 0.75)]);
/// assert_eq!(config, StrategyConfig::new(same));
/// assert_eq!(config, StrategyConfig::from_json(&config.to_json())?);
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone)]
pub struct StrategyConfig {
    row: StrategyRow,
    rule: Arc<dyn LossWeighting>,
    /// The settings of the rule, with every default written out.
    settings: Map<String, Value>,
    heads: Heads,
    rescale: bool,
}

/// Writes the config as JSON. The identity of an outer strategy contains this text, so it must be equal in every
/// process.
impl fmt::Debug for StrategyConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.to_value())
    }
}

impl PartialEq for StrategyConfig {
    fn eq(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}

impl<T: BuiltIn> From<T> for StrategyConfig {
    fn from(rule: T) -> Self {
        Self::new(rule)
    }
}

impl StrategyConfig {
    /// Creates the config of a rule.
    ///
    /// # Panics
    ///
    /// If the rule does not serialise to JSON fields with names.
    pub fn new<T: BuiltIn>(rule: T) -> Self {
        let (rule, settings) = chosen(rule).expect("a rule is written as fields with names");
        Self {
            row: StrategyRow::of::<T>(""),
            rule,
            settings,
            heads: Heads::default(),
            rescale: false,
        }
    }

    /// Creates the config of a built-in strategy by its name, with default settings.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if there is no such strategy, or a setting has no default.
    ///
    /// # Example
    ///
    /// ```
    /// use equipoise::weighting::StrategyConfig;
    ///
    /// let config = StrategyConfig::named("upgrad")?;
    /// assert_eq!(config.name(), "upgrad");
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn named(name: &str) -> Result<Self> {
        let map = Map::from_iter([(STRATEGY.to_string(), Value::from(name))]);
        Self::from_value(StrategyTable::built_in(), Value::Object(map))
    }

    pub(super) fn from_value(table: &StrategyTable, value: Value) -> Result<Self> {
        let refuse = |found: &str| {
            let expected = "a strategy and its settings, such as {\"strategy\": \"uncertainty\"}";
            Error::setting("weighting", found, expected)
        };
        let Value::Object(mut map) = value else {
            return Err(refuse("not a JSON object"));
        };
        let name = match map.remove(STRATEGY) {
            Some(Value::String(name)) => name,
            Some(_) => return Err(refuse("an object whose `strategy` is not a name")),
            None => return Err(refuse("an object without a field `strategy`")),
        };
        Self::from_row(table.row(&name)?, map)
    }

    pub(super) fn from_row(row: &StrategyRow, mut map: Map<String, Value>) -> Result<Self> {
        let name = row.name();
        let heads = taken(&mut map, HEADS, "raw or weighted")?;
        let rescale = taken(&mut map, RESCALE, "true or false")?;
        let (rule, settings) = row.read(map)?;
        let from_gram = rule.needs() == Needs::Gram;
        for (field, given) in [(HEADS, heads.is_some()), (RESCALE, rescale.is_some())] {
            if given && !from_gram {
                let expected = format!("left out: `{name}` does not use the Gram matrix");
                return Err(Error::setting(field, "given", expected));
            }
        }
        Ok(Self {
            row: *row,
            rule,
            settings,
            heads: heads.unwrap_or_default(),
            rescale: rescale.unwrap_or_default(),
        })
    }

    /// Returns the strategy's name, as in JSON and on the command line.
    pub fn name(&self) -> &'static str {
        self.row.name()
    }

    /// Returns the rule with its settings.
    pub fn rule(&self) -> &dyn LossWeighting {
        &*self.rule
    }

    /// Returns whether the rule is of type `T`.
    pub fn is<T: BuiltIn>(&self) -> bool {
        self.name() == T::NAME
    }

    /// Returns the rule with its settings, if it is of type `T`.
    pub fn get<T: BuiltIn>(&self) -> Option<T> {
        let settings = Value::Object(self.settings.clone());
        self.is::<T>()
            .then(|| serde_json::from_value(settings).ok())
            .flatten()
    }

    /// Returns the value of a setting, given or default, or `None` if the strategy has no such setting.
    pub fn setting(&self, name: &str) -> Option<&Value> {
        self.settings.get(name)
    }

    /// Sets the gradient that the heads get, in strategies from the Gram matrix. Default [`Heads::Raw`].
    pub fn with_heads(mut self, heads: Heads) -> Self {
        self.heads = heads;
        self
    }

    /// Sets whether the combined gradient is rescaled to the length of the mean gradient, in strategies from the Gram
    /// matrix. Default `false`.
    pub fn with_rescale(mut self, rescale: bool) -> Self {
        self.rescale = rescale;
        self
    }

    /// Returns whether the strategy, or a strategy inside it, has fixed weights.
    pub fn has_weights(&self) -> bool {
        let mut settings = self.settings.clone();
        weights_in(&mut settings).is_some()
    }

    /// Returns the strategy with other fixed weights.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the strategy has no fixed weights.
    pub fn with_weights(self, weights: impl Into<TaskValues>) -> Result<Self> {
        let mut settings = self.settings.clone();
        let Some(place) = weights_in(&mut settings) else {
            return Err(Error::setting(
                "weights",
                "given",
                format!("left out: `{}` has no fixed weights", self.name()),
            ));
        };
        *place = serde_json::to_value(weights.into())
            .map_err(|error| Error::setting("weights", error, "a number for each task"))?;
        // The rule is read again, so that it has the new weights too.
        let (rule, settings) = self.row.read(settings)?;
        Ok(Self {
            rule,
            settings,
            ..self
        })
    }

    /// Reads a config from JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] with the message of the parser: the unknown field or strategy, or the value of a wrong
    /// type.
    pub fn from_json(json: &str) -> Result<Self> {
        StrategyTable::built_in().read(json)
    }

    /// Writes the config as JSON, with every setting of the rule written out.
    pub fn to_json(&self) -> String {
        // A config holds only numbers, strings and lists, all of which JSON can represent.
        serde_json::to_string_pretty(&self.to_value()).expect("a config is valid JSON")
    }

    fn to_value(&self) -> Value {
        let mut map = Map::from_iter([(STRATEGY.to_string(), Value::from(self.name()))]);
        map.extend(self.settings.clone());
        if self.heads != Heads::default() {
            map.insert(HEADS.into(), Value::from("weighted"));
        }
        if self.rescale {
            map.insert(RESCALE.into(), Value::from(true));
        }
        Value::Object(map)
    }

    /// Creates the strategy for `tasks`, with its memory on `device`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the field whose value is not allowed, [`Error::Tasks`] if the strategy cannot weigh
    /// these tasks.
    pub fn init(&self, tasks: &TaskSet, device: &Device) -> Result<Strategy> {
        let strategy = Strategy::from_shared(self.rule.clone(), tasks, device)?;
        Ok(strategy.with_heads(self.heads).with_rescale(self.rescale))
    }
}

/// Removes an option from an object and parses it.
fn taken<T: for<'a> Deserialize<'a>>(
    map: &mut Map<String, Value>,
    field: &str,
    expected: &str,
) -> Result<Option<T>> {
    let Some(value) = map.remove(field) else {
        return Ok(None);
    };
    let read = serde_json::from_value(value.clone());
    read.map(Some)
        .map_err(|_| Error::setting(field, value, expected))
}

/// Returns the fixed weights among the settings, or among the settings of a strategy inside.
fn weights_in(settings: &mut Map<String, Value>) -> Option<&mut Value> {
    if settings.contains_key(WEIGHTS) {
        return settings.get_mut(WEIGHTS);
    }
    let inner = settings.values_mut().filter_map(Value::as_object_mut);
    let mut inner = inner.filter(|value| value.contains_key(STRATEGY));
    inner.find_map(weights_in)
}

impl Serialize for StrategyConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StrategyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        StrategyTable::built_in().deserialize(deserializer)
    }
}
