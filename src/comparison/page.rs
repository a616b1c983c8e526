//! Converts the results to the plain data of the comparison page.

use super::results::{Results, Run, RunValue};
use crate::history::{History, Split, quantity};
use crate::report::{Comparison, ComparisonCell, ComparisonReference, ComparisonRow};

impl Results {
    /// Creates the page of the results, with a title and facts about the comparison.
    ///
    /// Cells of a task with another target than the other rows of their column are left out, and the facts name them.
    pub fn page(&self, title: &str, mut facts: Vec<(String, String)>) -> Comparison {
        facts.extend(self.other_targets().map(|other| {
            let why = format!("its {} {}: not compared", other.task, other.why);
            (other.strategy.clone(), why)
        }));
        Comparison {
            title: title.into(),
            answer: self.answer(),
            facts,
            tasks: self.tasks().into_iter().map(String::from).collect(),
            rows: self.strategies().into_iter().map(|s| self.row(s)).collect(),
            references: self.references(),
        }
    }

    fn row(&self, strategy: &str) -> ComparisonRow {
        let (seeds, failed) = self.counts(strategy);
        let tasks = self.tasks().into_iter();
        ComparisonRow {
            name: strategy.into(),
            seeds,
            failed,
            cells: self.cells(strategy),
            verdicts: tasks
                .map(|task| (task.into(), self.verdict_counts(strategy, task)))
                .collect(),
            link: None,
        }
    }

    fn cells(&self, strategy: &str) -> Vec<ComparisonCell> {
        self.summaries()
            .into_iter()
            .filter(|s| s.strategy == strategy)
            .filter(|s| self.is_comparable(strategy, &s.task, &s.quantity))
            .map(|summary| ComparisonCell {
                values: self.values_of(strategy, &summary.task, &summary.quantity),
                task: summary.task,
                quantity: summary.quantity,
                mean: summary.mean,
                low: summary.low,
                high: summary.high,
            })
            .collect()
    }

    fn values_of(&self, strategy: &str, task: &str, name: &str) -> Vec<f64> {
        let same = |v: &&RunValue| v.strategy == strategy && v.task == task && v.quantity == name;
        self.values().iter().filter(same).map(|v| v.value).collect()
    }

    /// Returns the losses of the trivial predictors, which are equal in all runs with the same targets.
    fn references(&self) -> Vec<ComparisonReference> {
        let usual = |run: &&Run| {
            self.tasks()
                .iter()
                .all(|task| self.is_comparable(&run.strategy, task, quantity::LOSS))
        };
        let mut runs = self.runs().iter().filter(usual);
        match runs.find_map(|run| run.history.as_ref()) {
            Some(history) => history
                .tasks()
                .into_iter()
                .flat_map(|task| trivial(history, task))
                .collect(),
            None => Vec::new(),
        }
    }
}

fn trivial(history: &History, task: &str) -> Vec<ComparisonReference> {
    let reference = |(name, label): (&str, &str)| {
        Some(ComparisonReference {
            task: task.into(),
            quantity: quantity::LOSS.into(),
            label: label.into(),
            value: history.get(0, Split::Valid, task, name)?,
        })
    };
    [
        (quantity::CONSTANT_LOSS, "best constant"),
        (quantity::POSITION_LOSS, "position alone"),
    ]
    .into_iter()
    .filter_map(reference)
    .collect()
}
