//! Answers which strategy is best, in one sentence.

use super::interval::Interval;
use super::results::Results;
use super::runs::TUNED_FIXED;
use crate::history::{ALL_TASKS, quantity};
use crate::weighting::{BuiltIn, Sum};

/// The name of the row of the plain sum of the losses.
const SUM: &str = Sum::NAME;
/// The part of equally good strategies that is below the reference beyond a 95 % interval by chance.
const BY_CHANCE: f64 = 0.025;

/// A row with its paired difference to the reference, in percent.
struct Beside<'a> {
    name: &'a str,
    difference: Interval,
}

impl Results {
    /// Returns in one sentence which strategy has the lowest relative validation loss, or why no strategy can be named.
    ///
    /// The reference is `tuned-fixed`, or the plain sum if no weights were tuned. Differences to the reference are
    /// paired by seed. A strategy is named only if its difference is below 0 with the whole 95 % interval.
    pub fn answer(&self) -> String {
        let finished = |name: &&str| self.counts(name).0 > 0;
        let Some(reference) = [TUNED_FIXED, SUM].into_iter().find(finished) else {
            return format!(
                "Which strategy is best cannot be said: neither `{TUNED_FIXED}` nor the plain sum was finished."
            );
        };
        if self.counts(reference).0 < 2 {
            return "Which strategy is best cannot be said from one seed: run more of them.".into();
        }
        if !self.tasks().iter().any(|task| is_learned(self, task)) {
            return "None: no strategy learned any task, so there is nothing to choose between."
                .into();
        }
        let strategies = self.strategies();
        let others = strategies.iter().filter(|name| **name != reference);
        let mut rows: Vec<Beside<'_>> = others
            .filter_map(|name| beside(self, name, reference))
            .collect();
        rows.sort_by(|a, b| a.difference.mean.total_cmp(&b.difference.mean));
        let Some(best) = rows.first() else {
            return format!("Nothing was compared with `{reference}`.");
        };
        let compared = rows.len();
        let chance = BY_CHANCE * compared as f64;
        let seeds = best.difference.count;
        match rows.iter().find(|row| row.difference.high < 0.0) {
            Some(row) => format!(
                "`{}`: its relative loss is {} `{reference}`{}, paired over {seeds} seeds. {compared} were compared; if none were \
             better, {chance:.2} would seem so by chance.",
                row.name,
                told(&row.difference),
                against_sum(self, row.name, reference),
            ),
            None => format!(
                "None for these data: of {compared} compared no relative loss lies below that of `{reference}` beyond its 95 % interval over \
             {seeds} seeds; the lowest is that of `{}`, {} `{reference}`.",
                best.name,
                told(&best.difference),
            ),
        }
    }
}

fn beside<'a>(results: &Results, name: &'a str, reference: &str) -> Option<Beside<'a>> {
    if !results.is_comparable(name, ALL_TASKS, quantity::RELATIVE_LOSS) {
        return None;
    }
    let difference = results.paired(name, reference, ALL_TASKS, quantity::RELATIVE_LOSS)?;
    // A row that failed for some seeds cannot be chosen.
    let whole = results.counts(name) == (results.counts(reference).0, 0);
    (whole && difference.half().is_finite()).then_some(Beside { name, difference })
}

/// Writes the difference to the plain sum, if the sum is a third row.
fn against_sum(results: &Results, name: &str, reference: &str) -> String {
    if [reference, name].contains(&SUM) {
        return String::new();
    }
    match beside(results, name, SUM) {
        Some(row) => format!(" and {} `{SUM}`", told(&row.difference)),
        None => String::new(),
    }
}

/// Formats a difference: `4.0 ± 3.0 % below that of`.
fn told(difference: &Interval) -> String {
    let side = if difference.mean < 0.0 {
        "below"
    } else {
        "above"
    };
    format!(
        "{:.1} ± {:.1} % {side} that of",
        difference.mean.abs(),
        difference.half()
    )
}

