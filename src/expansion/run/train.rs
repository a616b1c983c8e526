//! Reads or simulates bars, cuts and splits windows, and trains the network of a config.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use burn::train::Interrupter;

use super::config::{DataConfig, ExpansionConfig, SIMULATED_WINDOWS};
use super::data::{from_files, label_notes};
use super::fingerprint::RunFiles;
use super::heads::init_from;
use super::init_selection::InitSelection;
use crate::diagnosis::Trials;
use crate::error::{Error, Result};
use crate::expansion::bars::Bars;
use crate::expansion::label::RuleLabeller;
use crate::expansion::model::{
    ExpansionBatcher, ExpansionMetric, ExpansionMetricKind, ExpansionModel, baselines,
    most_frequent,
};
use crate::expansion::simulator::Simulator;
use crate::expansion::window::{Resample, Windows, with_resampled};
use crate::history::History;
use crate::nn::Kernel;
use crate::probe::ProbeConfig;
use crate::train::{FolderLock, Outcome, Progress, Trainer};

/// The number of batches prepared while a GPU computes. The second batch covers an occasional slow preparation.
const BATCHES_AHEAD: usize = 2;

/// The training and validation windows of a run, with notes on their origin.
#[derive(Clone, Debug)]
pub struct Data {
    /// The training windows.
    pub train: Windows,
    /// The training windows without joined stretches and mirrored windows; `None` if `train` contains neither. The
    /// uninformed predictors are fitted to them.
    pub plain: Option<Windows>,
    /// The validation windows, later in time.
    pub valid: Windows,
    /// Sentences about the data that were read, dropped and left out.
    pub notes: Vec<String>,
}

impl Data {
    /// Reads or simulates the windows of a config and splits them by time.
    ///
    /// # Errors
    ///
    /// As [`read_csv`](crate::expansion::bars::read_csv),
    /// [`Marks::read_csv`](crate::expansion::label::Marks::read_csv), [`Windows::by_rule`], [`Windows::by_hand`] and
    /// [`Windows::split`]; [`Error::Setting`] if more than 100 million bars are to be simulated.
    pub fn load(config: &ExpansionConfig) -> Result<Data> {
        let data = &config.data;
        let mut notes = Vec::new();
        let windows = match &data.path {
            Some(files) => from_files(files, config, &mut notes)?,
            None => {
                let simulator = Simulator::new(data.simulator.clone(), config.train.seed)?;
                config.check_rule_types()?;
                let count = data.max_samples.unwrap_or(SIMULATED_WINDOWS);
                let bars = count.saturating_mul(data.simulator.window);
                if bars > MOST_SIMULATED_BARS {
                    let most = MOST_SIMULATED_BARS / data.simulator.window;
                    let expected = format!("at most {most} for the simulator");
                    return Err(Error::setting("data.max_samples", count, expected));
                }
                notes.push(format!("simulated {count} windows, {bars} bars"));
                simulator.simulate_windows(count).windows()
            }
        };
        let (train, valid) = windows.split(data.valid_fraction)?;
        notes.push(format!(
            "{} windows train, {} validate, {}",
            train.len(),
            valid.len(),
            apart(&train)
        ));
        if valid.len() < FEW_VALIDATE {
            notes.push(format!(
            "warning: only {} windows validate; losses, skills and verdicts of fewer than {FEW_VALIDATE} say little",
            valid.len()
        ));
        }
        // Counted before resampling and mirroring: copies would hide a type with few examples.
        if data.path.is_some() {
            notes.extend(label_notes(&train, &config.model.types));
        }
        let copies = copies(data, train.len());
        let changed = copies > 0 || data.mirror;
        let plain = changed.then(|| train.clone());
        let train = match copies {
            0 => train,
            _ if data.marks.is_some() || windows.embargo() == 0 => {
                notes.push(
                    "no stretches are joined: their windows would need the rule's labels".into(),
                );
                train
            }
            _ => resampled(&train, config, copies, &mut notes)?,
        };
        let train = if data.mirror {
            train.with_mirrored()
        } else {
            train
        };
        let mut data = Data {
            train,
            plain,
            valid,
            notes,
        };
        let weights = config
            .data
            .class_weights
            .note(&data.train, &config.model.types);
        data.notes.extend(weights);
        Ok(data)
    }
}

/// Returns how far the validation windows are from the training windows.
fn apart(train: &Windows) -> String {
    let apart = match train.embargo() {
        0 => return "further down in the file".into(),
        bars => format!("later in time and at least {bars} bars apart"),
    };
    if train.series().len() < 2 {
        return apart;
    }
    let last = train.iter().filter_map(|window| train.end_time(window));
    let last = last.max().filter(|_| train.has_common_times());
    match last.and_then(|last| jiff::Timestamp::from_second(last).ok()) {
        Some(last) => {
            format!("{apart} in every instrument; the training ends with {last} in all of them")
        }
        None => format!(
            "{apart} in every instrument; without time stamps in all of them each instrument is split by itself"
        ),
    }
}

