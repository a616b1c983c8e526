//! Reads one time stamp in the forms of price files.
//!
//! A text alone can be ambiguous: `01/02/2024` is one of two days, `1706693400` a number of an unknown unit. So a text
//! is first parsed into a [`Stamp`], and the [`Form`] of its whole column makes it a time. A stamp without an offset is
//! in the zone of the settings, UTC by default.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::quote;
use super::stamp_parser::{Clock, Date, Parser, Zone, century};
use super::zone::TimeZones;

/// A parsed time stamp.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Stamp<'a> {
    /// A date with only one reading.
    Plain(DateTime, Zone<'a>),
    /// Three numbers whose order is unknown.
    Numeric(Numeric<'a>),
    /// A whole number, and the billionths after its point.
    Number(Number),
}

/// A date whose day and month depend on the order of the dates of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Numeric<'a> {
    first: i8,
    second: i8,
    /// The year, or the last number of a date with two digits for the year.
    third: i16,
    /// Whether the year has two digits.
    pub(crate) short: bool,
    clock: Clock,
    zone: Zone<'a>,
}

/// A number that may be a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    /// The whole part.
    pub(crate) value: i64,
    /// The billionths after the point.
    pub(crate) billionths: i32,
}

/// The order of day, month and year in dates like `01/02/2024` and `01/02/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DateOrder {
    /// `01/02/2024` is the first of February.
    DayFirst,
    /// `01/02/2024` is the second of January.
    MonthFirst,
    /// `24/02/01` is the first of February 2024: the order of some dates with two digits for the year.
    YearFirst,
}

impl DateOrder {
    /// The orders in the order of their declaration.
    pub(crate) const ALL: [Self; 3] = [Self::DayFirst, Self::MonthFirst, Self::YearFirst];

    /// Returns the name, as in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::DayFirst => "day-first",
            Self::MonthFirst => "month-first",
            Self::YearFirst => "year-first",
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
}

/// The form of the stamps of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Dates with only one reading.
    Plain,
    /// Dates with four digits for the year at the end, and the day and the month in this order.
    Numeric(DateOrder),
    /// Dates with two digits for the year, in this order.
    Short(DateOrder),
    /// Counts since 1970 of a unit that their size tells.
    Count(TimeUnit),
    /// Counts since 1970, each of the unit that its size tells.
    Counts,
    /// The digits of a date instead of a count: `20240131`, `202401310930`, `20240131093000`.
    Digits,
    /// Days of a spreadsheet, counted from 1899-12-30.
    Days,
}

/// Returns whether a trimmed text is a date without a time of day.
pub(crate) fn is_date_alone(text: &str) -> bool {
    let mut rest = Parser::new(text);
    rest.date().is_some() && rest.is_empty()
}

/// Returns whether a trimmed text is a time of day with a colon, without a date.
pub(crate) fn is_clock_alone(text: &str) -> bool {
    let mut rest = Parser::new(text);
    text.contains(':') && rest.clock().is_some() && rest.zone().is_some()
}

impl<'a> Stamp<'a> {
    /// Parses a trimmed text. Returns `None` if the text is not a time stamp.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if let Some(number) = Number::parse(text) {
            return Some(Self::Number(number));
        }
        let mut rest = Parser::new(text);
        let date = rest.date()?;
        let (clock, zone) = if rest.is_empty() {
            (Clock::default(), Zone::Unsaid)
        } else {
            rest.gap()?;
            (rest.clock()?, rest.zone()?)
        };
        let (first, second, third, short) = match date {
            Date::Plain(year, month, day) => {
                return Some(Self::Plain(clock.on(year, month, day)?, zone));
            }
            Date::Numeric(first, second, year) => (first, second, year, false),
            Date::Short(first, second, third) => (first, second, third.into(), true),
        };
        Some(Self::Numeric(Numeric {
            first,
            second,
            third,
            short,
            clock,
            zone,
        }))
    }

    /// Returns the time of a stamp under a form. Returns `None` if the stamp has another form or is not a time.
    pub(crate) fn read(self, form: Form, zones: &TimeZones) -> Option<Timestamp> {
        match (self, form) {
            (Self::Plain(civil, zone), Form::Plain) => zones.time(civil, zone),
            (Self::Numeric(numeric), Form::Numeric(order)) if !numeric.short => {
                numeric.read(order, zones)
            }
            (Self::Numeric(numeric), Form::Short(order)) if numeric.short => {
                numeric.read(order, zones)
            }
            (Self::Number(number), form) => number.read(form, zones),
            _ => None,
        }
    }
}

impl<'a> Numeric<'a> {
    /// Returns the zone as it is written.
    pub(crate) fn zone(&self) -> Zone<'a> {
        self.zone
    }

    /// Returns the date and time of day under an order.
    pub(crate) fn civil(&self, order: DateOrder) -> Option<DateTime> {
        let third = || i8::try_from(self.third).ok();
        let year = if self.short {
            century(third()?)
        } else {
            self.third
        };
        let (year, month, day) = match order {
            DateOrder::DayFirst => (year, self.second, self.first),
            DateOrder::MonthFirst => (year, self.first, self.second),
            DateOrder::YearFirst if self.short => (century(self.first), self.second, third()?),
            DateOrder::YearFirst => return None,
        };
        self.clock.on(year, month, day)
    }

    /// Returns the time under an order.
    pub(crate) fn read(&self, order: DateOrder, zones: &TimeZones) -> Option<Timestamp> {
        zones.time(self.civil(order)?, self.zone)
    }
}

impl Clock {
    fn on(self, year: i16, month: i8, day: i8) -> Option<DateTime> {
        DateTime::new(
            year,
            month,
            day,
            self.hour,
            self.minute,
            self.second,
            self.nanosecond,
        )
        .ok()
    }
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
        if unsigned.is_empty() || !all_digits(unsigned) || !all_digits(fraction) {
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

    /// Returns the time under a form.
    pub(crate) fn read(self, form: Form, zones: &TimeZones) -> Option<Timestamp> {
        match form {
            // The size of a number decides its unit.
            Form::Count(unit) if TimeUnit::of(self.value) == unit => {
                unit.time(self.value, self.billionths)
            }
            Form::Counts => TimeUnit::of(self.value).time(self.value, self.billionths),
            Form::Digits => zones.time(self.digits()?, Zone::Unsaid),
            Form::Days => zones.time(self.days()?, Zone::Unsaid),
            _ => None,
        }
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
        let zero = jiff::civil::date(1899, 12, 30).at(0, 0, 0, 0);
        zero.checked_add(since).ok()
    }
}

/// The days of a spreadsheet from 1954 to 2119.
pub(crate) const DAYS: std::ops::RangeInclusive<i64> = 20_000..=80_000;

/// Returns the message for a text that is not a time stamp.
pub(crate) fn unreadable(text: &str) -> String {
    let shown = quote::value(text);
    if is_clock_alone(text) {
        return format!(
            "the time stamp {shown} is a time of day without a date; name the column of the date in `data.columns` \
             (`date=...,time=...`), or write the date into the file"
        );
    }
    format!(
        "the time stamp {shown} cannot be read; expected RFC 3339 (`2024-01-31T09:30:00Z`), a date, alone or before a \
         time of day (`2024-01-31 09:30[:00]`, `01/31/2024 9:30 PM`, `31-Jan-2024`), or seconds or milliseconds since \
         1970; another form is read with `data.time_format` (such as `%d.%m.%Y %Hh%M`)"
    )
}
