//! Compares all strategies, the plain sum and fixed weights from a search on two overlaid digits: three tasks that
//! share a small convolutional trunk.
//!
//! ```text
//! cargo run --release --example two_digits -- --seeds 3
//! ```
//!
//! The digits are drawn by the program; `--digits` reads real ones. The rows are measured on test pairs, and the search
//! for fixed weights uses validation pairs. After an interruption the same command continues.

mod data;
mod network;

use std::path::PathBuf;

use burn::optim::AdamConfig;
use burn::tensor::Device;
use clap::Parser;
use equipoise::Result;
use equipoise::comparison::SearchConfig;
use equipoise::comparison::{Compare, MetricColumn, Prepared, TUNED_FIXED};
use equipoise::train::{Better, TrainConfig};
use equipoise::weighting::StrategyConfig;

use data::{InBatches, Sets};
use network::Network;

/// Compares strategies on two overlaid digits.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Images to lay over each other: a header, then lines of a digit, a comma and 64 digits of base 17
    /// [default: drawn ones]
    #[arg(long, value_name = "FILE")]
    digits: Option<PathBuf>,
    /// Strategies by name, separated by commas [default: all that have defaults]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    strategies: Vec<String>,
    /// One more strategy with its settings, as JSON; the text is the name of its row
    #[arg(long, value_name = "JSON")]
    json: Vec<String>,
    /// Runs of each strategy
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: u64,
    /// Passes over the training pairs
    #[arg(long, value_name = "N", default_value_t = 15)]
    epochs: usize,
    /// Candidates in the search for fixed weights; 0 leaves the row out
    #[arg(long, value_name = "N", default_value_t = 14)]
    search_runs: usize,
    /// The part of the 9,000 pairs that is used
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pairs: f64,
    /// Folder of all runs
    #[arg(long, value_name = "DIR", default_value = "runs/two_digits")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let device = Device::flex();
    let images = match &arguments.digits {
        Some(path) => data::read(path)?,
        None => data::drawn(1797),
    };
    let sets = Sets::new(&images, arguments.pairs);
    let config = TrainConfig::default()
        .with_epochs(arguments.epochs)
        .with_keep_checkpoints(2);
    let mut compare = Compare::<Network>::new(config, &arguments.out)
        .with_seeds(arguments.seeds)
        .with_trainer(|trainer| {
            let adam = AdamConfig::new().with_epsilon(1e-8);
            trainer
                .with_optimizer(adam.init())
                .with_metric("left/error", |found| found[0].clone())
                .with_metric("right/error", |found| found[1].clone())
                .with_metric("addition/mean_error", |found| found[2].clone())
        })
        .on_run(|seen| {
            let failure = seen.failure.map(|why| format!(": {why}"));
            eprintln!(
                "{}/{} {} seed {} ({:.0} s){}",
                seen.ended,
                seen.all,
                seen.strategy,
                seen.seed,
                seen.took.as_secs_f64(),
                failure.unwrap_or_default()
            );
        });
    if arguments.search_runs > 0 {
        compare = compare.with_tuned_fixed(SearchConfig {
            runs: arguments.search_runs,
            epochs: arguments.epochs,
        });
    }
    if arguments.strategies.is_empty() {
        compare = compare.with_all_strategies();
    }
    for name in &arguments.strategies {
        compare = compare.with_strategy(name, StrategyConfig::named(name)?);
    }
    for json in &arguments.json {
        compare = compare.with_strategy(json, StrategyConfig::from_json(json)?);
    }
    let prepared = device.clone();
    let prepare = move |seed: u64| {
        // The search has its own pairs, so that nothing was chosen by the pairs of the table.
        let searched = seed == SearchConfig::SEED;
        let measured = if searched { &sets.valid } else { &sets.test };
        let seed = seed.saturating_sub(1);
        Ok(Prepared {
            network: Network::new(seed, &prepared)?,
            train: Box::new(InBatches {
                pairs: sets.train.clone(),
                seed: Some(seed),
            }),
            valid: Box::new(InBatches {
                pairs: measured.clone(),
                seed: None,
            }),
            baselines: Vec::new(),
        })
    };
    let metric = |header: &str, task: &str, quantity: &str| MetricColumn {
        header: header.into(),
        task: task.into(),
        quantity: quantity.into(),
        better: Better::Lower,
    };
    let results = compare.run(prepare, &device)?.with_metrics(vec![
        metric("left error", "left", "error"),
        metric("right error", "right", "error"),
        metric("addition off by", "addition", "mean_error"),
    ]);
    println!("{}", results.table());
    println!("{}", results.differences("sum"));
    println!("{}", results.differences(TUNED_FIXED));
    results.write(&arguments.out)?;
    let page = arguments.out.join("report.html");
    results
        .page("Two overlaid digits", Vec::new())
        .write(&page)?;
    println!("report {}", page.display());
    Ok(())
}
