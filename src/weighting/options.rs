//! Defines the options that every strategy from the Gram matrix has in addition to its own settings.

use serde::{Deserialize, Serialize};

/// The gradient that the parameters of the heads get under a strategy from the Gram matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heads {
    /// The gradient of the raw loss. One backward pass of the summed losses serves all heads. A parameter that
    /// several heads share behind the representation gets the sum.
    #[default]
    Raw,
    /// The gradient of the raw loss times the task's weight, as if the weights had been known in advance. It costs
    /// one backward pass for each task, so the losses must be passed one by one. Behind the branches, heads may share
    /// only parameters, no other part of the graph (not one product of a parameter that two heads use).
    Weighted,
}
