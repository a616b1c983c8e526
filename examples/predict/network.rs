//! Loads the network of the arguments and its settings.

use std::path::{Path, PathBuf};

use equipoise::diagnosis::diagnose;
use equipoise::expansion::model::ExpansionModelConfig;
use equipoise::expansion::predictor::Predictor;
use equipoise::expansion::run::ExpansionConfig;
use equipoise::history::History;
use equipoise::train::checkpoint;
use equipoise::{Error, Result};

use crate::Arguments;
use crate::shared::files::{WANTED_CONFIG, readable};
use crate::shared::runs;
use crate::shared::terminal::Terminal;

/// The kinds of network that are accepted, for messages.
const WANTED: &str = "the folder of a run, a model-N.bpk in it, or a PyTorch checkpoint";

/// Loads the network and the settings it was trained with. Flags take precedence over the settings.
pub fn load(
    named: &Path,
    arguments: &Arguments,
    terminal: Terminal,
) -> Result<(ExpansionConfig, Predictor)> {
    let file = file(named, arguments)?;
    arguments.reader.check_one_instrument()?;
    let mut config = settings(arguments, &file)?;
    if let Some(names) = config
        .data
        .instrument
        .take_if(|names| names.only().is_none())
    {
        terminal.note(&format!(
            "the run has the instruments {names}, which are left aside: bars of one series are expected"
        ));
    }
    let config = with_flags(config, arguments).resolved();
    let (config, notes) = config.follow_init(Some(&file))?;
    notes.iter().for_each(|note| terminal.note(note));
    let predictor = Predictor::from_checkpoint(&config, &file)?;
    terminal.note(&format!(
        "network of {}, windows of {} bars",
        file.display(),
        predictor.window()
    ));
    if let Some(run) = run_of(&file) {
        learned(run, &file, terminal);
    }
    Ok((config, predictor))
}

/// Returns the folder of the run that a checkpoint is in.
fn run_of(file: &Path) -> Option<&Path> {
    let run = file.parent()?.parent()?;
    run.join("config.json").is_file().then_some(run)
}

/// Prints what the network is worth: its epoch, the verdicts of its run, and whether it has seen real bars.
fn learned(run: &Path, file: &Path, terminal: Terminal) {
    // The predictions need neither the history nor the config of the run.
    let Ok(history) = History::read_csv(run.join("history.csv")) else {
        return;
    };
    let found = diagnose(&history);
    let Some(best) = history.best_epoch().filter(|_| !found.is_empty()) else {
        return;
    };
    let is_best = file == checkpoint::model_file(run, best);
    terminal.note(&format!(
        "{}the verdicts of its run, on validation data at epoch {best}: {}",
        if is_best {
            "the best epoch; "
        } else {
            "not the best epoch; "
        },
        runs::verdicts(&found)
    ));
    let simulated = ExpansionConfig::read(run.join("config.json"));
    if simulated.is_ok_and(|config| config.data.path.is_none()) {
        terminal.note(
            "it was trained on simulated bars, so its verdicts are of simulated bars; how good it is on others is not \
             known",
        );
    }
}

/// Returns the file of the checkpoint.
fn file(named: &Path, arguments: &Arguments) -> Result<PathBuf> {
    if !named.is_dir() {
        readable("NETWORK", named, WANTED)?;
        return match arguments.epoch {
            None => Ok(named.to_path_buf()),
            Some(epoch) => {
                let expected = "left out where NETWORK is a file";
                Err(Error::setting("--epoch", epoch, expected))
            }
        };
    }
    if !named.join("config.json").exists() {
        let reason = format!("holds no run, there is no config.json in it; expected {WANTED}");
        return Err(Error::file(named, reason));
    }
    let Some(epoch) = arguments.epoch else {
        return Ok(checkpoint::model_file(named, checkpoint::best(named)?));
    };
    let file = checkpoint::model_file(named, epoch);
    let kept = "an epoch that the run has kept, the last ones and the best";
    readable("--epoch", &file, kept)?;
    Ok(file)
}

fn settings(arguments: &Arguments, file: &Path) -> Result<ExpansionConfig> {
    if let Some(config) = &arguments.config {
        readable("--config", config, WANTED_CONFIG)?;
        return ExpansionConfig::read(config);
    }
    if file.extension().is_none_or(|extension| extension != "bpk") {
        // The network of the original program.
        return Ok(ExpansionConfig {
            model: ExpansionModelConfig::default(),
            ..ExpansionConfig::default()
        });
    }
    ExpansionConfig::of_run(file)?.ok_or_else(|| {
        let reason =
            "is not in the folder of a run, so its settings are not known; give them with --config";
        Error::file(file, reason)
    })
}

fn with_flags(mut config: ExpansionConfig, arguments: &Arguments) -> ExpansionConfig {
    if let Some(backend) = arguments.backend {
        config.backend = backend.into();
    }
    if let Some(stride) = arguments.stride {
        config.data.stride = stride;
    }
    if arguments.max_gap.is_some() {
        config.data.max_gap = arguments.max_gap;
    }
    // What the training file showed does not apply to this file. The columns, the form and the zone of its time stamps
    // were chosen, so they apply where this file has them.
    config.data.skip_bad_rows = false;
    config.data.date_order = None;
    config.data.decimal_mark = None;
    arguments.reader.set(&mut config.data);
    config
}
