//! Defines the rows of a comparison: every ExpansionConfig::preset, the raw sum, and fixed weights from a search.

use crate::comparison::search::Candidate;
use crate::comparison::{MetricColumn, OtherTarget, Results, Run, SearchConfig, TUNED_FIXED, raw};
use crate::error::{Error, Result};
use crate::expansion::label::CountdownForm;
use crate::expansion::model::{ScalarCountdown, strategy_table, task_names};
use crate::expansion::run::ExpansionConfig;
use crate::history::ALL_TASKS;
use crate::task::TaskSet;
use crate::train::Better;
use crate::weighting::{
    BatchStatistics, BuiltIn, Needs, StrategyConfig, StrategyRow, Sum, TaskValues,
};

/// The name of the row that sums the raw losses with all weights 1, which is training without a strategy.
const SUM: &str = Sum::NAME;

/// The suffix that rescales the combined gradient of a strategy from the Gram matrix to the length of the mean
/// gradient, as in `nash-mtl+rescale`. Under clipping, strategies whose gradients differ in length differ in step too.
const RESCALED: &str = "+rescale";

/// Returns the names of the default rows: the presets, then the reference rows `sum` and `tuned-fixed`.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    ExpansionConfig::STRATEGIES
        .into_iter()
        .chain([SUM, TUNED_FIXED])
}

/// Checks that every name is a row or a strategy of the [strategy table](strategy_table), and that no name is repeated.
///
/// `+rescale` behind a strategy from the Gram matrix rescales its combined gradient to the length of the mean gradient.
///
/// # Errors
///
/// [`Error::Setting`] naming the first unknown or repeated name, or if `names` is empty.
pub(super) fn check(names: &[String]) -> Result<()> {
    let table = strategy_table();
    // A comparison names strategies without settings, so only strategies with defaults can be rows.
    let rows = || table.rows().iter().filter(|row| row.needs().is_some());
    for (index, name) in names.iter().enumerate() {
        let known = || all().chain(rows().map(StrategyRow::name));
        if let Some(strategy) = name.strip_suffix(RESCALED)
            && known().any(|known| known == strategy)
        {
            rescaled(strategy)?;
        } else if !known().any(|known| known == name) {
            let mut seen = std::collections::HashSet::new();
            let known: Vec<&str> = known().filter(|name| seen.insert(*name)).collect();
            let expected = format!(
                "some of {}; {RESCALED} behind one from the Gram matrix",
                known.join(", ")
            );
            return Err(Error::setting("strategies", name, expected));
        }
        if names[..index].contains(name) {
            let found = format!("{name} twice");
            return Err(Error::setting("strategies", found, "each name once"));
        }
    }
    if names.is_empty() {
        Err(Error::setting("strategies", "empty", "at least one name"))
    } else {
        Ok(())
    }
}

/// Returns the base config of every row, without a scalar countdown that came with the strategy of `config`.
///
/// # Errors
///
/// [`Error::Setting`] if early stopping is on, which would let one strategy train longer than another.
pub(super) fn base(mut config: ExpansionConfig) -> Result<ExpansionConfig> {
    if let Some(patience) = config.train.patience {
        let expected = "left out: every strategy gets the same number of epochs";
        return Err(Error::setting("train.patience", patience, expected));
    }
    if config.weighting.is::<ScalarCountdown>() {
        let usual = ExpansionConfig::default().model;
        config.model.countdown = usual.countdown;
        config.model.countdown_scale = usual.countdown_scale;
    }
    // Every row sets its own strategy, so the strategy of the base would only make two equal bases differ.
    config.weighting = StrategyConfig::new(Sum::default());
    Ok(config.resolved())
}

/// Returns the config of one run of the row `name`. `tuned` are the weights of [`TUNED_FIXED`].
///
/// # Errors
///
/// [`Error::Setting`] if `name` is not a row, or if it is `tuned-fixed` and `tuned` is `None`.
pub(super) fn config(
    base: &ExpansionConfig,
    name: &str,
    seed: u64,
    tuned: Option<&TaskValues>,
) -> Result<ExpansionConfig> {
    let weighting = match (name, tuned) {
        (TUNED_FIXED, Some(weights)) => raw(weights.clone()),
        (TUNED_FIXED, None) => {
            let expected = "searched for before it is trained";
            return Err(Error::setting("strategy", name, expected));
        }
        _ => match name.strip_suffix(RESCALED) {
            Some(strategy) => rescaled(strategy)?,
            None => ExpansionConfig::preset(name)?,
        },
    };
    Ok(with(base, weighting, seed))
}

/// Returns a strategy with a rescaled combined gradient.
fn rescaled(strategy: &str) -> Result<StrategyConfig> {
    let refuse = || {
        let found = format!("{strategy}{RESCALED}");
        let expected =
            format!("`{strategy}` alone: only a strategy from the Gram matrix is rescaled");
        Error::setting("strategies", found, expected)
    };
    if strategy == TUNED_FIXED {
        return Err(refuse());
    }
    let config = ExpansionConfig::preset(strategy)?;
    match config.rule().needs() {
        Needs::Gram => Ok(config.with_rescale(true)),
        _ => Err(refuse()),
    }
}

/// Returns the config of the run of a candidate of the search for fixed weights.
pub(super) fn candidate(
    base: &ExpansionConfig,
    search: &SearchConfig,
    candidate: &Candidate,
) -> ExpansionConfig {
    let mut config = with(base, raw(candidate.values()), SearchConfig::SEED);
    config.train.epochs = search.epochs;
    config
}

