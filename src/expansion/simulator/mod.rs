//! Simulates a market from a seed: labelled bars in any number for tests, benchmarks, and a first training without
//! data.
//!
//! A series consists of segments of one window each, with a continuous price. Every segment has exactly one main
//! expansion, at a place drawn uniformly, so that its position alone reveals little. The move before the expansion
//! decides its type (see [`ExpansionType`]): a consolidation for a breakout, a trend in its direction for a
//! continuation, a trend against its direction for a reversal. After the expansion a part of its move is retraced.
//! Weaker bursts (distractors) are scattered over the rest, so that size alone does not reveal the expansion.
//!
//! The logarithm of the price follows a random walk with stochastic volatility and a faint pull back to the starting
//! price. The simulation is a market with known answers, not a model of a real market.

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

/// An expansion in a series: its bars and its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expansion {
    /// The index of the first bar in the series.
    pub start: usize,
    /// The index of the last bar in the series; the bar belongs to the expansion.
    pub end: usize,
    /// The type of the expansion.
    pub kind: ExpansionType,
}

/// A simulated series and its labels.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The series. Its length is a multiple of `window`.
    pub bars: Bars,
    /// One expansion per window, in order: expansion `i` lies in the bars `i * window .. (i + 1) * window`.
    pub expansions: Vec<Expansion>,
    /// The number of bars per window.
    pub window: usize,
}

impl Simulation {
    /// Returns the index of the first bar of every window. The windows do not overlap and cover the series.
    pub fn window_starts(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.expansions.len()).map(|index| index * self.window)
    }

    /// Returns the windows with the labels from which they were simulated.
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

/// A generator of [`Simulation`]s from a config and a seed.
///
/// Equal config, seed and number of windows give bitwise equal simulations on one platform.
///
/// # Example
/// ```
/// use equipoise::expansion::simulator::{Simulator, SimulatorConfig};
///
/// let simulation = Simulator::new(SimulatorConfig::default(), 7)?.simulate_windows(10);
/// assert_eq!(simulation.bars.len(), 10 * 105);
/// assert_eq!(simulation.windows().len(), 10);
/// # Ok::<(), equipoise::Error>(())
/// ```
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

    /// Simulates `windows` windows of [`SimulatorConfig::window`] bars each; 0 windows give an empty series.
    ///
    /// Every call starts again from the seed, and a longer simulation begins with the bars of a shorter simulation.
    ///
    /// # Panics
    /// If `windows` times the length of a window is more bars than a vector can hold.
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
