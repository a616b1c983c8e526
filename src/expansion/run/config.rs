//! Reads, checks and writes the config of a run, a JSON file: data, labels, model, strategy, training, backend.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use burn::tensor::Device;
#[cfg(any(feature = "cuda", feature = "rocm"))]
use burn::tensor::DeviceIndex;
#[cfg(feature = "wgpu")]
use burn::tensor::DeviceKind;
#[cfg(feature = "gpu-kernels")]
use burn::tensor::DeviceType;
use serde::{Deserialize, Deserializer, Serialize};

use super::class_weights::ClassWeights;
use super::files::DataFiles;
use super::names::Names;
use crate::difference::same_or_named;
use crate::error::{Error, Result};
use crate::expansion::bars::{ColumnMap, CsvOptions};
use crate::expansion::feature::FeatureSet;
use crate::expansion::label::{COUNTDOWN_CLIP, Classes, CountdownForm, ExpansionType, LabelConfig};
use crate::expansion::model::{ExpansionModelConfig, ScalarCountdown, strategy_table};
use crate::expansion::simulator::SimulatorConfig;
use crate::expansion::table::{DateOrder, DecimalMark};
use crate::expansion::window::Resample;
use crate::format::{self, Format};
use crate::history::write_atomically;
use crate::train::TrainConfig;
use crate::weighting::StrategyConfig;

/// The form of a config in JSON. Version 2 has its number in the file.
const FORMAT: Format = Format::new(2);

/// The default number of simulated windows.
pub(super) const SIMULATED_WINDOWS: usize = 2400;

/// The Burn backend that stores and computes the tensors. Default [`Backend::Flex`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Backend {
    /// The CPU, through Burn's recommended backend.
    #[default]
    Flex,
    /// The CPU, through Burn's older backend.
    Ndarray,
    /// A GPU through Vulkan, Metal, DirectX 12 or OpenGL, whichever the machine has.
    Wgpu,
    /// A GPU through Vulkan alone. The authors of this crate have not run this backend on a card yet.
    Vulkan,
    /// An Apple GPU through Metal. The authors of this crate have never run this backend.
    Metal,
    /// An NVIDIA GPU through CUDA. The authors of this crate have not run this backend yet.
    Cuda,
    /// An AMD GPU through ROCm. The authors of this crate have never run this backend.
    Rocm,
}

impl Backend {
    /// Returns the name of the backend in JSON and on the command line, which is also the name of its Cargo feature.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Vulkan => "vulkan",
            Self::Metal => "metal",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
        }
    }

    /// Returns whether the backend computes on a GPU.
    pub fn is_gpu(self) -> bool {
        !matches!(self, Self::Flex | Self::Ndarray)
    }

    /// Returns the backend's default device.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the program was built without the backend's feature, or the machine has no device for it.
    pub fn device(self) -> Result<Device> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "ndarray")]
            #[allow(deprecated)]
            Self::Ndarray => Ok(Device::ndarray()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => self.found(DeviceType::Wgpu, || Device::wgpu(DeviceKind::DefaultDevice)),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => self.found(DeviceType::Vulkan, || {
                Device::vulkan(DeviceKind::DefaultDevice)
            }),
            #[cfg(feature = "metal")]
            Self::Metal => self.found(DeviceType::Metal, || {
                Device::metal(DeviceKind::DefaultDevice)
            }),
            #[cfg(feature = "cuda")]
            Self::Cuda if !has_cuda_headers() => Err(Error::setting(
                "backend",
                self.name(),
                "flex or another with a device: CUDA's toolkit was not found, whose headers compile the kernels \
                 (CUDA_PATH, /usr/local/cuda, /opt/cuda or /usr/bin/nvcc)",
            )),
            #[cfg(feature = "cuda")]
            Self::Cuda => self.found(DeviceType::Cuda, || Device::cuda(DeviceIndex::Default)),
            #[cfg(feature = "rocm")]
            Self::Rocm => self.found(DeviceType::Rocm, || Device::rocm(DeviceIndex::Default)),
            #[allow(unreachable_patterns)]
            other => Err(Error::setting(
                "backend",
                other.name(),
                format!(
                    "one this program was built with: build it with Cargo's feature `{}`, or choose another `backend`",
                    other.name()
                ),
            )),
        }
    }

    /// Returns the device if the machine has a device of this type. Burn panics when asked for a missing device.
    #[cfg(feature = "gpu-kernels")]
    fn found(self, kind: DeviceType, device: impl FnOnce() -> Device) -> Result<Device> {
        if !Device::enumerate(kind).into_vec().is_empty() {
            return Ok(device());
        }
        let looked_for = match self {
            Self::Cuda => {
                "no CUDA device was found (NVIDIA's driver, libcuda, and a card that it serves)"
            }
            Self::Rocm => {
                "no ROCm device was found (AMD's HIP runtime, libamdhip64, and a card that it serves)"
            }
            Self::Metal => "no Metal device was found (macOS on a Mac with a GPU)",
            Self::Vulkan => {
                "no Vulkan device was found (the Vulkan loader, libvulkan, and a driver; a software driver comes with Mesa)"
            }
            _ => {
                "no GPU was found (through Vulkan, Metal, DirectX 12 or OpenGL; a software driver for Vulkan comes with Mesa)"
            }
        };
        Err(Error::setting(
            "backend",
            self.name(),
            format!("flex or another with a device: {looked_for}"),
        ))
    }
}

