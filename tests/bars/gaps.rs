//! No window reaches over an outage; weekends, nights and holidays are not outages, and `max_gap` overrules what is
//! usual.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use equipoise::Error;
use equipoise::expansion::bars::{Bar, Bars, CsvOptions, Gaps, read_csv};
use equipoise::expansion::duration;
use equipoise::expansion::label::{LabelConfig, RuleLabeller};
use equipoise::expansion::run;
use equipoise::expansion::run::{DataConfig, ExpansionConfig};
use equipoise::expansion::window::{WindowGrid, Windows};
use proptest::prelude::*;

/// No outages.
const NONE: [i64; 0] = [];
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// 2024-01-01T00:00:00Z, a Monday.
const MONDAY: i64 = 1_704_067_200;

fn hours(count: u64) -> Duration {
    Duration::from_secs(3600 * count)
}

fn labeller() -> RuleLabeller {
    RuleLabeller::new(LabelConfig::default()).unwrap()
}

/// Bars that move, at these stamps.
fn bars(stamps: Vec<i64>) -> Bars {
    let price = |index: usize| 100.0 + (index as f64 * 0.7).sin() + (index / 40 % 2) as f64;
    let bars = (0..stamps.len()).map(|index| {
        let (open, close) = (price(index), price(index + 1));
        Bar {
            open,
            high: open.max(close) + 0.1,
            low: open.min(close) - 0.1,
            close,
        }
    });
    Bars::new(bars.collect(), Some(stamps), "a test").unwrap()
}

/// One bar every `interval` for so many days from a Monday on, where `open` says that the market is open.
fn market(days: i64, interval: i64, open: impl Fn(i64, i64) -> bool) -> Vec<i64> {
    (0..days * DAY / interval)
        .map(|index| index * interval)
        .filter(|second| open(second / DAY, second % DAY))
        .map(|second| MONDAY + second)
        .collect()
}

/// Round the clock.
fn always(days: i64, interval: i64) -> Vec<i64> {
    market(days, interval, |_, _| true)
}

/// Currencies: from Sunday 22:00 to Friday 22:00.
fn currencies(days: i64, interval: i64) -> Vec<i64> {
    market(days, interval, |day, second| match day % 7 {
        4 => second < 22 * HOUR,
        5 => false,
        6 => second >= 22 * HOUR,
        _ => true,
    })
}

/// Shares: six and a half hours on weekdays.
fn shares(days: i64, interval: i64) -> Vec<i64> {
    market(days, interval, |day, second| {
        day % 7 < 5 && (52_200..75_600).contains(&second)
    })
}

/// Futures: as currencies, with an hour's break every day.
fn futures(days: i64, interval: i64) -> Vec<i64> {
    let mut stamps = currencies(days, interval);
    stamps.retain(|stamp| (stamp - MONDAY) % DAY / HOUR != 22);
    stamps
}

fn without(stamps: &[i64], from: i64, until: i64) -> Vec<i64> {
    let outside = |stamp: &i64| !(MONDAY + from..MONDAY + until).contains(stamp);
    stamps.iter().copied().filter(outside).collect()
}

/// The steps over which no window may reach.
fn outages(stamps: &[i64]) -> Vec<i64> {
    let gaps = Gaps::find(&bars(stamps.to_vec()), None);
    gaps.outages()
        .iter()
        .map(|gap| gap.step.as_secs() as i64)
        .collect()
}

#[test]
fn what_recurs_every_week_or_day_is_no_outage() {
    for days in [3, 6, 9, 12, 15, 30, 90] {
        assert_eq!(outages(&always(days, HOUR)), NONE, "{days} days");
        assert_eq!(outages(&always(days, MINUTE)), NONE, "{days} days");
        for interval in [MINUTE, 5 * MINUTE, HOUR] {
            assert_eq!(
                outages(&currencies(days, interval)),
                NONE,
                "currencies {days} {interval}"
            );
            assert_eq!(
                outages(&futures(days, interval)),
                NONE,
                "futures {days} {interval}"
            );
        }
        for interval in [MINUTE, 30 * MINUTE] {
            assert_eq!(
                outages(&shares(days, interval)),
                NONE,
                "shares {days} {interval}"
            );
        }
    }
    let daily = market(200, DAY, |day, _| day % 7 < 5);
    assert_eq!(outages(&daily), NONE);
    assert_eq!(outages(&market(2000, 7 * DAY, |_, _| true)), NONE);
}

