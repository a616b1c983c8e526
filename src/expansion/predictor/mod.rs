//! Predicts the expansion of every window of a series with a trained network.
//!
//! * [`Predictor`]: the network with the features it was trained on; predicts one window, several windows or a series.
//! * [`Stream`]: predicts bar by bar, for bars that arrive over time. On the CPU its predictions equal the predictions
//!   for the whole series, bit for bit: the features of a window depend only on its own bars, and its outputs on no
//!   other window of a batch.
//! * [`WindowPrediction`]: the prediction for one window, one row of a table.
//!
//! # Example
//!
//! ```no_run
//! use equipoise::expansion::bars::{CsvOptions, read_csv};
//! use equipoise::expansion::predictor::Predictor;
//!
//! let predictor = Predictor::from_run("runs/learn")?;
//! let (bars, _) = read_csv("bars.csv", &CsvOptions::default())?;
//! for found in predictor.windows(&bars, 10)? {
//!     let found = found?;
//!     println!("bars {} to {}: {}", found.start(), found.end(), found.kind_name());
//! }
//!
//! let mut stream = predictor.stream(1)?;
//! for (index, bar) in bars.bars().iter().enumerate() {
//!     let time = bars.timestamps().map(|times| times[index]);
//!     if let Some(found) = stream.push(*bar, time)? {
//!         println!("bars {} to {}, agreement {:.2}", found.start(), found.end(), found.prediction.agreement);
//!     }
//! }
//! // The newest bars, if the stride leaves some of them in no window.
//! let newest = stream.finish()?;
//! # Ok::<(), equipoise::Error>(())
//! ```

mod found;
mod series;
mod stream;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::{Error, Result};
use crate::expansion::bars::Bar;
use crate::expansion::feature::{FeatureRows, FeatureSet};
use crate::expansion::model::{ExpansionModel, Prediction, decode};
use crate::expansion::run::ExpansionConfig;
use crate::train::checkpoint;

pub use found::{Times, WindowPrediction};
pub use series::Predictions;
pub use stream::Stream;

/// A trained network that predicts expansions, from any thread.
///
/// Cloning is cheap: clones share the network.
#[derive(Clone, Debug)]
pub struct Predictor {
    trained: Arc<Trained>,
    max_gap: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Trained {
    network: ExpansionModel,
    features: FeatureSet,
    /// The names of the further columns.
    columns: Vec<String>,
    /// The names of the types.
    types: Arc<[String]>,
    device: Device,
}

impl Predictor {
    /// Creates a predictor from a network in memory, such as [`Outcome::model`](crate::train::Outcome::model), and the
    /// features it was trained on ([`DataConfig::features`](crate::expansion::run::DataConfig::features)). A network
    /// that reads further columns also needs their names, see [`with_columns`](Self::with_columns).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the network reads another number of features.
    pub fn new(network: ExpansionModel, features: FeatureSet) -> Result<Self> {
        let (found, columns) = (network.config().features, features.columns());
        if found != columns {
            let expected = format!("{columns}, which a bar has with {features:?}");
            return Err(Error::setting("model.features", found, expected));
        }
        // A network in training mode would apply dropout and keep autodiff graphs.
        let network = network.valid();
        let devices = network.devices();
        let device = devices.first().cloned().unwrap_or_default().inner();
        let types = network.config().types.clone().into();
        Ok(Self {
            trained: Arc::new(Trained {
                network,
                features,
                columns: Vec::new(),
                types,
                device,
            }),
            max_gap: None,
        })
    }

    /// Creates the predictor of a checkpoint: `model-N.bpk` of a run with its config, or with the feature `pytorch` a
    /// PyTorch file with a config that [`follow_init`](ExpansionConfig::follow_init) has fitted to it. The backend
    /// and the longest gap are those of the config.
    ///
    /// # Errors
    ///
    /// As [`ExpansionConfig::trained_network`].
    pub fn from_checkpoint(config: &ExpansionConfig, file: impl AsRef<Path>) -> Result<Self> {
        let device = config.backend.device()?;
        let network = config.trained_network(file, &device)?;
        let predictor = Self::new(network, config.data.features())?;
        let predictor = predictor.with_columns(config.data.features_from.clone())?;
        Ok(predictor.with_max_gap(config.data.max_gap))
    }

    /// Creates the predictor of the [best](checkpoint::best) epoch of a run, from the folder of the run. For another
    /// backend, change the config and call [`from_checkpoint`](Self::from_checkpoint).
    ///
    /// # Errors
    ///
    /// As [`ExpansionConfig::read`], [`checkpoint::best`] and [`from_checkpoint`](Self::from_checkpoint).
    pub fn from_run(run: impl AsRef<Path>) -> Result<Self> {
        let config = ExpansionConfig::read(run.as_ref().join("config.json"))?;
        let epoch = checkpoint::best(&run)?;
        Self::from_checkpoint(&config, checkpoint::model_file(&run, epoch))
    }

    /// Sets the longest time between two bars of a window. [`windows`](Self::windows) and [`stream`](Self::stream)
    /// leave out windows with a longer step. With `None`, no window is left out; see [`Times::longest_step`] for the
    /// step.
    #[must_use]
    pub fn with_max_gap(mut self, longest: Option<Duration>) -> Self {
        self.max_gap = longest;
        self
    }

