//! Computes the features of each bar, which are the input of the network: shapes, returns, and the set of both that a
//! model was trained with.

mod columns;
mod returns;
mod set;
mod shape;

pub use columns::window_columns;
pub use returns::{MOVE_NAMES, MOVES, window_moves};
pub(crate) use set::FeatureRows;
pub use set::FeatureSet;
pub use shape::{FEATURE_NAMES, FEATURES, window_features};
