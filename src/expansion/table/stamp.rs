//! Reads one time stamp in the forms of price files.
//!
//! A text alone can be ambiguous: `01/02/2024` is one of two days, `1706693400` a number of an unknown unit. So a text
//! is first parsed into a [`Stamp`], and the [`Form`] of its whole column makes it a time. A stamp without an offset is
//! in the zone of the settings, UTC by default.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::clock_parser::Clock;
use super::quote;
pub(crate) use super::stamp_number::{Number, TimeUnit};
use super::stamp_parser::{Date, Parser, Zone, century};
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
    text.contains([':', 'h', 'H']) && rest.clock().is_some() && rest.zone().is_some()
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

    /// Returns whether the stamp is a date without a zone.
    pub(crate) fn is_without_zone(&self) -> bool {
        let zone = match self {
            Self::Plain(_, zone) => *zone,
            Self::Numeric(numeric) => numeric.zone,
            Self::Number(_) => return false,
        };
        zone == Zone::Unsaid
    }

    /// Returns the date, the time of day and the zone of a stamp that is no count.
    pub(crate) fn civil(self, form: Form) -> Option<(DateTime, Zone<'a>)> {
        match (self, form) {
            (Self::Plain(civil, zone), _) => Some((civil, zone)),
            (Self::Numeric(numeric), Form::Numeric(order) | Form::Short(order)) => {
                Some((numeric.civil(order)?, numeric.zone))
            }
            (Self::Number(number), Form::Digits) => Some((number.digits()?, Zone::Unsaid)),
            (Self::Number(number), Form::Days) => Some((number.days()?, Zone::Unsaid)),
            _ => None,
        }
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

impl Number {
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
}

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