/// Returns whether CubeCL will find the CUDA headers that compile its kernels. CubeCL panics without them.
#[cfg(feature = "cuda")]
fn has_cuda_headers() -> bool {
    let places = ["/usr/local/cuda", "/opt/cuda", "/usr/bin/nvcc"];
    std::env::var_os("CUDA_PATH").is_some()
        || cfg!(windows)
        || places.iter().any(|place| Path::new(place).exists())
}

/// Settings of the data: the source of the windows, their labels and their features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// The files of bars, CSV or Parquet, or one Parquet file of labelled windows. Each file holds one instrument or
    /// several; no window has bars of two. Default `None`: the simulator.
    pub path: Option<DataFiles>,
    /// Whether bad rows of the file are dropped and counted instead of refused. Default `false`.
    pub skip_bad_rows: bool,
    /// Whether the day or the month comes first in dates like `01/02/2024`. Default `None`: inferred from the file.
    pub date_order: Option<DateOrder>,
    /// The decimal mark of the file's prices. Default `None`: inferred from the file.
    pub decimal_mark: Option<DecimalMark>,
    /// The columns of the file by name, as `{"time": "begin", "open": "bidopen", ..}` or
    /// `"time=begin,open=bidopen,.."`, see [`ColumnMap`]. Default: found by their names and values.
    pub columns: ColumnMap,
    /// The form of the file's time stamps: a pattern such as `%d.%m.%Y %Hh%M`, `seconds`, `milliseconds`,
    /// `microseconds` or `nanoseconds` since 1970, `days` of a spreadsheet, `days-since-1970` or `matlab-days`. Default
    /// `None`: inferred from the file.
    pub time_format: Option<String>,
    /// The zone of time stamps without an offset, such as `America/New_York` or `+01:00`. Default `None`: UTC.
    pub time_zone: Option<String>,
    /// The instruments that are read, by name: one, or a list. A [`Predictor`](crate::expansion::predictor::Predictor)
    /// takes one. Default `None`: all that the files hold.
    pub instrument: Option<Names>,
    /// The longest time between two bars of a file that a window may span, such as `3h` or `2d`. Default `None`:
    /// inferred from the usual week of the series, see [`Gaps::find`](crate::expansion::bars::Gaps::find).
    /// A [`Predictor`](crate::expansion::predictor::Predictor) with `None` leaves out no window.
    #[serde(with = "crate::expansion::table::duration")]
    pub max_gap: Option<Duration>,
    /// The CSV file of expansions marked by hand in the bars of the file, see
    /// [`Marks::read_csv`](crate::expansion::label::Marks::read_csv). Default `None`: the rule labels the bars.
    pub marks: Option<PathBuf>,
    /// Further names that labels made by hand may use for the types, each with its class, such as `{"up": 0}`. The
    /// names of `model.types` are always known. Default: none.
    pub classes: BTreeMap<String, usize>,
    /// The weights of the types in the loss of the type: `none`, or `balanced` by the labels of the training windows.
    /// Default `none`. `model.class_weights` sets weights of one's own.
    pub class_weights: ClassWeights,
    /// The number of bars between the first bars of two consecutive windows of a file, at least 1. Default 10.
    pub stride: usize,
    /// The largest number of windows, spread evenly over a file, or the number of simulated windows; at least 1.
    /// Default `None`: all windows of a file, 2400 simulated windows.
    pub max_samples: Option<usize>,
    /// The share of the windows, the last in time, used for validation; above 0 and below 1. Default 0.2.
    pub valid_fraction: f64,
    /// Whether the position in the window is a 13th feature. Default `false`.
    pub position: bool,
    /// Whether the [moves](crate::expansion::feature::window_moves) are four more features, the last. Default `false`.
    pub moves: bool,
    /// The names of further columns of the file that are features, the last, such as the volume; see
    /// [`window_columns`](crate::expansion::feature::window_columns). A row without a number in one of them is a bad
    /// row. Default: none.
    pub features_from: Vec<String>,
    /// The number of training windows of [joined stretches](crate::expansion::window::with_resampled) per window of a
    /// file, at most 100. Default 0: none. The number must be 0 for simulated bars, whose windows are made one by one.
    /// It is ignored for windows labelled by hand and for windows stored in a Parquet file.
    pub resampled: usize,
    /// The approximate number of training windows, mirrored windows not counted. If the bars give fewer, windows of
    /// joined stretches fill the gap: at most five for each window, and only above the number that `resampled` asks
    /// for. [`ExpansionConfig::resolved`] drops the number for simulated bars. It
    /// is ignored where `resampled` is. Default `None`.
    pub train_windows: Option<usize>,
    /// Whether every training window is also used upside down, which doubles the steps of an epoch. Default `false`.
    pub mirror: bool,
    /// The simulator's settings.
    pub simulator: SimulatorConfig,
    /// The rule that labels the bars of a file.
    pub labels: LabelConfig,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            path: None,
            skip_bad_rows: false,
            date_order: None,
            decimal_mark: None,
            columns: ColumnMap::default(),
            time_format: None,
            time_zone: None,
            instrument: None,
            max_gap: None,
            marks: None,
            classes: BTreeMap::new(),
            class_weights: ClassWeights::default(),
            stride: 10,
            max_samples: None,
            valid_fraction: 0.2,
            position: false,
            moves: false,
            features_from: Vec::new(),
            resampled: 0,
            train_windows: None,
            mirror: false,
            simulator: SimulatorConfig::default(),
            labels: LabelConfig::default(),
        }
    }
}

