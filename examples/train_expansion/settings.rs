//! Defines the flags, and derives the settings of a run from them and from the files they name.

use std::path::{Path, PathBuf};

use clap::Parser;
use clap::builder::PossibleValuesParser;
use equipoise::expansion::model::{ScalarCountdown, strategy_table};
use equipoise::expansion::run::{ExpansionConfig, InitSelection};
use equipoise::train::{FolderLock, Progress, checkpoint};
use equipoise::{Error, Result};

use crate::place::Place;
use crate::shared::backend::BackendName;
use crate::shared::data::DataFlags;
use crate::shared::files::{WANTED_CONFIG, readable};
use crate::shared::runs::{RUNS, newest};

const EXAMPLES: &str = "\
Examples:
  train_expansion                                   simulated bars, seconds
  train_expansion bars.csv --recipe learn           real bars, minutes, with the recipe that was measured
  train_expansion --resume                          continue the newest run";

/// Trains the four-headed expansion model on price bars and prints a verdict on every task.
///
/// Ctrl-C stops at the next step, reports what was learned by then and prints the command to continue. The exit code is
/// then 130 (143 for SIGTERM), and 1 for a failed run.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten, next_help_heading = "Data")]
    data: DataFlags,
    /// Settings by name: default, original (the network and optimizer that starve a task) or learn (minutes, for real
    /// bars); flags take precedence
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(ExpansionConfig::RECIPES), hide_possible_values = true, conflicts_with = "resume", help_heading = "Model")]
    recipe: Option<String>,
    /// running-mean, uncertainty, gradient-scale, scalar-countdown, batch-statistics, gradient-share, manual or any
    /// other of docs/strategies.md, or a strategy with its settings as JSON [default: uncertainty]
    #[arg(long, value_name = "NAME|JSON", value_parser = named_or_json, help_heading = "Training")]
    strategy: Option<String>,
    /// Fixed weights of type,pointers,binary,countdown, for strategies that have them
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "W,W,W,W",
        allow_negative_numbers = true,
        help_heading = "Training"
    )]
    weights: Option<Vec<f64>>,
    /// flex or ndarray (CPU); wgpu, vulkan, metal, cuda or rocm (GPU); all but flex need their --features at build
    /// [default: flex]
    #[arg(long, value_enum, hide_possible_values = true, help_heading = "Model")]
    backend: Option<BackendName>,
    /// Passes over the training windows; in the recipe learn, times 750 steps [default: 20, or the recipe's]
    #[arg(long, value_name = "N", help_heading = "Training")]
    epochs: Option<usize>,
    /// Windows per step [default: 32]
    #[arg(long, value_name = "N", help_heading = "Training")]
    batch_size: Option<usize>,
    /// Learning rate [default: 3e-3, or the recipe's]
    #[arg(
        long,
        value_name = "RATE",
        allow_negative_numbers = true,
        help_heading = "Training"
    )]
    lr: Option<f64>,
    /// Seed of all random numbers [default: 0]
    #[arg(long, value_name = "N", help_heading = "Training")]
    seed: Option<u64>,
    /// Folder for history, checkpoints and config [default: a new one under runs/]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Continue the run in --out from its newest checkpoint [without --out: the newest run in runs/]
    #[arg(long, help_heading = "Training")]
    pub resume: bool,
    /// After the run, find out by short experiments what keeps tasks from learning; with --resume for a finished run
    /// too
    #[arg(long, help_heading = "Training")]
    pub probe: bool,
    /// Start from the network of a checkpoint (model-N.bpk) of any strategy, or of PyTorch (.pt, .safetensors; built
    /// with --features pytorch)
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "resume",
        help_heading = "Model"
    )]
    pub init: Option<PathBuf>,
    /// Key of the dictionary in the PyTorch file of --init, such as ema [default: the one that fits]
    #[arg(long, value_name = "KEY", requires = "init", help_heading = "Model")]
    init_key: Option<String>,
    /// Prefix of the names in the PyTorch file of --init, such as student. [default: the one that fits]
    #[arg(long, value_name = "PREFIX", requires = "init", help_heading = "Model")]
    init_prefix: Option<String>,
    /// Tensors of the PyTorch file of --init that are left out, by name or by the start of their names up to a dot
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        requires = "init",
        help_heading = "Model"
    )]
    init_without: Vec<String>,
    /// Keep the BiLSTM of --init unchanged, and train only the heads
    #[arg(long, help_heading = "Model")]
    freeze_backbone: bool,
    /// On a GPU: products and stored gates of the recurrent layers in half precision
    #[arg(long, help_heading = "Model")]
    half: bool,
    /// Settings in JSON; flags take precedence. Every run writes its settings to config.json
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "recipe",
        help_heading = "Model"
    )]
    config: Option<PathBuf>,
    /// List the runs in a folder with data, epochs and verdicts, and train nothing [default: runs]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = RUNS, help_heading = "Output")]
    pub list: Option<PathBuf>,
    /// Print only errors, and at the end the path of the report
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
    /// Print more about every epoch: training losses, weights, gradient shares, learning rate, steps per second
    #[arg(long, short, conflicts_with = "quiet", help_heading = "Output")]
    verbose: bool,
}

/// The settings from the flags and from the files they name.
pub struct Settings {
    pub config: ExpansionConfig,
    /// The folder of the run.
    pub place: Place,
    /// The changes of the config that follow from the file of `--init`.
    pub notes: Vec<String>,
}

impl Arguments {
    /// Returns the output during the training.
    pub fn progress(&self) -> Progress {
        match (self.quiet, self.verbose) {
            (true, _) => Progress::Silent,
            (_, true) => Progress::Verbose,
            _ => Progress::Auto,
        }
    }

