//! Defines the flags for reading a file of bars.

use std::time::Duration;

use clap::{Args, ValueEnum};
use equipoise::expansion::bars::{ColumnMap, DateOrder, DecimalMark, OfAnotherFile};
use equipoise::expansion::duration;
use equipoise::expansion::run::{DataConfig, Names};
use equipoise::{Error, Result};

/// The flags for reading a file of bars.
#[derive(Args)]
pub struct ReaderFlags {
    /// Drop and count bad rows of the file instead of refusing it
    #[arg(long)]
    skip_bad_rows: bool,
    /// Whether dates like 01/02/24 are day-first, month-first or year-first [default: inferred from the file]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "ORDER")]
    date_order: Option<DateOrderName>,
    /// The decimal mark of the prices, point or comma [default: inferred from the file]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "MARK")]
    decimal: Option<DecimalName>,
    /// Columns of the file by name, or by number as #2, such as
    /// time=begin,open=bidopen,high=bidhigh,low=bidlow,close=bidclose (also date=, instrument=)
    /// [default: inferred from the file]
    #[arg(long, value_name = "KEY=COLUMN,...", value_parser = columns)]
    columns: Option<ColumnMap>,
    /// Form of the time stamps, such as "%d.%m.%Y %Hh%M", or seconds, milliseconds, microseconds, nanoseconds, days
    /// [default: inferred from the file]
    #[arg(long, value_name = "PATTERN")]
    time_format: Option<String>,
    /// Zone of time stamps without an offset, such as America/New_York or +01:00 [default: UTC]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    time_zone: Option<String>,
    /// The instrument to read from a file with several; in a training more than once for some of them [default: all]
    #[arg(long, value_name = "NAME")]
    instrument: Vec<String>,
}

impl ReaderFlags {
    /// Returns the settings that no flag of this call gives, so that they come from the run.
    pub fn of_another_file(&self) -> OfAnotherFile {
        OfAnotherFile {
            columns: self.columns.is_none(),
            time_format: self.time_format.is_none(),
            instrument: self.instrument.is_empty(),
        }
    }

    /// Checks that at most one instrument is named.
    pub fn check_one_instrument(&self) -> Result<()> {
        match &self.instrument[..] {
            [] | [_] => Ok(()),
            several => {
                let expected = "one instrument; call the program once for each";
                Err(Error::setting("--instrument", several.join(", "), expected))
            }
        }
    }

    /// Overrides the settings with the flags that were given.
    pub fn set(&self, data: &mut DataConfig) {
        data.skip_bad_rows |= self.skip_bad_rows;
        if let Some(order) = self.date_order {
            data.date_order = Some(match order {
                DateOrderName::Day => DateOrder::DayFirst,
                DateOrderName::Month => DateOrder::MonthFirst,
                DateOrderName::Year => DateOrder::YearFirst,
            });
        }
        if let Some(columns) = &self.columns {
            data.columns = columns.clone();
        }
        for (flag, setting) in [
            (&self.time_format, &mut data.time_format),
            (&self.time_zone, &mut data.time_zone),
        ] {
            if flag.is_some() {
                setting.clone_from(flag);
            }
        }
        if !self.instrument.is_empty() {
            data.instrument = Some(Names::new(self.instrument.clone()));
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

/// Parses the columns of `--columns`.
fn columns(text: &str) -> Result<ColumnMap> {
    ColumnMap::parse(text)
}

/// The orders of day and month by name.
#[derive(Clone, Copy, ValueEnum)]
enum DateOrderName {
    #[value(name = "day-first")]
    Day,
    #[value(name = "month-first")]
    Month,
    #[value(name = "year-first")]
    Year,
}

/// The decimal marks by name.
#[derive(Clone, Copy, ValueEnum)]
enum DecimalName {
    Point,
    Comma,
}
