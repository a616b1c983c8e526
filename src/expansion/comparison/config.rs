//! Defines the settings of a comparison and the parts into which it can be divided among processes or machines.

use super::strategies::{self, base};
use crate::comparison::{SearchConfig, TUNED_FIXED};
use crate::error::{Error, Result};
use crate::expansion::run::ExpansionConfig;

/// The candidates of the search, unless set.
const SEARCH_RUNS: usize = 14;

/// The largest number of seeds.
const MOST_SEEDS: u64 = 10_000;

/// The settings of a comparison: its rows, its seeds, and the config that all runs share.
///
/// The rows are the strategies of the [strategy table](crate::expansion::model::strategy_table) by name; `+rescale`
/// behind a strategy from the Gram matrix rescales its combined gradient to the length of the mean gradient. Two
/// further rows are the reference: `sum`, the sum of the raw losses, and `tuned-fixed`, fixed weights from a small
/// search.
///
/// # Example
///
/// ```
/// use equipoise::expansion::comparison::ComparisonConfig;
/// use equipoise::expansion::run::ExpansionConfig;
///
/// let config = ComparisonConfig::new(ExpansionConfig::default())?
///     .with_strategies(["uncertainty", "upgrad", "sum"])
///     .with_seeds(2);
/// assert_eq!(config.parts().len(), 6);
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ComparisonConfig {
    /// The config of every run but for strategy and seed.
    pub(super) base: ExpansionConfig,
    pub(super) strategies: Vec<String>,
    pub(super) seeds: u64,
    pub(super) search: SearchConfig,
}

impl ComparisonConfig {
    /// Creates a comparison of the presets, `sum` and `tuned-fixed` with the seeds 1 to 3.
    ///
    /// The strategy and the seed of `config` are not used. Its seed is that of simulated bars, which all runs share.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if early stopping is on, which would let one strategy train longer than another, and as
    /// [`ExpansionConfig::validate`].
    pub fn new(config: ExpansionConfig) -> Result<Self> {
        let base = base(config)?;
        base.validate()?;
        Ok(Self {
            search: SearchConfig {
                runs: SEARCH_RUNS,
                epochs: base.train.epochs,
            },
            strategies: strategies::all().map(String::from).collect(),
            seeds: 3,
            base,
        })
    }

    /// Sets the rows.
    pub fn with_strategies<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.strategies = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the number of runs of each row; the seeds are 1, 2, and so on.
    pub fn with_seeds(mut self, seeds: u64) -> Self {
        self.seeds = seeds;
        self
    }

    /// Sets the budget of the search for the weights of `tuned-fixed`
    /// [default: 14 candidates, each with the epochs of a compared run].
    pub fn with_search(mut self, search: SearchConfig) -> Self {
        self.search = search;
        self
    }

    /// Checks the names of the rows, the number of seeds and the search.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the setting.
    pub fn validate(&self) -> Result<()> {
        strategies::check(&self.strategies)?;
        if !(1..=MOST_SEEDS).contains(&self.seeds) {
            let expected = format!("1 to {MOST_SEEDS}");
            return Err(Error::setting("seeds", self.seeds, expected));
        }
        self.search.validate()
    }

    /// Returns the names of the parts: a run each, such as `upgrad-seed2`, in the order of the rows. The search for the
    /// weights of `tuned-fixed` and the runs of this row are one part, `tuned-fixed`, because each depends on the runs
    /// before.
    ///
    /// No part depends on another, so parts may run in any order and on any machine.
    ///
    /// # Panics
    ///
    /// If there are more than 10,000 seeds, which [`validate`](Self::validate) refuses.
    pub fn parts(&self) -> Vec<String> {
        assert!(
            self.seeds <= MOST_SEEDS,
            "{} seeds, of which there are at most {MOST_SEEDS}",
            self.seeds
        );
        let part = |name: &String| {
            if name == TUNED_FIXED {
                return vec![name.clone()];
            }
            (1..=self.seeds).map(|seed| run_name(name, seed)).collect()
        };
        self.strategies.iter().flat_map(part).collect()
    }

    /// Returns the parts of shard `index` of `count`. The shards together have every part once, and about the same
    /// number of epochs each, as far as the number of parts allows.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless `1 <= index <= count`; as [`validate`](Self::validate).
    pub fn shard(&self, index: usize, count: usize) -> Result<Vec<String>> {
        self.validate()?;
        if index == 0 || index > count {
            let expected = "INDEX/COUNT with an index from 1 to the count, such as 1/4";
            return Err(Error::setting(
                "shard",
                format!("{index}/{count}"),
                expected,
            ));
        }
        let mut parts = self.parts();
        // Shards beyond the number of parts have nothing to do.
        let count = count.min(parts.len().max(1));
        // The longest part first, to the shard with the least work.
        parts.sort_by_key(|part| std::cmp::Reverse(self.epochs_of(part)));
        let mut work = vec![0; count];
        parts.retain(|part| {
            let least = (0..count).min_by_key(|&shard| work[shard]);
            let shard = least.expect("a count of at least 1");
            work[shard] = self.epochs_of(part).saturating_add(work[shard]);
            shard + 1 == index
        });
        Ok(parts)
    }

