//! Real price files, where a checkout has them in `../shared/data`; without them each test says so and passes.

use std::path::{Path, PathBuf};

use equipoise::expansion::bars::{CsvOptions, read_csv};
use equipoise::expansion::label::{LabelConfig, RuleLabeller};

fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

#[test]
fn types_are_roughly_balanced() {
    let files = [
        ("6EH4_1m_2024-01.csv", 29_996),
        ("BTCPERP_1m_2022-01.csv", 44_640),
        ("EURUSD_1h_2015-2018.csv", 24_633),
    ];
    let labeller = RuleLabeller::new(LabelConfig::default()).unwrap();
    for (name, rows) in files {
        let Some(path) = real(name) else { continue };
        let (bars, report) = read_csv(&path, &CsvOptions::default()).unwrap();
        assert_eq!((bars.len(), report.dropped), (rows, 0));
        let mut counts = [0usize; 3];
        for window in bars.bars().windows(105).step_by(20) {
            counts[labeller.label(window).unwrap().kind.index()] += 1;
        }
        let windows: usize = counts.iter().sum();
        let shares = counts.map(|count| count as f64 / windows as f64);
        assert!(
            shares.iter().all(|share| (0.24..0.42).contains(share)),
            "{name}: {shares:?}"
        );
    }
}

/// A line above the header, newest first, hours with AM and PM, and five bars that come twice: once more under a stamp
/// five hours off, so that one hour each in the night of the 11th to the 12th of November 2017 says nothing new.
#[test]
fn a_file_as_an_exchange_gives_it_away_is_read() {
    let Some(path) = real("dirty_Coinbase_BTCUSD_1h.csv") else {
        return;
    };
    let (bars, report) = read_csv(&path, &CsvOptions::default()).unwrap();
    assert_eq!((report.rows, report.copies, report.dropped), (20_111, 5, 0));
    assert_eq!(bars.len(), 20_106);
    let stamps = bars.timestamps().unwrap();
    // 2017-07-01 11:00 and 2019-10-17 09:00 UTC.
    assert_eq!((stamps[0], stamps[20_105]), (1_498_906_800, 1_571_302_800));
    assert_eq!(bars.bars()[0].close, 2509.17);
    assert_eq!(bars.bars()[20_105].close, 8035.88);
    let notes = [
        "passed over 1 line above the header, which is line 2",
        "the file runs from newest to oldest and was turned round",
        "left out 5 rows that repeat another; the first, line 16901: it repeats the bar of 2017-11-12T03:00:00Z under \
         the time stamp 2017-11-12T08:00:00Z, out of order",
    ];
    assert_eq!(report.notes, notes);
}
