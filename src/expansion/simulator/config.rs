//! Defines the settings of the simulator and their ranges.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The number of bars at the start of every window that are never part of the expansion, because the move before the
/// expansion must be visible.
pub(super) const LEAD: usize = 10;

/// Settings of the [`Simulator`](super::Simulator). Fields left out of a config file take their defaults; unknown
/// fields are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulatorConfig {
    /// The number of bars per window: at least `max_length` + 11, at most 10000. Default 105.
    pub window: usize,
    /// The length of the shortest expansion in bars, at least 1. Default 3.
    pub min_length: usize,
    /// The length of the longest expansion in bars, at least `min_length`. Default 15.
    pub max_length: usize,
    /// The price of the first bar, to which the price is faintly pulled back: from 1e-6 to 1e9. Default 100.
    pub price: f64,
    /// The typical standard deviation of a bar's logarithmic return: above 0, up to 0.02. Default 0.002.
    pub volatility: f64,
    /// The standard deviation of the logarithm of the volatility, from 0 (constant) to 1. Default 0.25.
    pub volatility_spread: f64,
    /// The strength of an expansion, from 0 (invisible) to 20. An expansion of `n` bars moves by `strength / n^(1/4)`
    /// standard deviations per bar, so that short expansions are steeper. Default 4.5.
    pub strength: f64,
    /// The move before a continuation or reversal, in standard deviations of a random walk of the same length: from 0
    /// (continuations and reversals are indistinguishable) to 10. Default 3.
    pub trend: f64,
    /// The strength of a distractor burst as a fraction of the strength of an expansion of equal length: at least 0,
    /// below 1. Default 0.5.
    pub distractor_strength: f64,
    /// The probability of a distractor in a stretch of 20 bars outside the main event: from 0 to 1. Default 0.5.
    pub distractor_rate: f64,
    /// The mean length of a wick in standard deviations of the return of a bar: from 0 (no wicks) to 5. Default 0.4.
    pub wick: f64,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            window: 105,
            min_length: 3,
            max_length: 15,
            price: 100.0,
            volatility: 0.002,
            volatility_spread: 0.25,
            strength: 4.5,
            trend: 3.0,
            distractor_strength: 0.5,
            distractor_rate: 0.5,
            wick: 0.4,
        }
    }
}

impl SimulatorConfig {
    /// Returns the settings for windows of `window` bars.
    ///
    /// In windows of less than 41 bars, `max_length`, if left at its default, becomes half of the bars after the first
    /// 11, so that the place of an expansion stays uncertain.
    ///
    /// ```
    /// use equipoise::expansion::simulator::SimulatorConfig;
    ///
    /// let config = SimulatorConfig::default().for_window(20);
    /// assert_eq!((config.window, config.max_length), (20, 4));
    /// assert_eq!(SimulatorConfig::default().for_window(64).max_length, 15);
    /// ```
    #[must_use]
    pub fn for_window(mut self, window: usize) -> Self {
        self.window = window;
        let usual = Self::default().max_length;
        if self.max_length == usual {
            let half = window.saturating_sub(LEAD + 1) / 2;
            self.max_length = usual.min(half).max(self.min_length);
        }
        self
    }

    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name of the first field out of range. NaN is out of every range.
    pub fn validate(&self) -> Result<()> {
        self.validate_lengths()?;
        // The bounds keep a price within the range of `f64` for all other settings.
        number(
            "price",
            self.price,
            (1e-6..=1e9).contains(&self.price),
            "from 1e-6 to 1e9",
        )?;
        let volatility = self.volatility;
        let fits = volatility > 0.0 && volatility <= 0.02;
        number("volatility", volatility, fits, "above 0, up to 0.02")?;
        let spread = self.volatility_spread;
        number(
            "volatility_spread",
            spread,
            (0.0..=1.0).contains(&spread),
            "from 0 to 1",
        )?;
        number(
            "strength",
            self.strength,
            (0.0..=20.0).contains(&self.strength),
            "from 0 to 20",
        )?;
        number(
            "trend",
            self.trend,
            (0.0..=10.0).contains(&self.trend),
            "from 0 to 10",
        )?;
        let weaker = self.distractor_strength;
        number(
            "distractor_strength",
            weaker,
            (0.0..1.0).contains(&weaker),
            "at least 0, below 1",
        )?;
        let rate = self.distractor_rate;
        number(
            "distractor_rate",
            rate,
            (0.0..=1.0).contains(&rate),
            "from 0 to 1",
        )?;
        number(
            "wick",
            self.wick,
            (0.0..=5.0).contains(&self.wick),
            "from 0 to 5",
        )
    }

    fn validate_lengths(&self) -> Result<()> {
        if self.min_length == 0 {
            return Err(Error::setting("min_length", 0, "at least 1"));
        }
        if self.max_length < self.min_length {
            let expected = format!("at least `min_length`, which is {}", self.min_length);
            return Err(Error::setting("max_length", self.max_length, expected));
        }
        let least = self.max_length.saturating_add(LEAD + 1);
        if self.window < least || self.window > 10_000 {
            let expected = format!("from {least} (`max_length` + {}) to 10000", LEAD + 1);
            return Err(Error::setting("window", self.window, expected));
        }
        Ok(())
    }
}

fn number(field: &str, value: f64, fits: bool, expected: &str) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::setting(field, value, expected))
}