    /// Returns which tensors of the file of `--init` are read.
    pub fn init_selection(&self) -> InitSelection {
        InitSelection {
            key: self.init_key.clone(),
            prefix: self.init_prefix.clone(),
            leave_out: self.init_without.clone(),
        }
    }

    /// Returns whether the recipe is `original`, whose countdown stood still.
    pub fn is_original(&self) -> bool {
        self.recipe.as_deref() == Some("original")
    }

    /// Returns the settings of the config file, the recipe or the resumed run. Flags take precedence. All settings and
    /// files are checked here, before any data is read.
    pub fn settings(&self) -> Result<Settings> {
        let resumed = if self.resume {
            Some(self.resumed()?)
        } else {
            None
        };
        let stored = resumed.as_deref().map(stored).transpose()?;
        let base = match (&stored, &self.config) {
            (_, Some(file)) => {
                readable("--config", file, WANTED_CONFIG)?;
                ExpansionConfig::read(file).map_err(|error| match error {
                    Error::Config { path, reason } => Error::Config {
                        path,
                        reason: format!("{reason}; --config takes {WANTED_CONFIG}"),
                    },
                    other => other,
                })?
            }
            (Some(stored), None) => stored.clone(),
            (None, None) => ExpansionConfig::recipe(self.recipe.as_deref().unwrap_or("default"))?,
        };
        let config = self.with_flags(base)?.resolved();
        if let Some(stored) = stored {
            config.check_continues(&stored)?;
        }
        self.check_files(&config)?;
        let selection = self.init_selection();
        let (config, notes) = config.follow_init_with(self.init.as_deref(), &selection)?;
        config.validate()?;
        let place = self.place(&config, resumed)?;
        Ok(Settings {
            config,
            place,
            notes,
        })
    }

    /// Returns the folder of the run to resume: that of `--out`, else the newest run, unless it is being trained.
    fn resumed(&self) -> Result<PathBuf> {
        if let Some(out) = &self.out {
            return Ok(out.clone());
        }
        let run = newest(Path::new(RUNS)).ok_or_else(|| {
            let reason = "holds no run that can be resumed; name the folder of a run with --out";
            Error::file(RUNS, reason)
        })?;
        match FolderLock::check_free(&run) {
            Err(Error::File { path, reason }) => {
                let reason = format!(
                    "the newest run, which --resume without --out continues: {reason} (--out)"
                );
                Err(Error::file(path, reason))
            }
            other => other.map(|()| run),
        }
    }

    fn check_files(&self, config: &ExpansionConfig) -> Result<()> {
        self.data.check(&config.data)?;
        if let Some(file) = &self.init {
            let wanted = "a checkpoint's model-N.bpk, as a run leaves it in its folder checkpoint/, \
                or a PyTorch file";
            readable("--init", file, wanted)?;
        }
        Ok(())
    }

    fn place(&self, config: &ExpansionConfig, resumed: Option<PathBuf>) -> Result<Place> {
        let Some(out) = resumed.or_else(|| self.out.clone()) else {
            return Ok(Place::New(config.weighting.name().into()));
        };
        if out.exists() && !out.is_dir() {
            return Err(Error::file(out, "is a file, but --out takes a folder"));
        }
        // Before any data is read.
        FolderLock::check_free(&out)?;
        if !self.resume {
            checkpoint::check_free(&out)?;
        }
        Ok(Place::Given(out))
    }

    fn with_flags(&self, mut config: ExpansionConfig) -> Result<ExpansionConfig> {
        if let Some(strategy) = &self.strategy {
            // The scalar head belongs to its strategy.
            if config.weighting.is::<ScalarCountdown>() {
                let usual = ExpansionConfig::default().model;
                config.model.countdown = usual.countdown;
                config.model.countdown_scale = usual.countdown_scale;
            }
            config.weighting = if strategy.starts_with('{') {
                strategy_table().read(strategy)?
            } else {
                ExpansionConfig::preset(strategy)?
            };
        }
        if let Some(weights) = &self.weights {
            config.weighting = config.weighting.with_weights(weights.clone())?;
        }
        if let Some(backend) = self.backend {
            config.backend = backend.into();
        }
        set(&mut config.train.epochs, &self.epochs);
        set(&mut config.train.batch_size, &self.batch_size);
        set(&mut config.train.learning_rate, &self.lr);
        set(&mut config.train.seed, &self.seed);
        self.data.set(&mut config);
        config.freeze_backbone |= self.freeze_backbone;
        config.half |= self.half;
        Ok(config)
    }
}

/// Reads the settings of the run to resume.
fn stored(out: &Path) -> Result<ExpansionConfig> {
    let file = out.join("config.json");
    if !file.exists() {
        let reason = "holds no run to resume, there is no config.json in it; \
            name the folder of a run, or leave out --resume";
        return Err(Error::file(out, reason));
    }
    checkpoint::latest(out)?;
    ExpansionConfig::read(file)
}

/// Checks a strategy given by name or as JSON. It is read here, so that an error names the flag.
fn named_or_json(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.starts_with('{') {
        strategy_table().read(text).map_err(|error| match error {
            // The message of the JSON parser names the field.
            Error::Setting { field, found, .. } if field == "weighting" => found,
            other => other.to_string(),
        })?;
        return Ok(text.to_owned());
    }
    let table = strategy_table();
    let names: Vec<&str> = table.names().collect();
    if names.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected one of {}, or JSON such as {{\"strategy\": \"manual\"}}",
            names.join(", ")
        ))
    }
}

fn set<T: Clone>(place: &mut T, flag: &Option<T>) {
    if let Some(value) = flag {
        *place = value.clone();
    }
}