#[test]
fn outages_are_found_in_every_kind_of_market() {
    let wednesday = 2 * DAY + 10 * HOUR;
    for days in [6, 13, 20, 60] {
        for (name, stamps) in [
            ("always", always(days, HOUR)),
            ("currencies", currencies(days, HOUR)),
            ("futures", futures(days, HOUR)),
        ] {
            let broken = without(&stamps, wednesday, wednesday + 8 * HOUR);
            assert_eq!(outages(&broken), [9 * HOUR], "{name}, {days} days");
        }
        // Half an hour of minutes in the middle of a session.
        let start = 2 * DAY + 60_000;
        let broken = without(&shares(days, MINUTE), start, start + 30 * MINUTE);
        assert_eq!(outages(&broken), [31 * MINUTE], "shares, {days} days");
    }
    // A week of silence, a month of it, and more of it than bars.
    for silence in [7, 30, 200] {
        let broken = without(&currencies(300, HOUR), 35 * DAY, (35 + silence) * DAY);
        assert_eq!(outages(&broken).len(), 1, "{silence}");
    }
    let broken = without(&market(200, DAY, |day, _| day % 7 < 5), 70 * DAY, 77 * DAY);
    assert_eq!(outages(&broken), [10 * DAY]);
}

#[test]
fn a_weekend_made_longer_by_a_holiday_is_no_outage_and_two_are() {
    // Monday the 15th is missing, and Friday the 26th.
    let stamps = without(&shares(60, 30 * MINUTE), 14 * DAY, 15 * DAY);
    let stamps = without(&stamps, 25 * DAY, 26 * DAY);
    assert_eq!(outages(&stamps), NONE);
    let stamps = without(&stamps, 28 * DAY, 30 * DAY);
    assert_eq!(outages(&stamps).len(), 1);
    // A Saturday without trade where Saturdays are traded is an outage like any other.
    let stamps = without(&always(60, HOUR), 19 * DAY, 20 * DAY);
    assert_eq!(outages(&stamps), [25 * HOUR]);
}

#[test]
fn up_to_four_missing_bars_pass() {
    for (missing, expected) in [(1, 0), (4, 0), (5, 1)] {
        let stamps = without(&always(20, HOUR), 3 * DAY, 3 * DAY + missing * HOUR);
        assert_eq!(outages(&stamps).len(), expected, "{missing}");
    }
}

#[test]
fn the_interval_is_the_commonest_step() {
    let interval = |stamps: Vec<i64>| Gaps::find(&bars(stamps), None).interval();
    assert_eq!(interval(currencies(30, HOUR)), Some(hours(1)));
    assert_eq!(
        interval(market(60, DAY, |day, _| day % 7 < 5)),
        Some(hours(24))
    );
    assert_eq!(interval(vec![0]), None);
    // Bars of so many trades have no step; they are judged by the hour.
    let mut at = MONDAY;
    let stamps: Vec<i64> = (0..3000)
        .map(|index| {
            at += 20 + index * 7919 % 180;
            at
        })
        .collect();
    assert_eq!(interval(stamps.clone()), Some(hours(1)));
    assert_eq!(outages(&stamps), NONE);
    let later = stamps
        .iter()
        .map(|stamp| stamp + if *stamp > stamps[1500] { DAY } else { 0 });
    assert_eq!(outages(&later.collect::<Vec<_>>()).len(), 1);
}

#[test]
fn a_series_without_stamps_has_no_gaps() {
    let some = bars(vec![0, 60, 1_000_000]);
    let plain = Bars::new(some.bars().to_vec(), None, "a test").unwrap();
    for longest in [None, Some(Duration::from_secs(1))] {
        let gaps = Gaps::find(&plain, longest);
        assert_eq!((gaps.outages(), gaps.interval()), (&[][..], None));
        assert!(!gaps.cut(0, 3));
    }
}

