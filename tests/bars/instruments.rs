//! A file with several instruments gives a series for each, and is never taken for one series.

use std::fs;

use equipoise::expansion::bars::{CsvOptions, Instrument, read_csv, read_instruments};

fn written(content: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stocks.csv");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn all(content: &str, options: &CsvOptions) -> Result<Vec<Instrument>, String> {
    let (_folder, path) = written(content);
    let remove = format!("{}, ", path.display());
    let read = read_instruments(&path, options);
    read.map(|(instruments, _)| instruments)
        .map_err(|error| error.to_string().replace(&remove, ""))
}

/// One company below the other, and two contracts in turn.
#[test]
fn every_instrument_is_a_series() {
    let files = [
        "date,open,high,low,close,Name\n2024-01-01,1,1,1,1,A\n2024-01-02,2,2,2,2,A\n2024-01-03,4,4,4,4,A\n\
         2024-01-01,7,7,7,7,B\n2024-01-02,8,8,8,8,B\n",
        "date,symbol,open,high,low,close\n2024-01-01,A,1,1,1,1\n2024-01-01,B,7,7,7,7\n2024-01-02,A,2,2,2,2\n\
         2024-01-02,B,8,8,8,8\n2024-01-03,A,4,4,4,4\n",
    ];
    for file in files {
        let found = all(file, &CsvOptions::default()).unwrap();
        let named: Vec<(&str, Vec<f64>)> = found
            .iter()
            .map(|one| {
                let opens = one.bars.bars().iter().map(|bar| bar.open).collect();
                (one.name.as_str(), opens)
            })
            .collect();
        assert_eq!(
            named,
            [("A", vec![1.0, 2.0, 4.0]), ("B", vec![7.0, 8.0])],
            "{file}"
        );
        assert_eq!(found[1].bars.timestamps().unwrap().len(), 2);
    }
}

#[test]
fn a_file_without_names_is_one_instrument() {
    let file = "date,open,high,low,close\n2024-01-01,1,1,1,1\n2024-01-02,2,2,2,2\n";
    let found = all(file, &CsvOptions::default()).unwrap();
    assert_eq!((found.len(), found[0].name.as_str()), (1, "stocks"));
    let (_folder, path) = written(file);
    let (bars, _) = read_csv(&path, &CsvOptions::default()).unwrap();
    assert_eq!(bars.bars(), found[0].bars.bars());
}
