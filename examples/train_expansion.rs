//! The main job: bars in, a trained expansion model and a verdict on every task out.
//!
//! ```text
//! cargo run --release --example train_expansion
//! cargo run --release --example train_expansion -- --data bars.csv --strategy manual --weights 0.1,0.6,0.1,0.2
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn::train::Interrupter;
use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};
use equipoise::Error;
use equipoise::diagnosis::{TaskDiagnosis, diagnose, quick_test};
use equipoise::expansion::config::{Backend, ExpansionConfig, STRATEGIES, preset};
use equipoise::expansion::figures;
use equipoise::expansion::run::{self, RunOptions};
use equipoise::history::{ALL_TASKS, History, Split};
use equipoise::report::Report;
use equipoise::train::checkpoint;
use equipoise::weighting::WeightingConfig;

/// Trains the four-headed expansion model on price bars and says what became of every task.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// CSV file of bars with a header (open, high, low, close; a time stamp may be there); the simulator if left out
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Drop and count bad rows of the file instead of refusing it
    #[arg(long)]
    skip_bad_rows: bool,
    /// running-mean, uncertainty, gradient-scale, scalar-countdown, batch-statistics or manual [default: uncertainty]
    #[arg(long, value_parser = PossibleValuesParser::new(STRATEGIES), hide_possible_values = true)]
    strategy: Option<String>,
    /// Fixed weights of type,pointers,binary,countdown, for strategies that have them
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "W,W,W,W",
        allow_negative_numbers = true
    )]
    weights: Option<Vec<f64>>,
    /// flex or ndarray (CPU), wgpu (GPU); all but flex need their --features at build [default: flex]
    #[arg(long, value_enum, hide_possible_values = true)]
    backend: Option<BackendName>,
    /// Passes over the training windows [default: 20]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Windows per step [default: 32]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Learning rate [default: 3e-3]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    lr: Option<f64>,
    /// Windows at most, spread over the file; how many the simulator makes [default: all of a file, 2400 simulated]
    #[arg(long, value_name = "N")]
    max_samples: Option<usize>,
    /// Fixes everything that is drawn at random [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Folder for history, checkpoints and config [default: a new one under runs/]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Continue the run in --out from its newest checkpoint
    #[arg(long)]
    resume: bool,
    /// Start from the network of a checkpoint (model-N.bpk) of any strategy, or of PyTorch (.pt, .safetensors; built with
    /// --features pytorch)
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Leave the BiLSTM as --init has it, and train the heads alone
    #[arg(long)]
    freeze_backbone: bool,
    /// Settings in JSON; flags go before them. Every run writes its own to config.json
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The backends by name.
#[derive(Clone, Copy, ValueEnum)]
enum BackendName {
    Flex,
    Ndarray,
    Wgpu,
}