#[test]
fn a_given_limit_overrules_what_is_usual() {
    let stamps = without(&currencies(30, HOUR), 2 * DAY, 2 * DAY + 8 * HOUR);
    let bars = bars(stamps);
    let count = |limit| Gaps::find(&bars, limit).outages().len();
    assert_eq!(count(None), 1);
    // Four weekends of 49 hours and the outage of nine.
    assert_eq!(count(Some(hours(1))), 5);
    assert_eq!(count(Some(hours(9))), 4);
    assert_eq!(count(Some(hours(48))), 4);
    assert_eq!(count(Some(hours(49))), 0);
}

#[test]
fn windows_are_left_out_and_counted() {
    let bars = bars(without(&always(20, HOUR), 10 * DAY, 11 * DAY));
    let all = Windows::labelled(&bars, 40, 1, None, &labeller()).unwrap();
    // Bar 240 is the first after the outage: windows from 201 to 239 have bars on both sides of it.
    let firsts: BTreeSet<usize> = all.iter().map(|window| window.first).collect();
    let expected: BTreeSet<usize> = (0..=416)
        .filter(|first| !(201..240).contains(first))
        .collect();
    assert_eq!(firsts, expected);
    assert_eq!(all.left_out().over_gaps, 39);
    let grid = WindowGrid {
        max_gap: Some(hours(25)),
        ..WindowGrid::new(40, 1)
    };
    let whole = Windows::by_rule(&bars, &grid, &labeller()).unwrap();
    assert_eq!((whole.len(), whole.left_out().over_gaps), (417, 0));
    // Thinning does not lose windows to the gap.
    let grid = WindowGrid {
        at_most: Some(100),
        ..WindowGrid::new(40, 1)
    };
    assert_eq!(
        Windows::by_rule(&bars, &grid, &labeller()).unwrap().len(),
        100
    );
    // Nothing but gaps.
    let grid = WindowGrid {
        max_gap: Some(Duration::from_secs(60)),
        ..WindowGrid::new(40, 1)
    };
    match Windows::by_rule(&bars, &grid, &labeller()).unwrap_err() {
        Error::File { reason, .. } => assert_eq!(
            reason,
            "each of the 417 windows of 40 bars reaches over one of 455 gaps; allow longer ones with `data.max_gap`"
        ),
        other => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against the definition: every pair of neighbours in every window.
    #[test]
    fn no_window_reaches_over_a_longer_step(
        steps in prop::collection::vec(prop::sample::select(vec![60i64, 60, 60, 60, 120, 600, 90_000]), 30..200),
        length in 14usize..30,
        stride in 1usize..7,
        limit in prop::sample::select(vec![60u64, 120, 600, 100_000]),
    ) {
        let stamps: Vec<i64> = steps.iter().scan(0, |at, step| { *at += step; Some(*at) }).collect();
        prop_assume!(stamps.len() >= length);
        let grid = WindowGrid { max_gap: Some(Duration::from_secs(limit)), ..WindowGrid::new(length, stride) };
        let fits = |first: usize| stamps[first..first + length].windows(2).all(|p| p[1] - p[0] <= limit as i64);
        let all: Vec<usize> = (0..=stamps.len() - length).step_by(stride).collect();
        let expected: Vec<usize> = all.iter().copied().filter(|first| fits(*first)).collect();
        match Windows::by_rule(&bars(stamps.clone()), &grid, &labeller()) {
            Ok(windows) => {
                let firsts: Vec<usize> = windows.iter().map(|window| window.first).collect();
                prop_assert_eq!(&firsts, &expected);
                prop_assert_eq!(windows.left_out().over_gaps, all.len() - expected.len());
            }
            Err(_) => prop_assert!(expected.is_empty()),
        }
    }

    #[test]
    fn any_stamps_are_taken(mut stamps in prop::collection::vec(any::<i32>().prop_map(i64::from), 0..60), scale in 1i64..1_000_000) {
        stamps.iter_mut().for_each(|stamp| *stamp *= scale);
        stamps.sort_unstable();
        let gaps = Gaps::find(&bars(stamps.clone()), None);
        prop_assert!(gaps.outages().iter().all(|gap| gap.before + 1 < stamps.len()));
    }
}

#[test]
fn lengths_of_time_as_people_write_them() {
    for (text, expected, shown) in [
        ("3h", 3 * HOUR, "3h"),
        ("2d", 2 * DAY, "2d"),
        ("1w 12h", 7 * DAY + 12 * HOUR, "7d 12h"),
        ("90 minutes", 90 * MINUTE, "1h 30m"),
        ("PT36H", 36 * HOUR, "1d 12h"),
    ] {
        let read = duration::parse("max_gap", text).unwrap();
        assert_eq!(read, Duration::from_secs(expected as u64));
        assert_eq!(duration::show(read), shown);
        assert_eq!(duration::parse("max_gap", shown).unwrap(), read);
    }
    for text in ["", "3", "-3h", "0s", "two days", "1 month"] {
        assert_eq!(
            duration::parse("max_gap", text).unwrap_err().to_string(),
            format!(
                "`max_gap` is `{text}`, but it must be a length of time above zero such as `90m`, `3h`, `2d` or `1w 12h`"
            )
        );
    }
    let config: DataConfig = serde_json::from_str(r#"{"max_gap": "2d"}"#).unwrap();
    assert_eq!(config.max_gap, Some(hours(48)));
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<DataConfig>(&json).unwrap(), config);
    let error = serde_json::from_str::<DataConfig>(r#"{"max_gap": "long"}"#).unwrap_err();
    assert!(error.to_string().contains("`max_gap` is `long`"), "{error}");
    // What was written before there was such a field is still a config.
    assert_eq!(
        serde_json::from_str::<DataConfig>("{}").unwrap().max_gap,
        None
    );
}

/// The weeks of Christmas and New Year, a week without a feed, and quarters of an hour nobody traded in on a holiday.
#[test]
fn outages_of_real_series() {
    let cases = [
        ("6EH4_1m_2024-01.csv", 2, 17),
        ("BTCPERP_1m_2022-01.csv", 0, 0),
        ("EURUSD_1h_2015-2018.csv", 9, 87),
        ("dirty_Coinbase_BTCUSD_1h.csv", 1, 10),
    ];
    for (name, count, over_gaps) in cases {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../shared/data")
            .join(name);
        if !path.is_file() {
            println!("skipped: {} is not there", path.display());
            continue;
        }
        let (bars, _) = read_csv(&path, &CsvOptions::default()).unwrap();
        let gaps = Gaps::find(&bars, None);
        let windows = Windows::labelled(&bars, 105, 10, None, &labeller()).unwrap();
        let shown: Vec<String> = gaps
            .outages()
            .iter()
            .map(|gap| {
                let at =
                    jiff::Timestamp::from_second(bars.timestamps().unwrap()[gap.before]).unwrap();
                format!("{} after {at}", duration::show(gap.step))
            })
            .collect();
        let found = (gaps.outages().len(), windows.left_out().over_gaps);
        println!("{name}: {} windows, {found:?} {shown:#?}", windows.len());
        assert_eq!(found, (count, over_gaps), "{name}: {shown:#?}");
    }
}

#[test]
fn a_run_says_what_it_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    let series = bars(without(&always(60, HOUR), 10 * DAY, 11 * DAY));
    let rows = series.bars().iter().zip(series.timestamps().unwrap());
    let rows: String = rows
        .map(|(bar, at)| format!("{at},{},{},{},{}\n", bar.open, bar.high, bar.low, bar.close))
        .collect();
    std::fs::write(&path, format!("time,open,high,low,close\n{rows}")).unwrap();
    let config = ExpansionConfig {
        data: DataConfig {
            path: Some(path.into()),
            ..DataConfig::default()
        },
        ..ExpansionConfig::default()
    };
    let notes = run::Data::load(&config.resolved()).unwrap().notes;
    let expected = "left out 10 windows that reach over one of 1 gaps not usual for bars of 1h; the longest is 1d 1h after \
                    2024-01-10T23:00:00Z (`data.max_gap` allows longer ones)";
    assert!(notes.iter().any(|note| note == expected), "{notes:#?}");
}
