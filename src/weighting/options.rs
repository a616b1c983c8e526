//! Options that every strategy from the Gram matrix has, beside its own settings.

use serde::{Deserialize, Serialize};

/// The gradient that the parameters of the heads get under a strategy from the Gram matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heads {
    /// The gradient of the raw loss. One backward pass of the summed losses serves all heads. A parameter that several heads share
    /// behind the representation gets the sum.
    #[default]
    Raw,
    /// The gradient of the raw loss times the task's weight, as if the weights had been known before. One backward pass for each
    /// task, so the losses must be given one by one, and no part of the graph behind the branches may be shared but
    /// parameters as they are (not one product of a parameter that two heads use).
    Weighted,
}
