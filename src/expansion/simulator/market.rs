//! Draws the bars of a plan from the price and its volatility.

use rand::{Rng, RngExt};
use rand_distr::{Exp1, StandardNormal};

use super::config::SimulatorConfig;
use super::plan::Phase;
use crate::expansion::bars::Bar;

/// The fraction of the deviation of the log volatility that lasts from one bar to the next.
const PERSISTENCE: f64 = 0.97;
/// The bound of the log volatility, in its standard deviations.
const WIDEST: f64 = 2.5;
/// The fraction of the log distance to the starting price that is undone per bar. The pull is invisible within a
/// window, but keeps a million windows within one order of magnitude.
const PULL: f64 = 1e-4;
/// The bound of the log distance to the starting price, whatever the settings.
const FARTHEST: f64 = 20.0;

/// The state of the market between two bars.
#[derive(Debug, Clone)]
pub(super) struct Market {
    start: f64,
    volatility: f64,
    spread: f64,
    wick: f64,
    /// The logarithm of the price over the starting price.
    level: f64,
    /// The logarithm of the volatility over its typical value, in its standard deviations.
    heat: f64,
    /// The last close, so that the next open is bitwise equal.
    close: f64,
}

impl Market {
    /// Creates a market at its starting price and typical volatility.
    pub(super) fn new(config: &SimulatorConfig) -> Self {
        Self {
            start: config.price,
            volatility: config.volatility,
            spread: config.volatility_spread,
            wick: config.wick,
            level: 0.0,
            heat: 0.0,
            close: config.price,
        }
    }

    /// Appends the bars of one phase.
    pub(super) fn live_through(&mut self, phase: &Phase, rng: &mut impl Rng, bars: &mut Vec<Bar>) {
        let anchor = self.level;
        for _ in 0..phase.bars {
            bars.push(self.next_bar(phase, anchor, rng));
        }
    }

    fn next_bar(&mut self, phase: &Phase, anchor: f64, rng: &mut impl Rng) -> Bar {
        let deviation = self.next_deviation(rng);
        let surprise: f64 = rng.sample(StandardNormal);
        let step = deviation * (phase.drift + phase.noise * surprise)
            - phase.reversion * (self.level - anchor)
            - PULL * self.level;
        self.level = (self.level + step).clamp(-FARTHEST, FARTHEST);

        let open = self.close;
        let close = self.start * self.level.exp();
        self.close = close;
        let wick = deviation * self.wick;
        Bar {
            open,
            high: open.max(close) * self.tail(wick, rng).exp(),
            low: open.min(close) * (-self.tail(wick, rng)).exp(),
            close,
        }
    }

    /// Draws the standard deviation of the return of the next bar.
    fn next_deviation(&mut self, rng: &mut impl Rng) -> f64 {
        let shock: f64 = rng.sample(StandardNormal);
        let scale = (1.0 - PERSISTENCE * PERSISTENCE).sqrt();
        self.heat = (PERSISTENCE * self.heat + scale * shock).clamp(-WIDEST, WIDEST);
        self.volatility * (self.spread * self.heat).exp()
    }

    /// Draws the length of a wick from an exponential distribution, cut off at 8 times the mean so that no bar is
    /// absurd.
    fn tail(&self, mean: f64, rng: &mut impl Rng) -> f64 {
        let length: f64 = rng.sample(Exp1);
        mean * length.min(8.0)
    }
}
