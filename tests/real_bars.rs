//! Real price files, where a checkout has them in `../shared/data`; without them each test says so and passes.

use std::path::{Path, PathBuf};

use equipoise::expansion::bars::csv::{CsvOptions, read_csv};
use equipoise::expansion::labels::{LabelConfig, RuleLabeller};

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
            counts[labeller.label(window).unwrap().kind] += 1;
        }
        let windows: usize = counts.iter().sum();
        let shares = counts.map(|count| count as f64 / windows as f64);
        assert!(
            shares.iter().all(|share| (0.24..0.42).contains(share)),
            "{name}: {shares:?}"
        );
    }
}

#[test]
fn a_file_with_a_line_above_its_header_is_refused() {
    let Some(path) = real("dirty_Coinbase_BTCUSD_1h.csv") else {
        return;
    };
    let error = read_csv(&path, &CsvOptions::default()).unwrap_err();
    let expected = format!(
        "{}, line 1: not a header: `Timestamps are UTC timezone,https://www.CryptoDataDownload.com`; \
         line 2 looks like it: delete line 1",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
}
