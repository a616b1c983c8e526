//! The expansion model: a BiLSTM over a window of bars and four heads on its representation, with its batches, its metrics
//! and the baselines that know nothing or only the position.

mod baselines;
mod batch;
mod config;
mod decode;
mod evaluation;
mod metrics;
mod network;
mod output;
mod scalar_countdown;

pub use baselines::baselines;
pub(crate) use baselines::most_frequent;
pub use batch::{ExpansionBatch, ExpansionBatcher};
pub use config::{ExpansionModelConfig, Pooling};
pub(crate) use decode::decode;
pub use decode::{Prediction, Span};
pub use evaluation::{ExpansionEvaluation, Scores};
pub(crate) use metrics::{ExpansionMetric, ExpansionMetricKind};
pub use network::ExpansionModel;
pub use output::ExpansionOutput;
pub use scalar_countdown::{ScalarCountdown, strategy_table};

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
