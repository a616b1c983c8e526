//! Trains an expansion model on bars and prints a verdict on every task.
//!
//! ```text
//! cargo run --release --example train_expansion
//! cargo run --release --example train_expansion -- bars.csv --strategy manual --weights 0.1,0.6,0.1,0.2
//! ```
//!
//! `equipoise::expansion::run` does the training; the program adds the flags and the output.

mod command;
mod next;
mod page;
mod place;
mod results;
mod settings;
#[path = "../shared/mod.rs"]
mod shared;

use std::path::Path;
use std::process::ExitCode;

use burn::train::Interrupter;
use clap::{CommandFactory, Parser};
use equipoise::expansion::run::{self, Data, ExpansionConfig, RunOptions};
use equipoise::nn::Kernel;
use equipoise::probe::{self, ProbeConfig};
use equipoise::train::{Progress, checkpoint};
use equipoise::{Error, Result};

use page::Page;
use settings::{Arguments, Settings};
use shared::runs;
use shared::signals::Signals;
use shared::terminal::Terminal;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    shared::flags::know(&Arguments::command());
    let terminal = Terminal::new(arguments.progress() == Progress::Silent);
    work(arguments, terminal).unwrap_or_else(|error| {
        terminal.warn(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}

fn work(arguments: Arguments, terminal: Terminal) -> Result<ExitCode> {
    if let Some(folder) = &arguments.list {
        return runs::list(folder, terminal).map(|()| ExitCode::SUCCESS);
    }
    let Settings {
        config,
        place,
        notes,
    } = arguments.settings()?;
    for note in &notes {
        terminal.note(note);
    }
    // A missing device is reported before any data is read.
    let kernel = config.kernel()?;
    let mut data = load(&config, terminal)?;
    data.notes.extend(slower(&kernel, config.half));
    // Held until the report is written.
    let (out, lock) = place.claim()?;
    if let Some(note) = lock.note() {
        terminal.warn(&note);
    }
    announce(&config, &data, &out, terminal);
    if arguments.progress() == Progress::Verbose {
        terminal.note(&format!("recurrent layers: {kernel}"));
    }
    let interrupter = Interrupter::new();
    let signals = Signals::listen(terminal);
    signals.stop(interrupter.clone(), terminal);
    let progress = arguments.progress();
    let (original, probed) = (arguments.is_original(), arguments.probe);
    let options = RunOptions {
        resume: arguments.resume,
        init_selection: arguments.init_selection(),
        init: arguments.init,
        progress,
        interrupter: interrupter.clone(),
        lock: Some(lock.clone()),
        ..RunOptions::default()
    };
    let (valid, page) = (data.valid.clone(), Page::new(&out, &config, &data.notes));
    let live = page.clone();
    let options = options.with_on_epoch(move |history| live.write_live(history));
    let kept = probed.then(|| data.clone());
    let outcome = match run::train(&config, data, &out, options) {
        Ok(outcome) => outcome,
        Err(error) => {
            page.write_failed(&error, terminal);
            if kernel == Kernel::GpuHalf && matches!(error, Error::NonFiniteLoss { .. }) {
                terminal.note("half precision is on, whose largest number is 65504: the same run without --half (`half` in the config) tells whether that is why");
            }
            return Err(error);
        }
    };
    let stopped_early = outcome.stopped.is_some();
    if let Some(data) = kept.filter(|_| signals.exit_code().is_none()) {
        let options = RunOptions {
            progress,
            interrupter,
            lock: Some(lock.clone()),
            ..RunOptions::default()
        };
        let probed = run::probe(&config, data, &out, &options, &ProbeConfig::default());
        // The results of the training are printed even if the experiments fail.
        if let Err(error) = probed {
            terminal.warn(&format!("{error}"));
        }
    }
    let interrupted = signals.exit_code().filter(|_| stopped_early || probed);
    let trials = probe::of_epoch(&out, outcome.history.last_epoch());
    let trials = trials.unwrap_or_else(|error| {
        terminal.warn(&format!("{error}"));
        None
    });
    let found = results::diagnosed(&outcome.history, trials.as_ref());
    let commands = next::commands(&found, &out);
    let instruments = page.write(&outcome, &valid, trials, &commands)?;
    if let Some(reason) = &outcome.stopped {
        let asked = interrupted.is_some();
        stopped(reason, asked, &out, progress, terminal);
    }
    results::tell(terminal, &outcome.history, &found, &commands);
    results::instruments(terminal, &instruments);
    if original {
        results::quick(terminal, &outcome.history);
    }
    results::files(terminal, &out, &outcome.history, outcome.best_epoch);
    results::index(terminal, &out);
    Ok(interrupted.map_or(ExitCode::SUCCESS, ExitCode::from))
}

/// Returns a note if the recurrent layers have no kernels, or not the kernels that were requested.
fn slower(kernel: &Kernel, half: bool) -> Option<String> {
    match kernel {
        Kernel::Plain(_) => Some(format!(
            "the recurrent layers run slower than they could: {kernel}"
        )),
        Kernel::GpuHalf => None,
        _ if half => Some(format!(
            "half precision was asked for, and this device has none for the recurrent layers: {kernel} in single precision"
        )),
        _ => None,
    }
}

fn load(config: &ExpansionConfig, terminal: Terminal) -> Result<Data> {
    let _waiting = terminal.waiting(&match &config.data.path {
        Some(files) => format!("reading {files} and labelling windows"),
        None => "simulating bars".into(),
    });
    Data::load(config)
}

fn announce(config: &ExpansionConfig, data: &Data, out: &Path, terminal: Terminal) {
    for note in &data.notes {
        terminal.note(note);
    }
    terminal.note(&format!(
        "{} on {}, {} epochs of {} steps, to {}",
        config.weighting.name(),
        config.backend.name(),
        config.train.epochs,
        config
            .train
            .steps_per_epoch
            .unwrap_or(data.train.len().div_ceil(config.train.batch_size)),
        out.display()
    ));
}

/// Prints the reason for an early end, and after an interruption the command that continues.
fn stopped(reason: &str, interrupted: bool, out: &Path, progress: Progress, terminal: Terminal) {
    match (interrupted, checkpoint::latest(out)) {
        (false, _) => terminal.note(&format!("stopped early: {reason}")),
        (true, Ok(epoch)) => {
            terminal.warn(&format!(
                "{reason}; epoch {epoch} is the last that is kept. To continue:"
            ));
            // On its own line, unbroken, so that it can be copied.
            terminal.command(&command::resume(out, progress));
        }
        (true, Err(_)) => terminal.warn(&format!(
            "{reason} before the first epoch was finished; the same command starts anew"
        )),
    }
}
