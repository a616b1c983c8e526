//! The question of the problem this crate was written against: does one task stand still while another improves?

use crate::diagnosis::diagnose;
use crate::history::{History, Split, quantity};

/// A loss that changed by less than this, relative to its first value, did not move.
const STILL: f64 = 0.01;
/// A loss that fell by more than this, relative to its first value, improved.
const IMPROVED: f64 = 0.2;

/// The quick test of the problem this crate was written against.
#[derive(Clone, Debug, PartialEq)]
pub struct QuickTest {
    /// Relative change of the first task's validation loss.
    pub stuck_change: f64,
    /// Relative change of the second task's validation loss.
    pub improving_change: f64,
    /// Whether the first moved by less than 1 % while the second improved by more than 20 %.
    pub positive: bool,
    /// The same in one sentence.
    pub sentence: String,
}

/// Returns whether the task `stuck` stands still (less than 1 %) while the task `improving` improves (more than 20 %), from the
/// first to the last epoch on validation data. `None` if one of them has fewer than two epochs.
pub fn quick_test(history: &History, stuck: &str, improving: &str) -> Option<QuickTest> {
    let all = diagnose(history);
    let change = |task| {
        let losses = history.series(Split::Valid, task, quantity::LOSS);
        let found = all.iter().find(|found| found.task == task)?;
        let change = (found.last_loss - found.first_loss) / found.first_loss.abs();
        (losses.len() >= 2).then_some(if found.first_loss == 0.0 { 0.0 } else { change })
    };
    let (stuck_change, improving_change) = (change(stuck)?, change(improving)?);
    let positive = stuck_change.abs() < STILL && improving_change < -IMPROVED;
    let answer = if positive { "yes" } else { "no" };
    Some(QuickTest {
        stuck_change,
        improving_change,
        positive,
        sentence: format!(
            "does {stuck} stand still while {improving} improves? {answer}: {:+.1} % against {:+.1} %",
            100.0 * stuck_change,
            100.0 * improving_change
        ),
    })
}
