//! Tests whether one task stands still while another improves.

use crate::diagnosis::diagnose;
use crate::history::{History, Split, quantity};

/// The relative change below which a loss stands still.
const STILL: f64 = 0.01;
/// The relative fall above which a loss improved.
const IMPROVED: f64 = 0.2;

/// The result of a [test](QuickTest::of): whether one task stands still while another improves.
#[derive(Clone, Debug, PartialEq)]
pub struct QuickTest {
    /// The relative change of the validation loss of the task `stuck`; -0.1 is a fall of 10 %.
    pub stuck_change: f64,
    /// The relative change of the validation loss of the task `improving`.
    pub improving_change: f64,
    /// Whether `stuck` changed by less than 1 % while `improving` fell by more than 20 %.
    pub positive: bool,
    /// The question, the answer and both changes in one sentence.
    pub sentence: String,
}

impl QuickTest {
    /// Tests whether the task `stuck` stands still (changes by less than 1 %) while the task `improving` improves
    /// (falls by more than 20 %), from the first to the last epoch on validation data. This is the problem that this
    /// crate was written against.
    ///
    /// Returns `None` if one of the tasks has fewer than two epochs.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use equipoise::expansion::run::QuickTest;
    /// use equipoise::history::History;
    ///
    /// let history = History::read_csv("runs/learn/history.csv")?;
    /// if let Some(test) = QuickTest::of(&history, "countdown", "pointers") {
    ///     println!("{}", test.sentence);
    /// }
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn of(history: &History, stuck: &str, improving: &str) -> Option<QuickTest> {
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
}