    /// Returns the runs and the epochs of parts, of which there may be fewer if a search ends early.
    pub(super) fn planned(&self, parts: &[String]) -> (usize, usize) {
        let sum = |of: &dyn Fn(&str) -> usize| {
            let each = parts.iter().map(|part| of(part));
            each.fold(0, usize::saturating_add)
        };
        (
            sum(&|part| self.runs_of(part)),
            sum(&|part| self.epochs_of(part)),
        )
    }

    fn runs_of(&self, part: &str) -> usize {
        if part == TUNED_FIXED {
            self.search.runs.saturating_add(self.seeds as usize)
        } else {
            1
        }
    }

    fn epochs_of(&self, part: &str) -> usize {
        let epochs = self.base.train.epochs;
        if part == TUNED_FIXED {
            let searched = self.search.runs.saturating_mul(self.search.epochs);
            searched.saturating_add((self.seeds as usize).saturating_mul(epochs))
        } else {
            epochs
        }
    }
}

/// Returns the name of a run of a row.
pub(super) fn run_name(strategy: &str, seed: u64) -> String {
    format!("{strategy}-seed{seed}")
}

#[cfg(test)]
mod tests {
    use super::super::Comparison;
    use super::*;

    fn config(seeds: u64) -> ComparisonConfig {
        let config = ComparisonConfig::new(ExpansionConfig::default()).unwrap();
        config.with_seeds(seeds)
    }

    #[test]
    fn shards_have_every_part_once_and_about_the_same_work() {
        let config = config(3);
        let all = config.parts();
        assert_eq!(all.len(), 8 * 3 + 1);
        for count in 1..=30 {
            let shards: Vec<Vec<String>> = (1..=count)
                .map(|index| config.shard(index, count).unwrap())
                .collect();
            let mut together = shards.concat();
            let mut expected = all.clone();
            together.sort();
            expected.sort();
            assert_eq!(together, expected, "{count} shards");
            let work: Vec<usize> = shards.iter().map(|s| config.planned(s).1).collect();
            let longest = all.iter().map(|part| config.epochs_of(part)).max().unwrap();
            let spread = work.iter().max().unwrap() - work.iter().min().unwrap();
            assert!(spread <= longest, "{work:?}");
        }
    }

    #[test]
    fn a_shard_out_of_range_is_refused() {
        for (index, count) in [(0, 3), (4, 3), (1, 0)] {
            let message = config(1).shard(index, count).unwrap_err().to_string();
            assert!(message.contains(&format!("{index}/{count}")), "{message}");
        }
    }

    #[test]
    fn a_shard_beyond_the_parts_has_nothing_to_do() {
        let config = config(1).with_strategies(["sum", "mgda"]);
        assert_eq!(config.shard(1, usize::MAX).unwrap().len(), 1);
        assert!(config.shard(usize::MAX, usize::MAX).unwrap().is_empty());
        assert!(config.shard(3, 3).unwrap().is_empty());
    }

    #[test]
    fn seeds_have_a_bound_that_holds_everywhere() {
        assert_eq!(config(MOST_SEEDS).validate().map(|()| 0).unwrap(), 0);
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("none");
        for seeds in [0, MOST_SEEDS + 1, u64::MAX] {
            let all = || config(seeds);
            let open = Comparison::open(all(), &place).map(drop);
            let parts = Comparison::open_parts(all(), &place, Vec::new()).map(drop);
            let collect = Comparison::collect(all(), &place, &[]).map(drop);
            for refused in [all().validate(), all().shard(1, 2).map(drop), open, parts] {
                let message = refused.unwrap_err().to_string();
                assert!(
                    message.contains(&format!("`seeds` is {seeds}")),
                    "{message}"
                );
            }
            assert!(collect.is_err());
        }
        assert!(!place.exists());
    }

    #[test]
    #[should_panic(expected = "10001 seeds")]
    fn too_many_seeds_have_no_parts() {
        config(MOST_SEEDS + 1).parts();
    }

    #[test]
    fn a_search_of_any_size_is_planned() {
        let search = SearchConfig {
            runs: usize::MAX,
            epochs: usize::MAX,
        };
        let config = config(2).with_search(search);
        assert_eq!(config.planned(&config.parts()).1, usize::MAX);
        assert_eq!(config.shard(1, 2).unwrap(), [TUNED_FIXED]);
    }

    #[test]
    fn no_seeds_and_no_candidates_are_refused() {
        let message = config(0).validate().unwrap_err().to_string();
        assert!(message.contains("`seeds` is 0"), "{message}");
        let none = SearchConfig { runs: 0, epochs: 1 };
        assert!(config(1).with_search(none).validate().is_err());
    }
}
