//! Compares every strategy, the raw sum and tuned fixed weights over several seeds, with the same data and budget.
//!
//! ```text
//! cargo run --release --example compare_strategies
//! cargo run --release --example compare_strategies -- --data bars.csv --seeds 5 --out runs/bars
//! ```
//!
//! Ctrl-C stops at once, and the same command continues. `--plan`, `--only`, `--shard` and `--collect` divide the runs
//! among processes and machines (docs/comparing.md). `equipoise::expansion::comparison` defines the runs and their
//! results; the program adds the arguments, the processes (one per run, see `pool.rs`) and the output.

mod plan;
mod pool;
mod progress;
mod session;
#[path = "../shared/mod.rs"]
mod shared;

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn::train::Interrupter;
use clap::builder::PossibleValuesParser;
use clap::{CommandFactory, Parser};
use equipoise::comparison::SearchConfig;
use equipoise::expansion::comparison::{Comparison, ComparisonConfig, Job};
use equipoise::expansion::run::ExpansionConfig;
use equipoise::train::Progress;
use equipoise::{Error, Result};

use session::Ending;
use shared::data::DataFlags;
use shared::files::{WANTED_CONFIG, readable};
use shared::signals::{count_interrupts, ignore_interrupts};
use shared::terminal::Terminal;

/// The exit code of a program after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// The outputs of the program.
pub const TERMINAL: Terminal = Terminal::new(false);

const EXAMPLES: &str = "\
Examples:
  compare_strategies                                                 simulated bars, three seeds
  compare_strategies bars.csv --seeds 5 --strategies uncertainty,upgrad,sum,tuned-fixed
  compare_strategies bars.csv --out runs/bars --plan | parallel -j 4";

