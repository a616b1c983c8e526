//! Reads one time stamp in the forms of price files.
//!
//! A text alone can be ambiguous: `01/02/2024` is one of two days, `1706693400` a number of an unknown unit. So a text
//! is first parsed into a [`Stamp`], and the [`Form`] of its whole column makes it a time. Ambiguous forms (two digits
//! for the year, an hour without AM or PM, zone names) are not accepted.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use serde::{Deserialize, Serialize};

use super::quote;
use super::stamp_parser::{Clock, Date, Parser};

/// A parsed time stamp.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stamp {
    /// A time with only one reading.
    Plain(Timestamp),
    /// Two numbers below 32 and a year.
    Numeric(Numeric),
    /// A whole number, and the billionths after its point.
    Number(i64, i32),
}

/// A date whose day and month depend on the order of the dates of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Numeric {
    /// The first number.
    pub(crate) first: i8,
    /// The second number.
    pub(crate) second: i8,
    year: i16,
    clock: Clock,
}

/// The order of day and month in dates like `01/02/2024`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// `01/02/2024` is the first of February.
    DayFirst,
    /// `01/02/2024` is the second of January.
    MonthFirst,
}

impl DateOrder {
    /// Returns the name, as in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::DayFirst => "day-first",
            Self::MonthFirst => "month-first",
        }
    }
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
    /// The digits of a date instead of a count: `20240131`, `202401310930` or `20240131093000`.
    Digits,
}

/// The form of the stamps of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Dates with only one reading.
    Plain,
    /// Dates with the day and the month in this order.
    Numeric(DateOrder),
    /// Whole numbers.
    Number(TimeUnit),
}

/// Returns whether a trimmed text is a date without a time of day.
pub(crate) fn is_date_alone(text: &str) -> bool {
    let mut rest = Parser::new(text);
    rest.date().is_some() && rest.is_empty()
}

impl Stamp {
    /// Parses a trimmed text. Returns `None` if the text is not a time stamp.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(number) = number(text) {
            return Some(number);
        }
        let mut rest = Parser::new(text);
        let date = rest.date()?;
        let clock = if rest.is_empty() {
            Clock::default()
        } else {
            rest.gap()?;
            rest.clock(matches!(date, Date::Compact(..)))?
        };
        match date {
            Date::Plain(year, month, day) | Date::Compact(year, month, day) => {
                clock.on(year, month, day).map(Self::Plain)
            }
            Date::Numeric(first, second, year) => Some(Self::Numeric(Numeric {
                first,
                second,
                year,
                clock,
            })),
        }
    }

    /// Returns the time of a stamp under a form. Returns `None` if the stamp has another form or is not a time.
    pub(crate) fn read(self, form: Form) -> Option<Timestamp> {
        match (self, form) {
            (Self::Plain(stamp), Form::Plain) => Some(stamp),
            (Self::Numeric(numeric), Form::Numeric(order)) => numeric.read(order),
            (Self::Number(value, nanoseconds), Form::Number(unit)) => unit.read(value, nanoseconds),
            _ => None,
        }
    }
}

impl Numeric {
    /// Returns the time under an order of day and month.
    pub(crate) fn read(self, order: DateOrder) -> Option<Timestamp> {
        let (day, month) = match order {
            DateOrder::DayFirst => (self.first, self.second),
            DateOrder::MonthFirst => (self.second, self.first),
        };
        self.clock.on(self.year, month, day)
    }
}

impl Clock {
    fn on(self, year: i16, month: i8, day: i8) -> Option<Timestamp> {
        let civil = DateTime::new(
            year,
            month,
            day,
            self.hour,
            self.minute,
            self.second,
            self.nanosecond,
        );
        let offset = Offset::from_seconds(self.offset).ok()?;
        offset.to_timestamp(civil.ok()?).ok()
    }
}

impl TimeUnit {
    /// Infers the unit from the size of a number. The time then lies between 1973 (1970 for seconds) and 5138.
    pub(crate) fn of(value: i64) -> Self {
        match value.unsigned_abs() {
            0..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Milliseconds,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Microseconds,
            _ => Self::Nanoseconds,
        }
    }

    /// Returns the name of the unit, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds since 1970",
            Self::Milliseconds => "milliseconds since 1970",
            Self::Microseconds => "microseconds since 1970",
            Self::Nanoseconds => "nanoseconds since 1970",
            Self::Digits => "dates without dashes",
        }
    }

    fn read(self, value: i64, nanoseconds: i32) -> Option<Timestamp> {
        if self == Self::Digits {
            return digits(value);
        }
        // The size of a number decides its unit.
        if Self::of(value) != self || (nanoseconds != 0 && self != Self::Seconds) {
            return None;
        }
        match self {
            Self::Seconds => Timestamp::new(value, nanoseconds).ok(),
            Self::Milliseconds => Timestamp::from_millisecond(value).ok(),
            Self::Microseconds => Timestamp::from_microsecond(value).ok(),
            Self::Nanoseconds => Timestamp::from_nanosecond(value.into()).ok(),
            Self::Digits => None,
        }
    }
}

/// Reads `20240131`, `202401310930` or `20240131093000` as a time. Counts of seconds since 1970 have ten digits.
pub(crate) fn digits(value: i64) -> Option<Timestamp> {
    // Eight, twelve and fourteen digits.
    let (date, time) = match value.checked_ilog10()? {
        7 => (value, 0),
        11 => (value / 10_000, value % 10_000 * 100),
        13 => (value / 1_000_000, value % 1_000_000),
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
        ..Clock::default()
    };
    clock.on(
        i16::try_from(date / 10_000).ok()?,
        part(date / 100)?,
        part(date)?,
    )
}

/// Reads a whole number, or a number of at least nine digits with decimals, which are fractions of a second.
fn number(text: &str) -> Option<Stamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if unsigned.is_empty() || !all_digits(unsigned) || !all_digits(fraction) {
        return None;
    }
    let value = whole.parse().ok()?;
    if whole.len() == text.len() {
        return Some(Stamp::Number(value, 0));
    }
    // Shorter numbers with a point are days of a spreadsheet, or no times.
    if unsigned.len() < 9 || whole != unsigned || fraction.is_empty() {
        return None;
    }
    let billionths: i32 = format!("{fraction:0<9.9}").parse().ok()?;
    Some(Stamp::Number(value, billionths))
}

/// Returns the message for a text that is not a time stamp.
pub(crate) fn unreadable(text: &str) -> String {
    format!(
        "the time stamp {} cannot be read; expected RFC 3339 (`2024-01-31T09:30:00Z`), a date with four digits for \
         the year, alone or before a time of day (`2024-01-31 09:30[:00]`, `01/31/2024 9:30 PM`, `31-Jan-2024`), \
         or seconds or milliseconds since 1970",
        quote::value(text)
    )
}