/// Returns whether any run of any strategy may be better than a constant on a task.
pub(super) fn is_learned(results: &Results, task: &str) -> bool {
    const NOTHING: [&str; 6] = [
        "no better than a constant",
        "overfitted",
        "diverged",
        "not trained",
        "no labels",
        super::results::Results::FAILED,
    ];
    let strategies = results.strategies();
    let mut verdicts = strategies
        .iter()
        .flat_map(|strategy| results.verdict_counts(strategy, task));
    verdicts.any(|(verdict, _)| !NOTHING.contains(&verdict.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Run;
    use crate::history::{History, Split};

    /// Creates a run of one task with a relative loss and a skill.
    fn run(strategy: &str, seed: u64, relative: f64, skill: f64) -> Run {
        let mut history = History::new();
        let mut put = |task: &str, quantity: &str, value| {
            history.record(1, Split::Valid, task, quantity, value);
        };
        put(ALL_TASKS, quantity::RELATIVE_LOSS, relative);
        put("a", quantity::LOSS, relative);
        put("a", quantity::SKILL, skill);
        put("a", quantity::SKILL_MARGIN, 0.01);
        Run {
            strategy: strategy.into(),
            seed,
            history: Some(history),
            seconds_per_step: None,
        }
    }

    fn results(rows: &[(&str, [f64; 3])], skill: f64) -> Results {
        let runs = rows.iter().flat_map(|(strategy, losses)| {
            (1..)
                .zip(losses)
                .map(move |(seed, loss)| run(strategy, seed, *loss, skill))
        });
        Results::new(runs.collect())
    }

    #[test]
    fn a_strategy_is_named_if_its_interval_says_so() {
        let rows = [
            ("sum", [1.2, 1.3, 1.1]),
            ("tuned-fixed", [1.0, 1.1, 0.9]),
            ("a-rule", [0.90, 0.98, 0.82]),
            ("noisy", [0.5, 1.6, 0.9]),
        ];
        let found = results(&rows, 0.5).answer();
        assert!(
            found.starts_with(
                "`a-rule`: its relative loss is 9.9 ± 2.5 % below that of `tuned-fixed`"
            ),
            "{found}"
        );
        assert!(
            found.contains("below that of `sum`, paired over 3 seeds"),
            "{found}"
        );
        assert!(
            found.contains("3 were compared; if none were better, 0.08 would"),
            "{found}"
        );
        let found = results(&[rows[0], rows[1], rows[3]], 0.5).answer();
        assert!(found.starts_with("None for these data"), "{found}");
    }

    #[test]
    fn a_name_in_the_answer_does_not_act_on_the_terminal() {
        let rows = [
            ("sum", [1.2, 1.3, 1.1]),
            ("tuned-fixed", [1.0, 1.1, 0.9]),
            ("a\u{1b}[2J\u{202e}", [0.90, 0.98, 0.82]),
        ];
        let results = results(&rows, 0.5);
        assert!(results.answer().starts_with("`a\u{1b}"));
        let table = results.table();
        assert!(
            table.contains("`a\\u{1b}[2J\\u{202e}`: its relative loss"),
            "{table}"
        );
        assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table:?}");
    }

    #[test]
    fn without_evidence_nothing_is_named() {
        let rows = [("sum", [1.2, 1.3, 1.1]), ("b", [0.5, 0.5, 0.5])];
        assert!(
            results(&rows, -0.1)
                .answer()
                .starts_with("None: no strategy learned any task")
        );
        let one = Results::new(vec![run("sum", 1, 1.0, 0.5), run("b", 1, 0.5, 0.5)]);
        assert!(one.answer().contains("from one seed"));
        let none = Results::new(vec![run("b", 1, 0.5, 0.5)]);
        assert!(
            none.answer()
                .contains("neither `tuned-fixed` nor the plain sum")
        );
    }
}
