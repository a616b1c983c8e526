//! Defines the losses of trivial predictors, against which skill is measured.

use crate::history::Split;

/// The losses of the trivial predictors of one task on one split, in the unit of the task's raw loss. Values given here
/// replace those that the trainer measures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// The split that the loss was measured on. The predictors are fitted to the training data in either case.
    pub split: Split,
    /// The task.
    pub task: String,
    /// The loss of the best predictor that knows neither the sample nor the position.
    pub constant: Option<f64>,
    /// The loss of the best predictor that knows only the position in the sequence, if positions have a meaning.
    pub position: Option<f64>,
    /// The root mean square of the targets, in the unit of the raw output of the head, if the head is linear: the
    /// distance that the output has to move from zero. From this value the diagnosis derives whether the optimizer had
    /// enough steps.
    pub size: Option<f64>,
}
