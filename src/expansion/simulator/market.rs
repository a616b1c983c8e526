//! The price and its volatility: turns the regimes of a plan into bars.

use rand::{Rng, RngExt};
use rand_distr::{Exp1, StandardNormal};

use super::config::SimulatorConfig;
use super::plan::Phase;
use crate::expansion::bars::Bar;

/// How much of the deviation of the volatility's logarithm lasts from one bar to the next.
const PERSISTENCE: f64 = 0.97;
/// The volatility's logarithm stays within this many of its standard deviations.
const WIDEST: f64 = 2.5;
/// The part of the distance to the starting price, in the logarithm, that is undone per bar. Far too little to
/// see within a window, enough to keep a million windows at the same order of magnitude.
const PULL: f64 = 1e-4;
/// The price stays within this distance of the starting price, in the logarithm, whatever the settings.
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
    /// The logarithm of the volatility over its typical value, in standard deviations.
    heat: f64,
    /// The last close, kept so that the next open is the same number to the bit.
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

    /// Returns the standard deviation of the next bar's return.
    fn next_deviation(&mut self, rng: &mut impl Rng) -> f64 {
        let shock: f64 = rng.sample(StandardNormal);
        let scale = (1.0 - PERSISTENCE * PERSISTENCE).sqrt();
        self.heat = (PERSISTENCE * self.heat + scale * shock).clamp(-WIDEST, WIDEST);
        self.volatility * (self.spread * self.heat).exp()
    }

    /// Returns the length of one wick: mostly short, now and then long. Cut off so that no bar is absurd.
    fn tail(&self, mean: f64, rng: &mut impl Rng) -> f64 {
        let length: f64 = rng.sample(Exp1);
        mean * length.min(8.0)
    }
}
