//! Labels windows of bars by a rule.

use serde::{Deserialize, Serialize};

use super::expansion_type::ExpansionType;
use super::window_label::WindowLabel;
use crate::error::{Error, Result};
use crate::expansion::bars::Bar;

/// Settings of the [`RuleLabeller`]. Fields left out of a config file take their defaults; unknown fields are
/// refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelConfig {
    /// The length of the shortest run in bars, at least 1. Default 3.
    pub min_length: usize,
    /// The length of the longest run in bars, at least `min_length`. Default 15.
    pub max_length: usize,
    /// The number of bars before the run whose true ranges are averaged, at least 1. A run starts at this bar of the
    /// window at the earliest. Default 10.
    pub atr_bars: usize,
    /// The number of bars before the run whose move decides the type, at least 1; fewer if the window begins later.
    /// Default 20.
    pub lookback: usize,
    /// The largest move before the run that makes the run a breakout, divided by ATR times the square root of its
    /// number of bars: finite, at least 0. Default 0.3.
    pub breakout_threshold: f64,
}

impl Default for LabelConfig {
    fn default() -> Self {
        Self {
            min_length: 3,
            max_length: 15,
            atr_bars: 10,
            lookback: 20,
            breakout_threshold: 0.3,
        }
    }
}

impl LabelConfig {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name of the first field out of range.
    pub fn validate(&self) -> Result<()> {
        let counts = [
            ("min_length", self.min_length),
            ("atr_bars", self.atr_bars),
            ("lookback", self.lookback),
        ];
        for (field, value) in counts {
            if value == 0 {
                return Err(Error::setting(field, 0, "at least 1"));
            }
        }
        if self.max_length < self.min_length {
            let expected = format!("at least `min_length`, which is {}", self.min_length);
            return Err(Error::setting("max_length", self.max_length, expected));
        }
        let threshold = self.breakout_threshold;
        if !(threshold.is_finite() && threshold >= 0.0) {
            return Err(Error::setting(
                "breakout_threshold",
                threshold,
                "finite and at least 0",
            ));
        }
        Ok(())
    }
}

/// A rule that labels one window at a time: it finds the run of bars that is the expansion, and its type.
///
/// The expansion is the run that moves the price farthest, measured against the ranges just before it and the
/// square root of its length, which is the distance of a random walk. With ATR the mean true range of the
/// [`atr_bars`](LabelConfig::atr_bars) bars before the run,
///
/// ```text
/// score(start, n) = |close[start + n - 1] - open[start]| / (ATR(start) * sqrt(n))
/// ```
///
/// The bars of the run do not enter its ATR, because they would make every expansion look small. If ATR is 0, the
/// mean true range of the window replaces it.
///
/// The type depends on the move of the `m` bars before the run, with `m = min(lookback, start)`. The run is a breakout
/// if `|close[start - 1] - open[start - m]| <= breakout_threshold * ATR(start) * sqrt(m)`, else a continuation if the
/// move has the direction of the run, else a reversal. The rule divides price differences by price differences, so it
/// does not depend on the unit of the price.
///
/// The labels are deterministic, and windows do not affect one another.
///
/// # Example
/// ```
/// use equipoise::expansion::label::{LabelConfig, RuleLabeller};
/// use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
///
/// let simulation = Simulator::new(SimulatorConfig::default(), 7)?.simulate_windows(1);
/// let labeller = RuleLabeller::new(LabelConfig::default())?;
/// let label = labeller.label(simulation.bars.bars());
/// assert!(label.is_some_and(|label| label.start >= 10));
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RuleLabeller {
    config: LabelConfig,
}

/// A candidate for the expansion.
struct CandidateRun {
    start: usize,
    length: usize,
    atr: f64,
    score: f64,
}

impl RuleLabeller {
    /// Creates a labeller.
    ///
    /// # Errors
    /// [`Error::Setting`] as from [`LabelConfig::validate`].
    pub fn new(config: LabelConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { config })
    }

    /// Returns the expansion of a window, or `None` if the window is too short for a run or its price never moves.
    ///
    /// Among equal scores the earliest run wins, then the shortest. Takes time proportional to the length of the
    /// window times `max_length + atr_bars`.
    pub fn label(&self, bars: &[Bar]) -> Option<WindowLabel> {
        let run = self.strongest_run(bars)?;
        Some(WindowLabel {
            start: run.start,
            end: run.start + run.length - 1,
            kind: self.kind(bars, &run),
        })
    }

    fn strongest_run(&self, bars: &[Bar]) -> Option<CandidateRun> {
        let ranges = true_ranges(bars);
        let overall = mean(&ranges);
        let mut best: Option<CandidateRun> = None;
        for start in self.config.atr_bars..bars.len() {
            let before = mean(&ranges[start - self.config.atr_bars..start]);
            // Bars without any range are no measure, so the whole window replaces them.
            let atr = if before > 0.0 { before } else { overall };
            let longest = self.config.max_length.min(bars.len() - start);
            for length in self.config.min_length..=longest {
                let moved = bars[start + length - 1].close - bars[start].open;
                let score = moved.abs() / (atr * (length as f64).sqrt());
                // A score of 0/0 compares as false, and a score of 0 is no expansion.
                if score > best.as_ref().map_or(0.0, |best| best.score) {
                    best = Some(CandidateRun {
                        start,
                        length,
                        atr,
                        score,
                    });
                }
            }
        }
        best
    }

    fn kind(&self, bars: &[Bar], run: &CandidateRun) -> ExpansionType {
        let moved = bars[run.start + run.length - 1].close - bars[run.start].open;
        let lookback = self.config.lookback.min(run.start);
        let before = bars[run.start - 1].close - bars[run.start - lookback].open;
        let expected = run.atr * (lookback as f64).sqrt();
        if before.abs() <= self.config.breakout_threshold * expected {
            ExpansionType::BREAKOUT
        } else if (before > 0.0) == (moved > 0.0) {
            ExpansionType::CONTINUATION
        } else {
            ExpansionType::REVERSAL
        }
    }
}

/// Returns the true range of every bar: its range, widened to the previous close. The first bar has only its range.
fn true_ranges(bars: &[Bar]) -> Vec<f64> {
    let mut before: Option<f64> = None;
    bars.iter()
        .map(|bar| {
            let close = before.replace(bar.close).unwrap_or(bar.close);
            bar.high.max(close) - bar.low.min(close)
        })
        .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
