//! Defines the flags for the windows that a network is trained on.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use equipoise::Result;
use equipoise::expansion::run::{ClassWeights, DataConfig, DataFiles, ExpansionConfig};
use equipoise::expansion::simulator::SimulatorConfig;

use super::files::readable;
use super::reader::{ReaderFlags, max_gap};

/// The flags for the source of the windows.
#[derive(Args)]
pub struct DataFlags {
    /// CSV or Parquet files of bars (open, high, low, close, and optionally a time stamp), each of one instrument or of
    /// several, by name or as a pattern such as 'bars/*.csv', or one Parquet file of labelled windows [default: the
    /// simulator]
    #[arg(value_name = "BARS", conflicts_with = "data")]
    bars: Vec<PathBuf>,
    /// The same as BARS
    #[arg(long, value_name = "FILE", num_args = 1..)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    reader: ReaderFlags,
    /// The longest time between two bars of a window, such as 3h or 2d [default: inferred from the file]
    #[arg(long, value_name = "TIME", value_parser = max_gap)]
    max_gap: Option<Duration>,
    /// CSV file of expansions marked by hand (start, end, type), instead of the rule
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// The types of the labels made by hand, in the order of their classes, such as flag,wedge,channel [default:
    /// breakout,continuation,reversal]
    #[arg(long, value_name = "TYPE,...", value_delimiter = ',')]
    types: Vec<String>,
    /// Further columns of the files that are features, such as volume,rsi [default: none]
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    features_from: Vec<String>,
    /// none, or balanced: every type counts the same in the loss of the type, however often it is in the training
    /// windows [default: none]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "HOW")]
    class_weights: Option<ClassWeightsName>,
    /// The largest number of windows, spread over the file, or the number of simulated windows [default: all of a file,
    /// 2400 simulated]
    #[arg(long, value_name = "N")]
    max_samples: Option<usize>,
    /// Bars per window, tested from 20 to 1000; the rule needs at least 13 [default: 105]
    #[arg(long, value_name = "N")]
    window: Option<usize>,
}

impl DataFlags {
    /// Overrides the settings with the flags that were given.
    pub fn set(&self, config: &mut ExpansionConfig) {
        self.set_window(config);
        let data = &mut config.data;
        self.reader.set(data);
        for given in [&self.bars, &self.data] {
            if !given.is_empty() {
                data.path = Some(DataFiles::new(given.clone()));
            }
        }
        if self.labels.is_some() {
            data.marks = self.labels.clone();
        }
        if !self.types.is_empty() {
            let names = self.types.iter().map(|name| name.trim().to_owned());
            config.model.types = names.collect();
        }
        let data = &mut config.data;
        if !self.features_from.is_empty() {
            data.features_from = self.features_from.clone();
        }
        if let Some(weights) = self.class_weights {
            data.class_weights = match weights {
                ClassWeightsName::None => ClassWeights::None,
                ClassWeightsName::Balanced => ClassWeights::Balanced,
            };
        }
        if self.max_gap.is_some() {
            data.max_gap = self.max_gap;
        }
        if self.max_samples.is_some() {
            data.max_samples = self.max_samples;
        }
    }

    /// Sets the window. Simulated windows follow it if they had the same length before.
    fn set_window(&self, config: &mut ExpansionConfig) {
        let Some(window) = self.window else { return };
        let (usual, simulator) = (SimulatorConfig::default(), &mut config.data.simulator);
        if simulator.window == config.model.window {
            // What followed the old window follows the new one.
            if simulator.max_length == usual.clone().for_window(simulator.window).max_length {
                simulator.max_length = usual.max_length;
            }
            simulator.window = usual.window;
        }
        config.model.window = window;
    }

    /// Checks that the files of the settings can be read.
    pub fn check(&self, data: &DataConfig) -> Result<()> {
        let named = |given: bool, flag, field| if given { flag } else { field };
        if let Some(files) = &data.path {
            let setting = if self.bars.is_empty() {
                named(!self.data.is_empty(), "--data", "data.path")
            } else {
                "BARS"
            };
            let wanted = "a CSV file of bars with a header of open, high, low and close, \
                or nothing for simulated bars";
            for file in files.files()? {
                readable(setting, &file, wanted)?;
            }
        }
        if let Some(file) = &data.marks {
            let setting = named(self.labels.is_some(), "--labels", "data.marks");
            let wanted = "a CSV file of expansions with a header of start, end and type";
            readable(setting, file, wanted)?;
        }
        Ok(())
    }
}

/// The weights of the types by name.
#[derive(Clone, Copy, ValueEnum)]
enum ClassWeightsName {
    None,
    Balanced,
}
