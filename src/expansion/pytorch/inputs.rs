//! Names the inputs of a network, which no tensor tells, and stores them beside the tensors of a file.

use serde::{Deserialize, Serialize};

use crate::expansion::feature::{FEATURE_NAMES, FEATURES, MOVE_NAMES};

/// The key of the inputs among the metadata of a safetensors file.
pub(super) const KEY: &str = "equipoise.inputs";

/// The inputs of a network for every bar, in order: the twelve [features](crate::expansion::feature), then the others
/// that it was trained with. Default: the twelve only.
///
/// # Example
///
/// ```
/// use equipoise::expansion::pytorch::Inputs;
///
/// let inputs = Inputs { position: true, further: vec!["volume".into()], ..Inputs::default() };
/// assert_eq!(inputs.names()[11..], ["consol_proxy", "position_encoding", "volume"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Whether the position in the window is the 13th input.
    pub position: bool,
    /// Whether the [moves](crate::expansion::feature::window_moves) are the next four inputs.
    pub moves: bool,
    /// The names of further columns of the file of bars, the last inputs; see
    /// [`window_columns`](crate::expansion::feature::window_columns).
    pub further: Vec<String>,
}

impl Inputs {
    /// Returns the names of all inputs, in order.
    pub fn names(&self) -> Vec<String> {
        let own = FEATURES - usize::from(!self.position);
        let moves = if self.moves { &MOVE_NAMES[..] } else { &[] };
        let names = FEATURE_NAMES[..own].iter().chain(moves);
        let names = names.map(|name| (*name).to_string());
        names.chain(self.further.iter().cloned()).collect()
    }

    /// Returns the names of the inputs behind the twelve that every network has.
    pub fn others(&self) -> Vec<String> {
        self.names().split_off(FEATURES - 1)
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("names are valid JSON")
    }

    /// Reads the inputs; `None` if another program uses the key.
    pub(super) fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}
