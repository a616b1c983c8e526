//! Draws what happens in one window: the regimes, their lengths and strengths, in the order they are lived through.
//!
//! ```text
//! wander (with distractors) | before: consolidation or trend | expansion | retracement | wander (with distractors)
//! ```
//!
//! Drifts and noise are in standard deviations of a bar's return, so a plan knows nothing about prices.

use rand::{Rng, RngExt};

use super::config::{LEAD, SimulatorConfig};
use crate::expansion::label::ExpansionType;

/// The longest consolidation or trend before an expansion, in bars.
const BEFORE: usize = 20;
/// Wandering is cut into stretches of this many bars, each with at most one distractor.
const STRETCH: usize = 20;

/// A run of bars in one regime.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Phase {
    /// How many bars it lasts.
    pub(super) bars: usize,
    /// The mean return per bar.
    pub(super) drift: f64,
    /// The standard deviation of the returns.
    pub(super) noise: f64,
    /// The part of the distance to the price at the start of the phase that is undone in every bar.
    pub(super) reversion: f64,
}

impl Phase {
    fn new(bars: usize, drift: f64, noise: f64) -> Self {
        Self {
            bars,
            drift,
            noise,
            reversion: 0.0,
        }
    }
}

/// What happens in one window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The regimes; their bars add up to the window.
    pub(super) phases: Vec<Phase>,
    /// The first bar of the expansion, counted within the window.
    pub(super) start: usize,
    /// The expansion's length in bars.
    pub(super) length: usize,
    /// The expansion's type.
    pub(super) kind: ExpansionType,
}

impl Plan {
    /// Draws a plan.
    pub(super) fn draw(config: &SimulatorConfig, rng: &mut impl Rng) -> Self {
        let kind = ExpansionType::ALL[rng.random_range(0..ExpansionType::COUNT)];
        let length = rng.random_range(config.min_length..=config.max_length);
        // The range does not depend on the length drawn: the start says nothing about the length.
        let start = rng.random_range(LEAD..=config.window - config.max_length - 1);
        let direction = sign(rng);
        let before = start.min(BEFORE);
        let drift = direction * burst(config.strength, length);

        let mut phases = Vec::new();
        wander(start - before, config, rng, &mut phases);
        phases.push(preparation(kind, before, direction * config.trend));
        phases.push(Phase::new(length, drift, 0.8));
        let left = config.window - start - length;
        let retracement = retrace(drift * length as f64, left, rng);
        phases.push(retracement);
        wander(left - retracement.bars, config, rng, &mut phases);
        Self {
            phases,
            start,
            length,
            kind,
        }
    }
}

/// Returns the drift per bar of a burst. A burst must rise above noise that grows with the square root of its length;
/// the fourth root is half way between equal slopes, which hide short bursts, and equal significance, which
/// flattens long ones.
fn burst(strength: f64, length: usize) -> f64 {
    strength / (length as f64).powf(0.25)
}

fn sign(rng: &mut impl Rng) -> f64 {
    if rng.random::<bool>() { 1.0 } else { -1.0 }
}

/// What makes the type: the move before the expansion. `trend` has the sign of the expansion.
fn preparation(kind: ExpansionType, bars: usize, trend: f64) -> Phase {
    let slope = trend / (bars as f64).sqrt();
    match kind {
        ExpansionType::Continuation => Phase::new(bars, slope, 0.8),
        ExpansionType::Reversal => Phase::new(bars, -slope, 0.8),
        ExpansionType::Breakout => Phase {
            reversion: 0.35,
            ..Phase::new(bars, 0.0, 0.6)
        },
    }
}

/// Part of the expansion's move is given back over a few bars.
fn retrace(moved: f64, left: usize, rng: &mut impl Rng) -> Phase {
    let bars = rng.random_range(4..=10usize);
    let part = rng.random_range(0.15..0.4);
    Phase::new(bars.min(left), -moved * part / bars as f64, 1.0)
}

/// A random walk with weaker bursts in it.
fn wander(bars: usize, config: &SimulatorConfig, rng: &mut impl Rng, phases: &mut Vec<Phase>) {
    let calm = |bars| Phase::new(bars, 0.0, 1.0);
    for _ in 0..bars / STRETCH {
        let length = rng.random_range(3..=7);
        let offset = rng.random_range(0..=STRETCH - length);
        let drift = sign(rng) * config.distractor_strength * burst(config.strength, length);
        if rng.random_bool(config.distractor_rate) {
            phases.push(calm(offset));
            phases.push(Phase::new(length, drift, 0.8));
            phases.push(calm(STRETCH - length - offset));
        } else {
            phases.push(calm(STRETCH));
        }
    }
    phases.push(calm(bars % STRETCH));
}
