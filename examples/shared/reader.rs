//! Defines the flags for reading a file of bars.

use std::time::Duration;

use clap::{Args, ValueEnum};
use equipoise::Result;
use equipoise::expansion::bars::{DateOrder, DecimalMark};
use equipoise::expansion::duration;
use equipoise::expansion::run::DataConfig;

/// The flags for reading a file of bars.
#[derive(Args)]
pub struct ReaderFlags {
    /// Drop and count bad rows of the file instead of refusing it
    #[arg(long)]
    skip_bad_rows: bool,
    /// Whether dates like 01/02/2024 are day-first or month-first [default: inferred from the file]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "ORDER")]
    date_order: Option<DateOrderName>,
    /// The decimal mark of the prices, point or comma [default: inferred from the file]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "MARK")]
    decimal: Option<DecimalName>,
}

impl ReaderFlags {
    /// Overrides the settings with the flags that were given.
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

/// Parses the length of time of `--max-gap`.
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