fn main() -> ExitCode {
    match work(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work(arguments: Arguments) -> Result<(), Error> {
    let (config, notes) = run::follow_init(settings(&arguments)?, arguments.init.as_deref())?;
    notes.iter().for_each(|note| eprintln!("{note}"));
    config.validate()?;
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None if arguments.resume => {
            return Err(Error::setting("--out", "left out", "given with --resume"));
        }
        None => new_folder(config.weighting.name()),
    };
    if !arguments.resume {
        checkpoint::check_free(&out)?;
    }
    let data = run::load(&config)?;
    for note in &data.notes {
        eprintln!("{note}");
    }
    eprintln!(
        "{} on {}, {} epochs of {} steps, to {}",
        config.weighting.name(),
        config.backend.name(),
        config.train.epochs,
        data.train.len().div_ceil(config.train.batch_size),
        out.display()
    );
    let options = RunOptions {
        resume: arguments.resume,
        init: arguments.init,
        interrupter: stop_on_interrupt(),
        ..RunOptions::default()
    };
    let (valid, facts) = (data.valid.clone(), figures::facts(&config, &data.notes));
    let page = page(&out, facts);
    let outcome = match run::train(&config, data, &out, options) {
        Ok(outcome) => outcome,
        Err(error) => return Err(with_page(page, &out, error)),
    };
    if let Some(reason) = &outcome.stopped {
        println!("\nstopped early: {reason}");
        if checkpoint::latest(&out).is_ok() {
            println!("continue with: --out {} --resume", out.display());
        }
    }
    report(&outcome.history);
    let windows = match outcome.history.last_epoch() {
        0 => Vec::new(),
        _ => {
            let (network, device) = (&outcome.model.network, config.backend.device()?);
            let position = config.data.position;
            figures::window_figures(network, &valid, position, &device, figures::SHOWN)?
        }
    };
    page.with_history(&outcome.history)
        .with_windows(windows)
        .write(out.join(PAGE))?;
    files(&out, &outcome.history, outcome.best_epoch);
    Ok(())
}

/// The report's name in the run's folder.
const PAGE: &str = "report.html";

fn page(out: &Path, facts: Vec<(String, String)>) -> Report {
    Report::new(format!("Training run {}", out.display())).with_facts(facts)
}

/// What was recorded before the training failed is shown too.
fn with_page(page: Report, out: &Path, error: Error) -> Error {
    let failed = matches!(error, Error::NonFiniteLoss { .. } | Error::Training { .. });
    if failed && let Ok(history) = History::read_csv(out.join("history.csv")) {
        let file = out.join(PAGE);
        let page = page.with_fact("failed", error.to_string());
        match page.with_history(&history).write(&file) {
            Ok(()) => eprintln!("report       {}", file.display()),
            Err(error) => eprintln!("there is no report: {error}"),
        }
    }
    error
}

/// The settings of the config file or the resumed run, with the flags before them.
fn settings(arguments: &Arguments) -> Result<ExpansionConfig, Error> {
    let stored = match (&arguments.out, arguments.resume) {
        (Some(out), true) => Some(ExpansionConfig::read(out.join("config.json"))?),
        _ => None,
    };
    let base = match (&stored, &arguments.config) {
        (_, Some(file)) => ExpansionConfig::read(file)?,
        (Some(stored), None) => stored.clone(),
        (None, None) => ExpansionConfig::default(),
    };
    let config = with_flags(base, arguments)?.resolved();
    if let Some(stored) = stored {
        config.check_continues(&stored)?;
    }
    Ok(config)
}

fn with_flags(
    mut config: ExpansionConfig,
    arguments: &Arguments,
) -> Result<ExpansionConfig, Error> {
    fn set<T: Clone>(place: &mut T, flag: &Option<T>) {
        if let Some(value) = flag {
            *place = value.clone();
        }
    }
    if let Some(strategy) = &arguments.strategy {
        // The scalar head came with its strategy, and goes with it.
        if matches!(config.weighting, WeightingConfig::ScalarCountdown(_)) {
            let usual = ExpansionConfig::default().model;
            config.model.countdown = usual.countdown;
            config.model.countdown_scale = usual.countdown_scale;
        }
        config.weighting = preset(strategy)?;
    }
    if let Some(weights) = &arguments.weights {
        config.weighting = config.weighting.with_weights(weights.clone())?;
    }
    if let Some(backend) = arguments.backend {
        config.backend = match backend {
            BackendName::Flex => Backend::Flex,
            BackendName::Ndarray => Backend::Ndarray,
            BackendName::Wgpu => Backend::Wgpu,
        };
    }
    set(&mut config.train.epochs, &arguments.epochs);
    set(&mut config.train.batch_size, &arguments.batch_size);
    set(&mut config.train.learning_rate, &arguments.lr);
    set(&mut config.train.seed, &arguments.seed);
    config.data.skip_bad_rows |= arguments.skip_bad_rows;
    config.freeze_backbone |= arguments.freeze_backbone;
    if arguments.data.is_some() {
        config.data.path = arguments.data.clone();
    }
    if arguments.max_samples.is_some() {
        config.data.max_samples = arguments.max_samples;
    }
    Ok(config)
}

/// The first free `runs/STRATEGY-N`.
fn new_folder(strategy: &str) -> PathBuf {
    (1..)
        .map(|number| PathBuf::from(format!("runs/{strategy}-{number}")))
        .find(|folder| !folder.exists())
        .unwrap_or_else(|| PathBuf::from("runs").join(strategy))
}

/// Ctrl-C stops at the next step, the second one at once.
fn stop_on_interrupt() -> Interrupter {
    let interrupter = Interrupter::new();
    let handle = interrupter.clone();
    let listening = ctrlc::set_handler(move || {
        if handle.should_stop() {
            std::process::exit(130);
        }
        handle.stop(Some("interrupted; the unfinished epoch is not kept"));
    });
    if let Err(error) = listening {
        eprintln!("Ctrl-C will end the program at once: {error}");
    }
    interrupter
}

/// A table of the tasks, their verdicts in words, and the metrics of the last epoch.
fn report(history: &History) {
    let tasks = diagnose(history);
    if tasks.is_empty() {
        println!("\nno epoch was finished");
        return;
    }
    println!(
        "\n{:<10} {:>11} {:>11} {:>8} {:>11}  verdict",
        "task", "first loss", "last loss", "skill", "weight"
    );
    for task in &tasks {
        println!("{}", row(task));
    }
    println!();
    for task in &tasks {
        println!("{}", task.sentence);
    }
    if let Some(test) = quick_test(history, "countdown", "pointers") {
        println!("{}", test.sentence);
    }
    let metrics: Vec<String> = [
        (ALL_TASKS, "span_f1", "span F1"),
        (ALL_TASKS, "iou", "IoU"),
        (ALL_TASKS, "hit_at_3", "hit@3"),
        ("type", "accuracy", "type accuracy"),
        ("countdown", "error_in_bars", "countdown error in bars"),
    ]
    .into_iter()
    .filter_map(|(task, quantity, name)| {
        let value = history.last(Split::Valid, task, quantity)?;
        Some(format!("{name} {value:.3}"))
    })
    .collect();
    println!("{}", metrics.join(", "));
}

fn row(task: &TaskDiagnosis) -> String {
    let optional = |value: Option<f64>, digits: usize| {
        value.map_or("-".into(), |value| format!("{value:.digits$}"))
    };
    format!(
        "{:<10} {:>11.5} {:>11.5} {:>8} {:>11}  {}",
        task.task,
        task.first_loss,
        task.last_loss,
        optional(task.skill, 3),
        optional(task.weight, 5),
        task.verdict
    )
}

fn files(out: &Path, history: &History, best: Option<usize>) {
    println!("\nreport       {}", out.join(PAGE).display());
    println!("history      {}", out.join("history.csv").display());
    println!("config       {}", out.join("config.json").display());
    for (name, epoch) in [("last", Some(history.last_epoch())), ("best", best)] {
        if let Some(epoch) = epoch
            && checkpoint::model_file(out, epoch).exists()
        {
            let file = checkpoint::model_file(out, epoch);
            println!("{name} model   {} (epoch {epoch})", file.display());
        }
    }
}
