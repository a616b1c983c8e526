//! Draws the plan of one window: the regimes in order, their lengths and their strengths.
//!
//! ```text
//! wander (with distractors) | before: consolidation or trend | expansion | retracement | wander (with distractors)
//! ```
//!
//! Drifts and noise are in standard deviations of the return of a bar, so a plan does not depend on prices.

use rand::{Rng, RngExt};

use super::config::{LEAD, SimulatorConfig};
use crate::expansion::label::ExpansionType;

/// The length of the longest consolidation or trend before an expansion, in bars.
const BEFORE: usize = 20;
/// The length of a stretch of the random walk in bars. A stretch has at most one distractor.
const STRETCH: usize = 20;

/// A run of bars in one regime.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Phase {
    /// The number of bars.
    pub(super) bars: usize,
    /// The mean return per bar.
    pub(super) drift: f64,
    /// The standard deviation of the returns.
    pub(super) noise: f64,
    /// The fraction of the log distance to the price at the start of the phase that is undone per bar.
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

/// The plan of one window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The regimes. Their bars add up to the window.
    pub(super) phases: Vec<Phase>,
    /// The index of the first bar of the expansion in the window.
    pub(super) start: usize,
    /// The length of the expansion in bars.
    pub(super) length: usize,
    /// The type of the expansion.
    pub(super) kind: ExpansionType,
}

impl Plan {
    /// Draws a plan.
    pub(super) fn draw(config: &SimulatorConfig, rng: &mut impl Rng) -> Self {
        let kind = ExpansionType::OF_RULE[rng.random_range(0..3)];
        let length = rng.random_range(config.min_length..=config.max_length);
        // The range does not depend on the drawn length, so the start reveals nothing about the length.
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

/// Returns the drift per bar of a burst. A burst must rise above noise that grows with the square root of its length.
/// The fourth root is half way between equal slopes, which hide short bursts, and equal significance, which flattens
/// long bursts.
fn burst(strength: f64, length: usize) -> f64 {
    strength / (length as f64).powf(0.25)
}

fn sign(rng: &mut impl Rng) -> f64 {
    if rng.random::<bool>() { 1.0 } else { -1.0 }
}

/// Returns the move before the expansion, which makes the type. `trend` has the sign of the expansion.
fn preparation(kind: ExpansionType, bars: usize, trend: f64) -> Phase {
    let slope = trend / (bars as f64).sqrt();
    match kind {
        ExpansionType::CONTINUATION => Phase::new(bars, slope, 0.8),
        ExpansionType::REVERSAL => Phase::new(bars, -slope, 0.8),
        _ => Phase {
            reversion: 0.35,
            ..Phase::new(bars, 0.0, 0.6)
        },
    }
}

/// Draws the retracement: 15 to 40 % of the move of the expansion, over 4 to 10 bars.
fn retrace(moved: f64, left: usize, rng: &mut impl Rng) -> Phase {
    let bars = rng.random_range(4..=10usize);
    let part = rng.random_range(0.15..0.4);
    Phase::new(bars.min(left), -moved * part / bars as f64, 1.0)
}

/// Appends a random walk with distractors, which are weaker bursts.
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