/// Returns the number of windows of joined stretches per original window.
fn copies(data: &DataConfig, windows: usize) -> usize {
    let wanted = data.train_windows.unwrap_or(0) as f64 / windows.max(1) as f64;
    let filled = (wanted.round() as usize).saturating_sub(1).min(MOST_COPIES);
    data.resampled.max(filled)
}

fn resampled(
    train: &Windows,
    config: &ExpansionConfig,
    copies: usize,
    notes: &mut Vec<String>,
) -> Result<Windows> {
    let data = &config.data;
    let joined = Resample {
        copies,
        stride: data.stride,
        seed: config.train.seed,
    };
    let labeller = RuleLabeller::new(data.labels.clone())?;
    let more = with_resampled(train, &joined, &labeller)?;
    notes.push(format!(
        "{} more windows train, from joined stretches of the training bars",
        more.len() - train.len()
    ));
    Ok(more)
}

/// The largest number of windows of joined stretches per original window that `train_windows` adds. More do not help.
const MOST_COPIES: usize = 5;

/// The smallest number of validation windows without a warning. The mean over fewer windows is mostly chance.
const FEW_VALIDATE: usize = 30;

/// The largest number of simulated bars: 3.2 GB at 32 bytes per bar.
const MOST_SIMULATED_BARS: usize = 100_000_000;

/// Options of a run that are not part of its config.
#[derive(Clone, Default)]
pub struct RunOptions {
    /// Whether the run continues from the newest checkpoint in its folder. Default `false`.
    pub resume: bool,
    /// The network to start from: a checkpoint's `model-N.bpk`, or with the feature `pytorch` a `.pt` or `.safetensors`
    /// file, to which [`follow_init`](ExpansionConfig::follow_init) fits a config. Default `None`: a new network.
    pub init: Option<std::path::PathBuf>,
    /// Which tensors of a PyTorch file the run starts from. The default fits a file with one network in it.
    pub init_selection: InitSelection,
    /// The display of the progress. Default [`Progress::Auto`].
    pub progress: Progress,
    /// The handle that stops the training from outside.
    pub interrupter: Interrupter,
    /// The function called after every epoch with the history so far. Default `None`.
    pub on_epoch: Option<OnEpoch>,
    /// The lock of the folder, for a program that writes into it before and after the training. Default `None`: the
    /// training takes the lock, and gives it back at its end.
    pub lock: Option<FolderLock>,
}

type OnEpoch = Arc<dyn Fn(&History) + Send + Sync>;

impl RunOptions {
    /// Sets the function called after every epoch with the history so far.
    pub fn with_on_epoch(mut self, seen: impl Fn(&History) + Send + Sync + 'static) -> Self {
        self.on_epoch = Some(Arc::new(seen));
        self
    }
}

/// Trains the expansion model of a config and writes the results to `directory`.
///
/// The config must be [resolved](ExpansionConfig::resolved). `config.json` is written before the training starts.
///
/// # Errors
///
/// As [`ExpansionConfig::validate`], [`Data::load`] and [`Trainer::fit`].
///
/// # Example
///
/// ```no_run
/// use equipoise::expansion::run::{Data, ExpansionConfig, RunOptions, train};
///
/// let mut config = ExpansionConfig::recipe("learn")?;
/// config.data.path = Some("bars.csv".into());
/// let config = config.resolved();
/// let outcome = train(&config, Data::load(&config)?, "runs/learn", RunOptions::default())?;
/// # Ok::<(), equipoise::Error>(())
/// ```
pub fn train(
    config: &ExpansionConfig,
    data: Data,
    directory: impl AsRef<Path>,
    options: RunOptions,
) -> Result<Outcome<ExpansionModel>> {
    config.validate()?;
    if config.freeze_backbone && options.init.is_none() && !options.resume {
        let expected = "false without `init`, a network to start from, whose backbone stays";
        return Err(Error::setting("freeze_backbone", true, expected));
    }
    let directory = directory.as_ref();
    let device = config.backend.device()?;
    let weighed = with_class_weights(config, &data.train);
    let (network, weighting) = weighed.build(&device)?;
    let network = match &options.init {
        Some(file) => init_from(network, file, &options.init_selection, options.progress)?,
        None => network,
    };
    let network = network.with_half_precision(config.half);
    let network = if config.freeze_backbone {
        network.with_frozen_backbone()
    } else {
        network
    };
    // Closed forms, fitted to the original windows.
    let plain = data.plain.as_ref().unwrap_or(&data.train);
    let known = if config.train.baseline {
        baselines(plain, &data.valid, &weighed.model)
    } else {
        Vec::new()
    };
    let trainer = trainer(config, directory, &options)?
        .with_baselines(known)
        .with_reference(
            "type/accuracy",
            most_frequent(plain, &data.valid, config.model.types.len()),
        )
        .resume(options.resume)
        .with_metrics(|training| {
            ExpansionMetricKind::ALL.iter().fold(training, |t, kind| {
                t.metric_valid_numeric(ExpansionMetric::new(*kind))
            })
        });
    let trainer = match options.on_epoch.clone() {
        Some(seen) => trainer.on_epoch(move |epoch| {
            seen(epoch.history);
            ControlFlow::Continue(())
        }),
        None => trainer,
    };
    trainer.claim()?;
    let stored = directory.join("config.json");
    let inputs = RunFiles::of(config)?;
    if options.resume {
        config.check_continues(&ExpansionConfig::read(&stored)?)?;
        inputs.check(directory)?;
    }
    inputs.write(directory)?;
    config.write(stored)?;
    let weights = config.data.class_weights;
    weights.write(&data.train, &config.model.types, directory)?;
    let batcher = config.batcher(data.train.bars());
    trainer.fit(network, weighting, data.train, data.valid, batcher, &device)
}

