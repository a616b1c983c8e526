//! What a trivial predictor reaches, against which skill is measured.

use crate::history::Split;

/// The losses of the trivial predictors of one task on one split, in the units of the task's raw loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// The data the loss was taken on. The predictors are fitted on the training data in either case.
    pub split: Split,
    /// The task.
    pub task: String,
    /// Loss of the best constant predictor.
    pub constant: f64,
    /// Loss of the best predictor that knows only the position in the sequence, where that means something.
    pub position: Option<f64>,
    /// Standard deviation of the targets in the units of what the head gives before anything is done to it, where the head
    /// is linear. With it the diagnosis can tell whether the optimizer had the steps to get there.
    pub spread: Option<f64>,
}
