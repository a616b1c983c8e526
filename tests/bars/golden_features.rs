//! The features agree with values that another program computed, column by column.
//!
//! `fixtures/features_synthetic` has made-up bars and is always checked. A second set, with real
//! market data that may not travel with the crate, is checked where the folder `shared` lies beside
//! the crate (or where `EQUIPOISE_SHARED` says). Each set is a JSON file that names windows of CSV
//! files, and a safetensors file with one `[rows, 13]` table per window.

use std::path::{Path, PathBuf};

use equipoise::expansion::bars::Bar;
use equipoise::expansion::feature::{FEATURE_NAMES, FEATURES, window_features};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

const TOLERANCE: f32 = 1e-5;

#[derive(Deserialize)]
struct Expected {
    feature_names: Vec<String>,
    windows: Vec<Window>,
}

#[derive(Deserialize)]
struct Window {
    name: String,
    file: PathBuf,
    first_row: usize,
    rows: usize,
}

#[derive(Deserialize)]
struct Row {
    open: f64,
    high: f64,
    low: f64,
    close: f64,
}

fn read_bars(folder: &Path, window: &Window) -> Vec<Bar> {
    let mut reader = csv::Reader::from_path(folder.join(&window.file)).unwrap();
    let rows = reader
        .deserialize::<Row>()
        .skip(window.first_row)
        .take(window.rows);
    rows.map(|row| {
        let Row {
            open,
            high,
            low,
            close,
        } = row.unwrap();
        Bar {
            open,
            high,
            low,
            close,
        }
    })
    .collect()
}

fn read_table(tables: &SafeTensors<'_>, window: &Window) -> Vec<f32> {
    let table = tables.tensor(&window.name).unwrap();
    assert_eq!(
        (table.dtype(), table.shape()),
        (Dtype::F32, &[window.rows, FEATURES][..])
    );
    let values = table.data().chunks_exact(4);
    values
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

/// The largest error of one window; a failure names the place.
fn compare(window: &Window, bars: &[Bar], expected: &[f32]) -> f32 {
    let mut found = Vec::new();
    window_features(bars, true, &mut found);
    assert_eq!(found.len(), expected.len(), "window {}", window.name);
    let mut worst = 0.0_f32;
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (t, feature) = (i / FEATURES, FEATURE_NAMES[i % FEATURES]);
        let error = (found - expected).abs();
        assert!(
            error <= TOLERANCE,
            "window {}, bar {t}, {feature}: {found}, expected {expected}",
            window.name
        );
        worst = worst.max(error);
    }
    worst
}

/// Checks one set: `stem.json` and `stem.safetensors` against the bars in `data`.
fn check(stem: &Path, data: &Path) {
    let json = std::fs::read_to_string(stem.with_extension("json")).unwrap();
    let expected: Expected = serde_json::from_str(&json).unwrap();
    assert_eq!(expected.feature_names, FEATURE_NAMES);
    assert!(!expected.windows.is_empty());
    let bytes = std::fs::read(stem.with_extension("safetensors")).unwrap();
    let tables = SafeTensors::deserialize(&bytes).unwrap();
    let mut worst = 0.0_f32;
    for window in &expected.windows {
        let bars = read_bars(data, window);
        worst = worst.max(compare(window, &bars, &read_table(&tables, window)));
    }
    println!(
        "{} windows, largest error {worst:e}",
        expected.windows.len()
    );
}

#[test]
fn synthetic_bars() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/features_synthetic");
    check(&folder.join("expected"), &folder);
}

#[test]
fn real_bars() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("EQUIPOISE_SHARED").map_or_else(beside, PathBuf::from);
    let (stem, data) = (
        shared.join("fixtures/features/relativity"),
        shared.join("data"),
    );
    if !stem.with_extension("json").exists() || !data.is_dir() {
        println!(
            "skipped: no real bars and expected features under {}",
            shared.display()
        );
        return;
    }
    check(&stem, &data);
}
