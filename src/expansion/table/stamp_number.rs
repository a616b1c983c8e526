//! Reads a number that may be a time: a count since 1970, the digits of a date, or a day of a spreadsheet.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::clock_parser::Clock;

/// The day 0 of a spreadsheet.
const DAY_ZERO: Date = jiff::civil::date(1899, 12, 30);

/// A number that may be a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    /// The whole part.
    pub(crate) value: i64,
    /// The billionths after the point.
    pub(crate) billionths: i32,
}

/// The unit of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// Nanoseconds since 1970.
    Nanoseconds,
}

impl TimeUnit {
    /// The units from the largest to the smallest.
    pub(crate) const ALL: [Self; 4] = [
        Self::Seconds,
        Self::Milliseconds,
        Self::Microseconds,
        Self::Nanoseconds,
    ];

    /// Infers the unit from the size of a number. The time then lies between 1973 (1970 for seconds) and 5138.
    pub(crate) fn of(value: i64) -> Self {
        match value.unsigned_abs() {
            0..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Milliseconds,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Microseconds,
            _ => Self::Nanoseconds,
        }
    }

    /// Returns the name of the unit, for messages and in `data.time_format`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
        }
    }

    /// Returns the time of a count since 1970.
    pub(crate) fn time(self, value: i64, billionths: i32) -> Option<Timestamp> {
        if billionths != 0 && self != Self::Seconds {
            return None;
        }
        match self {
            Self::Seconds => Timestamp::new(value, billionths).ok(),
            Self::Milliseconds => Timestamp::from_millisecond(value).ok(),
            Self::Microseconds => Timestamp::from_microsecond(value).ok(),
            Self::Nanoseconds => Timestamp::from_nanosecond(value.into()).ok(),
        }
    }
}

impl Number {
    /// Reads a whole number, or a number with decimals that may be a time: seconds with at least nine digits, or days
    /// of a spreadsheet.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        // A zero in front belongs to the digits of a date or of a time of day.
        let zero = unsigned.len() > 1 && unsigned.starts_with('0');
        if unsigned.is_empty() || zero || !all_digits(unsigned) || !all_digits(fraction) {
            return None;
        }
        let value = whole.parse().ok()?;
        if whole.len() == text.len() {
            return Some(Self {
                value,
                billionths: 0,
            });
        }
        let of_days = DAYS.contains(&value);
        if (unsigned.len() < 9 && !of_days) || whole != unsigned || fraction.is_empty() {
            return None;
        }
        let billionths = format!("{fraction:0<9.9}").parse().ok()?;
        Some(Self { value, billionths })
    }

    /// Reads the digits of a date with or without a time of day: 8, 10, 12, 14 or 17 of them. A count of seconds since
    /// 1970 has ten digits too, but those of a date lie after 2030.
    pub(crate) fn digits(self) -> Option<DateTime> {
        let value = self.value;
        let (date, time, thousandths) = match value.checked_ilog10()? {
            7 => (value, 0, 0),
            9 => (value / 100, value % 100 * 10_000, 0),
            11 => (value / 10_000, value % 10_000 * 100, 0),
            13 => (value / 1_000_000, value % 1_000_000, 0),
            16 => (
                value / 1_000_000_000,
                value / 1000 % 1_000_000,
                value % 1000,
            ),
            _ => return None,
        };
        if !(1900..=2100).contains(&(date / 10_000)) {
            return None;
        }
        let part = |value: i64| i8::try_from(value % 100).ok();
        let clock = Clock {
            hour: part(time / 10_000)?,
            minute: part(time / 100)?,
            second: part(time)?,
            nanosecond: i32::try_from(thousandths).ok()? * 1_000_000 + self.billionths,
        };
        let year = i16::try_from(date / 10_000).ok()?;
        clock.on(year, part(date / 100)?, part(date)?)
    }

    /// Reads a day of a spreadsheet, to the nearest millisecond.
    pub(crate) fn days(self) -> Option<DateTime> {
        if !DAYS.contains(&self.value) {
            return None;
        }
        let milliseconds = (f64::from(self.billionths) * 86.4e6 / 1e9).round();
        let since = jiff::Span::new()
            .days(self.value)
            .milliseconds(milliseconds as i64);
        DAY_ZERO.at(0, 0, 0, 0).checked_add(since).ok()
    }
}

/// The days of a spreadsheet from 1954 to 2119.
pub(crate) const DAYS: std::ops::RangeInclusive<i64> = 20_000..=80_000;
