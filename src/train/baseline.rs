//! What a trivial predictor reaches, against which skill is measured.

use crate::history::Split;

/// What is known of the trivial predictors of one task on one split, in the units of the task's raw loss. What is given replaces what
/// the trainer measures itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// The data the loss was taken on. The predictors are fitted on the training data in either case.
    pub split: Split,
    /// The task.
    pub task: String,
    /// Loss of the best predictor that is told nothing of the sample and the position.
    pub constant: Option<f64>,
    /// Loss of the best predictor that knows only the position in the sequence, where that means something.
    pub position: Option<f64>,
    /// Root of the mean square of the targets in the units of what the head gives before anything is done to it, where the head is
    /// linear: how far it has to move from zero. With it the diagnosis can tell whether the optimizer had the steps to get there.
    pub size: Option<f64>,
}
