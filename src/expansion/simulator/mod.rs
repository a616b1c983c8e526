//! A seeded market simulator: endless labelled bars for tests, benchmarks, and a first training without data.
//!
//! A series is made of segments of one window each, laid end to end with a continuous price. Every segment has
//! exactly one main expansion, at a place drawn uniformly, so that its position alone says little. The move
//! before the expansion decides its type (see [`ExpansionType`]): a consolidation for a breakout, a trend with it
//! for a continuation, a trend against it for a reversal. Weaker bursts are scattered over the rest, so that
//! size alone does not say all.
//!
//! Prices follow a random walk in the logarithm with stochastic volatility and a faint pull back to the
//! starting price. This is a market with known answers, not a model of any real one.

mod config;
mod market;
mod plan;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::expansion::bars::{Bar, Bars};
use crate::expansion::label::{ExpansionType, WindowLabel};
use crate::expansion::window::{Window, Windows};
pub use config::SimulatorConfig;
use market::Market;
use plan::Plan;

/// An expansion in a series: which bars, and of which type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expansion {
    /// The index of the first bar in the series.
    pub start: usize,
    /// The index of the last bar in the series; it belongs to the expansion.
    pub end: usize,
    /// The type.
    pub kind: ExpansionType,
}

/// A simulated series and the answers to it.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The series; the length is a multiple of `window`.
    pub bars: Bars,
    /// One expansion per window, in order: number `i` lies in the bars from `i * window` up to `(i + 1) * window`.
    pub expansions: Vec<Expansion>,
    /// Bars per window.
    pub window: usize,
}

impl Simulation {
    /// Returns the index of the first bar of every window. The windows do not overlap and cover the series.
    pub fn window_starts(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.expansions.len()).map(|index| index * self.window)
    }

    /// Returns the windows with the labels they were built from.
    pub fn windows(&self) -> Windows {
        let window = |(first, expansion): (usize, &Expansion)| Window {
            first,
            label: WindowLabel {
                start: expansion.start - first,
                end: expansion.end - first,
                kind: expansion.kind,
            },
            mirrored: false,
        };
        let windows = self.window_starts().zip(&self.expansions).map(window);
        Windows::of_series(&self.bars, self.window, windows.collect())
    }
}

/// Makes [`Simulation`]s from a config and a seed.
///
/// The same config, seed and number of windows give the same bits on the same platform, whenever and however often.
#[derive(Debug, Clone)]
pub struct Simulator {
    config: SimulatorConfig,
    seed: u64,
}

impl Simulator {
    /// Creates a simulator.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::error::Error::Setting) as from [`SimulatorConfig::validate`].
    pub fn new(config: SimulatorConfig, seed: u64) -> Result<Self> {
        config.validate()?;
        Ok(Self { config, seed })
    }

    /// Simulates `windows` windows of [`SimulatorConfig::window`] bars each; none gives an empty series.
    ///
    /// Every call starts anew from the seed, and a longer simulation begins with the bars of a shorter one.
    ///
    /// # Panics
    /// When `windows` times the window's length is more bars than a vector can hold.
    pub fn simulate_windows(&self, windows: usize) -> Simulation {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut market = Market::new(&self.config);
        let mut bars: Vec<Bar> = Vec::with_capacity(windows.saturating_mul(self.config.window));
        let mut expansions = Vec::with_capacity(windows);
        for _ in 0..windows {
            let first = bars.len();
            let plan = Plan::draw(&self.config, &mut rng);
            for phase in &plan.phases {
                market.live_through(phase, &mut rng, &mut bars);
            }
            expansions.push(Expansion {
                start: first + plan.start,
                end: first + plan.start + plan.length - 1,
                kind: plan.kind,
            });
        }
        Simulation {
            bars: Bars::from_checked(bars, None, "simulator".to_owned()),
            expansions,
            window: self.config.window,
        }
    }
}
