//! The flags that say how a file of bars is to be read, and the files themselves: what several programs ask alike.

// Every program uses a part of this.
#![allow(dead_code)]

use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};
use equipoise::expansion::bars::csv::{DateOrder, DecimalMark};
use equipoise::expansion::config::{Backend, DataConfig};
use equipoise::expansion::duration;
use equipoise::{Error, Result};

/// How a file of bars is to be read.
#[derive(Args)]
pub struct ReaderFlags {
    /// Drop and count bad rows of the file instead of refusing it
    #[arg(long)]
    skip_bad_rows: bool,
    /// Whether dates like 01/02/2024 are day-first or month-first [default: told from the file]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "ORDER")]
    date_order: Option<DateOrderName>,
    /// The decimal mark of the prices, point or comma [default: told from the file]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "MARK")]
    decimal: Option<DecimalName>,
}

impl ReaderFlags {
    /// Puts the flags that were given before the settings.
    pub fn set(&self, data: &mut DataConfig) {
        data.skip_bad_rows |= self.skip_bad_rows;
        if let Some(order) = self.date_order {
            data.date_order = Some(match order {
                DateOrderName::DayFirst => DateOrder::DayFirst,
                DateOrderName::MonthFirst => DateOrder::MonthFirst,
            });
        }
        if let Some(mark) = self.decimal {
            data.decimal_mark = Some(match mark {
                DecimalName::Point => DecimalMark::Point,
                DecimalName::Comma => DecimalMark::Comma,
            });
        }
    }
}

/// A length of time given to `--max-gap`.
pub fn max_gap(text: &str) -> Result<Duration> {
    duration::parse("--max-gap", text)
}

/// The orders of day and month by name.
#[derive(Clone, Copy, ValueEnum)]
enum DateOrderName {
    DayFirst,
    MonthFirst,
}

/// The decimal marks by name.
#[derive(Clone, Copy, ValueEnum)]
enum DecimalName {
    Point,
    Comma,
}

/// The backends by name.
#[derive(Clone, Copy, ValueEnum)]
pub enum BackendName {
    Flex,
    Ndarray,
    Wgpu,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Self {
        match name {
            BackendName::Flex => Self::Flex,
            BackendName::Ndarray => Self::Ndarray,
            BackendName::Wgpu => Self::Wgpu,
        }
    }
}

/// What a file of bars is.
pub const WANTED_BARS: &str =
    "a CSV file of bars with a header of open, high, low and close, or nothing for simulated bars";
/// What a file of labels is.
pub const WANTED_LABELS: &str = "a CSV file of expansions with a header of start, end and type";
/// What a config file is.
pub const WANTED_CONFIG: &str = "settings in JSON, as every run writes them to its config.json";

/// Sees that a file is there, so that the message can say what it is for.
pub fn readable(setting: &str, file: &Path, wanted: &str) -> Result<()> {
    let problem = match std::fs::File::open(file).and_then(|file| file.metadata()) {
        Ok(found) if found.is_dir() => "it is a folder".to_string(),
        Ok(_) => return Ok(()),
        Err(error) => error.to_string(),
    };
    let reason = format!("cannot be read for {setting} ({problem}); expected {wanted}");
    Err(Error::file(file, reason))
}
