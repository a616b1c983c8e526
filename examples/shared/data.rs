//! The flags that say which windows a network is trained on.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use equipoise::Result;
use equipoise::expansion::run::DataConfig;

use super::files::readable;
use super::reader::{ReaderFlags, max_gap};

/// Which windows.
#[derive(Args)]
pub struct DataFlags {
    /// CSV or Parquet file of bars (open, high, low, close; a time stamp may be there), or Parquet file of labelled windows; the
    /// simulator if left out
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    #[command(flatten)]
    reader: ReaderFlags,
    /// The longest time between two bars that a window may reach over, such as 3h or 2d [default: what is usual in the file]
    #[arg(long, value_name = "TIME", value_parser = max_gap)]
    max_gap: Option<Duration>,
    /// CSV file of expansions marked by hand (start, end, type), instead of the rule
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Windows at most, spread over the file; how many the simulator makes [default: all of a file, 2400 simulated]
    #[arg(long, value_name = "N")]
    max_samples: Option<usize>,
}

impl DataFlags {
    /// Puts the flags that were given before the settings.
    pub fn set(&self, data: &mut DataConfig) {
        self.reader.set(data);
        let given = |flag: &Option<PathBuf>, setting: &mut Option<PathBuf>| {
            if flag.is_some() {
                *setting = flag.clone();
            }
        };
        given(&self.data, &mut data.path);
        given(&self.labels, &mut data.marks);
        if self.max_gap.is_some() {
            data.max_gap = self.max_gap;
        }
        if self.max_samples.is_some() {
            data.max_samples = self.max_samples;
        }
    }

    /// Sees that the files of the settings are there.
    pub fn check(&self, data: &DataConfig) -> Result<()> {
        let named = |given: bool, flag, field| if given { flag } else { field };
        if let Some(file) = &data.path {
            let setting = named(self.data.is_some(), "--data", "data.path");
            let wanted = "a CSV file of bars with a header of open, high, low and close, \
                or nothing for simulated bars";
            readable(setting, file, wanted)?;
        }
        if let Some(file) = &data.marks {
            let setting = named(self.labels.is_some(), "--labels", "data.marks");
            let wanted = "a CSV file of expansions with a header of start, end and type";
            readable(setting, file, wanted)?;
        }
        Ok(())
    }
}
