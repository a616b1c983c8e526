//! The simulator: valid bars, one expansion per window at any place, balanced types, the same bits for a seed.

use equipoise::expansion::simulator::{Simulation, Simulator, SimulatorConfig};
use proptest::prelude::*;

fn simulate(seed: u64, windows: usize) -> Simulation {
    let simulator = Simulator::new(SimulatorConfig::default(), seed).unwrap();
    simulator.simulate_windows(windows)
}

fn bits(simulation: &Simulation) -> Vec<[u64; 4]> {
    let bars = simulation.bars.bars().iter();
    bars.map(|bar| [bar.open, bar.high, bar.low, bar.close].map(f64::to_bits))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let (first, second) = (simulate(7, 20), simulate(7, 20));
    assert_eq!(bits(&first), bits(&second));
    assert_eq!(first.expansions, second.expansions);
    assert_ne!(bits(&first), bits(&simulate(8, 20)));
    assert_eq!(bits(&first)[..105 * 5], bits(&simulate(7, 5)));
}

#[test]
fn the_price_is_continuous() {
    let simulation = simulate(3, 10);
    for pair in simulation.bars.bars().windows(2) {
        assert_eq!(pair[0].close.to_bits(), pair[1].open.to_bits());
    }
}

#[test]
fn no_windows_give_an_empty_series() {
    let simulation = simulate(1, 0);
    assert!(simulation.bars.is_empty());
    assert!(simulation.expansions.is_empty());
}

#[test]
fn types_are_balanced() {
    let mut counts = [0usize; 3];
    for expansion in simulate(5, 3000).expansions {
        counts[expansion.kind.index()] += 1;
    }
    assert!(
        counts.iter().all(|count| (900..1100).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn starts_are_spread_evenly_over_the_window() {
    let simulation = simulate(6, 4000);
    let mut fifths = [0usize; 5];
    for (first, expansion) in simulation.window_starts().zip(&simulation.expansions) {
        fifths[(expansion.start - first - 10) / 16] += 1;
    }
    assert!(
        fifths.iter().all(|count| (680..920).contains(count)),
        "{fifths:?}"
    );
}

#[test]
fn the_price_keeps_its_order_of_magnitude() {
    let simulation = simulate(2, 5000);
    let closes = simulation.bars.bars().iter().map(|bar| bar.close);
    let (low, high) = closes.fold((f64::MAX, 0.0f64), |(low, high), close| {
        (low.min(close), high.max(close))
    });
    assert!(low > 5.0 && high < 2000.0, "{low} to {high}");
}

#[test]
fn expansions_move_more_than_their_surroundings() {
    let simulation = simulate(9, 1000);
    let bars = simulation.bars.bars();
    let body = |range: std::ops::Range<usize>| {
        let length = range.len() as f64;
        range
            .map(|i| (bars[i].close / bars[i].open).ln().abs())
            .sum::<f64>()
            / length
    };
    let (mut inside, mut outside) = (0.0, 0.0);
    for (first, expansion) in simulation.window_starts().zip(&simulation.expansions) {
        inside += body(expansion.start..expansion.end + 1);
        outside += body(first..expansion.start);
    }
    assert!(inside > 2.0 * outside, "{inside} against {outside}");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let default = SimulatorConfig::default;
    let cases = [
        (
            SimulatorConfig {
                min_length: 0,
                ..default()
            },
            "`min_length` is 0, but it must be at least 1",
        ),
        (
            SimulatorConfig {
                min_length: 9,
                max_length: 8,
                ..default()
            },
            "`max_length` is 8, but it must be at least `min_length`, which is 9",
        ),
        (
            SimulatorConfig {
                window: 25,
                ..default()
            },
            "`window` is 25, but it must be from 26 (`max_length` + 11) to 10000",
        ),
        (
            SimulatorConfig {
                price: 0.0,
                ..default()
            },
            "`price` is 0, but it must be from 1e-6 to 1e9",
        ),
        (
            SimulatorConfig {
                volatility: f64::NAN,
                ..default()
            },
            "`volatility` is NaN, but it must be above 0, up to 0.02",
        ),
        (
            SimulatorConfig {
                volatility_spread: -1.0,
                ..default()
            },
            "`volatility_spread` is -1, but it must be from 0 to 1",
        ),
        (
            SimulatorConfig {
                strength: 21.0,
                ..default()
            },
            "`strength` is 21, but it must be from 0 to 20",
        ),
        (
            SimulatorConfig {
                trend: f64::INFINITY,
                ..default()
            },
            "`trend` is inf, but it must be from 0 to 10",
        ),
        (
            SimulatorConfig {
                distractor_strength: 1.0,
                ..default()
            },
            "`distractor_strength` is 1, but it must be at least 0, below 1",
        ),
        (
            SimulatorConfig {
                distractor_rate: 1.5,
                ..default()
            },
            "`distractor_rate` is 1.5, but it must be from 0 to 1",
        ),
        (
            SimulatorConfig {
                wick: -0.1,
                ..default()
            },
            "`wick` is -0.1, but it must be from 0 to 5",
        ),
    ];
    for (config, message) in cases {
        let error = Simulator::new(config, 0).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let huge = SimulatorConfig {
        max_length: usize::MAX,
        ..default()
    };
    assert!(huge.validate().is_err());
}

#[test]
fn configs_round_trip_and_unknown_fields_are_refused() {
    let config: SimulatorConfig = serde_json::from_str(r#"{"strength": 6.0}"#).unwrap();
    assert_eq!(
        config,
        SimulatorConfig {
            strength: 6.0,
            ..SimulatorConfig::default()
        }
    );
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(
        serde_json::from_str::<SimulatorConfig>(&json).unwrap(),
        config
    );
    let error = serde_json::from_str::<SimulatorConfig>(r#"{"strenght": 6.0}"#).unwrap_err();
    assert!(error.to_string().contains("`strenght`"), "{error}");
}

/// Any settings within their ranges, the extremes included.
fn any_config() -> impl Strategy<Value = SimulatorConfig> {
    let lengths = (1usize..20, 0usize..20, 0usize..100);
    let scales = (1e-6..=1e9f64, 1e-9..=0.02f64, 0.0..=1.0f64, 0.0..=5.0f64);
    let signals = (0.0..=20.0f64, 0.0..=10.0f64, 0.0..1.0f64, 0.0..=1.0f64);
    (lengths, scales, signals).prop_map(|((min_length, more, room), scales, signals)| {
        let max_length = min_length + more;
        SimulatorConfig {
            window: max_length + 11 + room,
            min_length,
            max_length,
            price: scales.0,
            volatility: scales.1,
            volatility_spread: scales.2,
            wick: scales.3,
            strength: signals.0,
            trend: signals.1,
            distractor_strength: signals.2,
            distractor_rate: signals.3,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn bars_are_valid_and_expansions_lie_in_their_windows(seed: u64, config in any_config()) {
        let simulation = Simulator::new(config.clone(), seed).unwrap().simulate_windows(20);
        prop_assert_eq!(simulation.bars.len(), 20 * config.window);
        for bar in simulation.bars.bars() {
            prop_assert_eq!(bar.check(), Ok(()));
        }
        prop_assert_eq!(simulation.expansions.len(), 20);
        for (first, expansion) in simulation.window_starts().zip(&simulation.expansions) {
            let length = expansion.end + 1 - expansion.start;
            prop_assert!((config.min_length..=config.max_length).contains(&length));
            prop_assert!(expansion.start >= first + 10);
            prop_assert!(expansion.end < first + config.window);
        }
    }
}