impl DataConfig {
    /// Returns the features of a bar that the network reads.
    pub fn features(&self) -> FeatureSet {
        FeatureSet {
            position: self.position,
            moves: self.moves,
            further: self.features_from.len(),
        }
    }

    fn check_features_from(&self) -> Result<()> {
        let names = &self.features_from;
        let refuse = |found: String, expected: &str| {
            Err(Error::setting("data.features_from", found, expected))
        };
        for (index, name) in names.iter().enumerate() {
            if name.trim().is_empty() {
                return refuse("an empty name".into(), "the name of a column of the file");
            }
            if names[..index].contains(name) {
                return refuse(format!("{name}, twice"), "each column once");
            }
        }
        if !names.is_empty() && self.path.is_none() {
            let expected =
                "left out: simulated bars have prices alone (give the bars with `data.path`)";
            return refuse(names.join(", "), expected);
        }
        Ok(())
    }

    /// Returns the settings of the reader of the file.
    pub fn csv_options(&self) -> CsvOptions {
        CsvOptions::default()
            .with_skip_bad_rows(self.skip_bad_rows)
            .with_features(self.features_from.clone())
            .with_date_order(self.date_order)
            .with_decimal_mark(self.decimal_mark)
            .with_columns(self.columns.clone())
            .with_time_format(self.time_format.clone())
            .with_time_zone(self.time_zone.clone())
            .with_instrument(
                self.instrument
                    .as_ref()
                    .and_then(Names::only)
                    .map(String::from),
            )
    }
}

