//! Reads the `history.csv` of any run and prints the verdict on every task.
//!
//! ```text
//! cargo run --release --example 3_read_history -- runs/uncertainty-1/history.csv
//! cargo run --release --example 3_read_history
//! ```
//!
//! Without a file, a small run in a temporary folder makes the history. No tensor is needed: a history is plain
//! records, and a file of another program in the same form is read as well.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use equipoise::Result;
use equipoise::diagnosis::diagnose;
use equipoise::expansion::run::{self, ExpansionConfig, RunOptions};
use equipoise::history::{History, Split, quantity};

fn main() -> ExitCode {
    let file = std::env::args_os().nth(1).map(PathBuf::from);
    match history(file).map(|history| tell(&history)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn history(file: Option<PathBuf>) -> Result<History> {
    match file {
        Some(file) => History::read_csv(file),
        None => {
            let folder = tempfile::tempdir()
                .map_err(equipoise::Error::io("create", "a temporary folder"))?;
            train(folder.path())?;
            History::read_csv(folder.path().join("history.csv"))
        }
    }
}

/// Trains a small network on little data for few epochs, in seconds; not every task will have learned.
fn train(folder: &Path) -> Result<()> {
    let mut config = ExpansionConfig {
        weighting: ExpansionConfig::preset("running-mean")?,
        ..ExpansionConfig::default()
    };
    config.data.max_samples = Some(800);
    config.model.hidden = 24;
    config.train.epochs = 10;
    let config = config.resolved();
    let data = run::Data::load(&config)?;
    run::train(&config, data, folder, RunOptions::default()).map(|_| ())
}

fn tell(history: &History) {
    println!(
        "{} records of {} epochs\n",
        history.records().len(),
        history.last_epoch()
    );
    for task in history.tasks() {
        // Every quantity of every task can be read by name. Epoch 0 holds the quantities known before training.
        let constant = history.get(0, Split::Valid, task, quantity::CONSTANT_LOSS);
        let constant = shown(constant);
        println!("{task}: the best constant predictor reaches {constant}");
        let weights = history.series(Split::Train, task, quantity::WEIGHT);
        for (epoch, loss) in history.series(Split::Valid, task, quantity::LOSS) {
            let weight = weights.iter().find(|(e, _)| *e == epoch);
            let weight = shown(weight.map(|(_, weight)| *weight));
            println!("  epoch {epoch:>3}  validation loss {loss:>9.5}  weight {weight}");
        }
    }
    println!();
    for task in diagnose(history) {
        println!("{}", task.sentence);
    }
    if let Some(test) = run::QuickTest::of(history, "countdown", "pointers") {
        println!("{}", test.sentence);
    }
}

/// Returns a value as text, or `-` for a value that the history of another program may lack.
fn shown(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.4}"))
}
