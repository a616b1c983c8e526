//! Reads one time stamp in the forms price files use.
//!
//! A text alone does not always say what it means: `01/02/2024` is one of two days, `1706693400` a number of some unit.
//! So a text is first taken apart into a [`Stamp`], and becomes a time under the [`Form`] that its whole column has.
//! Forms that leave something to guess (two digits for the year, an hour without AM or PM, zone names) are not taken.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use serde::{Deserialize, Serialize};

use super::quote;
use super::stamp_parser::{Clock, Date, Parser};

/// What one text says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stamp {
    /// A time, with no doubt left.
    Plain(Timestamp),
    /// Two numbers below 32 and a year.
    Numeric(Numeric),
    /// A number, and billionths after the point.
    Number(i64, i32),
}

/// A date whose day and month are told by the order of the file's dates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Numeric {
    /// The number that comes first.
    pub(crate) first: i8,
    /// The number that comes second.
    pub(crate) second: i8,
    year: i16,
    clock: Clock,
}

/// Whether the day or the month comes first in dates like `01/02/2024`.
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
    /// Not a count: the digits of a date, `20240131` or `20240131093000`.
    Digits,
}

/// How the stamps of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Dates that can be read one way only.
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
    /// Takes a trimmed text apart; none if it is not a time stamp.
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

    /// Returns the time that a stamp is under a form; `None` if it has another form or is not a time.
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
    /// Creates the unit that a number's size speaks for: whatever the unit, its time lies between 1973 and 5138.
    pub(crate) fn of(value: i64) -> Self {
        match value.unsigned_abs() {
            0..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Milliseconds,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Microseconds,
            _ => Self::Nanoseconds,
        }
    }

    /// Returns the name of a count.
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
        // A number of another size is of another unit.
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

/// `20240131`, `202401310930` or `20240131093000` as a time. Counts of seconds since 1970 have ten digits.
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

/// Returns a whole number, or one of nine digits or more with decimals, which are fractions of a second.
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
    // Shorter ones with a point are days of a spreadsheet, or no time at all.
    if unsigned.len() < 9 || whole != unsigned || fraction.is_empty() {
        return None;
    }
    let billionths: i32 = format!("{fraction:0<9.9}").parse().ok()?;
    Some(Stamp::Number(value, billionths))
}

/// Why a text is not a time stamp, in words.
pub(crate) fn unreadable(text: &str) -> String {
    format!(
        "the time stamp {} cannot be read; expected RFC 3339 (`2024-01-31T09:30:00Z`), a date with four digits for \
         the year, alone or before a time of day (`2024-01-31 09:30[:00]`, `01/31/2024 9:30 PM`, `31-Jan-2024`), \
         or seconds or milliseconds since 1970",
        quote::value(text)
    )
}
