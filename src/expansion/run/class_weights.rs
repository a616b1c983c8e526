//! Computes the weights of the types from the labels of the training windows.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::expansion::label::ExpansionType;
use crate::expansion::window::Windows;
use crate::history::write_atomically;
use crate::loss::CrossEntropyConfig;

/// The file in the folder of a run that holds the computed weights.
const FILE: &str = "class_weights.json";

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

impl ClassWeights {
    /// Returns the weight of each type, or `None` if every window counts the same.
    pub(super) fn of(self, train: &Windows) -> Option<Vec<f64>> {
        match self {
            Self::None => None,
            Self::Balanced => {
                let balanced = CrossEntropyConfig::new().with_balanced_classes(&counts(train));
                balanced.class_weights
            }
        }
    }

    /// Writes the weights to the folder of a run, if there are any.
    pub(super) fn write(self, train: &Windows, run: &Path) -> Result<()> {
        let Some(weights) = self.of(train) else {
            return Ok(());
        };
        let counts = counts(train);
        let types = ExpansionType::ALL.map(|kind| {
            let (windows, weight) = (counts[kind.index()], weights[kind.index()]);
            (kind.name(), Weighed { windows, weight })
        });
        let json = serde_json::to_string_pretty(&BTreeMap::from(types));
        let json = json.expect("numbers and strings are valid JSON");
        write_atomically(run.join(FILE), json.as_bytes())
    }

    /// Describes the weights, if there are any.
    pub(super) fn note(self, train: &Windows) -> Option<String> {
        let weights = self.of(train)?;
        let rounded = |kind: ExpansionType| (weights[kind.index()] * 1000.0).round() / 1000.0;
        let named = ExpansionType::ALL.map(|kind| format!("{} {kind}", rounded(kind)));
        Some(format!(
            "weights of the types in their loss, balanced by the training labels: {}",
            named.join(", ")
        ))
    }
}

/// Returns the number of training windows of each type.
fn counts(train: &Windows) -> [usize; ExpansionType::COUNT] {
    let mut counts = [0; ExpansionType::COUNT];
    train
        .labels()
        .for_each(|label| counts[label.kind.index()] += 1);
    counts
}
