//! The expansion model: a BiLSTM over a window of bars and four heads on what it remembers.

mod config;
pub mod decode;
mod evaluation;
mod network;
mod output;

pub use config::{ExpansionModelConfig, Pooling};
pub use evaluation::{ExpansionEvaluation, HIT_BARS, Scores};
pub use network::ExpansionModel;
pub use output::ExpansionOutput;

/// Names of the four tasks, in the order of their losses.
pub mod task_names {
    /// The type of the expansion, one of three classes.
    pub const TYPE: &str = "type";
    /// Center and length (last bar minus first) of the expansion over the window's length.
    pub const POINTERS: &str = "pointers";
    /// Whether each bar belongs to the expansion.
    pub const BINARY: &str = "binary";
    /// Bars until the expansion starts.
    pub const COUNTDOWN: &str = "countdown";
}