    /// Sets the names of the further columns that the network reads, in their order. [`windows`](Self::windows) then
    /// refuses bars with other [columns](crate::expansion::bars::Bars::column_names).
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the network reads another number of further columns.
    pub fn with_columns(mut self, names: Vec<String>) -> Result<Self> {
        let (found, further) = (names.len(), self.trained.features.further);
        if found != further {
            let expected = format!("{further} names, the further columns that the network reads");
            return Err(Error::setting("data.features_from", found, expected));
        }
        let trained = Arc::make_mut(&mut self.trained);
        trained.columns = names;
        Ok(self)
    }

    /// Returns the names of the further columns that the network reads.
    pub fn columns(&self) -> &[String] {
        &self.trained.columns
    }

    /// Returns the longest time between two bars of a window, or `None` without a limit.
    pub fn max_gap(&self) -> Option<Duration> {
        self.max_gap
    }

    /// Returns the number of bars per window.
    pub fn window(&self) -> usize {
        self.trained.network.config().window
    }

    /// Returns the network.
    pub fn network(&self) -> &ExpansionModel {
        &self.trained.network
    }

    /// Predicts the expansion of one window.
    ///
    /// # Errors
    ///
    /// As [`predict_all`](Self::predict_all).
    pub fn predict(&self, window: &[Bar]) -> Result<Prediction> {
        let found = self.predict_all(&[window])?;
        // One window gives one prediction.
        found.into_iter().next().ok_or_else(|| Error::Prediction {
            reason: "the network gave no output".into(),
        })
    }

    /// Predicts the expansions of several windows in one forward pass.
    ///
    /// A prediction does not depend on the order of the windows. About ten windows per call are fastest.
    ///
    /// # Errors
    ///
    /// [`Error::Prediction`] if the network reads further columns; [`Error::Setting`] if a window has another number of
    /// bars than [`window`](Self::window), [`Error::Prediction`] if a bar does not pass [`Bar::check`], or the outputs
    /// are not finite or cannot be read from the device.
    pub fn predict_all(&self, windows: &[&[Bar]]) -> Result<Vec<Prediction>> {
        self.check_without_columns()?;
        for (index, window) in windows.iter().enumerate() {
            self.check(index, window)?;
        }
        let plain: Vec<WindowView> = windows.iter().map(|bars| (*bars, &[][..])).collect();
        let found = self.answer(&plain)?.into_iter().enumerate();
        found
            .map(|(index, found)| found.ok_or_else(|| not_finite(&format!("window {index}"))))
            .collect()
    }

    /// Refuses bars alone for a network that reads further columns.
    fn check_without_columns(&self) -> Result<()> {
        match self.trained.features.further {
            0 => Ok(()),
            _ => Err(Error::Prediction {
                reason: format!(
                    "the network reads the columns {} (`data.features_from`) too; predict a series that has them with \
                     `Predictor::windows`, or bar by bar with `Stream::push_row`",
                    self.trained.columns.join(", ")
                ),
            }),
        }
    }

    fn check(&self, index: usize, window: &[Bar]) -> Result<()> {
        if window.len() != self.window() {
            let expected = format!("{}, the window of the network", self.window());
            let field = format!("bars of window {index}");
            return Err(Error::setting(field, window.len(), expected));
        }
        let fault = |(bar, window): (usize, &Bar)| Some((bar, window.check().err()?));
        match window.iter().enumerate().find_map(fault) {
            None => Ok(()),
            Some((bar, fault)) => Err(Error::Prediction {
                reason: format!("window {index}, bar {bar}: {fault}"),
            }),
        }
    }

    /// Predicts windows that passed [`check`](Self::check); `None` for outputs that are not finite.
    fn answer(&self, windows: &[WindowView]) -> Result<Vec<Option<Prediction>>> {
        if windows.is_empty() {
            return Ok(Vec::new());
        }
        // A matrix product with one row may sum in another order than a product with several rows.
        let rows = windows.len().max(2);
        let padded = windows.iter().cycle().take(rows);
        let trained = &self.trained;
        let mut features = FeatureRows::new(trained.features, rows * self.window());
        padded.for_each(|(bars, further)| features.add(bars, further));
        let shape = [rows, self.window(), trained.features.columns()];
        let data = TensorData::new(features.into_values(), shape);
        let output = trained
            .network
            .forward(Tensor::from_data(data, &trained.device));
        let output = output.read().map_err(|error| Error::Prediction {
            reason: format!("the outputs cannot be read from the device: {error}"),
        })?;
        let found = output.windows().take(windows.len());
        Ok(found
            .map(|window| window.is_finite().then(|| decode(window)))
            .collect())
    }
}

/// The bars of a window and their further columns.
type WindowView<'a> = (&'a [Bar], &'a [f64]);

fn not_finite(window: &str) -> Error {
    Error::Prediction {
        reason: format!(
            "what the network says of {window} is not finite: its parameters are too large; take another checkpoint"
        ),
    }
}
