//! The files of exporters that are kept beside the project, where they are there: each is read right, or refused with
//! advice that works for the file.

use std::fs;
use std::path::PathBuf;

use equipoise::expansion::bars::{CsvLines, CsvOptions, read_csv};

/// Returns the folder of the files, or `None` with a printed line.
fn folder() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../shared/cases");
    if !folder.is_dir() {
        println!("skipped: there is no ../shared/cases");
        return None;
    }
    Some(folder)
}

#[test]
fn every_file_is_read_or_refused_with_advice() {
    let Some(folder) = folder() else { return };
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "csv"))
        .collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match read_csv(&path, &CsvOptions::default()) {
            Ok((bars, report)) => {
                let stamps = bars.timestamps().unwrap_or_default();
                let time = |second: i64| jiff::Timestamp::from_second(second).unwrap();
                println!(
                    "{name}: {} bars, {} to {}",
                    bars.len(),
                    time(stamps[0]),
                    time(stamps[stamps.len() - 1])
                );
                for note in report.notes {
                    println!("    {note}");
                }
                assert!(stamps.is_sorted_by(|a, b| a < b), "{name}");
            }
            Err(error) => println!("{name}: {error}"),
        }
        let mut lines = CsvLines::new("stream", &CsvOptions::default());
        let mut count = 0;
        let mut fault = None;
        for line in fs::read(&path)
            .unwrap()
            .split_inclusive(|byte| *byte == b'\n')
        {
            match lines.take(line) {
                Ok(bar) => count += usize::from(bar.is_some()),
                Err(error) => {
                    fault.get_or_insert(error);
                }
            }
        }
        println!("    stream: {count} bars; {:?}", fault);
        for note in lines.take_notes() {
            println!("        {note}");
        }
    }
}