/// Settings of a whole run: data, labels, model, strategy, training and backend.
///
/// Stored as one JSON file, see [`read`](Self::read) and [`write`](Self::write).
///
/// # Example
///
/// ```
/// use equipoise::expansion::run::ExpansionConfig;
///
/// let mut config = ExpansionConfig::default();
/// config.weighting = ExpansionConfig::preset("gradient-share")?;
/// let config = config.resolved();
/// assert_eq!(config.weighting.name(), "gradient-share");
/// # Ok::<(), equipoise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpansionConfig {
    /// The settings of the data.
    pub data: DataConfig,
    /// The settings of the network.
    pub model: ExpansionModelConfig,
    /// The strategy, a row of [`strategy_table`]. Default `uncertainty`, as in [`preset`](Self::preset).
    #[serde(deserialize_with = "weighting")]
    pub weighting: StrategyConfig,
    /// The settings of the training.
    pub train: TrainConfig,
    /// Whether the BiLSTM of the checkpoint that the run starts from stays unchanged, so that only the heads learn.
    /// Default `false`.
    pub freeze_backbone: bool,
    /// Whether a GPU computes the recurrent layers in half precision, see
    /// [`BiLstm::with_half_precision`](crate::nn::BiLstm::with_half_precision). Default `false`.
    pub half: bool,
    /// The backend of the tensors.
    pub backend: Backend,
}

/// The default settings, under which every task learns on simulated windows within twenty epochs. The gradient is
/// clipped, and the learning rate is three times that of [`TrainConfig`]: at 1e-3 the task `type` does not begin to
/// learn in twenty epochs.
impl Default for ExpansionConfig {
    fn default() -> Self {
        Self {
            data: DataConfig::default(),
            model: ExpansionModelConfig {
                input_dropout: 0.1,
                head_dropout: 0.2,
                countdown_scale: f64::from(COUNTDOWN_CLIP),
                ..ExpansionModelConfig::default()
            },
            weighting: ExpansionConfig::preset("uncertainty").expect("a preset of this file"),
            train: TrainConfig {
                learning_rate: 3e-3,
                clip_norm: Some(1.0),
                ..TrainConfig::default()
            },
            freeze_backbone: false,
            half: false,
            backend: Backend::default(),
        }
    }
}

/// Deserializes a strategy with the strategy table of the expansion model.
fn weighting<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StrategyConfig, D::Error> {
    strategy_table().deserialize(deserializer)
}