/// Returns the config with the weights of the types that follow from the training labels.
fn with_class_weights(config: &ExpansionConfig, train: &Windows) -> ExpansionConfig {
    let mut config = config.clone();
    if let Some(weights) = config
        .data
        .class_weights
        .of(train, config.model.types.len())
    {
        config.model.class_weights = Some(weights);
    }
    config
}

/// Finds by experiment the causes that keep tasks of a finished run from learning, see [`Trainer::probe`].
///
/// `config` is the config of the run, `data` the result of [`Data::load`] for this config. Of `options`, progress,
/// interrupter and lock are used.
///
/// # Errors
///
/// As [`Trainer::probe`].
pub fn probe(
    config: &ExpansionConfig,
    data: Data,
    directory: impl AsRef<Path>,
    options: &RunOptions,
    how: &ProbeConfig,
) -> Result<Trials> {
    config.validate()?;
    let device = config.backend.device()?;
    let start = with_class_weights(config, &data.train).build(&device)?;
    let network = start.0.with_half_precision(config.half);
    let network = if config.freeze_backbone {
        network.with_frozen_backbone()
    } else {
        network
    };
    let start = (network, start.1);
    let batcher = config.batcher(data.train.bars());
    let trainer = trainer(config, directory.as_ref(), options)?;
    trainer.probe(start, data.train, data.valid, batcher, &device, how)
}

impl ExpansionConfig {
    /// Returns the kernel that computes the recurrent layers of a run. A GPU that is too small for the kernels uses
    /// plain tensor operations.
    ///
    /// # Errors
    ///
    /// As [`ExpansionConfig::validate`] and [`Backend::device`](super::config::Backend::device).
    pub fn kernel(&self) -> Result<Kernel> {
        self.validate()?;
        let device = self.backend.device()?;
        let (model, batch) = (&self.model, self.train.batch_size);
        let network = model.init(&device)?.with_half_precision(self.half);
        let input = [batch, model.window, model.features];
        Ok(network.lstm().kernel(input, &device))
    }
}

fn trainer(
    config: &ExpansionConfig,
    directory: &Path,
    options: &RunOptions,
) -> Result<Trainer<ExpansionModel>> {
    // On the CPU the kernels use all cores.
    let ahead = if config.backend.is_gpu() {
        BATCHES_AHEAD
    } else {
        0
    };
    // The baselines are known in closed form.
    let config = config.train.clone().with_baseline(false);
    let trainer = Trainer::new(config, directory)?
        .with_batches_ahead(ahead)
        .with_progress(options.progress)
        .with_interrupter(options.interrupter.clone());
    Ok(match &options.lock {
        Some(lock) => trainer.with_lock(lock.clone()),
        None => trainer,
    })
}

impl ExpansionConfig {
    /// Creates the batcher for windows of `bars` with the features and the countdown form of the config.
    pub fn batcher(&self, bars: &Bars) -> ExpansionBatcher {
        let (data, model) = (&self.data, &self.model);
        ExpansionBatcher::new(bars, model.window, data.position, model.countdown)
            .with_moves(data.moves)
            .with_columns(!data.features_from.is_empty())
    }
}