/// Compares the strategies: every one with the same data, the same seeds and the same number of epochs.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten, next_help_heading = "Data")]
    data: DataFlags,
    /// Runs of each strategy, with the seeds 1, 2, ...
    #[arg(long, value_name = "N", default_value_t = 3, help_heading = "Runs")]
    seeds: u64,
    /// Passes over the training windows [default: that of the config, 20]
    #[arg(long, value_name = "N", help_heading = "Runs")]
    epochs: Option<usize>,
    /// Strategies by name, separated by commas; +rescale behind one from gradients rescales its combined gradient to
    /// the length of the mean gradient [default: seven, sum and tuned-fixed]
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        help_heading = "Runs"
    )]
    strategies: Option<Vec<String>>,
    /// Settings by name that all runs share: default, original or learn; flags take precedence
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(ExpansionConfig::RECIPES), hide_possible_values = true, help_heading = "Runs")]
    recipe: Option<String>,
    /// Settings in JSON that all runs share, as train_expansion writes them; flags take precedence
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "recipe",
        help_heading = "Runs"
    )]
    config: Option<PathBuf>,
    /// Runs side by side [default: one for each core]
    #[arg(long, value_name = "N", help_heading = "Runs")]
    jobs: Option<usize>,
    /// Folder of all runs and results; a comparison in it is continued
    #[arg(
        long,
        value_name = "DIR",
        default_value = "runs/comparison",
        help_heading = "Output"
    )]
    out: PathBuf,
    /// Candidates in the search for the weights of tuned-fixed
    #[arg(long, value_name = "N", default_value_t = 14, help_heading = "Runs")]
    search_runs: usize,
    /// Epochs of each candidate [default: those of the compared runs]
    #[arg(long, value_name = "N", help_heading = "Runs")]
    search_epochs: Option<usize>,
    /// Print the commands of all parts of the comparison, one a line, for a scheduler, and train nothing
    #[arg(long, conflicts_with_all = ["only", "shard", "collect"], help_heading = "Parts")]
    plan: bool,
    /// Train this part alone, as --plan names it
    #[arg(long, value_name = "PART", conflicts_with_all = ["shard", "collect"], help_heading = "Parts")]
    only: Option<String>,
    /// Train part I of N of the comparison alone; other processes may train the others in the same folder
    #[arg(
        long,
        value_name = "I/N",
        conflicts_with = "collect",
        help_heading = "Parts"
    )]
    shard: Option<String>,
    /// Train nothing; make the table of the runs that are finished in --out and in these folders
    #[arg(long, value_name = "DIR", num_args = 0.., help_heading = "Parts")]
    collect: Option<Vec<PathBuf>>,
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
    let config = config(arguments)?;
    if arguments.plan {
        plan::print(&config);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(folders) = &arguments.collect {
        return collect(config, &arguments.out, folders);
    }
    let jobs = match arguments.jobs {
        Some(0) => return Err(Error::setting("--jobs", 0, "at least 1")),
        Some(jobs) => jobs,
        None => std::thread::available_parallelism().map_or(1, |cores| cores.get()),
    };
    let parts = parts(arguments, &config)?;
    let interrupts = count_interrupts(TERMINAL);
    let waiting = TERMINAL.waiting("reading or simulating bars and labelling windows");
    let mut comparison = match parts.clone() {
        Some(parts) => Comparison::open_parts(config, &arguments.out, parts)?,
        None => Comparison::open(config, &arguments.out)?,
    };
    drop(waiting);
    comparison
        .notes()
        .iter()
        .for_each(|note| TERMINAL.note(note));
    match session::train(&mut comparison, jobs, interrupts)? {
        Ending::Interrupted { ended, runs } => {
            TERMINAL.warn(&format!(
                "interrupted; {ended} of {runs} runs are done, and the same command goes on from here"
            ));
            Ok(ExitCode::from(INTERRUPTED))
        }
        Ending::Done(failures) => {
            match parts {
                Some(parts) => TERMINAL.line(&format!(
                    "{} of the comparison in {}; when all parts have ended, --collect makes the table",
                    counted(parts.len(), "part"),
                    arguments.out.display()
                )),
                None => session::report(&comparison, &comparison.results()?, &arguments.out)?,
            }
            Ok(session::failed(&comparison, &failures))
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("trained {count} {what}{plural}")
}

/// Makes the table of the runs that are finished.
fn collect(config: ComparisonConfig, out: &Path, folders: &[PathBuf]) -> Result<ExitCode> {
    let comparison = Comparison::collect(config, out, folders)?;
    let complete = session::complete(&comparison)?;
    session::report(&comparison, &comparison.finished_results()?, out)?;
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Returns the parts that the flags choose, `None` for the whole comparison.
fn parts(arguments: &Arguments, config: &ComparisonConfig) -> Result<Option<Vec<String>>> {
    if let Some(part) = &arguments.only {
        return Ok(Some(vec![part.clone()]));
    }
    let Some(shard) = &arguments.shard else {
        return Ok(None);
    };
    let numbers = shard.split_once('/');
    let numbers = numbers.and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
    let Some((index, count)) = numbers else {
        let expected = "the number of a part and the number of parts, such as 1/4";
        return Err(Error::setting("--shard", shard, expected));
    };
    config.shard(index, count).map(Some)
}

/// Returns the comparison of the config file or recipe and the flags. Flags take precedence.
fn config(arguments: &Arguments) -> Result<ComparisonConfig> {
    let mut config = match (&arguments.config, &arguments.recipe) {
        (Some(file), _) => {
            readable("--config", file, WANTED_CONFIG)?;
            ExpansionConfig::read(file)?
        }
        (None, Some(name)) => ExpansionConfig::recipe(name)?,
        (None, None) => ExpansionConfig::default(),
    };
    if let Some(epochs) = arguments.epochs {
        config.train.epochs = epochs;
    }
    arguments.data.set(&mut config);
    arguments.data.check(&config.data)?;
    let search = SearchConfig {
        runs: arguments.search_runs,
        epochs: arguments.search_epochs.unwrap_or(config.train.epochs),
    };
    let mut comparison = ComparisonConfig::new(config)?
        .with_seeds(arguments.seeds)
        .with_search(search);
    if let Some(names) = &arguments.strategies {
        comparison = comparison.with_strategies(names.clone());
    }
    comparison.validate()?;
    Ok(comparison)
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