/// The settings of the strategies whose settings for the expansion model differ from the defaults.
const PRESETS: [(&str, &str); 6] = [
    ("running-mean", WEIGHTED),
    ("gradient-scale", WEIGHTED),
    ("batch-statistics", WEIGHTED),
    (
        "scalar-countdown",
        r#"{"weighting": {"strategy": "manual", "weights": {"type": 0.1, "pointers": 0.7, "binary": 0.1, "countdown": 0.1}}}"#,
    ),
    (
        "manual",
        r#"{"weights": {"type": 0.1, "pointers": 0.6, "binary": 0.1, "countdown": 0.2}}"#,
    ),
    ("uncertainty", r#"{"log_sigma": {"pointers": -0.3}}"#),
];

/// The weights 10/70/10/10, which starved the countdown.
const WEIGHTED: &str =
    r#"{"weights": {"type": 0.1, "pointers": 0.7, "binary": 0.1, "countdown": 0.1}}"#;

impl ExpansionConfig {
    /// The names of the seven strategies that are the default rows of a comparison, beside `sum` and `tuned-fixed`.
    pub const STRATEGIES: [&str; 7] = [
        "running-mean",
        "uncertainty",
        "gradient-scale",
        "scalar-countdown",
        "batch-statistics",
        "gradient-share",
        "manual",
    ];

    /// Returns a strategy by name, with its usual settings for the expansion model.
    ///
    /// * `running-mean`, `gradient-scale`, `batch-statistics`, `scalar-countdown`: the weights 10/70/10/10 for type,
    ///   pointers, binary and countdown;
    /// * `manual`: the weights 10/60/10/20;
    /// * `uncertainty`: the log sigma of the pointers starts at -0.3;
    /// * every other strategy of [the table](strategy_table): its defaults.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if no strategy has this name, or one of its settings has no default.
    ///
    /// # Example
    ///
    /// ```
    /// use equipoise::expansion::run::ExpansionConfig;
    ///
    /// assert_eq!(ExpansionConfig::preset("running-mean")?.name(), "running-mean");
    /// assert!(ExpansionConfig::preset("unknown").is_err());
    /// # Ok::<(), equipoise::Error>(())
    /// ```
    pub fn preset(name: &str) -> Result<StrategyConfig> {
        let table = strategy_table();
        let row = table.row(name)?;
        let settings = PRESETS.iter().find(|(known, _)| *known == row.name());
        let settings = settings.map_or("{}", |(_, settings)| settings);
        row.config(settings)
    }
}

impl ExpansionConfig {
    /// Returns the names that labels made by hand may use for the types: `model.types` and `data.classes`.
    pub fn classes(&self) -> Classes {
        let aliases = self.data.classes.iter();
        let aliases = aliases.map(|(name, class)| (name.clone(), *class));
        Classes::new(self.model.types.clone()).with_aliases(aliases)
    }

    /// Checks that the types are those of the rule and of the simulator.
    pub(super) fn check_rule_types(&self) -> Result<()> {
        let (types, rule) = (&self.model.types, ExpansionType::RULE_NAMES);
        if types.iter().eq(rule.iter()) {
            return Ok(());
        }
        let expected = format!(
            "{}, the types of the rule and of the simulator; types of your own need labels made by hand (`data.marks`), \
             or a Parquet file of labelled windows",
            rule.join(", ")
        );
        Err(Error::setting("model.types", types.join(", "), expected))
    }

    /// Returns the config with its default settings fitted to each other.
    ///
    /// Under `scalar-countdown` the model gets a scalar head. `model.features` and `data.simulator.window`, if left at
    /// their defaults, are fitted to the data and to the model, the latter with [`SimulatorConfig::for_window`]. For
    /// simulated bars, `resampled` and `train_windows` are dropped. Other settings that do not fit stay unchanged, and
    /// [`validate`](Self::validate) refuses them.
    pub fn resolved(mut self) -> Self {
        let scalar = self.weighting.is::<ScalarCountdown>();
        if scalar && self.model.countdown == CountdownForm::PerBar {
            self.model.countdown = CountdownForm::Scalar;
            self.model.countdown_scale = 1.0;
        }
        if self.model.features == ExpansionModelConfig::default().features {
            self.model.features = self.data.features().columns();
        }
        if self.data.path.is_none() {
            self.data.resampled = 0;
            self.data.train_windows = None;
        }
        let simulated = self.data.simulator.window;
        if simulated == SimulatorConfig::default().window && simulated != self.model.window {
            self.data.simulator = self.data.simulator.for_window(self.model.window);
        }
        self
    }

    /// Checks every part. An error names a field with its part, for example `model.hidden`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the field or a missing backend, [`Error::Tasks`] if the strategy cannot weigh the
    /// model's tasks.
    pub fn validate(&self) -> Result<()> {
        let within = |part: &'static str| move |error: Error| error.within(part);
        self.train.validate().map_err(within("train"))?;
        self.model.validate().map_err(within("model"))?;
        let data = &self.data;
        if data.path.is_none() {
            if data.resampled > 0 {
                let expected = "0 for simulated bars";
                return Err(Error::setting("data.resampled", data.resampled, expected));
            }
            if data.simulator.window != self.model.window {
                let expected = format!("{}, the `model.window`", self.model.window);
                let window = data.simulator.window;
                return Err(Error::setting("data.simulator.window", window, expected));
            }
            data.simulator
                .validate()
                .map_err(within("data.simulator"))?;
        }
        if data.resampled > Resample::MOST_COPIES {
            let expected = format!("at most {}", Resample::MOST_COPIES);
            return Err(Error::setting("data.resampled", data.resampled, expected));
        }
        data.csv_options().check()?;
        data.labels.validate().map_err(within("data.labels"))?;
        self.classes().validate()?;
        data.check_features_from()?;
        if data.class_weights == ClassWeights::Balanced && self.model.class_weights.is_some() {
            let expected = "none, because `model.class_weights` sets the weights";
            return Err(Error::setting("data.class_weights", "balanced", expected));
        }
        if data.marks.is_some() && data.path.is_none() {
            let expected =
                "left out: the simulator labels its own windows (give the bars with `data.path`)";
            return Err(Error::setting("data.marks", "given", expected));
        }
        for (field, value) in [
            ("data.stride", Some(data.stride)),
            ("data.max_samples", data.max_samples),
        ] {
            if value == Some(0) {
                return Err(Error::setting(field, 0, "at least 1"));
            }
        }
        let fraction = data.valid_fraction;
        if !(fraction > 0.0 && fraction < 1.0) {
            let expected = "above 0 and below 1";
            return Err(Error::setting("data.valid_fraction", fraction, expected));
        }
        let shortest = data.labels.atr_bars.saturating_add(data.labels.min_length);
        let by_rule = data.path.is_some() && data.marks.is_none();
        if by_rule && self.model.window < shortest {
            let expected = format!("at least {shortest}, or the rule finds no expansion in it");
            return Err(Error::setting("model.window", self.model.window, expected));
        }
        let needed = data.features().columns();
        if self.model.features != needed {
            let expected = format!(
                "{needed}, the features of a bar with this `data.position`, `data.moves` and `data.features_from`"
            );
            return Err(Error::setting(
                "model.features",
                self.model.features,
                expected,
            ));
        }
        let tasks = self.model.tasks()?;
        let device = self.backend.device()?;
        let weighting = self
            .weighting
            .init(&tasks, &device)
            .map_err(within("weighting"))?;
        self.train
            .check_observed(&weighting)
            .map_err(within("train"))
    }

    /// Checks that this config continues a run made with `stored`. The number of epochs and the paths of the files may
    /// differ; every other difference would make it another run.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] naming the first field that differs, with both values.
    pub fn check_continues(&self, stored: &Self) -> Result<()> {
        let mut asked = self.clone().with_paths_of(stored);
        asked.train.epochs = stored.train.epochs;
        let remedy = "as in the run that is resumed; only `train.epochs` may change";
        same_or_named(&asked, stored, remedy)
    }

    /// Returns the config with the paths of another config where both name files. Files may have moved: they are
    /// identified by their content, see [`RunFiles`](super::fingerprint::RunFiles).
    pub(crate) fn with_paths_of(mut self, other: &Self) -> Self {
        let (own, other) = (&mut self.data, &other.data);
        if own.path.is_some() && other.path.is_some() {
            own.path.clone_from(&other.path);
        }
        if own.marks.is_some() && other.marks.is_some() {
            own.marks.clone_from(&other.marks);
        }
        self
    }

    /// Reads a config. Fields that the file leaves out have their defaults; without the field `format`, the number of
    /// its form, the file is read as one of form 1.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if a later version wrote it, [`Error::Config`] with line, column and field if it is not a config.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let fail = |reason: String| Error::Config {
            path: path.as_ref().to_path_buf(),
            reason,
        };
        // Serde would read a list as the fields in their order.
        if !text.trim_start().starts_with('{') {
            return Err(fail("expected an object, `{`, at line 1 column 1".into()));
        }
        FORMAT.check_json(path.as_ref(), text.as_bytes())?;
        format::of_json(text.as_bytes()).map_err(|error| fail(error.to_string()))
    }

    /// Writes the config as JSON with every field.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path, self.to_json().as_bytes())
    }

    /// Returns the config as JSON with every field, behind the number of its form. [`read`](Self::read) reads it from a
    /// file.
    pub fn to_json(&self) -> String {
        FORMAT.to_json(self)
    }
}
