//! The expansion model: a BiLSTM over a window of bars with four heads on its representation. Also its batches, its
//! metrics and two baselines that see no price, the best constant and the best function of the position.
//!
//! | metric | task | meaning |
//! |---|---|---|
//! | `span_f1` | all | F1 of bars inside the expansion, counted over all windows |
//! | `iou` | all | bars in both spans over bars in either span, the mean over windows |
//! | `hit_at_3` | all | share of windows whose start and end are both at most 3 bars off |
//! | `accuracy` | type | share of windows with the right type |
//! | `error_in_bars` | countdown | mean distance of the countdown from its target, in bars |

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

/// The names of the four tasks, in the order of their raw losses.
pub mod task_names {
    /// The type of the expansion, a class.
    pub const TYPE: &str = "type";
    /// Center and length (last bar minus first) of the expansion, divided by the window's length.
    pub const POINTERS: &str = "pointers";
    /// Whether each bar belongs to the expansion.
    pub const BINARY: &str = "binary";
    /// The number of bars until the expansion starts.
    pub const COUNTDOWN: &str = "countdown";
}
