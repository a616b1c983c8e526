//! Reads time stamps of a form that the settings give: a pattern, a count of a unit, days.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::quote;
use super::stamp_number::{Number, TimeUnit};
use super::stamp_parser::Zone;
use super::zone::TimeZones;
use crate::error::{Error, Result};

/// The form of all stamps, as `data.time_format` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    /// A pattern of `strptime`.
    Pattern(String),
    /// Counts of a unit since 1970.
    Count(TimeUnit),
    /// Days since a day: those of a spreadsheet, those since 1970, those of MATLAB.
    Days(DayCount),
}

/// The day 0 of a count of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayCount {
    /// 1899-12-30, in spreadsheets.
    Spreadsheet,
    /// 1970-01-01.
    Epoch,
    /// The last day before the year 0, in MATLAB.
    Matlab,
}

impl DayCount {
    const ALL: [Self; 3] = [Self::Spreadsheet, Self::Epoch, Self::Matlab];

    /// Returns the name in `data.time_format`.
    fn name(self) -> &'static str {
        match self {
            Self::Spreadsheet => "days",
            Self::Epoch => "days-since-1970",
            Self::Matlab => "matlab-days",
        }
    }

    /// Returns the number of 1970-01-01.
    fn epoch(self) -> f64 {
        match self {
            Self::Spreadsheet => 25_569.0,
            Self::Epoch => 0.0,
            Self::Matlab => 719_529.0,
        }
    }

    /// Reads a number of days, to the nearest millisecond.
    fn read(self, text: &str) -> Option<DateTime> {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let days: f64 = text.parse().ok().filter(|_| plain)?;
        let milliseconds = ((days - self.epoch()) * 86.4e6).round();
        let time = Timestamp::from_millisecond(milliseconds as i64).ok()?;
        Some(time.to_zoned(TimeZone::UTC).datetime())
    }
}

impl TimeFormat {
    /// Reads a setting.
    ///
    /// # Errors
    /// [`Error::Setting`] if the text is neither a pattern nor one of the names.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let unit = TimeUnit::ALL.into_iter().find(|unit| unit.name() == text);
        if let Some(unit) = unit {
            return Ok(Self::Count(unit));
        }
        let days = DayCount::ALL.into_iter().find(|days| days.name() == text);
        if let Some(days) = days {
            return Ok(Self::Days(days));
        }
        // The parser checks a pattern against a text; an unknown directive fails before the text matters.
        let known = Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        let written = jiff::fmt::strtime::format(text, &known);
        if text.contains('%') && written.is_ok() {
            return Ok(Self::Pattern(text.to_owned()));
        }
        let expected = "a pattern such as `%d.%m.%Y %H:%M` (%Y year, %y year of two digits, %m month, %b its name, %d day, \
                        %H hour, %M minute, %S second, %f decimals of it, %z offset), or `seconds`, `milliseconds`, \
                        `microseconds` or `nanoseconds` since 1970, `days` of a spreadsheet, `days-since-1970` or \
                        `matlab-days`";
        Err(Error::setting(
            "data.time_format",
            quote::value(text),
            expected,
        ))
    }

    /// Reads a trimmed text.
    pub(crate) fn read(&self, text: &str, zones: &TimeZones) -> Option<Timestamp> {
        match self {
            Self::Pattern(pattern) => {
                let parsed = BrokenDownTime::parse(pattern, text).ok()?;
                if let Ok(time) = parsed.to_timestamp() {
                    return Some(time);
                }
                if let Ok(zoned) = parsed.to_zoned() {
                    return Some(zoned.timestamp());
                }
                let day = || {
                    parsed
                        .to_date()
                        .ok()
                        .or_else(|| month(&parsed))
                        .map(|date| date.at(0, 0, 0, 0))
                };
                let civil = parsed.to_datetime().ok().or_else(day)?;
                zones.time(civil, Zone::Unsaid)
            }
            Self::Count(unit) => {
                let number = Number::parse(text)?;
                unit.time(number.value, number.billionths)
            }
            Self::Days(days) => zones.time(days.read(text)?, Zone::Unsaid),
        }
    }

    /// Reads the date and time of day of a trimmed text without an offset.
    pub(super) fn civil(&self, text: &str) -> Option<DateTime> {
        match self {
            Self::Pattern(pattern) => {
                let parsed = BrokenDownTime::parse(pattern, text).ok()?;
                let absolute = parsed.to_timestamp().is_ok() || parsed.to_zoned().is_ok();
                (!absolute).then(|| parsed.to_datetime().ok())?
            }
            Self::Count(_) => None,
            Self::Days(days) => days.read(text),
        }
    }

    /// Returns the format as it is set, for messages.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Pattern(pattern) => quote::value(pattern),
            Self::Count(unit) => format!("`{}`", unit.name()),
            Self::Days(days) => format!("`{}`", days.name()),
        }
    }
}

/// Returns the first day of a month, for a pattern without a day.
fn month(parsed: &BrokenDownTime) -> Option<Date> {
    match parsed.day() {
        None => Date::new(parsed.year()?, parsed.month()?, 1).ok(),
        Some(_) => None,
    }
}
