//! Computes the weights of the types from the labels of the training windows.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::expansion::window::Windows;
use crate::format::Format;
use crate::history::write_atomically;
use crate::loss::CrossEntropyConfig;

/// The file in the folder of a run that holds the computed weights.
const FILE: &str = "class_weights.json";
/// Version 2 has its number in the file, and the types below `types`, so that no name of a type is that of a field.
const FORMAT: Format = Format::new(2);

/// The weights of the types in the loss of the type. Default [`ClassWeights::None`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Every window counts the same.
    #[default]
    None,
    /// Every type counts the same: a type with `n` of the `N` training windows has the weight `N / (C n)`, where `C`
    /// counts the types with windows. A type without windows has the weight 0.
    Balanced,
}

/// The training windows of a type and its weight.
#[derive(Serialize)]
struct Weighed {
    windows: usize,
    weight: f64,
}

/// The content of the file.
#[derive(Serialize)]
struct Table<'a> {
    types: BTreeMap<&'a String, Weighed>,
}

impl ClassWeights {
    /// Returns the weight of each of `types` types, or `None` if every window counts the same.
    pub(super) fn of(self, train: &Windows, types: usize) -> Option<Vec<f64>> {
        match self {
            Self::None => None,
            Self::Balanced => {
                let balanced =
                    CrossEntropyConfig::new().with_balanced_classes(&train.type_counts(types));
                balanced.class_weights
            }
        }
    }

    /// Writes the weights to the folder of a run, if there are any. `types` are the names of the types.
    pub(super) fn write(self, train: &Windows, types: &[String], run: &Path) -> Result<()> {
        let Some(weights) = self.of(train, types.len()) else {
            return Ok(());
        };
        let counts = train.type_counts(types.len()).into_iter();
        let weighed = counts
            .zip(weights)
            .map(|(windows, weight)| Weighed { windows, weight });
        let types = types.iter().zip(weighed).collect();
        let json = FORMAT.to_json(&Table { types });
        write_atomically(run.join(FILE), json.as_bytes())
    }

    /// Describes the weights, if there are any.
    pub(super) fn note(self, train: &Windows, types: &[String]) -> Option<String> {
        let weights = self.of(train, types.len())?;
        let rounded = |weight: f64| (weight * 1000.0).round() / 1000.0;
        let named = weights.iter().zip(types);
        let named: Vec<String> = named
            .map(|(weight, name)| format!("{} {name}", rounded(*weight)))
            .collect();
        Some(format!(
            "weights of the types in their loss, balanced by the training labels: {}",
            named.join(", ")
        ))
    }
}
