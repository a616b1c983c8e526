//! Compares every strategy, the raw sum and tuned fixed weights over several seeds, with the same data and budget.
//!
//! ```text
//! cargo run --release --example compare_strategies
//! cargo run --release --example compare_strategies -- --data bars.csv --seeds 5 --out runs/bars
//! ```
//!
//! Ctrl-C stops at once, and the same command continues. `equipoise::expansion::comparison` defines the runs and their
//! results; the program adds the arguments, the processes (one per run, see `pool.rs`) and the output.

mod pool;
mod progress;
mod session;
#[path = "../shared/mod.rs"]
mod shared;

use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use burn::train::Interrupter;
use clap::builder::PossibleValuesParser;
use clap::{CommandFactory, Parser};
use equipoise::comparison::search::SearchConfig;
use equipoise::expansion::comparison::{Job, Manifest, strategies};
use equipoise::expansion::run::{ExpansionConfig, RECIPES, recipe};
use equipoise::train::Progress;
use equipoise::{Error, Result};

use session::{Ending, Session};
use shared::data::DataFlags;
use shared::files::{WANTED_CONFIG, readable};
use shared::signals::{count_interrupts, ignore_interrupts};
use shared::terminal::Terminal;

/// The exit code of a program after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// The outputs of the program.
pub const TERMINAL: Terminal = Terminal::new(false);

/// Compares the strategies: every one with the same data, the same seeds and the same number of epochs.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    data: DataFlags,
    /// Runs of each strategy, with the seeds 1, 2, ...
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: u64,
    /// Passes over the training windows [default: that of the config, 20]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Strategies by name, separated by commas; +rescale behind one from gradients rescales its combined gradient to the
    /// length of the mean gradient [default: seven, raw-sum and tuned-fixed]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    strategies: Option<Vec<String>>,
    /// Settings by name that all runs share: default, original or learn; flags take precedence
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(RECIPES), hide_possible_values = true)]
    recipe: Option<String>,
    /// Settings in JSON that all runs share, as train_expansion writes them; flags take precedence
    #[arg(long, value_name = "FILE", conflicts_with = "recipe")]
    config: Option<PathBuf>,
    /// Runs side by side [default: one for each core]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Folder of all runs and results; a comparison in it is continued
    #[arg(long, value_name = "DIR", default_value = "runs/comparison")]
    out: PathBuf,
    /// Candidates in the search for the weights of tuned-fixed
    #[arg(long, value_name = "N", default_value_t = 14)]
    search_runs: usize,
    /// Epochs of each candidate [default: those of the compared runs]
    #[arg(long, value_name = "N")]
    search_epochs: Option<usize>,
    /// Train the one run that is described on standard input; used by the program itself
    #[arg(long, hide = true)]
    one_run: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::flags::know(&Arguments::command());
    let worked = if arguments.one_run {
        one_run()
    } else {
        compare(&arguments)
    };
    worked.unwrap_or_else(|error| {
        TERMINAL.warn(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}

fn compare(arguments: &Arguments) -> Result<ExitCode> {
    let manifest = manifest(arguments)?;
    let names = match &arguments.strategies {
        Some(names) => names.clone(),
        None => strategies::all().map(String::from).collect(),
    };
    strategies::check(&names)?;
    let jobs = match arguments.jobs {
        Some(jobs) => jobs,
        None => std::thread::available_parallelism().map_or(1, |cores| cores.get()),
    };
    for (flag, found) in [("--seeds", arguments.seeds), ("--jobs", jobs as u64)] {
        if found == 0 {
            return Err(Error::setting(flag, found, "at least 1"));
        }
    }
    let interrupts = count_interrupts(TERMINAL);
    let mut session = Session::new(manifest, names, arguments.seeds, &arguments.out)?;
    match session.work(jobs, interrupts)? {
        Ending::Interrupted { ended, runs } => {
            TERMINAL.warn(&format!(
                "interrupted; {ended} of {runs} runs are done, and the same command goes on from here"
            ));
            Ok(ExitCode::from(INTERRUPTED))
        }
        Ending::Done(results) => {
            session.report(&results)?;
            Ok(session.exit_code())
        }
    }
}

/// Returns the manifest from the config file or recipe and the flags. Flags take precedence.
fn manifest(arguments: &Arguments) -> Result<Manifest> {
    let mut config = match (&arguments.config, &arguments.recipe) {
        (Some(file), _) => {
            readable("--config", file, WANTED_CONFIG)?;
            ExpansionConfig::read(file)?
        }
        (None, Some(name)) => recipe(name)?,
        (None, None) => ExpansionConfig::default(),
    };
    if let Some(epochs) = arguments.epochs {
        config.train.epochs = epochs;
    }
    arguments.data.set(&mut config);
    arguments.data.check(&config.data)?;
    let config = strategies::base(config)?;
    config.validate()?;
    let search = SearchConfig {
        runs: arguments.search_runs,
        epochs: arguments.search_epochs.unwrap_or(config.train.epochs),
    };
    search.validate()?;
    Manifest::new(config, search)
}

/// Trains the run in the first line of standard input, as a child process. Stops when the input ends: when the parent
/// closes it, and also when the parent is killed.
fn one_run() -> Result<ExitCode> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(Error::io("read", "standard input"))?;
    let job: Job = serde_json::from_str(&line)
        .map_err(|error| Error::setting("--one-run", error, "a run as JSON on standard input"))?;
    let interrupter = Interrupter::new();
    let stop = interrupter.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        stop.stop(Some("interrupted; the unfinished epoch is not kept"));
    });
    ignore_interrupts();
    if job.work(Progress::Lines, interrupter)? {
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::from(INTERRUPTED))
    }
}