/// Returns the usual weights of the presets for these tasks, from which the search derives a candidate, or `None` if
/// the presets have no weights for the tasks.
pub(super) fn in_mind(tasks: &TaskSet) -> Option<Vec<f64>> {
    let preset = ExpansionConfig::preset(BatchStatistics::NAME)
        .ok()?
        .get::<BatchStatistics>()?;
    preset.weights.resolve("weights", tasks, 0.0).ok()
}

/// Returns the results of the runs, with the metrics of the domain as columns. Rows whose countdown has another target
/// than the rest of the table are marked.
pub(super) fn results(base: &ExpansionConfig, runs: Vec<Run>) -> Results {
    let results = Results::new(runs);
    let others = results.strategies().into_iter();
    let others = others.filter(|name| has_other_target(base, name));
    let others = others.map(|name| OtherTarget {
        strategy: name.into(),
        task: task_names::COUNTDOWN.into(),
        why: "is one number per window, another target than the others".into(),
    });
    let others = others.collect();
    let column = |header: &str, task: &str, quantity: &str| MetricColumn {
        header: header.into(),
        task: task.into(),
        quantity: quantity.into(),
        better: Better::Higher,
    };
    results.with_other_targets(others).with_metrics(vec![
        column("span F1", ALL_TASKS, "span_f1"),
        column("IoU", ALL_TASKS, "iou"),
        column("hit@3", ALL_TASKS, "hit_at_3"),
        column("type accuracy", task_names::TYPE, "accuracy"),
    ])
}

/// Returns a base with another strategy and seed.
fn with(base: &ExpansionConfig, weighting: StrategyConfig, seed: u64) -> ExpansionConfig {
    let mut config = base.clone();
    config.weighting = weighting;
    config.train.seed = seed;
    config.resolved()
}

/// Returns whether the countdown of a row has another target than the rest of the table, so that the losses differ in
/// meaning.
fn has_other_target(base: &ExpansionConfig, name: &str) -> bool {
    name == "scalar-countdown" && base.model.countdown == CountdownForm::PerBar
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the weight 1 for every task.
    fn equal() -> TaskValues {
        TaskValues::from([
            (task_names::TYPE, 1.0),
            (task_names::POINTERS, 1.0),
            (task_names::BINARY, 1.0),
            (task_names::COUNTDOWN, 1.0),
        ])
    }

    #[test]
    fn there_are_nine_rows_and_all_have_valid_configs() {
        let base = base(ExpansionConfig::default()).unwrap();
        assert_eq!(all().count(), 9);
        for name in all() {
            let config = config(&base, name, 3, Some(&equal())).unwrap();
            config.validate().unwrap();
            assert_eq!(config.train.seed, 3);
            assert_eq!(config.data, base.data, "{name} has the same data");
        }
    }

    #[test]
    fn only_the_scalar_countdown_changes_the_model() {
        let base = base(ExpansionConfig::default()).unwrap();
        for name in all() {
            let config = config(&base, name, 1, Some(&equal())).unwrap();
            let same = config.model == base.model;
            assert_eq!(same, name != "scalar-countdown", "{name}");
            assert_eq!(has_other_target(&base, name), !same, "{name}");
        }
    }

    #[test]
    fn a_base_under_the_scalar_countdown_gives_the_head_per_bar_back() {
        let scalar = ExpansionConfig {
            weighting: ExpansionConfig::preset("scalar-countdown").unwrap(),
            ..ExpansionConfig::default()
        };
        let usual = base(ExpansionConfig::default()).unwrap();
        assert_eq!(base(scalar.resolved()).unwrap(), usual);
    }

    #[test]
    fn what_is_no_row_or_there_twice_or_unequal_is_refused() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| name.to_string())
                .collect::<Vec<_>>()
        };
        assert!(check(&names(&["manual", SUM, "nash-mtl", "nash-mtl+rescale"])).is_ok());
        assert!(check(&names(&["manuel"])).is_err());
        assert!(check(&names(&["manual", "manual"])).is_err());
        assert!(check(&[]).is_err());
        let mut patient = ExpansionConfig::default();
        patient.train.patience = Some(3);
        let message = base(patient).unwrap_err().to_string();
        assert!(message.contains("train.patience"), "{message}");
    }

    #[test]
    fn only_a_strategy_from_the_gram_matrix_is_rescaled() {
        let base = base(ExpansionConfig::default()).unwrap();
        let rescaled = config(&base, "mgda+rescale", 1, None).unwrap();
        let plain = config(&base, "mgda", 1, None).unwrap();
        assert_eq!(rescaled.weighting, plain.weighting.with_rescale(true));
        for name in ["uncertainty+rescale", "sum+rescale", "tuned-fixed+rescale"] {
            let message = check(&[name.to_string()]).unwrap_err().to_string();
            assert!(message.contains("Gram"), "{message}");
        }
        let message = check(&["mgdah+rescale".to_string()])
            .unwrap_err()
            .to_string();
        assert!(message.contains("mgda, "), "{message}");
    }

    #[test]
    fn tuned_weights_must_be_known() {
        let base = base(ExpansionConfig::default()).unwrap();
        assert!(config(&base, TUNED_FIXED, 1, None).is_err());
    }
}
